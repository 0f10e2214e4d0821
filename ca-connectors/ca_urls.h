/* Where a certificate of ours says that its status can be learnt. */
#ifndef GATEHOUSE_CA_CONNECTORS_CA_URLS_H
#define GATEHOUSE_CA_CONNECTORS_CA_URLS_H

#include "core/pki/csr.h"

#define CA_URL_EXTENSIONS 2

/* Hexadecimal SubjectKeyIdentifier: by it a CA is named in URLs. */
MUST_USE bool ca_key_id(struct task *t, const struct cert *ca, const char **ret);

/*
 * cRLDistributionPoints and authorityInfoAccess of a certificate that this issuer signs, written to
 * `items` from *count on, which counts them; there must be room for CA_URL_EXTENSIONS.  `url` is
 * the public listener's (NULL: nothing is written).
 */
MUST_USE bool ca_url_extensions(struct task *t, const char *url, const struct cert *issuer,
                                struct extension *items, size_t *count);

#endif
