/* An administrator's word on a device that is on nobody's list. */
#ifndef GATEHOUSE_CORE_PLEDGE_DECISION_H
#define GATEHOUSE_CORE_PLEDGE_DECISION_H

#include "core/order/order.h"
#include "core/store/records/device.h"

struct device_decision {
    struct bytes device; /* id */
    bool approve;
    const char *by;      /* "admin:root" */
    const char *because; /* may be NULL */
};

/*
 * Approved, the device has a place on the list of expected devices, which it has claimed: it is let
 * in now, and whenever it comes again.  Declined, it is turned away until somebody approves it or
 * puts it on the list.  What it waits for goes on, or is refused, in the same update, and its
 * timeline says who decided.  Fails with E_NOT_FOUND; with E_INVALID when there is nothing to
 * decide: an admitted device, or one that left us; with E_EXISTS when another device holds the
 * place.
 */
MUST_USE bool device_decide(struct task *t, struct store *store, struct orders *orders,
                            const struct device_decision *decision, struct device *ret);

#endif
