/* PKCS#10 certification requests (RFC 2986). */
#ifndef GATEHOUSE_CORE_PKI_CSR_H
#define GATEHOUSE_CORE_PKI_CSR_H

#include "core/pki/cert.h"

#define CSR_SIZE_MAX ((size_t)32 * 1024)

enum key_kind { KEY_OTHER, KEY_P256, KEY_P384, KEY_P521, KEY_RSA, KEY_ED25519 };

/* An extension asked for or given: `value` is what the extnValue OCTET STRING holds. */
struct extension {
    const char *oid;
    bool critical;
    struct bytes value;
};
struct extension_list {
    struct extension *items;
    size_t count;
};

/* Names that are to take the place of the request's own (RFC 6402 2.8). */
struct csr_change {
    bool asked;
    X509_NAME *subject;     /* owned by the arena; NULL: stays */
    struct bytes alt_names; /* DER of a SubjectAltName; absent: stays */
};

struct csr {
    X509_REQ *request; /* owned by the arena */
    struct bytes der;
    EVP_PKEY *key; /* owned by the request, or the arena */
    enum key_kind key_kind;
    unsigned key_bits;
    struct bytes spki;
    const char *signature_oid;        /* signatureAlgorithm, dotted */
    struct extension_list extensions; /* of the extensionRequest attribute */
    const char *challenge_password;   /* NULL: none */
    struct csr_change change;
};

/*
 * One DER request and nothing after it.  Fails with E_CSR_MALFORMED, also on doubled extensions.
 * A ChangeSubjectName is read as RFC 6402 2.8 has it and as its erratum 3943 does.
 */
MUST_USE bool csr_parse(struct task *t, struct bytes der, struct csr *ret);
/*
 * The same for whoever makes the key himself (RFC 7030 4.4.1): the request's own may be one that
 * nobody can read; then `key` is NULL, of kind KEY_OTHER.
 */
MUST_USE bool csr_parse_keyless(struct task *t, struct bytes der, struct csr *ret);
/*
 * For many requests: reads them at a quarter of the price, by not asking libcrypto for a decoder of
 * keys on our curves.  May be used by many threads.
 */
struct csr_reader;
struct csr_reader *csr_reader_make(void);
/* No request that was read by it may be left.  Accepts NULL. */
void csr_reader_free(struct csr_reader *reader);
/* As csr_parse(), with the same result. */
MUST_USE bool csr_parse_by(struct task *t, const struct csr_reader *reader, struct bytes der,
                           struct csr *ret);
/* Proof of possession: the signature verifies with the key inside.  Fails with E_CSR_POP. */
MUST_USE bool csr_verify(struct task *t, const struct csr *csr);
char *csr_subject(struct task *t, const struct csr *csr);
/*
 * DER of the value of the one attribute of that OID, which has no more than one; absent: there is
 * none.  Fails with E_CSR_MALFORMED, and with E_INVALID unless the OID is one.
 */
MUST_USE bool csr_attribute_value(struct task *t, const struct csr *csr, const char *oid,
                                  struct bytes *ret);
/* What the certificate is to name: by the ChangeSubjectName, or else by the request itself. */
const X509_NAME *csr_wanted_subject(const struct csr *csr);
char *csr_wanted_subject_text(struct task *t, const struct csr *csr);
/* DER of the SubjectAltName; absent: none. */
struct bytes csr_wanted_alt_names(const struct csr *csr);
/* The one extension of that OID; NULL when it was not asked for. */
const struct extension *extension_find(const struct extension_list *list, const char *oid);
/* "DNS:...", as cert_alt_names(), of a SubjectAltName value. */
MUST_USE bool alt_names_to_text(struct task *t, struct bytes value, struct text_list *ret);

/* An attribute of a request: its values as DER of the SET. */
struct csr_attribute {
    const char *oid;
    struct bytes values;
};
/* What a request is to say besides its key. */
struct csr_content {
    X509_NAME *subject; /* NULL: empty */
    struct extension_list extensions;
    struct csr_attribute *attributes; /* further ones */
    size_t attribute_count;
    const char *challenge_password; /* NULL: none */
    const char *signature_oid;      /* names the hash to sign with; NULL: natural for the key */
};
MUST_USE bool csr_write(struct task *t, EVP_PKEY *key, const struct csr_content *content,
                        struct bytes *ret);
/*
 * csr_write() with no further attributes: a request for `key` with this subject (borrowed; NULL:
 * empty) and these extensions, signed with the hash named by `signature_oid` (NULL: the natural one
 * of the key).
 */
MUST_USE bool csr_build(struct task *t, EVP_PKEY *key, X509_NAME *subject,
                        const struct extension_list *extensions, const char *challenge_password,
                        const char *signature_oid, struct bytes *ret);

/* A new key in memory, for pledges of the lab; the owner's keys are made in the token. */
MUST_USE bool key_generate(struct task *t, enum key_kind kind, unsigned rsa_bits, EVP_PKEY **ret);
/* A private key in PEM or DER (PKCS#8 or traditional), not encrypted.  Fails with E_INVALID. */
MUST_USE bool key_from_file_octets(struct task *t, struct bytes octets, EVP_PKEY **ret);
/* PrivateKeyInfo (RFC 5208 5), DER, in wiped memory.  Fails with E_CRYPTO. */
MUST_USE bool key_to_pkcs8(struct task *t, EVP_PKEY *key, struct bytes *ret);
/* In wiped memory; NULL when the key cannot leave where it is. */
char *key_to_pem(struct task *t, EVP_PKEY *key);
enum key_kind key_kind_of(const EVP_PKEY *key, unsigned *ret_bits);
const char *key_kind_text(struct task *t, enum key_kind kind, unsigned bits); /* "EC P-256" */

/* DER values of extensions. */
MUST_USE bool extension_dns_names(struct task *t, const struct text_list *names, struct bytes *ret);
/* A UTF8String. */
MUST_USE bool extension_text(struct task *t, const char *text, struct bytes *ret);
/* RFC 5280 4.2.1.3 names: digitalSignature, keyEncipherment, ...  Fails with E_INVALID. */
MUST_USE bool extension_key_usage(struct task *t, const struct text_list *names, struct bytes *ret);
/* clientAuth, serverAuth, cmcRA or dotted OIDs.  Fails with E_INVALID. */
MUST_USE bool extension_ext_key_usage(struct task *t, const struct text_list *names,
                                      struct bytes *ret);

#endif
