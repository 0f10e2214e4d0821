/* What simpleenroll, simplereenroll and fullcmc do alike. */
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

#endif
