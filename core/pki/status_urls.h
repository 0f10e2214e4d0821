/* Where a certificate says its status can be learnt: cRLDistributionPoints, authorityInfoAccess. */
#ifndef GATEHOUSE_CORE_PKI_STATUS_URLS_H
#define GATEHOUSE_CORE_PKI_STATUS_URLS_H

#include "core/base/task.h"

/* Extension value (RFC 5280 4.2.1.13) with one http URL.  Fails with E_INVALID. */
MUST_USE bool extension_crl_url(struct task *t, const char *url, struct bytes *ret);
/*
 * Extension value (RFC 5280 4.2.2.1) with the OCSP responder and the issuer's certificate; either
 * may be NULL, not both.  Fails with E_INVALID.
 */
MUST_USE bool extension_authority_info(struct task *t, const char *ocsp_url, const char *issuer_url,
                                       struct bytes *ret);
/* http, no blanks, ASCII: what may stand in either.  Fails with E_INVALID. */
MUST_USE bool status_url_check(struct task *t, const char *url);

#endif
