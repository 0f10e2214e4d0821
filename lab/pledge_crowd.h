/* One pledge from its folder to its LDevID, and many of them at once. */
#ifndef GATEHOUSE_LAB_PLEDGE_CROWD_H
#define GATEHOUSE_LAB_PLEDGE_CROWD_H

#include "lab/pledge.h"

/* The folder has idevid.pem and idevid.key. */
void pledge_run(struct pledge_world *world, const char *folder, struct pledge_outcome *ret);

/* Every folder in `parent` that has an idevid.pem, by name. */
MUST_USE bool crowd_list(struct task *t, const char *parent, struct text_list *ret);
/* So many threads, or as many as can be had, until all have ended. */
MUST_USE bool crowd_work(struct task *t, void *(*work_on)(void *), void *shared, size_t wanted);
/* The exit status of several: that of all failures, or LAB_EXIT_FAILED when they differ. */
int crowd_status(int before, int status);
/*
 * Every folder in --identities, --parallel at a time.  `ret_status`: LAB_EXIT_OK when all were
 * onboarded, the class of failure that all others share, or LAB_EXIT_FAILED.
 */
MUST_USE bool crowd_run(struct task *t, struct pledge_world *world, int *ret_status);

#endif
