/*
 * Vouchers and voucher requests (RFC 8366, RFC 8366bis, RFC 8995 section 3): one model, and wire
 * forms that carry it.
 */
#ifndef GATEHOUSE_REGISTRAR_VOUCHER_VOUCHER_H
#define GATEHOUSE_REGISTRAR_VOUCHER_VOUCHER_H

#include "core/pki/cert.h"
#include "registrar/voucher/problems.h"

#define VOUCHER_SIZE_MAX ((size_t)64 * 1024)

enum voucher_kind { VOUCHER, VOUCHER_REQUEST };

/*
 * What departs from RFC 8366 and RFC 8995 and is nevertheless seen in the field.  It is read only
 * where whoever reads allows it, in a set of these; 0 is the RFCs and nothing else.
 */
enum voucher_departure {
    VOUCHER_REQUEST_CONTAINER = 1, /* a request whose top member is `ietf-voucher:voucher` */
    VOUCHER_PRIOR_OBJECT = 2,      /* prior-signed-voucher-request is a JSON object, not base64 */
    VOUCHER_CREATED_ON_DATE = 4,   /* created-on is a date without time: its beginning, UTC */
    VOUCHER_COSE_UNTAGGED = 8,     /* COSE_Sign1 without its tag, 18 */
};

/* A member that nobody here knows: its name ("SID 2470" in CBOR) and value, both printable. */
struct unknown_member {
    const char *name;
    const char *value;
};
struct unknown_members {
    struct unknown_member *items;
    size_t count;
};

/* Members are absent (NULL, or bytes without data) unless they were there.  Names: RFC 8366bis. */
struct voucher {
    enum voucher_kind kind;
    unsigned departures;   /* set of enum voucher_departure: those that were met and allowed */
    const char *assertion; /* verified, logged, proximity, agent-proximity; or what was there */
    int64_t created_on;    /* wall-clock ms; 0: absent */
    int64_t expires_on;
    int64_t last_renewal_date;
    const char *serial_number;
    const char *nonce; /* JSON: an opaque string, as it stands; CBOR: its octets in base64 */
    struct bytes idevid_issuer;
    struct bytes pinned_domain_cert;
    struct bytes pinned_domain_pubk;
    struct bytes pinned_domain_pubk_sha256;
    bool has_revocation_checks;
    bool domain_cert_revocation_checks;
    const char *est_domain;
    const char *additional_configuration_url;
    const char *additional_configuration; /* what brski-cloud called it before; no SID */
    struct bytes manufacturer_proprietary;
    struct text_list extensions; /* names, or SIDs as digits */
    /* Voucher requests only. */
    struct bytes prior_signed_voucher_request;
    struct bytes proximity_registrar_cert;
    struct bytes proximity_registrar_pubk;
    struct bytes proximity_registrar_pubk_sha256;
    /* draft-ietf-anima-brski-prm */
    struct bytes agent_provided_proximity_registrar_cert;
    struct bytes agent_signed_data;
    struct bytes_list agent_sign_cert;
    struct unknown_members unknown; /* passed over (RFC 8366bis 6) */
};

/*
 * JSON (RFC 7951), the payload of CMS and JWS forms.  The one top-level member is
 * `ietf-voucher:voucher` or `ietf-voucher-request:voucher` (also read: the name that BRSKI-PRM's
 * examples give a request, `ietf-voucher-request-prm:voucher`); anything beside it, a doubled
 * member, a wrong type, base64 that cannot be read or more than 64 members fail with
 * E_VOUCHER_MALFORMED.  `allowed` is a set of enum voucher_departure; one that is met and not in it
 * fails with a kind of its own: E_VOUCHER_PRIOR_OBJECT, E_VOUCHER_CREATED_ON_DATE.  With
 * VOUCHER_REQUEST_CONTAINER the octets are read as a request whichever container they have.
 */
MUST_USE bool voucher_from_json(struct task *t, struct bytes json, unsigned allowed,
                                struct voucher *ret);
/*
 * Standard base64 with padding; created-on first; of the departures, VOUCHER_REQUEST_CONTAINER is
 * written too.  Fails with E_INVALID on what the YANG modules do not allow: no serial-number,
 * another assertion, a member of requests in a voucher.
 */
MUST_USE bool voucher_to_json(struct task *t, const struct voucher *v, struct bytes *ret);

/*
 * CBOR (RFC 9254), the payload of the COSE form: the same model.  Keys are differences of SIDs,
 * SIDs under tag 47, or names, also side by side (cBRSKI 15.2.2).  Of definite length, and bounded
 * as core/base/cbor.h is.  Of the departures, VOUCHER_CREATED_ON_DATE is possible.  Fails as
 * voucher_from_json().
 */
MUST_USE bool voucher_from_cbor(struct task *t, struct bytes cbor, unsigned allowed,
                                struct voucher *ret);
/* Differences of SIDs, in ascending order; names where there are no SIDs.  E_INVALID as above. */
MUST_USE bool voucher_to_cbor(struct task *t, const struct voucher *v, struct bytes *ret);

/*
 * Whether two nonces stand for the same octets, in whichever base64: for where one of them comes
 * from another form, or was written by somebody with other habits.
 */
bool nonce_same_octets(struct task *t, const char *a, const char *b);

/* A signed artifact as received. */
struct signed_voucher {
    struct voucher voucher;
    const struct voucher_form *form;
    struct bytes octets;
    struct bytes payload;
    /*
     * Carried in the artifact; nothing says they are to be trusted.  JWS: those of the first
     * signature, the signer's first.
     */
    struct cert_list certs;
    bool certs_unsigned; /* COSE: some of them stand outside of what was signed */
    void *library;       /* the form's own */
};

/* Whom to sign as, and which certificates to carry. */
struct voucher_signer {
    const struct cert *cert;
    EVP_PKEY *key; /* may live in a token */
    struct cert_list certs;
};

/* One wire form. */
struct voucher_form {
    const char *name;       /* "cms" */
    const char *media_type; /* lower-case, without parameters */
    /*
     * The signer of a pledge's request is not named in it, but known from TLS; a registrar's
     * request carries the pledge's certificates (cBRSKI 9.2).
     */
    bool signer_from_tls;
    /*
     * Reads without verifying; `allowed` as for voucher_from_json(), and VOUCHER_COSE_UNTAGGED;
     * `known` (may be NULL) are certificates that need not be read again when they are in it: not
     * trusted for that, and to live as long as the result.  Fails with E_VOUCHER_MALFORMED,
     * E_CMS_MALFORMED, E_JWS_MALFORMED, E_COSE_MALFORMED and the kinds of the departures.
     */
    MUST_USE bool (*open)(struct task *t, struct bytes octets, unsigned allowed,
                          const struct cert_list *known, struct signed_voucher *ret);
    /*
     * Verifies every signature, alone, and says whose the first one is; further ones (JWS) are
     * countersignatures.  `known` (may be NULL) are certificates to look for the signer in besides
     * those carried; in JWS each signature says whose it is.  Fails with E_SIGNATURE.
     */
    MUST_USE bool (*verify)(struct task *t, const struct signed_voucher *sv,
                            const struct cert_list *known, const struct cert **ret_signer);
    /* Fails with E_INVALID and E_CRYPTO. */
    MUST_USE bool (*seal)(struct task *t, const struct voucher *v,
                          const struct voucher_signer *signer, struct bytes *ret);
    /* What of a voucher goes on to the pledge; NULL: every octet (RFC 8995 5.6). */
    MUST_USE bool (*for_pledge)(struct task *t, struct bytes octets, struct bytes *ret);
};

/* RFC 8366 5.4 and RFC 8995 section 6: application/voucher-cms+json. */
extern const struct voucher_form voucher_form_cms;
/* draft-ietf-anima-jws-voucher-16: application/voucher-jws+json. */
extern const struct voucher_form voucher_form_jws;
/* cBRSKI 9.2: application/voucher+cose. */
extern const struct voucher_form voucher_form_cose;
/* Every form there is; ends with NULL. */
extern const struct voucher_form *const voucher_forms[];
/* By media type (may be NULL) without parameters, any case; NULL: none. */
const struct voucher_form *voucher_form_of(const char *media_type);

#endif
