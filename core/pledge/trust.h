/*
 * Whom the manufacturers' records make us trust: one snapshot of all of them, made anew when a
 * record has changed, shared by the connections that were judged by it.
 */
#ifndef GATEHOUSE_CORE_PLEDGE_TRUST_H
#define GATEHOUSE_CORE_PLEDGE_TRUST_H

#include "core/pki/chain.h"
#include "core/pki/revocations.h"
#include "core/pki/serial.h"
#include "core/store/records/manufacturer.h"

struct trust; /* the holder of the current snapshot */

/* A revocation list and the key it was verified with. */
struct trusted_crl {
    const struct crl *crl;
    struct bytes issuer_spki_sha256;
};

struct trusted_maker {
    struct manufacturer record;
    unsigned allowed; /* set of enum allowance */
    struct serial_rule serial_rule;
    struct cert_list idevid_anchors;
    struct trusted_crl *crls;
    size_t crl_count;
    const struct anchors *voucher_anchors; /* NULL: none configured */
    struct cert_list voucher_certs;        /* these anchors: a voucher may carry no certificate */
};

/* Immutable; lives until the last reference is given back. */
struct trust_snapshot {
    uint64_t generation;
    struct trusted_maker *makers;
    size_t maker_count;
    const struct anchors *idevid_anchors; /* of all makers; NULL: there is none */
    /* The holder's own. */
    struct arena *arena;
    unsigned references;
};

/* How the record says that serial numbers are read. */
struct serial_rule maker_serial_rule(const struct manufacturer *m);

struct trust *trust_make(struct store *store);
void trust_free(struct trust *trust);
/*
 * The snapshot of the records as they stand now, with a reference that ends with `owner`, which
 * may outlive the task.
 */
MUST_USE bool trust_get(struct task *t, struct trust *trust, struct arena *owner,
                        const struct trust_snapshot **ret);
/* The maker with this certificate among its IDevID anchors; NULL: none. */
const struct trusted_maker *trust_maker_of(const struct trust_snapshot *snapshot,
                                           const struct cert *anchor);
const struct trusted_maker *trust_maker_named(const struct trust_snapshot *snapshot,
                                              const char *name);

#endif
