/* Making key pairs in the token.  For pkcs11/ only. */
#ifndef GATEHOUSE_PKCS11_GENERATE_H
#define GATEHOUSE_PKCS11_GENERATE_H

#include "pkcs11/keystore.h"
#include "pkcs11/module.h"

/* The user is logged in.  Fails with E_EXISTS when a private key has the label. */
MUST_USE bool generate_key_pair(struct task *t, CK_FUNCTION_LIST *module, CK_SLOT_ID slot,
                                const char *label, enum keystore_kind kind);

#endif
