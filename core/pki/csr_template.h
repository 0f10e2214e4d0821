/*
 * The template of a certification request (RFC 9908 3.4): what a server wants a client to ask for,
 * with values that are given and places that the client fills.
 */
#ifndef GATEHOUSE_CORE_PKI_CSR_TEMPLATE_H
#define GATEHOUSE_CORE_PKI_CSR_TEMPLATE_H

#include "core/pki/csr.h"

#define TEMPLATE_RDNS_MAX       32 /* in one subject */
#define TEMPLATE_ATTRIBUTES_MAX 32 /* in one RDN, and beside the extensions */

/* One attribute of a name, such as "commonName = ...". */
struct name_attribute {
    const char *oid;
    struct bytes value; /* DER with its tag; absent: the client fills it */
};
/* A RelativeDistinguishedName; nearly always one attribute. */
struct name_rdn {
    struct name_attribute *items;
    size_t count;
};
/*
 * "serialNumber", "CN" or a dotted type, with this value (UTF-8; NULL: the client fills it), in the
 * string type that the attribute has (RFC 5280 A.1).  Fails with E_INVALID.
 */
MUST_USE bool name_attribute_make(struct task *t, const char *type, const char *text,
                                  struct name_attribute *ret);

/* The value as UTF-8; NULL: there is none, or it is no text. */
const char *name_attribute_text(struct task *t, const struct name_attribute *attribute);

struct csr_template {
    bool has_subject; /* without: nothing is demanded of the subject */
    struct name_rdn *rdns;
    size_t rdn_count;
    bool has_key;      /* without: any key */
    enum key_kind key; /* KEY_OTHER: of a kind that nobody here can make */
    unsigned rsa_bits; /* with KEY_RSA; 0: any size */
    /*
     * A value that is absent is the client's to fill; parts of a SubjectAltName can be, too: an
     * empty directoryName or iPAddress.
     */
    struct extension_list extensions;
    struct csr_attribute *attributes; /* to be copied; neither kind of extension request */
    size_t attribute_count;
};

/*
 * CertificationRequestInfoTemplate.  Fails with E_CSRATTRS_MALFORMED on another version than 0, on
 * id-ExtensionReq and id-aa-extensionReqTemplate together, on either twice, on an extension twice,
 * and past the limits above.
 */
MUST_USE bool csr_template_decode(struct task *t, struct bytes der, struct csr_template *ret);
/*
 * The extensions become id-ExtensionReq when all have values, id-aa-extensionReqTemplate otherwise.
 * Fails with E_INVALID on what cannot be said: KEY_OTHER, a wrong OID, past the limits.
 */
MUST_USE bool csr_template_encode(struct task *t, const struct csr_template *template,
                                  struct bytes *ret);

#endif
