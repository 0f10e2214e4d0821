/*
 * One opening of the token: a libp11 context, logged in.  When the token has dropped its sessions
 * the opening is dead for good; another one takes its place.  For pkcs11/ only, and for one thread
 * at a time except for token_sign().
 */
#ifndef GATEHOUSE_PKCS11_TOKEN_H
#define GATEHOUSE_PKCS11_TOKEN_H

#include "core/base/task.h"
#include "pkcs11/module.h"

#include <libp11.h>

struct token_place {
    const char *module;
    const char *label;
    const char *pin_path;
    const char *state;
};

/* All zero: not open. */
struct token {
    CK_FUNCTION_LIST *module;
    PKCS11_CTX *context;
    PKCS11_SLOT *slots;
    unsigned int slot_count;
    PKCS11_SLOT *slot;
};

MUST_USE bool token_open(struct task *t, const struct token_place *place, struct token *ret);
/* Ends all sessions; every key taken from it must have been freed.  The module stays loaded. */
void token_close(struct token *token);

/* The token knows of our login still. */
bool token_is_open(const struct token *token);
CK_SLOT_ID token_slot(const struct token *token);
/* The private key as libp11 has it, to be freed by the caller.  Fails with E_TOKEN_KEY. */
MUST_USE bool token_find_key(struct task *t, const struct token *token, const char *label,
                             EVP_PKEY **ret);
/* ECDSA-Sig-Value over a digest no longer than the curve's order. */
MUST_USE bool token_sign(struct task *t, EVP_PKEY *key, struct bytes digest, struct bytes *ret);

#endif
