/*
 * An IDevID, held against the manufacturers' records: whose device it is, and which (RFC 8995
 * 2.3.1, 5.3).
 */
#ifndef GATEHOUSE_CORE_PLEDGE_IDEVID_H
#define GATEHOUSE_CORE_PLEDGE_IDEVID_H

#include "core/pledge/problems.h"
#include "core/pledge/trust.h"

/* What is pointed to lives as long as the task's arena and the snapshot. */
struct idevid {
    const struct cert *cert;
    struct cert_list chain; /* verified: leaf first, anchor last */
    const char *serial;     /* as the manufacturer's record says it is read */
    struct bytes issuer_spki_sha256;
    struct bytes spki_sha256; /* of its own key */
    struct bytes device;      /* id; absent: it is not known which device it is */
    const struct manufacturer *manufacturer;
    const struct trusted_maker *maker; /* the same, with what was made of the record */
    bool expired;                      /* and that is good at this manufacturer's */
    bool unauthenticated;              /* what it says of itself is believed: idevid_claim() */
};

/*
 * Fills in what is found out; after a failure as far as that went, so that a device that is known
 * and not believed any more can be told.  Fails with E_UNKNOWN_MAKER, E_IDEVID_EXPIRED,
 * E_IDEVID_REVOKED, E_NO_SERIAL.
 */
MUST_USE bool idevid_judge(struct task *t, const struct trust_snapshot *trust,
                           const struct cert *leaf, const struct cert_list *others,
                           struct idevid *idevid);
/*
 * RFC 8995 7.3 (2): a device whose certificate is not verified by any anchor says whose it is, and
 * is believed, where the manufacturer's record has unauthenticated-pledges: the certificate names
 * one of that manufacturer's anchors as its issuer.  To be called only where the node file has it
 * too.  Fails as idevid_judge(), with the problem at hand when nobody's record allows it.
 */
MUST_USE bool idevid_claim(struct task *t, const struct trust_snapshot *trust,
                           const struct cert *leaf, struct idevid *idevid);

#endif
