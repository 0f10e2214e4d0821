/* Names for a SubjectAltName (RFC 5280 4.2.1.6), made of text. */
#ifndef GATEHOUSE_CORE_PKI_ALT_NAME_H
#define GATEHOUSE_CORE_PKI_ALT_NAME_H

#include "core/base/task.h"
#include "core/pki/problems.h"

#include <openssl/x509.h>

enum alt_name_kind {
    ALT_NAME_DNS,           /* dNSName */
    ALT_NAME_IP,            /* iPAddress: IPv4 or IPv6 */
    ALT_NAME_URI,           /* uniformResourceIdentifier */
    ALT_NAME_EMAIL,         /* rfc822Name */
    ALT_NAME_REGISTERED_ID, /* dotted */
    ALT_NAME_ACP_NODE,      /* otherName with an AcpNodeName (RFC 8994 6.2.2) */
    ALT_NAME_DIRECTORY,     /* directoryName */
    ALT_NAME_OTHER,         /* otherName with a UTF8String */
};

struct alt_name {
    enum alt_name_kind kind;
    const char *type_id;  /* ALT_NAME_OTHER: its type, dotted */
    const char *text;     /* all but ALT_NAME_DIRECTORY; NULL as below */
    X509_NAME *directory; /* ALT_NAME_DIRECTORY, borrowed */
};

/*
 * DER of the SubjectAltName.  A name without text is the client's to fill (RFC 9908 3.4), which an
 * iPAddress and a directoryName can be.  Fails with E_INVALID on what is no name of its kind.
 */
MUST_USE bool alt_names_encode(struct task *t, const struct alt_name *names, size_t count,
                               struct bytes *ret);

#endif
