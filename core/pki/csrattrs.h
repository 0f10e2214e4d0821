/*
 * CSR attributes (RFC 7030 4.5.2, RFC 9908): what a server tells a client to put in its request.
 */
#ifndef GATEHOUSE_CORE_PKI_CSRATTRS_H
#define GATEHOUSE_CORE_PKI_CSRATTRS_H

#include "core/pki/csr_template.h"

#define CSRATTRS_SIZE_MAX  ((size_t)16 * 1024)
#define CSRATTRS_COUNT_MAX 64 /* elements */

struct csrattrs {
    const char *signature_oid;        /* hash to sign with; NULL: the client's choice */
    struct extension_list extensions; /* to be copied, octet for octet (id-ExtensionReq) */
    struct text_list fill;            /* other OIDs named bare: the client fills them if it can */
    enum key_kind key;                /* KEY_OTHER: the client's choice */
    unsigned rsa_bits;                /* with KEY_RSA; 0: any size */
    bool challenge_password;          /* channel binding wanted */
    /*
     * RFC 9908 3.4; NULL: none.  A client that reads it goes by it alone, as far as the content of
     * its request is concerned: the other elements are for those who do not.
     */
    const struct csr_template *template;
};

/*
 * The elements as RFC 9908 section 3.2 clarifies them (one ExtensionReq with one Extensions), then
 * the template.  Fails with E_INVALID on what cannot be said.
 */
MUST_USE bool csrattrs_encode(struct task *t, const struct csrattrs *attrs, struct bytes *ret);
/*
 * Reads any SEQUENCE OF AttrOrOID; what is not understood is passed over (RFC 7030 4.5.2), also
 * the bare OID inside id-ExtensionReq of RFC 7030's example.  Octets that are no such SEQUENCE,
 * two ExtensionReq, an extension twice, two templates, or one that breaks RFC 9908 3.4 fail with
 * E_CSRATTRS_MALFORMED.
 */
MUST_USE bool csrattrs_decode(struct task *t, struct bytes der, struct csrattrs *ret);

#endif
