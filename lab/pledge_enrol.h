/* Steps of enrolment (RFC 8995 5.9) that have files of their own. */
#ifndef GATEHOUSE_LAB_PLEDGE_ENROL_H
#define GATEHOUSE_LAB_PLEDGE_ENROL_H

#include "core/pki/csrattrs.h"
#include "lab/pledge.h"

/* pledge_est.c */
/*
 * Connects to the server that est-domain names: `now.est`, `now.est_place`.  Fails with
 * E_EST_SERVER_REFUSED before anything was sent when it is not the one that is pinned.
 */
MUST_USE bool pledge_meet_est_server(struct task *t, struct pledge *p);
/* RFC 8951 3: base64 whatever the header says; in lines, which old servers want. */
struct bytes est_body(struct task *t, struct bytes der);
/* The octets behind an answer with 200.  Fails with E_STATUS. */
MUST_USE bool est_answer_read(struct task *t, struct pledge *p, const struct response *answer,
                              const char *media_type, struct bytes *ret);
/* One EST operation at `now.est`: fills in link, path and action; follows redirects on the server.
 */
MUST_USE bool est_call(struct task *t, struct pledge *p, const char *resource,
                       struct patient_call *call, struct response *ret);

/* As whom the device comes from now on; its chain points into `p`. */
struct credentials pledge_ldevid(struct pledge *p);

/* pledge_csr.c */
MUST_USE bool csr_wishes(struct task *t, struct pledge *p, struct csrattrs *ret);
MUST_USE bool csr_make_key(struct task *t, struct pledge *p, const struct csrattrs *wishes);
/* `now.content` and `now.csr`; over `now.est`, which must be open: the request may be bound to it.
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
