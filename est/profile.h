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
/*
 * The pattern with "{serial}" replaced by the serial number made a DNS label (RFC 1123): lower
 * case, everything but letters, digits and inner hyphens replaced.  When more than the case had to
 * change, eight digits of a hash follow, so that two serial numbers never make one name.  Fails
 * with E_PROFILE_NAME.
 */
MUST_USE bool profile_dns_name(struct task *t, const struct profile *profile, const char *serial,
                               const char **ret);
/* What a device of that serial number is told to ask for (RFC 9908 3.2). */
MUST_USE bool profile_csrattrs(struct task *t, const struct profile *profile, const char *serial,
                               struct bytes *ret);
/*
 * The same for the device of an episode, and what it was told before in that episode (absent:
 * nothing yet).
 */
MUST_USE bool profile_attributes(struct task *t, struct store *store, const struct episode *e,
                                 struct bytes *ret_attributes, struct bytes *ret_remembered);
/*
 * RFC 8995 5.9.2: the request is held against the attributes that were handed out, before any CA
 * sees it: key, hash, extensions octet for octet and none besides; and a subject that states
 * nothing but what the IDevID states or the name it was given.  Fails with E_CSR_NOT_AS_ASKED.
 */
MUST_USE bool csr_as_asked(struct task *t, const struct csr *csr, const struct csrattrs *asked,
                           const struct cert *idevid);

#endif
