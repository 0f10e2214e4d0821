/* What a handle is made of.  For pkcs11/ only. */
#ifndef GATEHOUSE_PKCS11_KEY_H
#define GATEHOUSE_PKCS11_KEY_H

#include "pkcs11/keystore.h"

#include <openssl/ec.h>

struct keystore_key {
    struct keystore *keystore;
    const char *label;
    struct bytes spki;
    unsigned bits;      /* of the curve's order: longer digests are cut (FIPS 186-5 6.4.1) */
    EVP_PKEY *in_token; /* libp11's, of the opening at hand; NULL: it is not there now */
    EVP_PKEY *evp;
    gnutls_privkey_t gnutls;
    struct keystore_key *next;
};

/* The method of the keys that libcrypto gets, one for each keystore; freed with method_free(). */
MUST_USE bool key_method_make(struct task *t, EC_KEY_METHOD **ret);
void key_method_free(EC_KEY_METHOD *method);
/* Fills `evp`; `spki`, `label` and `keystore` are there. */
MUST_USE bool key_make_evp(struct task *t, const EC_KEY_METHOD *method, struct keystore_key *key);
/* Fills `gnutls`. */
MUST_USE bool key_make_gnutls(struct task *t, struct keystore_key *key);

#endif
