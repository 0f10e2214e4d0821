/* The MASA's audit log (RFC 8995 5.8.1) and the policy it is held against (5.8.3). */
#ifndef GATEHOUSE_REGISTRAR_AUDIT_LOG_H
#define GATEHOUSE_REGISTRAR_AUDIT_LOG_H

#include "core/base/json.h"
#include "registrar/problems.h"

#define AUDIT_LOG_EVENTS_MAX 4096

struct audit_log_event {
    const char *date;
    struct bytes domain_id;
    const char *nonce; /* opaque; NULL: a nonceless voucher */
    const char *assertion;
    uint64_t truncated;
};

struct audit_log {
    struct audit_log_event *events;
    size_t count;
    uint64_t nonced_duplicates; /* dropped by the MASA */
    uint64_t nonceless_duplicates;
    uint64_t arbitrary;
};

/*
 * Numbers may be strings, as in RFC 8995's own example; `truncation` and its counters may be
 * missing.  Fails with E_LOG_MALFORMED.
 */
MUST_USE bool audit_log_read(struct task *t, struct bytes json, struct audit_log *ret);

struct audit_log_policy {
    struct bytes_list own;     /* domainIDs of every certificate of ours that may be pinned */
    struct bytes_list allowed; /* others' */
    const char *nonce;         /* of the voucher just received */
};

/*
 * The simple default policy (RFC 8995 5.8.3): every owner is us or allowed, vouchers without nonce
 * are only ours, nothing was dropped at will.  Fails with E_LOG_FOREIGN, E_LOG_NONCELESS,
 * E_LOG_TRUNCATED; and with E_LOG_STALE, which is no verdict, when the entry of our own voucher is
 * not there yet.
 */
MUST_USE bool audit_log_judge(struct task *t, const struct audit_log *log,
                              const struct audit_log_policy *policy);

#endif
