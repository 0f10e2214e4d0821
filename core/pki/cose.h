/*
 * COSE_Sign1 (RFC 9052 section 4.2) with certificates in its headers (RFC 9360), as the vouchers
 * of draft-ietf-anima-constrained-voucher-31 ("cBRSKI") section 9.2 are.
 */
#ifndef GATEHOUSE_CORE_PKI_COSE_H
#define GATEHOUSE_CORE_PKI_COSE_H

#include "core/pki/cert.h"

#define COSE_SIZE_MAX       ((size_t)512 * 1024) /* octets of one message */
#define COSE_PARAMETERS_MAX 32                   /* in both header maps together */

struct cose {
    struct bytes protected; /* the encoded map, as received: this is what was signed */
    struct bytes payload;
    struct bytes signature;
    int64_t algorithm;       /* of the protected header; 0: not said */
    struct bytes kid;        /* from either header; opaque */
    const char *critical;    /* the first label in "crit" that is not understood; NULL: none */
    struct bytes_list certs; /* DER: x5chain and x5bag of both headers, the protected ones first */
    size_t protected_certs;  /* so many of them are under the signature */
    bool tagged;             /* with 18; who reads decides whether that may be missing */
};

/*
 * Reads without verifying, with tag 18 or none.  Fails with E_COSE_MALFORMED: another tag,
 * indefinite lengths, a label twice (RFC 9052 3), a detached payload, more parameters or
 * certificates than the limits.
 */
MUST_USE bool cose_open(struct task *t, struct bytes octets, struct cose *ret);
/*
 * Verifies the signature with the first of the `candidates` whose key it fits: nothing in the
 * message says which it is.  No chain, no validity.  Fails with E_SIGNATURE: other algorithms than
 * ES256, ES384, ES512 and EdDSA, one that is not in the protected header, any critical label.
 */
MUST_USE bool cose_verify(struct task *t, const struct cose *cose,
                          const struct cert_list *candidates, const struct cert **ret_signer);
/*
 * Tagged; `certs` as x5bag in the unprotected header, none when there are none; the algorithm that
 * goes with `key`, which may live in a token.  Fails with E_INVALID for a key of a kind without
 * one.
 */
MUST_USE bool cose_sign(struct task *t, struct bytes payload, EVP_PKEY *key,
                        const struct cert_list *certs, struct bytes *ret);
/*
 * The same message without x5bag and x5chain in the unprotected header; every other octet stays,
 * and the signature, which covers none of that header, too.  `ret` may be `octets` itself.
 */
MUST_USE bool cose_without_certs(struct task *t, struct bytes octets, struct bytes *ret);

#endif
