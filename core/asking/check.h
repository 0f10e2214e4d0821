/* Whether a request is what its sender was told to ask for (RFC 8995 5.9.2, RFC 9908). */
#ifndef GATEHOUSE_CORE_ASKING_CHECK_H
#define GATEHOUSE_CORE_ASKING_CHECK_H

#include "core/asking/wishes.h"

/* Who sends a request, and what is known of it. */
struct sender {
    const struct profile *profile; /* whose usages bound those that the sender fills */
    const char *serial;            /* of the device; NULL: it is none */
    const struct cert *idevid;     /* the device's; NULL: not known */
    struct bytes address;          /* where it sends from, 4 or 16 octets; absent: not known */
    bool binds_itself;             /* an RA, which has seen to the channel binding (RFC 7030 3.7) */
    bool key_is_ours;              /* to be made (RFC 7030 4.4.1): its own counts for nothing */
};

/*
 * The request has what the attributes ask for.  When they have a template, it follows that, or else
 * the other elements, where there are any: an old client goes by these (RFC 9908 4).
 *
 * A device's request has nothing besides, either: no other extension, no other name.  With a
 * template its subject is the template's, each RDN in its place; without one it states nothing but
 * what the IDevID states or a name that was given.  What the device fills is its own: what the
 * IDevID states of that kind, its serial number, a given name; an iPAddress is the one it sends
 * from; a usage is one that the profile gives.  Where the profile has an opaque identifier, the
 * serial number stays out of a subject that nobody has asked for.
 *
 * Others' requests may have more, but no extension or usage that the CA takes on the profile's
 * word; est/names.h says which names.
 *
 * Fails with E_CSR_NOT_AS_ASKED, its detail saying what was asked and what came, or
 * E_CSR_MALFORMED.
 */
MUST_USE bool csr_as_asked(struct task *t, const struct csr *csr, const struct csrattrs *asked,
                           const struct sender *sender);
/* The same of a renewal, whose names are those of the certificate before. */
MUST_USE bool csr_renewal_as_asked(struct task *t, const struct csr *csr,
                                   const struct csrattrs *asked, const struct sender *sender);

/* The attributes give that name ("DNS:...") with its value. */
MUST_USE bool asked_gives_name(struct task *t, const struct csrattrs *asked, const char *name,
                               bool *ret);
/* The attributes give that attribute of the subject with this value, or leave it to the client. */
MUST_USE bool asked_gives_attribute(struct task *t, const struct csrattrs *asked,
                                    const X509_NAME_ENTRY *entry, bool *ret);

#endif
