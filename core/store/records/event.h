/*
 * Events: what happened, when, by whose doing, why it failed.  An event is the payload of an audit
 * entry; with a device as its subject it stands in that device's timeline.
 */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_EVENT_H
#define GATEHOUSE_CORE_STORE_RECORDS_EVENT_H

#include "core/store/table.h"

enum event_severity { EVENT_INFO, EVENT_WARNING, EVENT_ERROR };

struct event {
    struct bytes salt; /* 16 random octets: the chained digest tells nothing about the rest */
    int64_t at;
    const char *name;      /* kebab-case: voucher-requested, enrolled, ... */
    unsigned int severity; /* enum event_severity */
    const char *actor;     /* "pledge", "masa", "gatehouse", "admin:root" */
    struct bytes device;
    struct bytes episode;
    const char *address;
    const char *trace;
    const char *problem; /* name of a problem kind; NULL: nothing failed */
    const char *detail;  /* for the administrator; foreign text in it is cut and made printable */
    struct record_rest rest;
};

extern const struct record_type event_type;

/* Fills salt, time and trace where they are missing, and writes the event with the update. */
MUST_USE bool event_add(struct task *t, struct tx *tx, const struct event *event);
MUST_USE bool event_decode(struct task *t, struct bytes payload, struct event *ret);

#define EVENT_DETAIL_MAX 1024 /* octets */

/* Foreign text for a detail: at most `max` octets, control characters and bad UTF-8 as "?". */
char *event_foreign_text(struct arena *arena, struct bytes text, size_t max);

#endif
