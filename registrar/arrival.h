/*
 * Arrivals: pledges that come for a certificate with a voucher of their manufacturer's cloud
 * (draft-ietf-anima-brski-cloud 4.2), which we have not seen and which names us in est-domain.
 */
#ifndef GATEHOUSE_REGISTRAR_ARRIVAL_H
#define GATEHOUSE_REGISTRAR_ARRIVAL_H

#include "core/pledge/arrival.h"
#include "registrar/registrar.h"

/*
 * For `struct arrivals`; the context is the `struct registrar`.  The device must be expected, or an
 * admission rule must let it in whatever its voucher asserts: nobody here sees what that one does.
 * Its place is claimed, the onboarding before it ends, and the order for the MASA's audit log is
 * placed, all in one update.  Fails with E_DEVICE_UNEXPECTED, E_DEVICE_OTHER_KEY,
 * E_DEVICE_DECLINED, E_DEVICE_GONE, E_TOO_MANY_ATTEMPTS, E_LOG_NOT_TO_BE_HAD.
 */
bool registrar_arrive(struct task *t, void *registrar, const struct arrival *arrival);

#endif
