/* What simpleenroll, simplereenroll, serverkeygen and fullcmc do alike. */
#ifndef GATEHOUSE_EST_ENROL_H
#define GATEHOUSE_EST_ENROL_H

#include "est/client.h"
#include "est/enrol_order.h"

/* The request in the body: read, its proof of possession verified, its channel binding too. */
MUST_USE bool enrol_read(struct task *t, struct http_request *rq, const struct est_client *client,
                         struct csr *ret);
/*
 * A certificate for a request whose proof of possession is verified: policy, then the order, placed
 * or joined.  The reply is 200 with the certs-only message in DER, or 202.  `*ret_order` is absent
 * when there is none yet, because the gate opens later.
 */
MUST_USE bool enrol_first(struct task *t, struct http_request *rq, const struct est_client *client,
                          const struct csr *csr, struct http_reply *reply, struct bytes *ret_order);
/* The same in place of the certificate that the client has shown (RFC 7030 4.2.2). */
MUST_USE bool enrol_again(struct task *t, struct http_request *rq, const struct est_client *client,
                          const struct csr *csr, struct http_reply *reply, struct bytes *ret_order);
/* Places the order, or joins it, and fills the reply, as the two above. */
MUST_USE bool enrol_place(struct task *t, const struct est *est,
                          const struct enrol_request *request, struct http_reply *reply,
                          struct bytes *ret_order);
/* A certificate in a reply becomes base64, in lines as the label has them. */
bool enrol_written(struct task *t, const struct est_label *label, struct http_reply *reply);
/*
 * enrol_first() and enrol_again() of a request that is begun: with the CSR, label and address, and
 * with serverkeygen how the key is to leave.
 */
MUST_USE bool enrol_grant(struct task *t, struct http_request *rq, const struct est_client *client,
                          const struct enrol_request *request, struct http_reply *reply,
                          struct bytes *ret_order);
MUST_USE bool enrol_grant_again(struct task *t, const struct est *est,
                                const struct est_client *client,
                                const struct enrol_request *request, struct http_reply *reply,
                                struct bytes *ret_order);
/*
 * For an operation that does both: a device with a certificate of ours renews it, as does anybody
 * else who asks for the very names of the one that was shown.
 */
MUST_USE bool enrol_is_again(struct task *t, const struct est *est, const struct est_client *client,
                             const struct csr *csr, bool *ret);
/*
 * Of who is no device: the names are those that it may have, and the request is what the label's
 * profile asks of anybody.  Fails with E_NAME_REFUSED, E_CSR_NOT_AS_ASKED.
 */
MUST_USE bool enrol_check_other(struct task *t, const struct est *est,
                                const struct est_client *client,
                                const struct enrol_request *request);

#endif
