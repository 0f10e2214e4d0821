/* What the store knows of a device's past, for the policy of log_policy.h. */
#ifndef GATEHOUSE_CORE_PLEDGE_LOG_HISTORY_H
#define GATEHOUSE_CORE_PLEDGE_LOG_HISTORY_H

#include "core/pki/cert.h"
#include "core/pledge/log_policy.h"
#include "core/store/records/log_watch.h"

struct log_subject {
    const struct manufacturer *maker;
    struct bytes device; /* absent: the device is not known yet */
    const char *serial;
    const char *nonce;           /* of the voucher at hand; NULL: it has none */
    bool arrived;                /* it is one of the manufacturer's cloud (est-domain) */
    struct bytes log_sha256;     /* of the log that is to be judged */
    const struct cert_list *own; /* our chain, when it is at hand; NULL: it is read */
};

/*
 * The policy for this device, by what the view shows; it is good as long as the view is open.  Our
 * own domainIDs are those of the chain of the authority "registrar", unless the subject has it.
 */
MUST_USE bool log_policy_read(struct task *t, struct view *view, const struct log_subject *subject,
                              struct log_policy *ret);

/*
 * For an administrator's eyes: a kept log of a device, read and held against the policy as it is
 * now.  `sha256` absent: the one received last.  Fails with E_NOT_FOUND, E_LOG_MALFORMED.
 */
struct judged_log {
    struct log_watch watch;
    struct seen_log seen;
    struct audit_log log;
    struct log_verdict verdict;
};
MUST_USE bool judged_log_read(struct task *t, struct view *view, struct bytes device,
                              struct bytes sha256, struct judged_log *ret);

#endif
