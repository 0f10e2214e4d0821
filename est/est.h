/*
 * The EST server (RFC 7030, RFC 8951, RFC 9908): one file per operation.  What it grants a pledge
 * hangs on the device's current episode: see gate.h; what it grants others, on the label that they
 * use: see client.h and names.h.
 */
#ifndef GATEHOUSE_EST_EST_H
#define GATEHOUSE_EST_EST_H

#include "ca-connectors/ca.h"
#include "core/http/server.h"
#include "core/order/order.h"
#include "core/pki/server_key.h"
#include "core/pki/weak_key_list.h"
#include "core/pledge/answer.h"
#include "core/pledge/arrival.h"
#include "core/pledge/caller.h"
#include "est/problems.h"

/*
 * Who signs the answers of Full CMC: we, as an RA that devices know from cacerts (RFC 5272 4.2).
 * `certs` go along with the signer's own chain.
 */
struct est_signer {
    MUST_USE bool (*sign)(struct task *t, void *context, struct bytes content,
                          const char *content_type, const struct cert_list *certs,
                          struct bytes *ret);
    void *context;
};

struct est {
    struct store *store;
    struct orders *orders; /* set once the orders run; the order kind below needs it not */
    struct callers *callers;
    const struct arrivals *arrivals; /* who lets in pledges that have their voucher elsewhere */
    struct ca_registry *cas;
    struct cert_list own_chain; /* of our TLS certificate, to its root */
    struct est_signer signer;
    struct answer_limits answer;
    int64_t enrol_window; /* ms from the voucher request in which a device may enrol */
    uint64_t enrolments;  /* different requests that a device may make in one onboarding */
    const struct problem_kind *const *const *problems; /* all tables, for stored refusals */
    struct cacerts *cacerts;                           /* made by est_prepare() */
    struct passwords *passwords;                       /* so is this */
    struct csr_shelf *csrs;                            /* and this */
    struct refusals *refusals;                         /* and this */
    struct keystore *keys;                 /* seals the keys that are made for clients */
    const struct weak_key_list *weak_keys; /* keys that get no certificate; NULL: none are listed */
    /* Who signs for having made them (RFC 7030 4.4.2). */
    void (*maker)(void *context, struct key_maker *ret);
    void *maker_context;
};

/* Makes the answer to /cacerts, which is made anew when a CA has changed. */
MUST_USE bool est_prepare(struct task *t, struct est *est);
/* Gives back what est_prepare() made, if it was called. */
void est_release(struct est *est);

/* Handlers; the route's context is the `struct est`. */
bool est_cacerts(struct task *t, struct http_request *rq, struct http_reply *reply);
bool est_csrattrs(struct task *t, struct http_request *rq, struct http_reply *reply);
bool est_simpleenroll(struct task *t, struct http_request *rq, struct http_reply *reply);
bool est_simplereenroll(struct task *t, struct http_request *rq, struct http_reply *reply);
bool est_fullcmc(struct task *t, struct http_request *rq, struct http_reply *reply);
bool est_serverkeygen(struct task *t, struct http_request *rq, struct http_reply *reply);
bool est_configuration(struct task *t, struct http_request *rq, struct http_reply *reply);
/* Hooks: failures go to the device's timeline. */
void est_failed(struct task *t, struct http_request *rq, struct http_reply *reply);
/* The same, and the answer becomes one of CMC (RFC 7030 4.3.2). */
void est_fullcmc_failed(struct task *t, struct http_request *rq, struct http_reply *reply);
void est_configuration_failed(struct task *t, struct http_request *rq, struct http_reply *reply);
/* Cause and status, one each. */
extern const struct problem_status est_statuses[];

/* The order that enrols; its context is the `struct est`. */
extern const struct order_kind enrol_order;

#endif
