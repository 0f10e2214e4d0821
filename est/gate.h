/*
 * The one gate before all that EST grants a pledge: its episode is open and recent, a voucher was
 * handed out, the pledge has not reported that it declines it, and the MASA's audit log was held
 * against the policy and passed (RFC 8995 5.8.3, 5.9).
 */
#ifndef GATEHOUSE_EST_GATE_H
#define GATEHOUSE_EST_GATE_H

#include "core/store/records/episode.h"
#include "est/est.h"

enum gate {
    GATE_OPEN,
    GATE_LATER, /* the audit log's verdict is not in yet: 202 */
};

/* The device's episode as far as everything but the audit log allows it to go on. */
MUST_USE bool gate_episode(struct task *t, const struct est *est, struct bytes device,
                           struct episode *ret);
/*
 * The whole gate.  Brings the audit log's order forward when the pledge came before its verdict,
 * also when it sent no voucher_status at all (RFC 8995 section 11), and waits for it.
 */
MUST_USE bool gate_pass(struct task *t, const struct est *est, struct bytes device,
                        struct episode *ret, enum gate *ret_gate);

#endif
