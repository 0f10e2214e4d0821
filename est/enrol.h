/* What simpleenroll and simplereenroll do alike. */
#ifndef GATEHOUSE_EST_ENROL_H
#define GATEHOUSE_EST_ENROL_H

#include "est/client.h"
#include "est/enrol_order.h"

/* The request in the body: read, its proof of possession verified, its channel binding too. */
MUST_USE bool enrol_read(struct task *t, struct http_request *rq, const struct est_client *client,
                         struct csr *ret);
/* Places the order, or joins it, and fills the reply: the certificate, or 202. */
MUST_USE bool enrol_answer(struct task *t, const struct est *est,
                           const struct enrol_request *request, struct http_reply *reply);

#endif
