/*
 * Audit logs fetched again (RFC 8995 11.4): a device may be sold on, or taken over with a voucher
 * without nonce, long after it was enrolled.
 */
#ifndef GATEHOUSE_REGISTRAR_AUDIT_LOG_AGAIN_H
#define GATEHOUSE_REGISTRAR_AUDIT_LOG_AGAIN_H

#include "core/order/rounds.h"
#include "registrar/registrar.h"

struct audit_log_rounds {
    const struct registrar *registrar;
    struct round_orders orders;
};
/* Places an order for each device whose log is due; `context` is a struct audit_log_rounds. */
MUST_USE bool audit_log_walk(struct task *t, void *context, bool *ret_more);

#endif
