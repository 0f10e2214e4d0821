/*
 * Rounds: what is looked after from time to time, by one thread for all of it.
 *
 * What is to be done later than a few days from now, or again and again, is no open order that
 * waits: there may be one for each of a million devices.  It stands in the store, in an index by
 * the time when it is due, and a round makes orders of what has become due.
 */
#ifndef GATEHOUSE_CORE_ORDER_ROUNDS_H
#define GATEHOUSE_CORE_ORDER_ROUNDS_H

#include "core/order/order.h"

struct round {
    const char *name; /* for the log */
    /*
     * Does a little of what is due, some dozens of updates at most, and says whether there is more
     * to be done at once.  In an arena of its own; what fails is logged and tried again with the
     * next beat.
     */
    MUST_USE bool (*walk)(struct task *t, void *context, bool *ret_more);
    void *context;
};

struct rounds;

/* A beat each second.  `list` ends with a NULL walk, and is borrowed. */
MUST_USE bool rounds_start(struct task *t, const struct round *list, struct rounds **ret);
/* Waits for the walk at hand; then nothing is walked any more.  Accepts NULL. */
void rounds_stop(struct rounds *rounds);
/* clock_monotonic() of the last beat: for the watchdog. */
int64_t rounds_last_beat(struct rounds *rounds);

/*
 * The orders that a round has placed and that are still open: so that what is done in the
 * background leaves the orders that somebody waits for alone.
 */
#define ROUND_ORDERS_MAX 32
struct round_orders {
    uint8_t ids[ROUND_ORDERS_MAX][ID_LEN];
    size_t count;
};
/* Lets go of those that are finished; says how many more there may be. */
MUST_USE bool round_orders_room(struct task *t, struct reader *r, struct round_orders *orders,
                                size_t *ret);
/*
 * What is due now, the longest first: records of a table whose index begins with the time when they
 * are due (ms, 8 octets), at most `most` and no more than there may be orders.  Each is put at the
 * beginning of one of `items`, which are `size` octets long.
 */
MUST_USE bool round_collect(struct task *t, struct store *store, struct round_orders *orders,
                            const struct table *table, const struct table_index *by_due,
                            void *items, size_t size, size_t most, size_t *ret_count);
/* One was placed; there is room. */
void round_orders_add(struct round_orders *orders, struct bytes id);

#endif
