/*
 * What our own CAs say of their certificates: revocation lists (RFC 5280), OCSP (RFC 6960, 5019),
 * the CAs' own certificates, over plain HTTP; and the roll-over of a CA's key (RFC 4210 4.4).
 *
 *   status.c      the service: a thread that keeps up what follows
 *   snapshot.c    the CAs as they stand, shared with the handlers
 *   crl_publish.c a list made from the store, and stored
 *   ocsp_signer.c who signs OCSP responses for a CA
 *   rollover.c    a new key for a CA
 *   lists.c       lists as they are served
 *   serve.c       what is asked over HTTP
 */
#ifndef GATEHOUSE_CA_CONNECTORS_STATUS_STATUS_H
#define GATEHOUSE_CA_CONNECTORS_STATUS_STATUS_H

#include "core/http/server.h"
#include "core/store/store.h"
#include "pkcs11/keystore.h"

struct status_service;

struct status_options {
    struct store *store;
    struct keystore *keys;
    const struct log *log;
    bool responds;         /* OCSP is served: responders' certificates are kept good */
    const char *url;       /* of the public listener, for CA certificates; NULL: none */
    int64_t crl_lifetime;  /* ms from thisUpdate to nextUpdate */
    int64_t crl_interval;  /* ms until the next list, when nothing happens */
    int64_t crl_gap;       /* ms between two lists at the least, however much is revoked */
    int64_t ocsp_lifetime; /* ms that a response is good */
    /* After a roll-over: who keeps CAs open must open them anew.  May be NULL. */
    void (*rolled_over)(void *arg);
    void *arg;
};

/*
 * Makes the lists and responders' certificates that are missing, then keeps them up in a thread of
 * its own.  What `options` points to is borrowed until status_stop().
 */
MUST_USE bool status_start(struct task *t, const struct status_options *options,
                           struct status_service **ret);
/* Accepts NULL.  No request may be under way. */
void status_stop(struct status_service *service);
/* clock_monotonic() when the thread last came round: for the watchdog. */
int64_t status_last_beat(const struct status_service *service);

/*
 * GET /crl/KEY.crl, GET /ca/KEY.cer, POST /ocsp, GET /ocsp/REQUEST: KEY is the CA's
 * SubjectKeyIdentifier in hexadecimal.  Ends with a NULL method; in the task's arena.
 */
struct http_route *status_routes(struct task *t, struct status_service *service);

#endif
