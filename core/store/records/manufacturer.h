/* Manufacturers: whose devices may knock, and where their MASA is (RFC 8995 sections 2.3, 2.8). */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_MANUFACTURER_H
#define GATEHOUSE_CORE_STORE_RECORDS_MANUFACTURER_H

#include "core/store/table.h"

/* What becomes of a device that is genuine, and on nobody's list. */
enum manufacturer_unexpected {
    MANUFACTURER_REFUSES,
    MANUFACTURER_HOLDS, /* it waits until an administrator decides */
};
/* Whether vouchers without nonce are fetched ahead, and when they are handed out. */
enum stored_voucher_use {
    STORED_VOUCHERS_NEVER,
    STORED_VOUCHERS_WHEN_AWAY, /* when the MASA cannot be reached */
    STORED_VOUCHERS_ALWAYS,    /* before the MASA is asked */
};
/* What the MASA's audit log can do (RFC 8995 5.8.3). */
enum audit_log_mode {
    AUDIT_LOG_ENFORCE, /* a log that breaks the policy ends the onboarding */
    AUDIT_LOG_WARN,    /* it is shown, and that is all */
    AUDIT_LOG_OFF,     /* it is not asked for */
};
/* What becomes of a log of a version that is not known here. */
enum audit_log_newer {
    AUDIT_LOG_NEWER_READ, /* as RFC 8995 5.8.1 says: a higher version only adds */
    AUDIT_LOG_NEWER_HOLD, /* no verdict until an administrator has looked at it */
    AUDIT_LOG_NEWER_REFUSE,
};

/* What becomes of a device's earlier certificates when it is onboarded anew, as after a reset. */
enum manufacturer_returned {
    MANUFACTURER_KEEPS,
    MANUFACTURER_REVOKES, /* as soon as it gets its new voucher */
};

/* What is erased of a device that leaves us. */
enum manufacturer_erases {
    MANUFACTURER_ERASES_PERSONAL, /* addresses, remarks, what it said, its timeline */
    MANUFACTURER_ERASES_NAMES,    /* and subject names, with the certificates they stand in */
    MANUFACTURER_ERASES_NOTHING,
};

/* The form in which its MASA is asked where no pledge's request shows one. */
enum manufacturer_form { MANUFACTURER_CMS, MANUFACTURER_JWS, MANUFACTURER_COSE };

/* How we make ourselves known to its MASA (RFC 8995 5.4.1). */
enum masa_authentication {
    MASA_BY_CERTIFICATE, /* our registrar certificate, in TLS */
    MASA_BY_BASIC,       /* user and password: HTTP Basic (RFC 7617) */
    MASA_BY_DIGEST,      /* HTTP Digest (RFC 7616) */
    MASA_BY_NOTHING,
};

#define PROXY_NONE "none" /* for `proxy`: no proxy, whatever the node file says */

/* A revocation list of one of its IDevID CAs, in a few words; its octets are in the blob. */
struct revocation_list {
    const char *issuer;
    struct bytes number; /* crlNumber; absent: none */
    int64_t this_update;
    int64_t next_update; /* 0: not stated */
    uint64_t revoked;    /* entries */
    struct record_rest rest;
};

struct manufacturer {
    const char *name; /* slug: lower-case letters, digits and "-", up to 64; the key */
    const char *title;
    struct bytes_list idevid_anchors;  /* DER; IDevIDs chain to one of these, and to nothing else */
    const char *masa_url;              /* beats the IDevID's extension; NULL: use the extension */
    struct bytes_list masa_anchors;    /* DER; for the MASA's TLS certificate */
    struct bytes_list voucher_anchors; /* DER; the voucher's signer chains to one of these */
    struct text_list masa_networks;    /* CIDR: private or loopback addresses its MASA may have */
    struct bytes_list allowed_domain_ids; /* others' domainIDs that may stand in an audit log */
    const char *profile;                  /* enrolment profile of its devices */
    int64_t created;
    struct record_list idevid_crls; /* struct revocation_list, as many as the blob has */
    bool expired_idevids;           /* RFC 8995 2.6.2: IDevIDs that have expired are good */
    bool nonceless;                 /* vouchers without nonce are good */
    bool relay_unreadable;      /* vouchers in forms that we cannot read are handed on unchecked */
    bool masa_system_anchors;   /* this machine's CA certificates are MASA anchors too */
    unsigned int serial_from;   /* enum serial_source (core/pki/serial.h) */
    const char *serial_pattern; /* regular expression with one group; NULL: all of it */
    unsigned int masa_authentication; /* enum masa_authentication */
    bool masa_password_set;
    bool proxy_password_set;
    const char *masa_user;
    const char *masa_password; /* secret */
    const char *proxy;         /* "http://host:port", PROXY_NONE; NULL: as the node file says */
    const char *proxy_user;
    const char *proxy_password; /* secret */
    struct text_list allow;     /* names of allowances */
    int64_t changed;
    unsigned int unexpected;      /* enum manufacturer_unexpected */
    unsigned int returned;        /* enum manufacturer_returned */
    unsigned int erases;          /* enum manufacturer_erases */
    unsigned int stored_vouchers; /* enum stored_voucher_use */
    unsigned int audit_log;       /* enum audit_log_mode */
    unsigned int audit_log_newer; /* enum audit_log_newer */
    unsigned int voucher_form;    /* enum manufacturer_form */
    bool audit_log_revokes;       /* a refused log also revokes what was issued */
    bool est_domain_vouchers; /* its cloud gives vouchers that name us as EST server (est-domain) */
    /* The log is fetched again: so often at first, and later; 0: not. */
    int64_t audit_log_again;
    int64_t audit_log_settles; /* how long "at first" is, from the onboarding on */
    int64_t audit_log_later;
    bool unauthenticated; /* devices that prove their IDevID by nothing: see reduction.h */
    struct record_rest rest;
};
enum { MANUFACTURER_BLOB_CRLS = 1 };

extern const struct record_type manufacturer_type;
extern const char *const manufacturer_erases_names[];
extern const char *const manufacturer_form_names[];
extern const struct table manufacturers;

/*
 * Counts up with each change of a manufacturer, in the same update, so that what was derived from
 * the records (anchor sets) can tell whether it is stale.  Sets what follows from other members,
 * and `changed`.
 */
MUST_USE bool manufacturer_put(struct task *t, struct tx *tx, struct manufacturer *m);
/* Deleting what is not there is no failure. */
MUST_USE bool manufacturer_delete(struct task *t, struct tx *tx, const char *name);
/* The DER of the revocation lists that `idevid_crls` describes, to go with manufacturer_put(). */
MUST_USE bool manufacturer_crls_put(struct task *t, struct tx *tx, const char *name,
                                    const struct bytes_list *crls);
MUST_USE bool manufacturer_crls_get(struct task *t, struct reader *r, const char *name,
                                    struct bytes_list *ret);
MUST_USE bool manufacturers_generation(struct task *t, struct reader *r, uint64_t *ret);

/* Whose IDevID anchor has a public key: one manufacturer's, or devices could not be told apart. */
struct anchor_key {
    struct bytes spki_sha256; /* the key */
    const char *manufacturer;
    struct record_rest rest;
};
extern const struct record_type anchor_key_type;
extern const struct table anchor_keys;

/*
 * To go with manufacturer_put() and manufacturer_delete(): SHA-256 of the SPKIs of the IDevID
 * anchors that the manufacturer had, and of those that it has from now on.  Fails with E_EXISTS,
 * naming the other, when one of these is another manufacturer's.
 */
MUST_USE bool manufacturer_move_anchors(struct task *t, struct tx *tx, const char *name,
                                        const struct bytes_list *before,
                                        const struct bytes_list *after);

#endif
