/*
 * The sealing key: an AES key that is made in the token and never leaves it, and what is encrypted
 * with it.  For pkcs11/ only.
 */
#ifndef GATEHOUSE_PKCS11_SEAL_H
#define GATEHOUSE_PKCS11_SEAL_H

#include "pkcs11/module.h"

#define SEAL_LABEL     "sealing"
#define SEAL_IV_LEN    16
#define SEAL_BLOCK_LEN 32 /* a data key of two AES blocks */

/* Makes the key when the token has none of that label.  The user is logged in. */
MUST_USE bool seal_key_ensure(struct task *t, CK_FUNCTION_LIST *module, CK_SLOT_ID slot);
/*
 * Encrypts, or decrypts, SEAL_BLOCK_LEN octets under an IV of SEAL_IV_LEN: AES-256 in CBC mode,
 * without padding.  Nothing is authenticated here.  Fails with E_TOKEN_KEY when there is no such
 * key, or more than one.
 */
MUST_USE bool seal_encrypt(struct task *t, CK_FUNCTION_LIST *module, CK_SLOT_ID slot,
                           const uint8_t *iv, const uint8_t *in, uint8_t *out);
MUST_USE bool seal_decrypt(struct task *t, CK_FUNCTION_LIST *module, CK_SLOT_ID slot,
                           const uint8_t *iv, const uint8_t *in, uint8_t *out);

#endif
