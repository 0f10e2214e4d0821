/* Making certificates (RFC 5280 section 4). */
#ifndef GATEHOUSE_CORE_PKI_ISSUE_H
#define GATEHOUSE_CORE_PKI_ISSUE_H

#include "core/pki/csr.h"

#define ISSUE_SERIAL_LEN 20

struct issue {
    X509_NAME *subject;    /* borrowed; may be empty when there is a SubjectAltName */
    EVP_PKEY *key;         /* the subject's public key */
    const struct csr *csr; /* instead of `key`: for the key of this request */
    int64_t not_before;    /* wall-clock ms; whole seconds are written */
    int64_t not_after;
    bool ca;
    int path_length; /* with `ca`; -1: none */
    struct extension_list
        extensions;            /* besides SKI, AKI and basicConstraints, which are made here */
    const struct cert *issuer; /* NULL: self-signed */
    EVP_PKEY *issuer_key;      /* may live in a token */
};

/*
 * Signs a version 3 certificate with a random serial number of 20 octets (positive, RFC 5280
 * 4.1.2.2), SKI by RFC 7093 method 1 (leftmost 160 bits of SHA-256 of the key), AKI from the
 * issuer's SKI, basicConstraints (critical for CAs; left out of end entities).
 * Without a subject the SubjectAltName becomes critical (4.2.1.6).
 * Fails with E_INVALID when the validity exceeds the issuer's at either end, when the issuer's key
 * is not its certificate's, and on extensions that are made here.
 */
MUST_USE bool issue_certificate(struct task *t, const struct issue *issue, const struct cert **ret);

/*
 * RFC 5280 A.1: true for an attribute that must be a PrintableString (countryName, serialNumber,
 * dnQualifier) and whose characters can stand in one.
 */
bool name_wants_printable(const X509_NAME_ENTRY *entry);

/* "CN=a,O=b": RFC 4514 to a name; owned by the arena.  Fails with E_INVALID. */
MUST_USE bool name_from_text(struct task *t, const char *text, X509_NAME **ret);

#endif
