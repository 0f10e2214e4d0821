/*
 * Times of which the store knows nothing: when it is found in another place than it remembers (a
 * restored backup, a clone), a new audit chain begins, and what was done between the last entry of
 * the old one and that moment may be missing.
 */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_RESTORATION_H
#define GATEHOUSE_CORE_STORE_RECORDS_RESTORATION_H

#include "core/store/store.h"

#define RESTORATIONS_MAX 64 /* the latest; earlier ones are no longer told */

struct restoration {
    int64_t from; /* the last event before */
    int64_t to;   /* the new chain's beginning */
};
struct restoration_list {
    struct restoration *items;
    size_t count;
};

/* Latest first.  One whose last events are all forgotten has no time of which nothing is known. */
MUST_USE bool restorations_read(struct task *t, struct view *view, struct restoration_list *ret);

#endif
