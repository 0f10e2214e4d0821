/* Which names a client that is no device may ask for. */
#ifndef GATEHOUSE_EST_NAMES_H
#define GATEHOUSE_EST_NAMES_H

#include "est/client.h"

/*
 * Every dNSName, and the common name, is the secret's, or within the label's domains, or in the
 * certificate that the client has shown, or what client->asked gives; any other name and attribute
 * of the subject only one of the last two.  What a ChangeSubjectName names counts, where there is
 * one.
 * The request asks for no CA's powers, and for none of a registrar (cmcRA).  Fails with
 * E_NAME_REFUSED.
 */
MUST_USE bool names_check(struct task *t, const struct est_client *client, const struct csr *csr);

/*
 * RFC 7030 4.2.2: subject and SubjectAltName are those of the certificate that is renewed.  Fails
 * with E_NOT_RENEWABLE.
 */
MUST_USE bool names_unchanged(struct task *t, const struct csr *csr, const struct cert *before);

/* Fewer than the label's per-day for this subject in the last day; E_TOO_MANY_CERTIFICATES. */
MUST_USE bool names_have_room(struct task *t, struct store *store, const struct est_label *label,
                              const struct csr *csr);

#endif
