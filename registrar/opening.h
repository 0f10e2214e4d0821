/* What every onboarding begins with, however the device comes: see admission.c and arrival.c. */
#ifndef GATEHOUSE_REGISTRAR_OPENING_H
#define GATEHOUSE_REGISTRAR_OPENING_H

#include "registrar/grounds.h"
#include "registrar/registrar.h"

/*
 * Onboardings that a device begins are counted by the hour: one that loops must not fill the store.
 * `device` is NULL when it has never come.  Fails with E_TOO_MANY_ATTEMPTS.
 */
MUST_USE bool opening_allowed(struct task *t, const struct registrar *r,
                              const struct device *device);
/* One more; the caller writes the device. */
void opening_count(struct device *device);
/* Inside an update: the place on the list, if that is the ground, is the device's from now on. */
MUST_USE bool opening_claim(struct task *t, struct tx *tx, const struct idevid *idevid,
                            struct ground *ground);
/* Inside an update: the onboarding before it, if any, ends. */
MUST_USE bool opening_supersede(struct task *t, struct tx *tx, struct orders *orders,
                                struct bytes episode, const char *because);

#endif
