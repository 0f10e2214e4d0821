/*
 * What is said over the registration resource (docs/cloud-registration.yaml), and what is kept of
 * it: one field table each.
 */
#ifndef GATEHOUSE_LAB_CLOUD_FORMS_H
#define GATEHOUSE_LAB_CLOUD_FORMS_H

#include "core/base/record.h"

#define CLOUD_BODY_MAX     ((size_t)4 * 1024 * 1024) /* octets of a registration */
#define CLOUD_RELEASES_MAX 1000                      /* devices in one request */

/* The owner holds the key of this certificate: see cloud_proof.h. */
struct cloud_proof {
    struct bytes certificate; /* DER */
    struct bytes statement;   /* CMS */
    struct record_rest rest;
};

struct cloud_claim {
    const char *owner;
    const char *token;
    struct record_list proofs; /* struct cloud_proof */
    struct record_rest rest;
};
extern const struct record_type cloud_claim_type;

/* Which of the devices that the sales channel attributes to the owner. */
struct cloud_selection {
    bool all;
    struct text_list orders;
    struct text_list serial_numbers;
    struct record_rest rest;
};

struct cloud_configuration {
    const char *serial_number;
    const char *url;
    struct record_rest rest;
};

enum cloud_mode { CLOUD_MODE_NONE, CLOUD_MODE_REDIRECT, CLOUD_MODE_VOUCHER };

struct cloud_registration {
    const char *owner;
    unsigned mode; /* enum cloud_mode */
    const char *registrar;
    const char *est_domain;
    struct bytes pinned_domain_cert;
    const char *additional_configuration_url;
    struct cloud_selection devices;
    struct record_list configurations; /* struct cloud_configuration */
    struct record_list proofs;         /* struct cloud_proof */
    struct record_rest rest;
};
extern const struct record_type cloud_registration_type;

/* What a look from outside found. */
struct cloud_reachability {
    bool reachable;
    int64_t checked;
    const char *detail; /* NULL: nothing to say */
    struct record_rest rest;
};
extern const struct record_type cloud_reachability_type;

struct cloud_releases {
    struct text_list serial_numbers;
    struct record_rest rest;
};
extern const struct record_type cloud_releases_type;

/* What is kept of an owner; never sent. */
struct cloud_account {
    const char *name;
    const char *claimed_with; /* SHA-256 of the token, in hexadecimal */
    int64_t claimed;
    struct bytes_list identities; /* DER: TLS clients under one of these speak for the owner */
    int64_t registered;
    struct cloud_registration registration; /* mode none: nothing is registered */
    struct cloud_reachability reachability;
    struct text_list released; /* "SERIAL ORDER": given up as they were attributed then */
    struct record_rest rest;
};
extern const struct record_type cloud_account_type;

/* A token that an owner may claim its account with, once; the file's name is its SHA-256. */
struct cloud_token {
    const char *owner;
    int64_t created;
    int64_t expires;
    struct record_rest rest;
};
extern const struct record_type cloud_token_type;

/* 1 to 64 letters, digits and "-": it stands in paths and file names.  Fails with E_INVALID. */
MUST_USE bool cloud_owner_check(struct task *t, const char *owner);
/* By the table alone.  Fails with E_MALFORMED, E_INVALID. */
MUST_USE bool cloud_form_read(struct task *t, struct bytes json, const struct record_type *type,
                              void *ret);
MUST_USE bool cloud_form_write(struct task *t, const struct record_type *type, const void *form,
                               struct bytes *ret);
/*
 * What the table cannot know of a registration: that the mode has what it needs and nothing that it
 * does not, and that URLs are URLs.  Fails with E_INVALID.
 */
MUST_USE bool cloud_registration_check(struct task *t, const struct cloud_registration *r);

/*
 * A pledge's report (RFC 8995 5.7, 5.9.4): "true", or "false: reason" with whatever it says made
 * harmless.  Fails with E_MALFORMED.
 */
MUST_USE bool cloud_report_read(struct task *t, struct bytes json, const char **ret);

#endif
