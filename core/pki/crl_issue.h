/* Making certificate revocation lists (RFC 5280 section 5). */
#ifndef GATEHOUSE_CORE_PKI_CRL_ISSUE_H
#define GATEHOUSE_CORE_PKI_CRL_ISSUE_H

#include "core/pki/cert.h"

struct crl_entry {
    struct bytes serial; /* big-endian, without sign octet */
    int64_t revoked;     /* wall-clock ms */
    int reason;          /* CRLReason; 0 (unspecified) is left out (RFC 5280 5.3.1) */
};

struct crl_issue {
    const struct cert *issuer;
    EVP_PKEY *issuer_key; /* may live in a token */
    uint64_t number;      /* cRLNumber: greater with each list of this issuer */
    int64_t this_update;  /* wall-clock ms; whole seconds are written */
    int64_t next_update;
    const struct crl_entry *entries; /* in any order, each serial number once */
    size_t count;
};

/*
 * A signed version 2 list in DER, with AuthorityKeyIdentifier and cRLNumber, entries by serial
 * number.  Fails with E_INVALID when the list would end before it begins, or the issuer's
 * certificate does not allow it to sign lists (keyUsage cRLSign).
 */
MUST_USE bool crl_issue(struct task *t, const struct crl_issue *issue, struct bytes *ret);

#endif
