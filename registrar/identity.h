/* Our own certificate and what it chains to, from the store; its key, from the token. */
#ifndef GATEHOUSE_REGISTRAR_IDENTITY_H
#define GATEHOUSE_REGISTRAR_IDENTITY_H

#include "pkcs11/keystore.h"
#include "registrar/registrar.h"

/*
 * Reads the authorities `registrar`, its issuers up to the root, and finds the key.  The
 * certificate must be for that key, valid now, and carry id-kp-cmcRA, serverAuth and clientAuth
 * (draft-ietf-anima-constrained-voucher 7.4).  Its domainIDs become ours, for good.  Fails with
 * E_REGISTRAR_IDENTITY.
 */
MUST_USE bool identity_load(struct task *t, struct store *store, struct keystore *keys,
                            struct registrar_identity *ret, struct keystore_key **ret_key);

#endif
