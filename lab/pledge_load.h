/* Load: pledges that come at a steady rate, however slowly they are served. */
#ifndef GATEHOUSE_LAB_PLEDGE_LOAD_H
#define GATEHOUSE_LAB_PLEDGE_LOAD_H

#include "lab/pledge_crowd.h"

/* --load, --rate: reports counts and latencies at the end.  `ret_status` as of crowd_run(). */
MUST_USE bool load_run(struct task *t, struct pledge_world *world, int *ret_status);

#endif
