/* Enrolment secrets at work: who has given the right password (RFC 7030 3.2.3). */
#ifndef GATEHOUSE_EST_PASSWORD_H
#define GATEHOUSE_EST_PASSWORD_H

#include "core/store/records/est_label.h"
#include "core/store/records/est_secret.h"
#include "est/est.h"

/* What checking passwords needs for as long as the server lives. */
struct passwords;
struct passwords *passwords_make(struct task *t);
/* Accepts NULL. */
void passwords_free(struct passwords *passwords);

/* A user's secret, whatever it is good for; *ret_found is false when there is none. */
MUST_USE bool password_find(struct task *t, const struct est *est, const char *user,
                            struct est_secret *ret, bool *ret_found);
/*
 * The secret whose password the request proves, good under the label now.  Fails with
 * E_AUTH_NEEDED (none was given), E_AUTH_STALE (Digest with a nonce that has had its time),
 * E_AUTH_MALFORMED, E_AUTH_WRONG (whatever is wrong: which it is, only the detail says) and E_BUSY
 * (too many are being checked).
 */
MUST_USE bool password_check(struct task *t, const struct est *est, struct http_request *rq,
                             const struct est_label *label, struct est_secret *ret);
/*
 * WWW-Authenticate fields for the label; in the task's arena.  Basic, then Digest by SHA-256, and
 * by MD5 where the label has it: some clients see the first alone, and every secret is good for
 * Basic. `stale`: the nonce was too old, nothing else is wrong.
 */
const struct http_header *password_challenges(struct task *t, const struct est *est,
                                              const struct est_label *label, bool stale);

#endif
