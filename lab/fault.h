/* Faults on demand: ways in which a service of the lab goes wrong, for others to show how they
 * take it.  An option says "NAME", or "NAME:COUNT" for the first COUNT requests only. */
#ifndef GATEHOUSE_LAB_FAULT_H
#define GATEHOUSE_LAB_FAULT_H

#include "core/base/task.h"

#include <stdatomic.h>

struct fault_kind {
    const char *name;
    unsigned fits; /* set of the service's operations: 1U << operation */
};

struct armed_fault {
    unsigned kind; /* index among the service's kinds */
    unsigned fits;
    atomic_uint left;
};
struct faults {
    struct armed_fault *items;
    size_t count;
};

/* `kinds[0]` stands for no fault and has no name.  Fails with E_USAGE. */
MUST_USE bool faults_read(struct task *t, const struct fault_kind *kinds, size_t count,
                          const struct text_list *texts, struct faults *ret);
/* The first fault that is left for this operation, used up by one request; 0: none. */
unsigned fault_take(struct faults *faults, unsigned operation);

#endif
