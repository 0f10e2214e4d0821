/*
 * Changing our certificate: a new one is made and waits, seen only by those who ask for a name that
 * the present one does not have; then it takes the present one's place.
 *
 * The store is what changes: a running daemon reads it again with identities_refresh().
 */
#ifndef GATEHOUSE_REGISTRAR_IDENTITY_CHANGE_H
#define GATEHOUSE_REGISTRAR_IDENTITY_CHANGE_H

#include "registrar/identity/identity.h"

#define IDENTITY_VALIDITY_PRESET (2LL * 365 * 24 * 60 * 60 * 1000) /* ms */

struct identity_plan {
    bool new_key;           /* or the present one's */
    struct text_list hosts; /* DNS names and IP addresses; none: the present one's */
    int64_t validity;       /* ms; cut to the registrar CA's end; 0: IDENTITY_VALIDITY_PRESET */
    const char *actor;      /* for the audit: "admin:root" */
};
/*
 * Signed by the registrar CA in the token; takes the place of one that waits already.  Fails with
 * E_REGISTRAR_IDENTITY, E_INVALID, and as the token does.
 */
MUST_USE bool identity_stage(struct task *t, struct store *store, struct keystore *keys,
                             const struct identity_plan *plan, const struct cert **ret);
/* Takes the waiting one back.  Fails with E_NOTHING_STAGED. */
MUST_USE bool identity_unstage(struct task *t, struct store *store, const char *actor);

/*
 * What the change would break, in words: for each cloud that gives out vouchers for us, what it
 * pins (or has pinned lately) and would not be seen any more.
 */
MUST_USE bool identity_obstacles(struct task *t, struct view *view, const struct identity_set *set,
                                 struct text_list *ret);
struct identity_switch {
    const char *actor;
    const char *override; /* why it is done in spite of obstacles; NULL: they forbid it */
};
/*
 * The waiting one becomes the present one.  Fails with E_NOTHING_STAGED, or E_PIN_AT_STAKE, which
 * is noted in the audit and shown as an alarm until the change is made or taken back.
 */
MUST_USE bool identity_switch(struct task *t, struct store *store,
                              const struct identity_switch *change);

#endif
