/*
 * The policy that a MASA's audit log is held against (RFC 8995 5.8.3).
 *
 * Every entry must be ours or an allowed owner's; a voucher without nonce only ours; an entry in
 * our name must be one that we caused; nothing may have been dropped at will; and the entry of the
 * voucher at hand must be there, or the log is a stale copy and no verdict.
 */
#ifndef GATEHOUSE_CORE_PLEDGE_LOG_POLICY_H
#define GATEHOUSE_CORE_PLEDGE_LOG_POLICY_H

#include "core/pledge/audit_log.h"
#include "core/store/records/manufacturer.h"
#include "core/store/records/restoration.h"

/* Whose domainID it is. */
enum log_owner { LOG_OWNER_OWN, LOG_OWNER_OWN_PAST, LOG_OWNER_ALLOWED, LOG_OWNER_OTHER };
extern const char *const log_owner_names[];

/* How an entry in our own name came about. */
enum log_cause {
    LOG_CAUSE_NONE,      /* it is not ours, or nothing that is known here has caused it */
    LOG_CAUSE_THIS,      /* the voucher that the log was fetched for */
    LOG_CAUSE_EARLIER,   /* another voucher request that we sent */
    LOG_CAUSE_NONCELESS, /* a request without nonce that we sent */
    LOG_CAUSE_RESTORED,  /* it is from a time of which a restored store knows nothing */
    LOG_CAUSE_CLOUD,     /* the manufacturer's cloud has given out a voucher for us (est-domain) */
    LOG_CAUSE_ALLOWED,   /* our own domainID is among the allowed ones: another registrar of ours */
};
extern const char *const log_cause_names[];

/* What is known here about a device's past.  Lists and texts are borrowed. */
struct log_policy {
    struct bytes_list own;      /* domainIDs of every certificate of ours that may be pinned */
    struct bytes_list own_past; /* and of those that could once */
    struct bytes_list allowed;  /* others' */
    enum audit_log_newer newer;
    const char *nonce; /* of the voucher at hand; NULL: it has none */
    bool cloud;   /* the manufacturer's cloud gives out vouchers for us, without a word to us */
    bool arrived; /* the voucher at hand is such a one */
    /* Whether a request of this device with that nonce was ever ours to send. */
    MUST_USE bool (*sent)(struct task *t, void *context, const char *nonce, bool *ret);
    void *context;
    uint64_t nonceless; /* requests without nonce that we signed */
    struct restoration_list restorations;
    /* What an administrator has accepted. */
    struct bytes_list pardons;
    uint64_t pardoned_arbitrary;
    uint64_t pardoned_version;
    bool pardoned; /* this very log */
};

struct log_entry_verdict {
    unsigned owner;                     /* enum log_owner */
    unsigned cause;                     /* enum log_cause */
    const struct problem_kind *problem; /* NULL: none */
    bool pardoned;                      /* there is one, and an administrator has accepted it */
};

struct log_verdict {
    struct log_entry_verdict *entries;  /* one for each event */
    const struct problem_kind *problem; /* NULL: the log passes */
    const char *detail;
    bool final; /* false with a problem: it is no verdict, and the log is to be fetched again */
    size_t restored; /* entries that only a restored store explains */
};

/*
 * The verdict, with E_LOG_FOREIGN, E_LOG_NONCELESS, E_LOG_NOT_CAUSED, E_LOG_TRUNCATED, E_LOG_NEWER
 * or, not final, E_LOG_HELD and E_LOG_STALE.  Fails only as `sent` does.
 */
MUST_USE bool log_judge(struct task *t, const struct audit_log *log,
                        const struct log_policy *policy, struct log_verdict *ret);

#endif
