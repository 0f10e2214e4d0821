/* Enrolment profiles: which identity a device is told to ask for, and what it is given. */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_PROFILE_H
#define GATEHOUSE_CORE_STORE_RECORDS_PROFILE_H

#include "core/store/table.h"

#define PROFILE_DEFAULT "default"

#define PROFILE_TEXT_MAX 1024 /* octets of a value or pattern */

/* Values never change: they are in the store. */
enum profile_key {
    PROFILE_KEY_P256,
    PROFILE_KEY_P384,
    PROFILE_KEY_RSA2048,
    PROFILE_KEY_RSA3072,
    PROFILE_KEY_P521,
    PROFILE_KEY_RSA4096,
    PROFILE_KEY_ED25519,
    PROFILE_KEY_ANY, /* the device's choice */
};
enum profile_hash {
    PROFILE_HASH_SHA256,
    PROFILE_HASH_SHA384,
    PROFILE_HASH_SHA512,
    PROFILE_HASH_ANY,
};

/* How CSR attributes are written. */
enum profile_csrattrs {
    PROFILE_LEGACY,   /* OIDs and attributes (RFC 7030 4.5.2, RFC 9908 3.2) */
    PROFILE_TEMPLATE, /* the template (RFC 9908 3.4) */
    PROFILE_BOTH,     /* both; a request may follow either (RFC 9908 4) */
};

/* Whether devices are told to ask for a usage that the profile gives anyway. */
enum profile_ask {
    PROFILE_ASK_NO,
    PROFILE_ASK_VALUE, /* for all that the profile gives */
    PROFILE_ASK_FILL,  /* for those that they want of them, and get no more */
};

enum profile_name_kind {
    PROFILE_NAME_DNS,
    PROFILE_NAME_IP,
    PROFILE_NAME_URI,
    PROFILE_NAME_EMAIL,
    PROFILE_NAME_REGISTERED_ID,
    PROFILE_NAME_ACP_NODE,
    PROFILE_NAME_DIRECTORY,
    PROFILE_NAME_OTHER,
};
extern const char *const profile_name_kinds[];

/*
 * What devices are told to put into their requests.  Values are patterns: what stands in braces is
 * replaced by the device's own (core/asking/values.h).  NULL: the device fills it.
 */
struct profile_attribute { /* of the subject, an RDN each */
    const char *type;      /* "CN", "serialNumber" or dotted */
    const char *value;
    struct record_rest rest;
};
struct profile_alt_name {
    unsigned int kind; /* enum profile_name_kind */
    const char *value;
    const char *type_id; /* with PROFILE_NAME_OTHER: dotted */
    struct record_rest rest;
};
struct profile_extension {
    const char *oid;
    bool critical;
    struct bytes value; /* DER */
    const char *text;   /* instead: a pattern, for a UTF8String */
    struct record_rest rest;
};

struct profile {
    const char *name; /* slug; the key */
    const char *ca;   /* name of a CA record */
    /* dNSName with {serial} for the serial number, made fit for a DNS label. */
    const char *dns_pattern;
    unsigned int key;               /* enum profile_key */
    unsigned int hash;              /* enum profile_hash */
    int64_t validity;               /* of the certificate, ms */
    struct text_list key_usage;     /* RFC 5280 names: digitalSignature, keyAgreement, ... */
    struct text_list ext_key_usage; /* clientAuth or OIDs; cmcRA and cmcCA are refused */
    struct record_list subject;     /* struct profile_attribute */
    struct record_list alt_names;   /* struct profile_alt_name, behind that of dns_pattern */
    bool alt_names_critical;
    struct record_list extensions;  /* struct profile_extension */
    unsigned int ask_key_usage;     /* enum profile_ask */
    unsigned int ask_ext_key_usage; /* enum profile_ask */
    struct text_list fill;          /* dotted: what else the device fills, named bare */
    bool challenge_password;        /* the request is bound to its connection (RFC 7030 3.5) */
    unsigned int csrattrs;          /* enum profile_csrattrs */
    bool change_subject_name;       /* at a renewal (RFC 7030 4.2.2) */
    struct record_rest rest;
};

extern const struct record_type profile_type;
extern const struct table profiles;

/* Every rule for a profile, those of the field table included; fails with E_INVALID. */
MUST_USE bool profile_check(struct task *t, const struct profile *profile);
/* Writes it, checked. */
MUST_USE bool profile_put(struct task *t, struct tx *tx, const struct profile *profile);

#endif
