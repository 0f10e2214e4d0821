/*
 * A manufacturer's factory in a folder: the IDevID CA, the services' certificates, and pledges.
 *
 *     ca.pem ca.key                 IDevID CA; signs all that follows
 *     masa-tls.pem masa-tls.key     TLS server certificate of the MASA
 *     masa-signer.pem masa-signer.key  signs vouchers
 *     cloud-tls.pem cloud-tls.key   TLS server certificate of the cloud registrar
 *     implicit-anchors.pem          built into pledges: validates the cloud registrar
 *     masa-anchors.pem              built into pledges: validates vouchers
 *     maker.json                    name and places
 *     pledges/SERIAL/               idevid.pem, idevid.key
 */
#ifndef GATEHOUSE_LAB_FACTORY_H
#define GATEHOUSE_LAB_FACTORY_H

#include "core/pki/csr.h"

#define FACTORY_CA             "ca"
#define FACTORY_MASA_TLS       "masa-tls"
#define FACTORY_MASA_SIGNER    "masa-signer"
#define FACTORY_CLOUD_TLS      "cloud-tls"
#define FACTORY_IMPLICIT       "implicit-anchors.pem"
#define FACTORY_MASA_ANCHORS   "masa-anchors.pem"
#define FACTORY_PLEDGES_MAX    100000
#define FACTORY_SERIAL_NO_FORM "%s-%04u" /* of a run of pledges */

/* Keys that certificates are made for, as options call them. */
enum factory_key {
    FACTORY_P256,
    FACTORY_P384,
    FACTORY_P521,
    FACTORY_RSA2048,
    FACTORY_RSA3072,
    FACTORY_RSA4096,
    FACTORY_ED25519,
};
extern const char *const factory_key_names[]; /* ends with NULL */

struct factory_plan {
    const char *name;  /* of the manufacturer: O of every subject */
    const char *masa;  /* host[:port] or https URL, as id-pe-masa-url has it */
    const char *cloud; /* the same of the cloud registrar */
    unsigned ca_key;   /* enum factory_key */
    unsigned tls_key;
};
/* Fails with E_EXISTS when the folder already has a CA. */
MUST_USE bool factory_init(struct task *t, const char *folder, const struct factory_plan *plan);

struct factory {
    const char *folder;
    const char *name;
    const char *masa;
    const struct cert *ca;
    EVP_PKEY *key;
};
MUST_USE bool factory_open(struct task *t, const char *folder, struct factory *ret);

struct pledge_plan {
    const char *serial;
    uint64_t count;   /* 1: SERIAL itself; more: SERIAL-0001 and so on */
    unsigned key;     /* enum factory_key */
    const char *masa; /* NULL: the factory's */
    bool no_masa_url;
    int64_t valid_from; /* wall-clock ms */
    int64_t valid_to;
};
/* Each with a key and IDevID of its own (RFC 8995 2.3, IEEE 802.1AR). */
MUST_USE bool factory_make_pledges(struct task *t, const struct factory *factory,
                                   const struct pledge_plan *plan);

#endif
