/* A MASA's audit log as the API shows it: each entry with whose it is and what is held against it.
 */
#ifndef GATEHOUSE_WEB_LOG_VIEWS_H
#define GATEHOUSE_WEB_LOG_VIEWS_H

#include "core/pledge/log_history.h"

/* An entry of the log. */
struct log_entry {
    const char *date; /* foreign, made printable */
    struct bytes domain_id;
    unsigned int owner; /* enum log_owner */
    const char *nonce;  /* foreign, made printable; NULL: none */
    const char *assertion;
    uint64_t truncated;
    unsigned int cause;  /* enum log_cause */
    const char *problem; /* NULL: nothing is held against it */
    bool accepted;       /* an administrator has accepted it all the same */
    struct record_rest rest;
};

/* GET devices/{}/log. */
struct device_log {
    struct bytes device;
    struct bytes sha256;
    int64_t first_seen;
    int64_t last_seen;
    uint64_t times;
    uint64_t version;
    struct record_list entries; /* struct log_entry */
    uint64_t nonced_duplicates;
    uint64_t nonceless_duplicates;
    uint64_t arbitrary;
    const char *problem; /* what the policy holds against it now; NULL: nothing */
    const char *detail;
    const char *hint;
    int64_t due;
    const char *fetch_problem; /* why none came the last time */
    struct bytes accepted_sha256;
    const char *accepted_by;
    int64_t accepted_at;
    struct record_list kept; /* struct seen_log */
    struct record_rest rest;
};
extern const struct record_type device_log_type;

/* POST devices/{}/log. */
struct log_action {
    const char *action; /* "accept" or "fetch" */
    struct bytes sha256;
    struct record_rest rest;
};
extern const struct record_type log_action_type;

/* What there is to be shown of it; foreign words are made printable. */
void device_log_view(struct task *t, const struct judged_log *judged, struct device_log *ret);

#endif
