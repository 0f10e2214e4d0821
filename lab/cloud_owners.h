/*
 * Owners at a cloud registrar: their accounts and the tokens these are claimed with, in files of
 * the state folder.
 *
 *     owners/NAME.json     the account (0600: what owners keep secret from others is in it)
 *     tokens/SHA256.json   a token that nobody has used yet
 *     tokens/SHA256.used   one that was
 */
#ifndef GATEHOUSE_LAB_CLOUD_OWNERS_H
#define GATEHOUSE_LAB_CLOUD_OWNERS_H

#include "lab/cloud.h"
#include "lab/cloud_forms.h"

/* Makes the folders. */
MUST_USE bool cloud_owners_open(struct task *t, const char *state);

/* A new token for an owner's account: `ret` is told once and kept nowhere. */
MUST_USE bool cloud_token_make(struct task *t, const char *state, const char *owner,
                               int64_t validity, const char **ret);
/* SHA-256 of the token in hexadecimal, by which it is kept. */
const char *cloud_token_digest(struct task *t, const char *token);
/* Fails with E_CLAIM when there is none, it has expired, or it is another owner's. */
MUST_USE bool cloud_token_check(struct task *t, const char *state, const char *digest,
                                const char *owner);
/* It is of no use from now on. */
MUST_USE bool cloud_token_use(struct task *t, const char *state, const char *digest);

MUST_USE bool cloud_account_read(struct task *t, const char *state, const char *name,
                                 struct cloud_account *ret, bool *ret_found);
MUST_USE bool cloud_account_write(struct task *t, const char *state,
                                  const struct cloud_account *account);
/* Names of all accounts, sorted. */
MUST_USE bool cloud_accounts(struct task *t, const char *state, struct text_list *ret);

/* The certificate, and what came with it, leads to one of these (as a pledge judges its pin). */
bool cloud_is_one_of(struct task *t, const struct bytes_list *identities, const struct cert *cert,
                     const struct cert_list *chain);
/* The account that the path names, when the TLS client speaks for it.  Fails with E_OWNER. */
MUST_USE bool cloud_meet_owner(struct task *t, const struct cloud *cloud,
                               const struct http_request *rq, struct cloud_account *ret);
/* What proofs show the owner to hold; with `cloud`'s own address as the audience. */
MUST_USE bool cloud_check_proofs(struct task *t, const struct cloud *cloud, const char *owner,
                                 const struct record_list *proofs, struct bytes_list *ret);

/* True when the owner has given the device up as it is attributed now. */
bool cloud_is_released(struct task *t, const struct cloud_account *account,
                       const struct cloud_device *device);
const char *cloud_release_entry(struct task *t, const struct cloud_device *device);

/* One request of an owner, with the fault that is due. */
typedef bool (*cloud_owner_serve)(struct task *t, struct cloud *cloud, enum cloud_fault fault,
                                  const struct http_request *rq, struct http_reply *reply);
MUST_USE bool cloud_serve_owner(struct task *t, const struct http_request *rq,
                                struct http_reply *reply, cloud_owner_serve serve);

/* Handlers of the registration resource. */
bool cloud_claim_account(struct task *t, struct http_request *rq, struct http_reply *reply);
bool cloud_register(struct task *t, struct http_request *rq, struct http_reply *reply);
bool cloud_show_registration(struct task *t, struct http_request *rq, struct http_reply *reply);
bool cloud_withdraw(struct task *t, struct http_request *rq, struct http_reply *reply);
bool cloud_list_devices(struct task *t, struct http_request *rq, struct http_reply *reply);
bool cloud_release_devices(struct task *t, struct http_request *rq, struct http_reply *reply);

/* Looks from outside whether devices would reach the owner. */
void cloud_probe(struct task *t, const struct cloud *cloud, const struct cloud_account *account,
                 struct cloud_reachability *ret);

#endif
