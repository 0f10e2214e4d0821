/* Which keys get no certificate from anybody. */
#ifndef GATEHOUSE_EST_KEYS_H
#define GATEHOUSE_EST_KEYS_H

#include "est/enrol_order.h"

/*
 * The key is not known to be weak, is on no list of the administrator's, was not revoked as
 * compromised, and is in no certificate of another: of another device, or, for a client that is
 * none, of another subject.  Fails with E_KEY_REFUSED.
 */
MUST_USE bool keys_check(struct task *t, const struct est *est,
                         const struct enrol_request *request);

#endif
