/* The MASA: where it is, and how it is talked to (RFC 8995 2.3.2, 2.8, 5.4). */
#ifndef GATEHOUSE_REGISTRAR_MASA_H
#define GATEHOUSE_REGISTRAR_MASA_H

#include "registrar/registrar.h"

/*
 * The base of the MASA's resources: the manufacturer's record says, or else the IDevID's
 * extension.  Fails with E_MASA_URL.
 */
MUST_USE bool masa_base(struct task *t, const struct idevid *idevid, const char **ret);
/* "masa:host:port" of a base: what its orders are counted under. */
const char *masa_peer(struct task *t, const char *base);

/*
 * POSTs to base/operation as ourselves: TLS client certificate with the key in the token, the
 * manufacturer's anchors and none else, private addresses only where its record allows them.
 */
MUST_USE bool masa_post(struct task *t, const struct registrar *r, const struct manufacturer *maker,
                        const char *base, const char *operation, const char *media_type,
                        const char *accept, struct bytes body, struct http_answer *ret);
/* GETs a URL of the same origin as `base`; another one fails with E_MASA_ANSWER. */
MUST_USE bool masa_get(struct task *t, const struct registrar *r, const struct manufacturer *maker,
                       const char *base, const char *url, struct http_answer *ret);

/* "404: text of the body, cut and made printable", for details. */
const char *masa_words(struct task *t, const struct http_answer *answer);
/* How long the MASA asks to wait, ms; it is foreign, and a pledge waits: an hour at most. */
int64_t masa_wait(const struct http_answer *answer);
/* True for problems that pass by themselves or with a change here: the order is tried again. */
bool masa_problem_passes(const struct task *t);

#endif
