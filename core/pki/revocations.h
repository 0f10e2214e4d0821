/*
 * Certificate revocation lists that others publish (RFC 5280 5): read, verified, and asked about a
 * certificate.  Complete, direct lists only.
 */
#ifndef GATEHOUSE_CORE_PKI_REVOCATIONS_H
#define GATEHOUSE_CORE_PKI_REVOCATIONS_H

#include "core/pki/cert.h"

#define CRL_SIZE_MAX  ((size_t)4 * 1024 * 1024) /* octets of one list */
#define CRL_COUNT_MAX 16                        /* lists in one file, or of one manufacturer */

/* Lives as long as the arena it was parsed in; asked by many threads. */
struct crl {
    X509_CRL *x509; /* owned by the arena */
    struct bytes der;
    int64_t this_update; /* wall-clock ms */
    int64_t next_update; /* 0: the list does not say when there will be another */
    size_t revoked;      /* entries */
    struct bytes number; /* crlNumber, big-endian; absent: none */
};

/*
 * One DER list without anything after it.  A delta, a list of other CAs' certificates (indirect),
 * and critical extensions that are not known here fail with E_CRL_MALFORMED: what such a list says
 * would be misunderstood.
 */
MUST_USE bool crl_parse(struct task *t, struct bytes der, const struct crl **ret);
/* One or more PEM lists, or one in DER: what an administrator has in a file. */
MUST_USE bool crls_from_file_octets(struct task *t, struct bytes octets, struct bytes_list *ret);
/* RFC 4514, printable. */
char *crl_issuer(struct task *t, const struct crl *crl);
/*
 * The one of `anchors` that has signed it: name, key and key usage are right.  Fails with
 * E_CRL_UNTRUSTED.
 */
MUST_USE bool crl_verify(struct task *t, const struct crl *crl, const struct cert_list *anchors,
                         const struct cert **ret);
/*
 * True when a certificate with this issuer's name and this serial number is on the list, for
 * whatever reason and since whenever.  That the issuer's key is that of crl_verify() is for the
 * caller to see to.
 */
bool crl_lists(const struct crl *crl, const struct cert *cert);

#endif
