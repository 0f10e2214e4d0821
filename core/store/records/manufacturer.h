/* Manufacturers: whose devices may knock, and where their MASA is (RFC 8995 sections 2.3, 2.8). */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_MANUFACTURER_H
#define GATEHOUSE_CORE_STORE_RECORDS_MANUFACTURER_H

#include "core/store/table.h"

/* What becomes of a device that is genuine, and on nobody's list. */
enum manufacturer_unexpected {
    MANUFACTURER_REFUSES,
    MANUFACTURER_HOLDS, /* it waits until an administrator decides */
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
    unsigned int unexpected; /* enum manufacturer_unexpected */
    struct record_rest rest;
};

extern const struct record_type manufacturer_type;
extern const struct table manufacturers;

/*
 * Counts up with each change of a manufacturer, in the same update, so that what was derived from
 * the records (anchor sets) can tell whether it is stale.
 */
MUST_USE bool manufacturer_put(struct task *t, struct tx *tx, const struct manufacturer *m);
/* Deleting what is not there is no failure. */
MUST_USE bool manufacturer_delete(struct task *t, struct tx *tx, const char *name);
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
