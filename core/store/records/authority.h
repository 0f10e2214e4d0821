/*
 * The owner's own certificates and CAs.  Their private keys are in the token, found by label.
 *
 * gatehousectl init makes four authorities: `root`; `registrar-ca`, which signs `registrar` and
 * nothing else and is what vouchers pin; `device-ca`, which signs LDevIDs; and `registrar`, our
 * TLS and voucher-request certificate (cmcRA, serverAuth, clientAuth).  When that one is changed,
 * `registrar-next` waits to take its place, and `registrar-earlier-...` are those that were it.
 */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_AUTHORITY_H
#define GATEHOUSE_CORE_STORE_RECORDS_AUTHORITY_H

#include "core/store/table.h"

#define AUTHORITY_ROOT         "root"
#define AUTHORITY_REGISTRAR_CA "registrar-ca"
#define AUTHORITY_DEVICE_CA    "device-ca"
#define AUTHORITY_REGISTRAR    "registrar"
/* Waits to take its place; and those that were it: "...-" and the first digits of their SHA-256. */
#define AUTHORITY_REGISTRAR_NEXT "registrar-next"
#define AUTHORITY_EARLIER        "registrar-earlier-"
#define IDENTITIES_EARLIER_MAX   8 /* kept; beyond, the oldest is forgotten */
/* Subject of the timeline of our own certificate. */
struct bytes identity_subject(struct arena *arena);
/* Those that OCSP responses are signed with: "ocsp-" and the name of the CA they speak for. */
#define AUTHORITY_OCSP_PREFIX "ocsp-"

struct authority {
    const char *name;         /* the key */
    struct bytes certificate; /* DER */
    const char *issuer;       /* name of the authority that signed it; its own: self-signed */
    const char *key_label;    /* CKA_LABEL in the token */
    int64_t created;
    int64_t replaced; /* by a roll-over or another certificate of ours; 0: in use */
    /* RFC 4210 4.4, after a roll-over: our key signed with the one before, and that with ours. */
    struct bytes new_with_old;
    struct bytes old_with_new;
    struct record_rest rest;
};

extern const struct record_type authority_type;
extern const struct table authorities;

#define AUTHORITY_CHAIN_MAX 8 /* certificates from one authority to its root */
/*
 * The certificates (DER) from this authority to the self-signed one, by the issuers' names, and
 * the label of its own key.  Fails with E_NOT_FOUND, or E_INVALID when they lead in a circle.
 */
MUST_USE bool authority_chain(struct task *t, struct reader *r, const char *name,
                              struct bytes_list *ret, const char **ret_key_label);

/*
 * Name of a CA that was replaced: "device-ca-1" is the one before the first roll-over.  Fails with
 * E_TOO_LARGE past AUTHORITY_ROLLOVERS_MAX.
 */
#define AUTHORITY_ROLLOVERS_MAX 99
MUST_USE bool authority_former_name(struct task *t, struct reader *r, const char *name,
                                    const char **ret);
/* Asks for a roll-over, and who asked: a setting that the daemon takes down when it is done. */
#define SETTING_ROLLOVER "rollover/" /* and the authority */

/*
 * The owner's domainIDs (RFC 8995 5.8.2), those of the past included: a MASA's audit log goes back
 * further than a certificate of ours lasts.
 */
struct own_domain {
    struct bytes id; /* the key */
    int64_t since;
    struct record_rest rest;
};
extern const struct record_type own_domain_type;
extern const struct table own_domains;
/* All of them. */
MUST_USE bool own_domains_read(struct task *t, struct view *view, struct bytes_list *ret);

/* A CA that devices can be enrolled with: a connector and its own settings. */
struct ca_record {
    const char *name; /* "local"; the key */
    const char *connector;
    struct bytes settings; /* CBOR, by the connector's field table */
    struct record_rest rest;
};

extern const struct record_type ca_type;
extern const struct table cas;
/* Fails with E_INVALID when the name or the connector is no slug (slug.h). */
MUST_USE bool ca_put(struct task *t, struct tx *tx, const struct ca_record *ca);

#endif
