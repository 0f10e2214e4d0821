/*
 * The owner's registrar (RFC 8995): one file per operation.
 *
 *   requestvoucher.c    POST requestvoucher: from the pledge to the order     5.2, 5.3
 *   pledge_request.c    the pledge's voucher request, opened and checked      5.3
 *   past_identity.c     which certificates of ours pledges have seen          5.2
 *   admission.c         who is let in, and the episode that begins            5.3
 *   arrival.c           who comes for a certificate with a voucher of its cloud's
 *   opening.c           what every onboarding begins with
 *   grounds.c           on what ground: the list, or an administrator's word  5.3
 *   voucher_order.c     the order: ask the MASA, verify, hand out             5.4 - 5.6
 *   registrar_request.c our own voucher request                               5.5
 *   masa.c              where the MASA is and how it is talked to             5.4
 *   onboarding.c        which onboarding a request is about
 *   voucher_accept.c    which forms of voucher the pledge takes               5.5, 5.6
 *   voucher_check.c     what a voucher must say before it is handed out       5.6
 *   telemetry.c         POST voucher_status and enrollstatus                  5.7, 5.9.4
 *   audit_log_order.c   the order: fetch the MASA's log for an onboarding     5.8
 *   audit_log_again.c   the order and the round: fetch it again, later        11.4
 *   audit_log_fetch.c   asking for a log, and keeping what was seen           5.8, 5.8.1
 *   audit_log_verdict.c what a log means for an onboarding                    5.8.3
 */
#ifndef GATEHOUSE_REGISTRAR_REGISTRAR_H
#define GATEHOUSE_REGISTRAR_REGISTRAR_H

#include "core/http/client.h"
#include "core/http/server.h"
#include "core/order/order.h"
#include "core/pledge/answer.h"
#include "core/pledge/caller.h"
#include "registrar/identity/identity.h"
#include "registrar/problems.h"
#include "registrar/voucher/voucher.h"

struct registrar {
    struct store *store;
    struct orders *orders; /* set once the orders run */
    struct callers *callers;
    struct http_client *client;
    struct identities *identities;
    struct answer_limits answer;
    uint64_t attempts_per_hour;
    const struct problem_kind *const *const *problems; /* all tables, for stored refusals */
};

/* Handlers; the route's context is the `struct registrar`. */
bool registrar_requestvoucher(struct task *t, struct http_request *rq, struct http_reply *reply);
bool registrar_voucher_status(struct task *t, struct http_request *rq, struct http_reply *reply);
bool registrar_enrollstatus(struct task *t, struct http_request *rq, struct http_reply *reply);
/* Hooks: failures go to the device's timeline. */
void registrar_voucher_failed(struct task *t, struct http_request *rq, struct http_reply *reply);
void registrar_telemetry_failed(struct task *t, struct http_request *rq, struct http_reply *reply);
/* Cause and status, one each (RFC 8995 5.6). */
extern const struct problem_status registrar_statuses[];

/* Orders; their context is the `struct registrar`. */
extern const struct order_kind voucher_order;
extern const struct order_kind audit_log_order;
extern const struct order_kind audit_log_again_order;
extern const struct order_kind stored_voucher_order;

#endif
