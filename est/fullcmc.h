/* The steps of POST fullcmc (RFC 7030 4.3, RFC 5272): within this room alone. */
#ifndef GATEHOUSE_EST_FULLCMC_H
#define GATEHOUSE_EST_FULLCMC_H

#include "core/pki/cmc.h"
#include "core/pki/cms.h"
#include "est/client.h"

#define EST_CMC_REQUEST  "application/pkcs7-mime"
#define EST_CMC_RESPONSE "application/pkcs7-mime; smime-type=CMC-response"

/* A Full PKI Request as it came; nothing of it is verified. */
struct fullcmc {
    struct cms cms;
    struct cmc_data data;
};
/*
 * RFC 5272 3.2: a SignedData around a PKIData.  Fails with E_MALFORMED, E_CMS_MALFORMED and
 * E_CMC_MALFORMED.
 */
MUST_USE bool fullcmc_open(struct task *t, const struct http_request *rq, struct fullcmc *ret);

/* What the message holds and is not handled here. */
struct fullcmc_rest {
    uint32_t *parts; /* bodyPartIDs */
    size_t count;
    bool unknown; /* no control of CMC's, rather than one that is not served */
};
void fullcmc_unsupported(struct task *t, const struct cmc_data *data, struct fullcmc_rest *ret);

/*
 * What proves to est_client_identify_by() that a client knows a secret: HTTP's password, or without
 * it the message's identity proof (RFC 5272 6.2.1); `arg` is the struct cmc_data.  Fails as
 * password_check(), and with E_CMC_IDENTITY and E_CMC_ALGORITHM.
 */
MUST_USE bool fullcmc_secret(struct task *t, const struct est *est, struct http_request *rq,
                             const struct est_label *label, const void *arg,
                             struct est_secret *ret);
/* Whatever the message says of who sends it is right.  Fails with E_CMC_IDENTITY. */
MUST_USE bool fullcmc_check_secret(struct task *t, const struct est_client *client,
                                   const struct cmc_data *data);
/*
 * RFC 5272 6.3.1: a random value in the message and a witness to it, made with the secret, are both
 * there or neither is.  Fails with E_CMC_LINK.
 */
MUST_USE bool fullcmc_check_link(struct task *t, const struct est_client *client,
                                 const struct cmc_data *data, struct bytes witness);

/*
 * The one request in the message, with the client's proof that it has the key (RFC 5272 6.3,
 * RFC 7030 3.5).  Fails with the request's kinds, E_CSR_POP, E_POP_MISSING, E_BINDING, E_CMC_LINK.
 */
MUST_USE bool fullcmc_request(struct task *t, struct http_request *rq,
                              const struct est_client *client, const struct cmc_data *data,
                              struct csr *ret);
/*
 * The message is signed by the certificate of its TLS connection; of who comes with a password, or
 * as an RA, also by the requested key itself (RFC 5272 3.2).  Fails with E_SIGNATURE, E_CMC_SIGNER,
 * E_CMC_ALGORITHM, E_CMC_TIME.
 */
MUST_USE bool fullcmc_signature(struct task *t, struct http_request *rq,
                                const struct est_client *client, const struct fullcmc *message,
                                const struct csr *csr);

/*
 * RFC 5272 6.13: what has become of the request whose order the token names, if it is this
 * client's. Fails with E_CMC_PENDING, the gate's kinds, and with what the order was refused for.
 */
MUST_USE bool fullcmc_pending_find(struct task *t, const struct est *est,
                                   const struct est_client *client, struct bytes token,
                                   struct csr *ret);
MUST_USE bool fullcmc_pending_answer(struct task *t, struct http_request *rq,
                                     const struct est_client *client, struct bytes token,
                                     struct http_reply *reply);

/*
 * The reply, in which an order's answer stands (a certs-only message, or 202), becomes that of CMC.
 * `order` may be absent with 202.
 */
MUST_USE bool fullcmc_answer(struct task *t, const struct est *est, const struct est_label *label,
                             const struct cmc_data *data, struct bytes order,
                             struct http_reply *reply);
/* How many refusals are being signed; for as long as the server lives. */
struct refusals;
struct refusals *refusals_make(void);
/* Accepts NULL. */
void refusals_free(struct refusals *refusals);
/*
 * The reply to a failed request becomes that of CMC; its status stays.  Fails also with E_BUSY:
 * anybody can be refused, and each refusal takes the token's time from those who are not.
 */
MUST_USE bool fullcmc_refuse(struct task *t, const struct est *est, const struct est_label *label,
                             const struct cmc_data *data, const struct problem_kind *problem,
                             struct http_reply *reply);

#endif
