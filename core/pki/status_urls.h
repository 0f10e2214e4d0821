/* Where a certificate says its status can be learnt: cRLDistributionPoints, authorityInfoAccess. */
#ifndef GATEHOUSE_CORE_PKI_STATUS_URLS_H
#define GATEHOUSE_CORE_PKI_STATUS_URLS_H

#include "core/pki/cert.h"

#define STATUS_URLS_MAX 8

/* Extension value (RFC 5280 4.2.1.13) with one http URL.  Fails with E_INVALID. */
MUST_USE bool extension_crl_url(struct task *t, const char *url, struct bytes *ret);
/*
 * Extension value (RFC 5280 4.2.2.1) with the OCSP responder and the issuer's certificate; either
 * may be NULL, not both.  Fails with E_INVALID.
 */
MUST_USE bool extension_authority_info(struct task *t, const char *ocsp_url, const char *issuer_url,
                                       struct bytes *ret);
/*
 * The http URLs of the revocation lists that the certificate names, at most STATUS_URLS_MAX; others
 * (LDAP, a name relative to the issuer's) are passed over.  None: an empty list.  Fails with
 * E_CERT_MALFORMED.
 */
MUST_USE bool cert_crl_urls(struct task *t, const struct cert *cert, struct text_list *ret);
/* http, no blanks, ASCII: what may stand in either.  Fails with E_INVALID. */
MUST_USE bool status_url_check(struct task *t, const char *url);

#endif
