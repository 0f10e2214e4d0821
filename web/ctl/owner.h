/*
 * The owner's PKI, as `gatehousectl init` makes it: a root; a registrar CA, which signs our own
 * certificate and is what vouchers pin; a device CA, which signs LDevIDs; our own certificate, for
 * TLS and for signing voucher requests.  The private keys are made in the token and stay there.
 */
#ifndef GATEHOUSE_WEB_CTL_OWNER_H
#define GATEHOUSE_WEB_CTL_OWNER_H

#include "core/base/clock.h"
#include "core/pki/cert.h"
#include "core/store/store.h"
#include "pkcs11/keystore.h"

#define OWNER_YEAR_MS            (365 * DAY_MS)
#define OWNER_ROOT_VALIDITY      (20 * OWNER_YEAR_MS)
#define OWNER_CA_VALIDITY        (10 * OWNER_YEAR_MS)
#define OWNER_REGISTRAR_VALIDITY (2 * OWNER_YEAR_MS)
#define OWNER_DEVICE_VALIDITY    OWNER_YEAR_MS
#define OWNER_NAME_MAX           64 /* characters: RFC 5280 A.1, ub-organization-name */

/* Names of the files in the owner's folder. */
#define OWNER_FILE_ROOT         "root.pem"
#define OWNER_FILE_REGISTRAR_CA "registrar-ca.pem"
#define OWNER_FILE_DEVICE_CA    "device-ca.pem"
#define OWNER_FILE_REGISTRAR    "registrar.pem" /* our certificate and the registrar CA's */

struct owner_options {
    const char *name;        /* of the owner: organizationName in the certificates */
    struct text_list hosts;  /* DNS names and IP addresses that the registrar is reached under */
    const char *dns_pattern; /* of devices' names: "{serial}.phones.example.com"; NULL: none */
    const char *folder;      /* for copies of the certificates, PEM; made when missing */
    const char *actor;       /* for the audit: "admin:root" */
    enum keystore_kind kind;
    int64_t root_validity;
    int64_t ca_validity;
    int64_t registrar_validity;
    int64_t device_validity;
};

/* P-256 and the validities above; nothing else is filled in. */
struct owner_options owner_presets(void);

/* In the task's arena. */
struct owner {
    const struct cert *root;
    const struct cert *registrar_ca;
    const struct cert *device_ca;
    const struct cert *registrar;
};

/*
 * Makes keys and certificates, writes the records in one update (the authorities, the CA "local",
 * the profile "default", the owner's name) and then the copies.  Cut short at any point, the next
 * run goes on with the keys that are in the token already.  Fails with E_EXISTS, after writing the
 * copies again, when the store has an owner; with E_INVALID when an option cannot be.
 */
MUST_USE bool owner_make(struct task *t, const struct owner_options *options, struct store *store,
                         struct keystore *keys, struct owner *ret);
/* Writes the copies from the records.  Fails with E_NOT_FOUND when there is no owner yet. */
MUST_USE bool owner_export(struct task *t, struct store *store, const char *folder);

#endif
