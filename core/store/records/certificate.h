/* Certificates that our CAs issued to devices. */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_CERTIFICATE_H
#define GATEHOUSE_CORE_STORE_RECORDS_CERTIFICATE_H

#include "core/store/table.h"

#define CERTIFICATE_SUBJECT_MAX 1024 /* octets of text */
#define CERTIFICATE_NAMES_MAX   32
#define CERTIFICATE_REASON_MAX  256 /* octets */

enum certificate_state {
    CERTIFICATE_ISSUED,
    CERTIFICATE_REVOKED,   /* for good */
    CERTIFICATE_SUSPENDED, /* on hold: may become good again (RFC 5280 5.3.1, certificateHold) */
};

/* RFC 5280 5.3.1, CRLReason; the numbers are those of the standard. */
enum revocation_reason {
    REVOKED_UNSPECIFIED = 0,
    REVOKED_KEY_COMPROMISE = 1,
    REVOKED_CA_COMPROMISE = 2,
    REVOKED_AFFILIATION_CHANGED = 3,
    REVOKED_SUPERSEDED = 4,
    REVOKED_CESSATION_OF_OPERATION = 5,
    REVOKED_CERTIFICATE_HOLD = 6,
    REVOKED_PRIVILEGE_WITHDRAWN = 9,
};
/* Kebab-case names by those numbers; "reserved-7" and "reserved-8" are nobody's. */
extern const char *const revocation_reason_names[];

struct certificate {
    struct bytes id;     /* SHA-256 of the DER; the key */
    struct bytes device; /* absent: issued to a client that is no device */
    struct bytes episode;
    struct bytes order;
    const char *ca;
    struct bytes serial;    /* octets of the INTEGER, big-endian, without sign octet */
    const char *subject;    /* RFC 4514 */
    struct text_list names; /* subject alternative names: "DNS:phone1.example.com" */
    struct bytes spki_sha256;
    int64_t not_before;
    int64_t not_after;
    int64_t issued;
    unsigned int state; /* enum certificate_state */
    int64_t revoked;
    const char *revoked_because; /* in an administrator's words */
    unsigned int reason;         /* enum revocation_reason, of a revoked or suspended one */
    struct bytes issuer_key;     /* SHA-256 of the issuing CA's SPKI; absent: not known */
    const char *client;          /* who asked, when it is no device: "secret:lab-routers" */
    const char *label;           /* EST label it was asked for under; NULL: none */
    const char *profile;
    struct bytes renews; /* id of the certificate that it takes the place of */
    struct record_rest rest;
};
enum { CERTIFICATE_BLOB_DER = 1 };

extern const struct record_type certificate_type;
extern const struct table certificates;
extern const struct table_index certificates_by_device; /* device id, time of issue */
extern const struct table_index certificates_by_order;  /* order id; unique */
extern const struct table_index certificates_by_serial; /* issuer_key, serial; unique */
extern const struct table_index certificates_by_number; /* serial, its length behind it */
extern const struct table_index certificates_by_key;    /* spki_sha256 */
extern const struct table_index certificates_by_expiry; /* not_after */
extern const struct table_index certificates_revoked;   /* issuer_key: revoked and suspended ones */

/* For certificates_by_serial. */
struct bytes certificate_serial_key(struct arena *arena, struct bytes issuer_key,
                                    struct bytes serial);

/*
 * By which names a certificate is found: its subject, the subject's common name and its
 * alternative names, in lower case and cut to CERTIFICATE_NAME_KEY_MAX octets.
 */
#define CERTIFICATE_NAME_KEY_MAX 200
struct certificate_name {
    const char *name;
    struct bytes certificate; /* id */
    struct record_rest rest;
};
extern const struct record_type certificate_name_type;
extern const struct table certificate_names; /* name, NUL, id */
/* The text as such a name. */
const char *certificate_name_key(struct arena *arena, const char *text);
/*
 * Which of the certificate's names that begin with `prefix`, itself such a name, is the first in
 * certificate_names; NULL: none does.
 */
MUST_USE bool certificate_first_name(struct task *t, const struct certificate *certificate,
                                     const char *prefix, const char **ret);

/* Writes a certificate that was just issued: the record, its names and its DER. */
MUST_USE bool certificate_put(struct task *t, struct tx *tx, const struct certificate *certificate,
                              struct bytes der);

/*
 * What names people or places in it is no longer kept: subject, alternative names and the DER.
 * Whose it was, its serial number and that it was revoked stay, for revocation lists.
 */
MUST_USE bool certificate_forget(struct task *t, struct tx *tx, struct bytes id);

/*
 * Revokes, or with REVOKED_CERTIFICATE_HOLD suspends, as of now, and marks the CA's CRL as stale.
 * `ret` (may be NULL) is the record as it is afterwards.  A suspended certificate may be revoked.
 * A revoked one stays as it is and *ret_changed is false, but that REVOKED_KEY_COMPROMISE becomes
 * its reason, for that blocks the key; the date stays, and so does the text when `because` is NULL.
 * Fails with E_NOT_FOUND.
 */
MUST_USE bool certificate_revoke(struct task *t, struct tx *tx, struct bytes id,
                                 enum revocation_reason reason, const char *because,
                                 struct certificate *ret, bool *ret_changed);
/* A suspended certificate becomes good again.  Fails with E_NOT_FOUND, or E_INVALID for others. */
MUST_USE bool certificate_resume(struct task *t, struct tx *tx, struct bytes id,
                                 struct certificate *ret);
/* Counts up with each change of what CRLs have to say. */
MUST_USE bool revocations_generation(struct task *t, struct reader *r, uint64_t *ret);

#endif
