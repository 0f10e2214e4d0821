/*
 * The watch over a device's audit log at its MASA (RFC 8995 5.8, 11.4): when it is fetched again,
 * what was seen of it, and what an administrator has accepted in it.
 */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_LOG_WATCH_H
#define GATEHOUSE_CORE_STORE_RECORDS_LOG_WATCH_H

#include "core/store/table.h"

/* What is kept of the logs of one device: the latest distinct ones. */
#define LOGS_KEPT_MAX      16
#define LOGS_KEPT_SIZE_MAX ((size_t)1024 * 1024) /* octets of all of them together */
#define LOG_PARDONS_MAX    1024                  /* entries that an administrator has accepted */

/* One distinct log; its octets are the blob of that number. */
struct seen_log {
    struct bytes sha256;
    uint64_t blob; /* 1..LOGS_KEPT_MAX */
    uint64_t size; /* octets */
    uint64_t entries;
    int64_t first_seen;
    int64_t last_seen;
    uint64_t times;
    const char *problem; /* what was held against it; NULL: nothing */
    const char *detail;
    struct record_rest rest;
};

struct log_watch {
    struct bytes device; /* the key */
    int64_t due;         /* when the log is fetched next; 0: not by itself */
    struct bytes order;  /* that fetched it last */
    uint64_t fetches;
    int64_t fetched;              /* the last time that a log came */
    const char *problem;          /* why none came the last time; NULL: one came */
    struct record_list logs;      /* struct seen_log; the one seen last is the last */
    struct bytes_list pardons;    /* digests of entries that an administrator has accepted */
    uint64_t pardoned_arbitrary;  /* dropped entries that were accepted, at most */
    uint64_t pardoned_version;    /* the highest version of a log that was accepted */
    struct bytes pardoned_sha256; /* the log that was accepted last, as a whole */
    const char *pardoned_by;
    int64_t pardoned_at;
    const char *media_type; /* of the voucher and of our request for it; NULL: not known */
    struct record_rest rest;
};

extern const struct record_type seen_log_type;
extern const struct record_type log_watch_type;
extern const struct table log_watches;
extern const struct table_index log_watches_by_due; /* due, 8 octets; only those that are due */

/* The device's watch, or a new one in which nothing was seen. */
MUST_USE bool log_watch_get(struct task *t, struct reader *r, struct bytes device,
                            struct log_watch *ret);
/*
 * Puts a log among those seen, in `watch`, which the caller writes, and its octets into the store.
 * To make room the ones that were seen longest ago are let go of.  *ret_new: it was not there yet.
 */
MUST_USE bool log_watch_keep(struct task *t, struct tx *tx, struct log_watch *watch,
                             struct bytes octets, const struct seen_log *seen, bool *ret_new);
/* By its digest; false in *ret_found when it is not kept (any more).  The octets are a copy. */
MUST_USE bool log_watch_find(struct task *t, struct reader *r, const struct log_watch *watch,
                             struct bytes sha256, struct seen_log *ret, struct bytes *ret_octets,
                             bool *ret_found);
/* The one seen last; NULL: none was. */
const struct seen_log *log_watch_latest(const struct log_watch *watch);

#endif
