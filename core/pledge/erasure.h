/* What was personal about a device that has left us is erased; what was done stays provable. */
#ifndef GATEHOUSE_CORE_PLEDGE_ERASURE_H
#define GATEHOUSE_CORE_PLEDGE_ERASURE_H

#include "core/pledge/leaving.h"

/* The event by which a device has left: its timeline before that is erased. */
#define EVENT_DECOMMISSIONED "device-decommissioned"
#define EVENT_SOLD           "device-sold"

/*
 * Inside an update: places the order that erases, unless nothing is to be erased: then *ret_order
 * is absent.  Call orders_wake() when the update is through.
 */
MUST_USE bool erasure_submit(struct task *t, struct tx *tx, struct orders *orders,
                             const struct leaving *leaving, const struct device *device,
                             struct bytes *ret_order);

#endif
