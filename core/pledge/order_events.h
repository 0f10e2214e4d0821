/* What orders leave in the timeline of their device. */
#ifndef GATEHOUSE_CORE_PLEDGE_ORDER_EVENTS_H
#define GATEHOUSE_CORE_PLEDGE_ORDER_EVENTS_H

#include "core/order/order.h"

/* Something went its way. */
MUST_USE bool order_event(struct task *t, struct tx *tx, const struct order *order,
                          const char *event, const char *actor, const char *detail);

/* Something did not; the problem is kept aside, because recording an outcome forgets it. */
struct order_trouble {
    const struct order *order;
    const char *event;
    const struct problem_kind *problem;
    const char *detail;
};
struct order_trouble order_trouble_of(const struct task *t, const struct order *order,
                                      const char *event);
/* For order_retry() and order_refuse(): an event, unless the last attempt failed in the same way.
 */
MUST_USE bool order_trouble_note(struct task *t, struct tx *tx, void *trouble);

/* It went on, and whoever looks after the device should know how: `problem` says what to do. */
MUST_USE bool order_warning(struct task *t, struct tx *tx, const struct order *order,
                            const char *event, const struct problem_kind *problem,
                            const char *detail);

/* For order_kind.given_up: an event that says so, and why nothing came of the order. */
MUST_USE bool order_given_up_note(struct task *t, struct tx *tx, const struct order *order,
                                  const char *event);

#endif
