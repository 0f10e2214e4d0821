/*
 * Proof that an owner holds the key of a certificate: a statement signed with that key.  A chain
 * from the TLS certificate would not do: a CA that also certifies others shows the same chain, and
 * pinning it would let each of them pose as the owner's EST server.
 *
 * The statement is CMS SignedData over JSON:
 *
 *     {"gatehouse-registration:statement": {"audience": "https://...", "owner": "...",
 *      "certificate-sha256": "(base64)", "created-on": "(RFC 3339)"}}
 *
 * so that it is good for one cloud, one account, one certificate and a short time.
 */
#ifndef GATEHOUSE_LAB_CLOUD_PROOF_H
#define GATEHOUSE_LAB_CLOUD_PROOF_H

#include "core/base/clock.h"
#include "core/pki/cert.h"
#include "lab/cloud_forms.h"

#define CLOUD_STATEMENT_AGE_MAX HOUR_MS
#define CLOUD_CLOCK_SKEW_MAX    (10 * MINUTE_MS)

struct cloud_proof_rules {
    const char *audience;
    const char *owner;
    int64_t now; /* wall-clock ms */
};

/* The certificate that is proven.  Fails with E_PROOF. */
MUST_USE bool cloud_proof_check(struct task *t, const struct cloud_proof *proof,
                                const struct cloud_proof_rules *rules, const struct cert **ret);

/* The statement's content alone, whoever signed it.  Fails with E_PROOF, E_MALFORMED. */
MUST_USE bool cloud_statement_check(struct task *t, struct bytes content, const struct cert *cert,
                                    const struct cloud_proof_rules *rules);

#endif
