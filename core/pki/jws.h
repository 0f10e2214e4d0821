/*
 * JWS in general JSON serialisation (RFC 7515 section 7.2.1), as the JWS vouchers of
 * draft-ietf-anima-jws-voucher-16 are: every header parameter protected, signers known by x5c.
 */
#ifndef GATEHOUSE_CORE_PKI_JWS_H
#define GATEHOUSE_CORE_PKI_JWS_H

#include "core/pki/cert.h"

#define JWS_SIZE_MAX       ((size_t)512 * 1024) /* octets of one message */
#define JWS_SIGNATURES_MAX 2                    /* the issuer's and a countersignature */

struct jws_signature {
    struct bytes protected; /* BASE64URL as received: this is what was signed */
    const char *algorithm;  /* "alg" */
    const char *type;       /* "typ"; NULL: not said */
    const char *critical;   /* the first extension that "crit" names; NULL: there is none */
    struct cert_list certs; /* "x5c", the end entity first; empty: not there */
    struct bytes signature;
};

struct jws {
    struct bytes payload;
    struct bytes payload_text; /* BASE64URL as received */
    struct jws_signature signatures[JWS_SIGNATURES_MAX];
    size_t count; /* 1 at least */
};

/*
 * Reads without verifying.  Fails with E_JWS_MALFORMED: no JSON, a member twice, compact or
 * flattened or detached, an unprotected header, no "alg", more signatures or certificates than the
 * limits, base64url with padding or in the other alphabet.  `known` as for cms_open().
 */
MUST_USE bool jws_open(struct task *t, struct bytes octets, const struct cert_list *known,
                       struct jws *ret);
/*
 * Verifies one signature with the key of its own x5c: no chain, no validity.  Fails with
 * E_SIGNATURE: "none" and other algorithms than ES256, ES384, ES512, EdDSA and RS256, an algorithm
 * that is not the key's, any critical extension.
 */
MUST_USE bool jws_verify(struct task *t, const struct jws *jws, size_t at,
                         const struct cert **ret_signer);
/*
 * With one signature by `key` (which may live in a token), the algorithm that goes with it, and
 * `certs` as x5c, the end entity first.  Fails with E_INVALID for a key of a kind without one.
 */
MUST_USE bool jws_sign(struct task *t, struct bytes payload, const char *type, EVP_PKEY *key,
                       const struct cert_list *certs, struct bytes *ret);

#endif
