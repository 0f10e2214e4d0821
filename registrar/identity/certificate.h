/* Our own certificate: for TLS and for voucher requests alike. */
#ifndef GATEHOUSE_REGISTRAR_IDENTITY_CERTIFICATE_H
#define GATEHOUSE_REGISTRAR_IDENTITY_CERTIFICATE_H

#include "core/pki/issue.h"

/*
 * RFC 8995 5.5.4: its holder is a registrar by cmcRA; with that extended key usage there, TLS needs
 * its own two (RFC 5280 4.2.1.12).  `hosts` are DNS names and IP addresses.  Fails with E_INVALID.
 */
MUST_USE bool registrar_extensions(struct task *t, const struct text_list *hosts,
                                   struct extension_list *ret);
/* The same with the alternative names of another certificate. */
MUST_USE bool registrar_extensions_like(struct task *t, const struct cert *cert,
                                        struct extension_list *ret);

#endif
