/*
 * What an end entity's certificate must be before it leaves (RFC 5280, and what strict clients
 * refuse): the check of our own work and of connectors' CAs, not of foreign chains.
 */
#ifndef GATEHOUSE_CORE_PKI_LINT_H
#define GATEHOUSE_CORE_PKI_LINT_H

#include "core/pki/cert.h"

struct lint {
    const struct cert *cert;
    const EVP_PKEY *key; /* its public key: a certificate just made need not have it decoded */
    const struct cert *issuer; /* who signed it; NULL: not known */
};

/*
 * Fails with E_LINT, its detail naming the first rule that is broken, by section.  The signature
 * is not verified.
 */
MUST_USE bool lint_certificate(struct task *t, const struct lint *l);

#endif
