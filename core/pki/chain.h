/* Certification paths (RFC 5280 section 6) to a set of anchors. */
#ifndef GATEHOUSE_CORE_PKI_CHAIN_H
#define GATEHOUSE_CORE_PKI_CHAIN_H

#include "core/pki/cert.h"

/* Built once, used by many threads. */
struct anchors;

/*
 * Any certificate may be an anchor, CA or not, self-signed or not; one that is no CA vouches for
 * itself alone.  Released with the arena.
 */
MUST_USE bool anchors_make(struct task *t, const struct cert_list *certs,
                           const struct anchors **ret);

struct chain_rules {
    int64_t at;           /* wall-clock ms to judge validity at; 0: now */
    bool ignore_validity; /* as a pledge without a clock does (RFC 8995 2.6.1) */
};

/*
 * Builds and verifies a path from `leaf` through `others` to an anchor; no purpose, key usage or
 * EKU is demanded of the leaf (RFC 8995 2.3 demands none of an IDevID).  Validity is judged, or
 * ignored, for the whole path, the anchor as well.  `ret` (may be NULL) gets the path, leaf first,
 * anchor last.  Fails with E_CERT_EXPIRED or E_CERT_UNTRUSTED.
 */
MUST_USE bool chain_verify(struct task *t, const struct anchors *anchors, const struct cert *leaf,
                           const struct cert_list *others, const struct chain_rules *rules,
                           struct cert_list *ret);
/*
 * As chain_verify(), with one certificate as the only anchor; the leaf itself, or another
 * certificate for the leaf's key, counts as pinned (RFC 8995 5.6.2).
 */
MUST_USE bool chain_verify_pinned(struct task *t, const struct cert *pinned,
                                  const struct cert *leaf, const struct cert_list *others,
                                  const struct chain_rules *rules);

#endif
