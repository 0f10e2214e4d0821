/* What a device's profile makes of it: the CSR attributes, and whether a request follows them. */
#ifndef GATEHOUSE_EST_PROFILE_H
#define GATEHOUSE_EST_PROFILE_H

#include "core/pki/csrattrs.h"
#include "core/store/records/device.h"
#include "core/store/records/episode.h"
#include "core/store/records/profile.h"
#include "est/problems.h"

/* The profile of the device's manufacturer. */
MUST_USE bool profile_of_device(struct task *t, struct reader *r, const struct device *device,
                                struct profile *ret);

/* What a device is to ask for. */
struct asked {
    const char *name;        /* dNSName; NULL: none */
    struct bytes attributes; /* DER, by its profile now (RFC 9908 3.2) */
    struct bytes told;       /* DER, what it was told before in this episode; absent: nothing yet */
};
/* For the device of an episode.  Fails with E_PROFILE_MISSING, E_PROFILE_NAME. */
MUST_USE bool profile_asked(struct task *t, struct store *store, const struct episode *e,
                            struct asked *ret);
/*
 * Inside an update: the name (NULL: none) becomes this device's; E_PROFILE_NAME when another one
 * has it.
 */
MUST_USE bool profile_claim_name(struct task *t, struct tx *tx, const char *name,
                                 struct bytes device);

/* The request's key and signature are as that profile has them; E_CSR_NOT_AS_ASKED. */
MUST_USE bool profile_check_key(struct task *t, struct store *store, const char *name,
                                const struct csr *csr);
/* DER of what anybody may be told: the profile's key and hash, and whether to bind the channel. */
MUST_USE bool profile_generic(struct task *t, struct store *store, const char *name, bool binding,
                              struct bytes *ret);
/* The kind of key that the profile is for; *ret_rsa_bits is 0 for others than RSA. */
enum key_kind profile_key_kind(const struct profile *profile, unsigned *ret_rsa_bits);

/*
 * RFC 8995 5.9.2: the request is held against the attributes that were handed out, before any CA
 * sees it: key and hash; extensions octet for octet and none besides, and a subject that states
 * nothing but what the IDevID states or the name it was given.  Both fail with E_CSR_NOT_AS_ASKED.
 */
MUST_USE bool csr_key_as_asked(struct task *t, const struct csr *csr, const struct csrattrs *asked);
MUST_USE bool csr_rest_as_asked(struct task *t, const struct csr *csr, const struct csrattrs *asked,
                                const struct cert *idevid);

#endif
