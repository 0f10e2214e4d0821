/* OCSP, the responder's side (RFC 6960, RFC 5019, RFC 8954). */
#ifndef GATEHOUSE_CORE_PKI_OCSP_H
#define GATEHOUSE_CORE_PKI_OCSP_H

#include "core/pki/cert.h"

#define OCSP_SIZE_MAX  ((size_t)16 * 1024) /* octets of a request */
#define OCSP_ASKED_MAX 16                  /* certificates asked for in one request */
#define OCSP_NONCE_MAX 32                  /* RFC 8954 2.1 */

/* One certificate that is asked for. */
struct ocsp_asked {
    const char *hash; /* dotted OID of the digest that names the issuer */
    struct bytes issuer_name_hash;
    struct bytes issuer_key_hash;
    struct bytes serial; /* big-endian, without sign octet */
    void *library;       /* OCSP_CERTID, owned by the request */
};

struct ocsp_request {
    struct ocsp_asked *asked;
    size_t count;
    bool has_nonce;
    void *library; /* OCSP_REQUEST, owned by the arena */
};

/*
 * Reads a request in DER: 1 to OCSP_ASKED_MAX certificates, a nonce of 1 to OCSP_NONCE_MAX octets
 * or none.  A signature on it is passed over (RFC 6960 4.1.2: optional).  Fails with
 * E_OCSP_MALFORMED.
 */
MUST_USE bool ocsp_request_read(struct task *t, struct bytes der, struct ocsp_request *ret);

/* Whether the asked certificate is one of this issuer's: name and key by SHA-1 or SHA-2. */
bool ocsp_asks_about(const struct ocsp_asked *asked, const struct cert *issuer);

enum ocsp_status { OCSP_GOOD = 0, OCSP_REVOKED = 1, OCSP_UNKNOWN = 2 }; /* RFC 6960 4.2.1 */

struct ocsp_verdict {
    enum ocsp_status status;
    int64_t revoked; /* wall-clock ms; with OCSP_REVOKED */
    int reason;      /* CRLReason; with OCSP_REVOKED; 0: left out */
};

struct ocsp_signer {
    const struct cert *cert; /* with id-kp-OCSPSigning, issued by the CA in question: goes along */
    EVP_PKEY *key;           /* may live in a token */
};

/*
 * A signed basic response to all that was asked, one verdict each in its order, the request's
 * nonce in it; the responder is named by its key.
 */
MUST_USE bool ocsp_response_make(struct task *t, const struct ocsp_request *request,
                                 const struct ocsp_verdict *verdicts,
                                 const struct ocsp_signer *signer, int64_t this_update,
                                 int64_t next_update, struct bytes *ret);

/* RFC 6960 4.2.1, OCSPResponseStatus: responses without a signature. */
enum ocsp_error {
    OCSP_ERROR_MALFORMED = 1,
    OCSP_ERROR_INTERNAL = 2,
    OCSP_ERROR_TRY_LATER = 3,
    OCSP_ERROR_UNAUTHORIZED = 6,
};
MUST_USE bool ocsp_error_make(struct task *t, enum ocsp_error error, struct bytes *ret);

#endif
