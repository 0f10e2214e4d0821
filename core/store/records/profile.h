/* Enrolment profiles: which identity a device is told to ask for, and what it is given. */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_PROFILE_H
#define GATEHOUSE_CORE_STORE_RECORDS_PROFILE_H

#include "core/store/table.h"

#define PROFILE_DEFAULT "default"

enum profile_key { PROFILE_KEY_P256, PROFILE_KEY_P384, PROFILE_KEY_RSA2048, PROFILE_KEY_RSA3072 };
enum profile_hash { PROFILE_HASH_SHA256, PROFILE_HASH_SHA384, PROFILE_HASH_SHA512 };

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
    struct record_rest rest;
};

extern const struct record_type profile_type;
extern const struct table profiles;

/* Every rule for a profile, those of the field table included; fails with E_INVALID. */
MUST_USE bool profile_check(struct task *t, const struct profile *profile);
/* Writes it, checked. */
MUST_USE bool profile_put(struct task *t, struct tx *tx, const struct profile *profile);

#endif
