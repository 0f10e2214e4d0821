/*
 * Reductions of security (RFC 8995 7.3, draft-ietf-anima-brski-cloud 4.2): what makes bootstrapping
 * less safe than it is meant to be.  Each is a switch with a name, off unless an administrator sets
 * it; what is in force is told at every start and is an alarm for as long as it is so.
 */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_REDUCTION_H
#define GATEHOUSE_CORE_STORE_RECORDS_REDUCTION_H

#include "core/store/table.h"

/* X(id, name, what it means) */
#define REDUCTIONS(X)                                                                              \
    X(REDUCTION_UNVERIFIED, "unverified-devices",                                                  \
      "an admission rule lets devices in that are on no list, whatever their voucher asserts "     \
      "(RFC 8995 7.3, 1)")                                                                         \
    X(REDUCTION_UNAUTHENTICATED, "unauthenticated-pledges",                                        \
      "devices on the list are believed although nobody vouches for their IDevID (RFC 8995 7.3, "  \
      "2)")                                                                                        \
    X(REDUCTION_NONCELESS, "nonceless",                                                            \
      "vouchers without nonce are good, for as long as they last (RFC 8995 7.3, 3)")               \
    X(REDUCTION_AUDIT_LOG, "audit-log",                                                            \
      "devices are let in whatever their MASA's audit log says (RFC 8995 7.3, 4)")                 \
    X(REDUCTION_UNREADABLE, "relay-unreadable",                                                    \
      "vouchers that cannot be read here are handed on unchecked (RFC 8995 7.3, 5)")

enum reduction {
#define REDUCTION_ID(id, name, text) id,
    REDUCTIONS(REDUCTION_ID)
#undef REDUCTION_ID
        REDUCTION_COUNT
};
extern const char *const reduction_names[]; /* ends with NULL */
extern const char *const reduction_texts[];

/* Those that one record alone cannot put in force: the node file names them, too. */
bool reduction_is_the_nodes(const char *name);

#define REDUCTIONS_MAX 512 /* shown at once */
struct reduction_in_force {
    enum reduction which;
    const char *about; /* "manufacturer acme", "rule lab" */
    int64_t since;     /* when its record was last changed, or made */
};
/* `unauthenticated`: the node file has unauthenticated-pledges. */
MUST_USE bool reductions_read(struct task *t, struct view *view, bool unauthenticated,
                              struct reduction_in_force **ret, size_t *ret_count);

#endif
