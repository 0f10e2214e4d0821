/* Manufacturers: whose devices may knock, and where their MASA is (RFC 8995 sections 2.3, 2.8). */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_MANUFACTURER_H
#define GATEHOUSE_CORE_STORE_RECORDS_MANUFACTURER_H

#include "core/store/table.h"

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

#endif
