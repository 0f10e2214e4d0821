/* The order that turns a checked certification request into a certificate. */
#ifndef GATEHOUSE_EST_ENROL_ORDER_H
#define GATEHOUSE_EST_ENROL_ORDER_H

#include "est/est.h"
#include "est/profile.h"

#define EST_CERTS_ONLY "application/pkcs7-mime; smime-type=certs-only"

/*
 * Submits the request, or joins the order of the same one: device, episode, CA, key, subject and
 * extensions tell them apart, not the octets (a client may sign the same request again).  What the
 * gate asks must still hold in the update that makes the order.  Fails also with
 * E_TOO_MANY_ENROLMENTS.
 */
MUST_USE bool enrol_submit(struct task *t, const struct est *est, const struct episode *e,
                           const struct csr *csr, const struct asked *asked, const char *address,
                           struct bytes *ret_order);

/* True when the task's problem is one that the order itself has put into the timeline. */
bool enrol_order_told(const struct task *t);

#endif
