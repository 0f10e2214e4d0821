/* Steps of enrolment (RFC 8995 5.9) that have files of their own. */
#ifndef GATEHOUSE_LAB_PLEDGE_ENROL_H
#define GATEHOUSE_LAB_PLEDGE_ENROL_H

#include "core/pki/csrattrs.h"
#include "lab/pledge.h"

/* pledge_csr.c */
MUST_USE bool csr_wishes(struct task *t, struct pledge *p, struct csrattrs *ret);
MUST_USE bool csr_make_key(struct task *t, struct pledge *p, const struct csrattrs *wishes);
/* `now.content` and `now.csr`; over `now.link`, which must be open: the request may be bound to it.
 */
MUST_USE bool csr_make(struct task *t, struct pledge *p, const struct csrattrs *wishes);

/* pledge_issued.c */
/* The anchors among what cacerts gave: the self-signed ones, or all where there is none. */
MUST_USE bool est_anchors(struct task *t, const struct pledge *p, const struct anchors **ret);
/*
 * The one certificate for our key among those that simpleenroll gave.  It leads to the cacerts, has
 * the names asked for, and makes no registrar or CA of us.  Fails with E_CERTIFICATE_REFUSED.
 */
MUST_USE bool issued_check(struct task *t, const struct pledge *p, const struct csrattrs *wishes,
                           const struct cert_list *given, const struct cert **ret);

#endif
