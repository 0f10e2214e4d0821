/* One pledge from its folder to its LDevID, and many of them at once. */
#ifndef GATEHOUSE_LAB_PLEDGE_CROWD_H
#define GATEHOUSE_LAB_PLEDGE_CROWD_H

#include "lab/pledge.h"

/* The folder has idevid.pem and idevid.key.  The exit status, as of pledge_onboard(). */
int pledge_run(struct pledge_world *world, const char *folder);
/*
 * Every folder in --identities, --parallel at a time.  `ret_status`: LAB_EXIT_OK when all were
 * onboarded, the class of failure that all others share, or LAB_EXIT_FAILED.
 */
MUST_USE bool crowd_run(struct task *t, struct pledge_world *world, int *ret_status);

#endif
