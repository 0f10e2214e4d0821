/* What a device's profile makes of it: the CSR attributes that a request is held against. */
#ifndef GATEHOUSE_EST_PROFILE_H
#define GATEHOUSE_EST_PROFILE_H

#include "core/asking/check.h"
#include "core/store/records/episode.h"
#include "est/problems.h"

/* The profile of the device's manufacturer. */
MUST_USE bool profile_of_device(struct task *t, struct reader *r, const struct device *device,
                                struct profile *ret);

/* What a device is to ask for, or anybody. */
struct asked {
    struct profile profile;
    const char *serial;      /* of the device; NULL: anybody */
    struct text_list claims; /* names that become this device's, and are nobody else's */
    struct csrattrs wishes;  /* by its profile now */
    struct bytes attributes; /* the same in DER: what it is told */
    struct bytes told;       /* DER, what it was told before in this episode; absent: nothing yet */
};
/*
 * For the device of an episode, which gets its opaque identifier when there is none yet and its
 * profile wants one.  `binding`: the label asks for a channel binding.  Fails with
 * E_PROFILE_MISSING, E_PROFILE_NAME, E_PROFILE_VALUE.
 */
MUST_USE bool profile_asked(struct task *t, struct store *store, const struct episode *e,
                            bool binding, struct asked *ret);
/* The same without what is made of a device's own, which may not be to be had. */
MUST_USE bool profile_asked_of_all(struct task *t, struct store *store, const struct episode *e,
                                   struct asked *ret);
/* What anybody may be told of that profile: nothing that is made of a device's own. */
MUST_USE bool profile_generic(struct task *t, struct store *store, const char *name, bool binding,
                              struct asked *ret);
/*
 * Inside an update: the names become this device's; E_PROFILE_NAME when another one has one of
 * them.
 */
MUST_USE bool profile_claim_names(struct task *t, struct tx *tx, const struct text_list *names,
                                  struct bytes device);

/* The IDevID that the device came with; NULL: it is not kept. */
MUST_USE bool profile_idevid(struct task *t, struct store *store, struct bytes device,
                             const struct cert **ret);
/* Octets of the address in text; absent: it is none. */
struct bytes profile_address(struct task *t, const char *address);

#endif
