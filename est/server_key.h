/*
 * Keys that are made here for clients (RFC 7030 4.4): how one is to be protected, its making, and
 * its way to the client.  A key is sealed in its order (pkcs11/keystore.h) in the very form in
 * which it leaves, and gone once it has arrived.
 */
#ifndef GATEHOUSE_EST_SERVER_KEY_H
#define GATEHOUSE_EST_SERVER_KEY_H

#include "core/pki/server_key.h"
#include "est/client.h"
#include "est/enrol_order.h"
#include "est/enrolment.h"

/* How the key is to leave: found out while the client is there. */
struct server_key {
    struct bytes recipient; /* DER of the certificate that it is encrypted to; absent: none */
    const char *secret;     /* user of the secret whose shared key encrypts it; NULL: none */
    struct bytes wish;      /* both identifiers, to tell requests apart */
};

/*
 * RFC 7030 4.4.1: what the request asks for, as the label allows it.  Fails with E_SERVER_KEYS_OFF
 * and E_KEY_WISH.
 */
MUST_USE bool server_key_wanted(struct task *t, const struct est *est, struct http_request *rq,
                                const struct est_client *client, const struct csr *csr,
                                struct server_key *ret);

/* What the order keeps between its steps. */
struct server_key_work {
    struct bytes csr;    /* a request of ours, for the key, with what the client's asks for */
    struct bytes sealed; /* the part of the answer that holds the key */
    struct bytes state;  /* the CA connector's */
    struct record_rest rest;
};
/* In a run: the key is made, sealed and stored, unless it is there already. */
MUST_USE bool server_key_make(struct task *t, struct order_run *run,
                              const struct enrolment *enrolment, const struct profile *profile,
                              struct server_key_work *ret);
MUST_USE bool server_key_save(struct task *t, struct order_run *run,
                              const struct server_key_work *work);

/* Inside an update: nobody gets the key any more. */
MUST_USE bool server_key_drop(struct task *t, struct tx *tx, struct bytes order);

/*
 * RFC 7030 4.4.2: the certificate in the reply (certs-only, DER) becomes the second part of the
 * answer, behind the key.  Once it has arrived at the client, the key is deleted.  Fails with
 * E_SERVER_KEY_GONE.
 */
MUST_USE bool server_key_reply(struct task *t, const struct est *est, struct bytes order,
                               const struct est_client *client, const struct enrol_request *request,
                               struct http_reply *reply);

#endif
