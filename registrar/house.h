/* The whole house, wired: everything main.c opens, in the order it opens it. */
#ifndef GATEHOUSE_REGISTRAR_HOUSE_H
#define GATEHOUSE_REGISTRAR_HOUSE_H

#include "ca-connectors/status/status.h"
#include "core/node/node.h"
#include "est/est.h"
#include "pkcs11/keystore.h"
#include "registrar/audit_log_again.h"
#include "registrar/cloud/agent.h"
#include "registrar/discovery/discovery.h"
#include "registrar/registrar.h"
#include "registrar/stored_voucher.h"
#include "web/api.h"

struct house {
    struct node node;
    const struct weak_key_list *weak_keys; /* NULL: none are listed */
    struct http_proxy proxy;
    struct arena_mark before; /* the task's arena when it was opened */
    const struct log *log;
    struct store *store;
    struct keystore *keys;
    struct identities *identities;
    struct http_client *client;
    struct ca_registry *cas;
    struct strangers *strangers;
    struct callers *callers;
    struct orders *orders;
    struct registrar registrar;
    struct cloud_agent clouds;
    struct est est;
    struct arrivals arrivals;
    struct api api;
    struct http_route *pledge_routes;
    struct http_server *pledges;
    struct http_server *admin;
    struct discovery *discovery;
    struct status_service *status;
    struct http_server *public; /* NULL: nothing is served without TLS */
    struct order_kind_entry kinds[8];
    struct rounds *rounds;
    struct round round_list[4];
    struct audit_log_rounds log_rounds;
    struct stored_voucher_rounds stored_voucher_rounds;
};

/*
 * house_node.c: what a node file must be besides readable: its reductions of security are the
 * node's, and the files that it names for reading once are there and good.  They are read here,
 * into the house; a change takes a restart.  Fails with what is wrong with which item.
 */
MUST_USE bool house_check_node(struct task *t, struct house *house);
/*
 * Opens everything and begins to serve; after house_check_node().  What was opened before a failure
 * is closed by house_close().
 */
MUST_USE bool house_open(struct task *t, struct house *house);
/*
 * Stops serving, lets what is under way finish until limits.shutdown is over, closes the rest.
 * False when something was still running: the process should end at once, nothing more is freed.
 */
bool house_close(struct task *t, struct house *house);
/* True while every thread that must keep moving has moved lately: for systemd's watchdog. */
bool house_alive(struct house *house);

/* Shows pledges the identities as they are now: after a refresh of them. */
MUST_USE bool house_show_identities(struct task *t, struct house *house);

/* Reads them again, shows them, and lets clouds know. */
MUST_USE bool house_refresh_identities(struct task *t, struct house *house);
/* For the EST server (est_signer); the context is the house. */
MUST_USE bool house_sign(struct task *t, void *context, struct bytes content,
                         const char *content_type, const struct cert_list *certs,
                         struct bytes *ret);
/* house_works.c: for the admin API; the context is the house. */
extern const struct api_works house_works;
extern const struct problem_status house_works_statuses[];

/* The pledge-facing routes (routes.c); in the task's arena. */
struct http_route *pledge_routes(struct task *t, struct registrar *registrar, struct est *est);

#endif
