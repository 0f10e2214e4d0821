/* A MASA's audit log as it is read (RFC 8995 5.8.1); what is held against it: log_policy.h. */
#ifndef GATEHOUSE_CORE_PLEDGE_AUDIT_LOG_H
#define GATEHOUSE_CORE_PLEDGE_AUDIT_LOG_H

#include "core/base/json.h"
#include "core/pledge/problems.h"

#define AUDIT_LOG_VERSION    1 /* the one that is known here */
#define AUDIT_LOG_EVENTS_MAX 4096

/* What departs from RFC 8995 and is read only where whoever reads allows it, in a set of these. */
enum audit_log_departure {
    AUDIT_LOG_REGISTRAR_ID = 1, /* a domainID under the name "registrarID" */
};

struct audit_log_event {
    const char *date; /* as it stands there; NULL: none */
    int64_t at;       /* the same in ms; 0: it is no date that can be read */
    struct bytes domain_id;
    const char *nonce; /* opaque; NULL: a nonceless voucher */
    const char *assertion;
    uint64_t truncated; /* events of this domain that were dropped */
};

struct audit_log {
    uint64_t version;
    unsigned departures; /* those that were met and allowed */
    struct audit_log_event *events;
    size_t count;
    uint64_t nonced_duplicates; /* dropped by the MASA */
    uint64_t nonceless_duplicates;
    uint64_t arbitrary;
};

/*
 * Numbers may be strings, as in RFC 8995's own example; `truncation` and its counters may be
 * missing.  A higher version is read as far as it is known.  Fails with E_LOG_MALFORMED, and with
 * E_LOG_REGISTRAR_ID on a departure that is not allowed.
 */
MUST_USE bool audit_log_read(struct task *t, struct bytes json, unsigned allowed,
                             struct audit_log *ret);

/*
 * What tells one entry from another, across copies of a log: SHA-256 of the domainID, the nonce and
 * the date.
 */
struct bytes audit_log_event_digest(struct arena *arena, const struct audit_log_event *event);

#endif
