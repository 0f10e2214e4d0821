/*
 * What a MASA has issued: a journal of JSON lines in the state folder, one per voucher, with the
 * request's octets, the voucher and the audit log's entry.  A line is on the disk before the
 * voucher leaves, so that after any crash the same request gets the same voucher.
 */
#ifndef GATEHOUSE_LAB_MASA_STATE_H
#define GATEHOUSE_LAB_MASA_STATE_H

#include "core/base/json.h"

#define MASA_JOURNAL "issued.jsonl"

struct masa_state;

/* Lives as long as the arena.  Fails with E_BUSY when another process uses the folder. */
MUST_USE bool masa_state_open(struct task *t, const char *folder, struct masa_state **ret);

/* What the journal keeps of an issue (RFC 8995 5.8.1). */
struct masa_issue {
    struct bytes request;
    const char *serial;
    struct bytes idevid_issuer;
    const char *nonce; /* NULL: nonceless */
    struct bytes domain_id;
    const char *assertion;
};
/*
 * The voucher for a request, made by `make` at most once for the same octets.  Fails with
 * E_REQUEST_REFUSED when other octets with this nonce were answered for this device before, E_IO,
 * and as `make` does.  Safe for many threads.
 */
MUST_USE bool masa_state_issue(struct task *t, struct masa_state *state,
                               const struct masa_issue *issue,
                               bool (*make)(struct task *t, void *context, struct bytes *ret),
                               void *context, struct bytes *ret);

/*
 * The domain that the device was given to last, after `since` (wall-clock ms); absent: none.
 */
MUST_USE bool masa_state_last_domain(struct task *t, struct masa_state *state, const char *serial,
                                     struct bytes idevid_issuer, int64_t since, struct bytes *ret);

/*
 * The device's audit log (RFC 8995 5.8.1), newest first, as the "events" of the answer.  Fails with
 * E_DEVICE_UNKNOWN unless the device was given to one of these domains before.
 */
MUST_USE bool masa_state_events(struct task *t, struct masa_state *state, const char *serial,
                                struct bytes idevid_issuer, const struct bytes_list *domain_ids,
                                json_t **ret);

#endif
