/*
 * Issuing vouchers: the one way in which the lab signs them, for a MASA that registrars ask and for
 * a cloud registrar with the MASA integrated (draft-ietf-anima-brski-cloud 2).
 */
#ifndef GATEHOUSE_LAB_MASA_ISSUE_H
#define GATEHOUSE_LAB_MASA_ISSUE_H

#include "lab/credentials.h"
#include "lab/masa_state.h"
#include "registrar/voucher/voucher.h"

/* Who signs, and where it is kept. */
struct masa_office {
    const struct credentials *signer;
    struct masa_state *state;
    int64_t lifetime;  /* ms, of a voucher without nonce */
    bool name_issuer;  /* idevid-issuer goes into vouchers (RFC 8366bis 6.2) */
    int64_t renewable; /* ms; of nonceless ones, last-renewal-date; 0: not said */
};

/* What is to be issued, to whom: judged before. */
struct masa_grant {
    const struct voucher_form *form;
    struct bytes request; /* the octets that asked: the same get the same voucher */
    const char *serial;
    struct bytes idevid_issuer;
    const char *nonce; /* NULL: nonceless */
    const char *assertion;
    const struct cert *pinned;
    int64_t not_after; /* wall-clock ms: a voucher without nonce ends by then; 0: no such bound */
    const char *est_domain; /* this and the next: NULL but in a cloud's vouchers */
    const char *additional_configuration_url;
};

/* Durable when it returns; fails as masa_state_issue() does. */
MUST_USE bool masa_grant(struct task *t, const struct masa_office *office,
                         const struct masa_grant *grant, struct bytes *ret);

#endif
