/*
 * Configurations: files that a device gets from us once it is ours, for itself alone or for all
 * devices of an enrolment profile.  They may hold credentials: their octets stand in no log, no
 * event and no answer but the device's own and an administrator's who asks for them.
 */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_CONFIGURATION_H
#define GATEHOUSE_CORE_STORE_RECORDS_CONFIGURATION_H

#include "core/store/table.h"

#define CONFIGURATION_SIZE_MAX (256L * 1024) /* octets of one file */
#define CONFIGURATION_FILE     "default"     /* what a device gets that names no file */
#define CONFIGURATION_ID_LEN   16

enum configuration_scope { CONFIGURATION_OF_DEVICE, CONFIGURATION_OF_PROFILE };

struct configuration {
    struct bytes id;          /* configuration_id(); unique */
    unsigned int scope;       /* enum configuration_scope */
    const char *manufacturer; /* of the device; NULL for a profile's */
    const char *serial;
    const char *profile; /* NULL for a device's */
    const char *file;
    const char *media_type;
    bool is_template; /* {serial} and so on are filled in: placeholders.h */
    uint64_t size;    /* octets */
    int64_t changed;
    const char *changed_by;
    struct record_rest rest;
};
enum { CONFIGURATION_BLOB_CONTENT = 1 };

extern const struct record_type configuration_type;
extern const struct table configurations;
extern const struct table_index configurations_by_id; /* unique */
/* What may stand in a template; ends with NULL. */
extern const char *const configuration_places[];

/* The keys under which a device's and a profile's file are found; `file` "": where they begin. */
struct bytes configuration_key_of_device(struct arena *arena, const char *manufacturer,
                                         const char *serial, const char *file);
struct bytes configuration_key_of_profile(struct arena *arena, const char *profile,
                                          const char *file);
/* By the other members. */
struct bytes configuration_id(struct arena *arena, const struct configuration *c);

/* Every rule for one with this content; fails with E_INVALID, E_TOO_LARGE. */
MUST_USE bool configuration_check(struct task *t, const struct configuration *c,
                                  struct bytes content);
/* True for a name of 1 to 64 letters, digits, ".", "_" and "-" that does not begin with ".". */
bool configuration_file_is_good(const char *file);

#endif
