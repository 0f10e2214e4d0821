/* The order that turns a checked certification request into a certificate. */
#ifndef GATEHOUSE_EST_ENROL_ORDER_H
#define GATEHOUSE_EST_ENROL_ORDER_H

#include "core/store/records/est_label.h"
#include "core/store/records/est_secret.h"
#include "est/est.h"
#include "est/profile.h"

#define EST_CERTS_ONLY "application/pkcs7-mime; smime-type=certs-only"

struct server_key;

/* What is asked for, and by whom: a device in an onboarding, or a client that is none. */
struct enrol_request {
    const struct csr *csr; /* checked */
    const struct est_label *label;
    const char *address;
    const struct certificate *renews; /* NULL: it takes no other's place */
    /* How the key that we make is to leave; NULL: the request's own key gets the certificate. */
    const struct server_key *server_key;
    /* A device. */
    const struct episode *episode; /* NULL: it is none */
    const struct asked *asked;     /* what the device was told to ask for; NULL: names stay */
    /* Others. */
    const char *client;              /* as certificates keep it */
    const struct est_secret *secret; /* that is used up a little; NULL: none */
};

/*
 * Submits the request, or joins the order of the same one: who asks, which CA, key, subject,
 * extensions and renewed certificate tell them apart, not the octets (a client may sign the same
 * request again).  What the gate asks of a device must still hold in the update that makes the
 * order.  Fails also with E_TOO_MANY_ENROLMENTS, E_AUTH_WRONG (the secret was used up meanwhile).
 */
MUST_USE bool enrol_submit(struct task *t, const struct est *est,
                           const struct enrol_request *request, struct bytes *ret_order);
/* True when the task's problem is one that the order itself has put into the timeline. */
bool enrol_order_told(const struct task *t);

#endif
