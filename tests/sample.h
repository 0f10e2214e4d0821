/* A record type with every kind of field, for tests of what reads and writes records. */
#ifndef GATEHOUSE_TESTS_SAMPLE_H
#define GATEHOUSE_TESTS_SAMPLE_H

#include "core/base/record.h"

enum sample_mode {
    SAMPLE_OPEN,
    SAMPLE_CLOSED,
    SAMPLE_UNATTENDED,
};

struct sample_masa {
    const char *url;
    uint64_t retries;
    struct record_rest rest;
};

struct sample_owner {
    const char *name;
    uint64_t level;
    const char *password;
    struct record_rest rest;
};

struct sample {
    const char *serial;
    bool active;
    uint64_t port;
    int64_t created_on;
    int64_t poll;
    uint64_t body_limit;
    struct bytes digest;
    struct bytes certificate;
    unsigned mode;
    struct text_list labels;
    struct bytes_list anchors;
    struct sample_masa masa;
    struct record_list owners; /* struct sample_owner */
    const char *pin;
    const char *state;
    const char *greeting;
    struct text_list groups;
    struct record_rest rest;
};

/* Member 1 is required and has no preset. */
extern const struct record_type sample_type;
/* The same members but 1, which makes an empty file or object a valid one. */
extern const struct record_type sample_optional_type;

/* Every member set; lists of two. */
struct sample sample_full(struct arena *arena);
/* The presets, and what is required. */
struct sample sample_least(struct task *t);

#endif
