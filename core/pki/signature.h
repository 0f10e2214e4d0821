/*
 * Signatures as JOSE and COSE carry them (RFC 7518 section 3, RFC 8037 section 3.1, RFC 9053
 * section 2): the algorithm says key, hash and shape, and an ECDSA signature is r and s at their
 * full length, one after the other, not DER.
 */
#ifndef GATEHOUSE_CORE_PKI_SIGNATURE_H
#define GATEHOUSE_CORE_PKI_SIGNATURE_H

#include "core/pki/csr.h"

struct signature_algorithm {
    const char *jose;   /* "ES256" */
    int64_t cose;       /* -7; 0: none that COSE messages have here */
    enum key_kind key;  /* and no other */
    const char *hash;   /* NULL: the algorithm has its own */
    size_t coordinates; /* ECDSA: octets of r, and of s; 0: the signature is one string */
};

/* NULL: not known, or not accepted ("none" least of all). */
const struct signature_algorithm *signature_algorithm_named(const char *jose);
const struct signature_algorithm *signature_algorithm_numbered(int64_t cose);
/* The one that goes with a key; NULL: there is none. */
const struct signature_algorithm *signature_algorithm_for(const EVP_PKEY *key);

/* `key` may live in a token.  Fails with E_CRYPTO. */
MUST_USE bool signature_make(struct task *t, const struct signature_algorithm *algorithm,
                             EVP_PKEY *key, struct bytes octets, struct bytes *ret);
/*
 * Fails with E_SIGNATURE: a key of another kind or weaker than RSA-2048, a signature of another
 * length, or one that does not fit.
 */
MUST_USE bool signature_check(struct task *t, const struct signature_algorithm *algorithm,
                              const struct cert *signer, struct bytes octets,
                              struct bytes signature);

#endif
