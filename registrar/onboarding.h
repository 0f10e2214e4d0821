/* Which onboarding a request is about, and whether it still goes on. */
#ifndef GATEHOUSE_REGISTRAR_ONBOARDING_H
#define GATEHOUSE_REGISTRAR_ONBOARDING_H

#include "core/http/server.h"
#include "core/store/records/episode.h"
#include "registrar/problems.h"

/*
 * The episode, when it is still open.  Nobody waits for what a closed one has ordered, and what it
 * was closed for stays: fails with E_REQUEST_STALE.
 */
MUST_USE bool onboarding_open(struct task *t, struct reader *r, struct bytes id,
                              struct episode *ret);

/* Keeps with the connection which episode its voucher request began or joined. */
void onboarding_remember(struct http_connection *connection, struct bytes episode);
/* The id; absent when no voucher request came over this connection. */
struct bytes onboarding_remembered(struct http_connection *connection);

#endif
