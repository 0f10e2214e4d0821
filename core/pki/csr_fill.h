/* A client's side of the template of RFC 9908 3.4: its gaps are filled. */
#ifndef GATEHOUSE_CORE_PKI_CSR_FILL_H
#define GATEHOUSE_CORE_PKI_CSR_FILL_H

#include "core/pki/csr_template.h"

/* What a device has to fill gaps with. */
struct csr_facts {
    const struct cert *idevid; /* its subject and SubjectAltName */
    EVP_PKEY *key;             /* that the request is for */
    struct bytes address;      /* IPv4 or IPv6, 4 or 16 octets; absent: not known */
};

/*
 * What the request is to say.  Values that the template gives are copied, in its order.  Without a
 * value,
 * - an attribute of the subject gets that of the IDevID's subject (commonName, where the IDevID has
 *   none, its serialNumber);
 * - keyUsage becomes digitalSignature, extendedKeyUsage clientAuth, basicConstraints that of an end
 *   entity, subjectKeyIdentifier that of the key (RFC 5280 4.2.1.2 (1)), any other extension the
 *   IDevID's;
 * - an empty directoryName in a SubjectAltName becomes the subject, an empty iPAddress the address.
 * A template without a subject leaves that to us: the IDevID's.  Fails with E_CSRATTRS_UNMET when
 * there is nothing to fill a gap with.
 */
MUST_USE bool csr_fill(struct task *t, const struct csr_template *template,
                       const struct csr_facts *facts, struct csr_content *ret);

#endif
