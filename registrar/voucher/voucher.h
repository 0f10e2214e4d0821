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
};

/* Members are absent (NULL, or bytes without data) unless they were there.  Names: RFC 8366. */
struct voucher {
    enum voucher_kind kind;
    unsigned departures;   /* set of enum voucher_departure: those that were met and allowed */
    const char *assertion; /* verified, logged, proximity, agent-proximity; or what was there */
    int64_t created_on;    /* wall-clock ms; 0: absent */
    int64_t expires_on;
    int64_t last_renewal_date;
    const char *serial_number;
    const char *nonce; /* an opaque string, as it stands on the wire */
    struct bytes idevid_issuer;
    struct bytes pinned_domain_cert;
    struct bytes pinned_domain_pubk;
    struct bytes pinned_domain_pubk_sha256;
    bool has_revocation_checks;
    bool domain_cert_revocation_checks;
    const char *est_domain;
    const char *additional_configuration_url;
    /* Voucher requests only. */
    struct bytes prior_signed_voucher_request;
    struct bytes proximity_registrar_cert;
    struct bytes proximity_registrar_pubk;
    struct bytes proximity_registrar_pubk_sha256;
    struct text_list unknown; /* names of members that were passed over (RFC 8366bis: ignored) */
};

/*
 * JSON (RFC 7951), the payload of CMS and JWS forms.  The one top-level member is
 * `ietf-voucher:voucher` or `ietf-voucher-request:voucher` (also read: the name that BRSKI-PRM's
 * examples give a request, `ietf-voucher-request-prm:voucher`); anything beside it, a doubled
 * member, a wrong type or base64 that cannot be read fails with E_VOUCHER_MALFORMED.  `allowed` is
 * a set of enum voucher_departure; one that is met and not in it fails with a kind of its own:
 * E_VOUCHER_PRIOR_OBJECT, E_VOUCHER_CREATED_ON_DATE.  With VOUCHER_REQUEST_CONTAINER the octets are
 * read as a request whichever container they have.
 */
MUST_USE bool voucher_from_json(struct task *t, struct bytes json, unsigned allowed,
                                struct voucher *ret);
/*
 * Standard base64 with padding; created-on first; of the departures, VOUCHER_REQUEST_CONTAINER is
 * written too.  Fails with E_INVALID on what the YANG modules do not allow: no serial-number,
 * another assertion, a member of requests in a voucher.
 */
MUST_USE bool voucher_to_json(struct task *t, const struct voucher *v, struct bytes *ret);

/* A signed artifact as received. */
struct signed_voucher {
    struct voucher voucher;
    const struct voucher_form *form;
    struct bytes octets;
    struct bytes payload;
    struct cert_list certs; /* carried in the artifact; nothing says they are to be trusted */
    void *library;          /* the form's own */
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
     * Reads without verifying; `allowed` as for voucher_from_json().  Fails with
     * E_VOUCHER_MALFORMED, E_CMS_MALFORMED and the kinds of the departures.
     */
    MUST_USE bool (*open)(struct task *t, struct bytes octets, unsigned allowed,
                          struct signed_voucher *ret);
    /*
     * Verifies the signature alone and says whose it is; `known` (may be NULL) are certificates to
     * look for the signer in besides those carried.  Fails with E_CMS_SIGNATURE.
     */
    MUST_USE bool (*verify)(struct task *t, const struct signed_voucher *sv,
                            const struct cert_list *known, const struct cert **ret_signer);
    MUST_USE bool (*seal)(struct task *t, const struct voucher *v,
                          const struct voucher_signer *signer, struct bytes *ret);
};

/* RFC 8366 5.4 and RFC 8995 section 6: application/voucher-cms+json. */
extern const struct voucher_form voucher_form_cms;
/* Every form there is; ends with NULL. */
extern const struct voucher_form *const voucher_forms[];
/* By media type (may be NULL) without parameters, any case; NULL: none. */
const struct voucher_form *voucher_form_of(const char *media_type);

#endif
