/* What the files of this room share for getting along with libcrypto.  Not for other rooms. */
#ifndef GATEHOUSE_CORE_PKI_LIBRARY_H
#define GATEHOUSE_CORE_PKI_LIBRARY_H

#include "core/pki/csr.h"

#include <openssl/bio.h>
#include <openssl/x509v3.h>

#define EXTENSION_COUNT_MAX 64  /* in one certificate or request */
#define ALT_NAME_COUNT_MAX  256 /* in one SubjectAltName */
#define OID_TEXT_MAX        256 /* characters of a dotted OID */

/* For CLEANUP(). */
void bio_cleanup(BIO **bio);
void object_cleanup(ASN1_OBJECT **object);

/* Hands a new library object to the arena.  It is NULL only without memory: the process ends. */
void *in_arena(struct task *t, void (*release)(void *), void *object);
#define IN_ARENA(t, release, object)                                                               \
    in_arena((t), (void (*)(void *))(void (*)(void))(release), (object))

/* Dotted. */
const char *oid_text(struct task *t, const ASN1_OBJECT *oid);
/* In the arena.  Fails with E_INVALID unless the text is a dotted OID. */
MUST_USE bool oid_object(struct task *t, const char *dotted, ASN1_OBJECT **ret);
/* Borrowed from the string. */
struct bytes octets_of(const ASN1_STRING *string);
/* Copies what an i2d function allocated, and frees it; absent when it failed. */
struct bytes octets_of_library(struct task *t, unsigned char *data, int len);
#define ENCODE(t, i2d, object)                                                                     \
    ({                                                                                             \
        unsigned char *encoded_ = NULL;                                                            \
        int len_ = (i2d)((object), &encoded_);                                                     \
        octets_of_library((t), encoded_, len_);                                                    \
    })
/* What was written to a memory BIO, copied. */
struct bytes octets_of_bio(struct task *t, BIO *bio);

/* DER put together from the DER of its parts. */
struct bytes der_sequence(struct task *t, const struct bytes *parts, size_t count);
/* In the order given, which is DER's only when the caller makes it so. */
struct bytes der_set(struct task *t, const struct bytes *parts, size_t count);
/* A constructed context-specific tag instead of that of SEQUENCE or SET. */
struct bytes der_tagged(struct task *t, int tag, const struct bytes *parts, size_t count);
/* Fail with E_INVALID unless the text is a dotted OID. */
MUST_USE bool der_oid(struct task *t, const char *dotted, struct bytes *ret);
/* SEQUENCE of an OID and what may follow it: AlgorithmIdentifier, Attribute, and their like. */
MUST_USE bool der_pair(struct task *t, const char *dotted, struct bytes value, struct bytes *ret);

/* Printable ASCII: any other octet, and the backslash, becomes a backslash and two digits. */
char *text_printable(struct task *t, struct bytes octets);
/* Something, and no control characters in it. */
bool is_plain(struct bytes text);
/* RFC 1034 3.5, with a leading "*." as RFC 6125 6.4.3 knows it. */
bool is_host_name(struct bytes name);
/*
 * A character string as UTF-8; false, without a problem, when it is none, is empty, or holds
 * control characters.
 */
MUST_USE bool string_text(struct task *t, const ASN1_STRING *string, const char **ret);
char *name_text(struct task *t, const X509_NAME *name);

/*
 * Extensions out of the library's form, or out of DER with nothing after it.  More than
 * EXTENSION_COUNT_MAX, or one of them twice, fail with `kind`.
 */
MUST_USE bool extensions_read(struct task *t, const STACK_OF(X509_EXTENSION) * stack,
                              const struct problem_kind *kind, struct extension_list *ret);
MUST_USE bool extensions_decode(struct task *t, struct bytes der, const struct problem_kind *kind,
                                struct extension_list *ret);
/* Into the library's form, in the arena.  Fails with E_INVALID on a wrong OID or one given twice.
 */
MUST_USE bool extensions_write(struct task *t, const struct extension_list *list,
                               X509_EXTENSIONS **ret);
/* As alt_names_to_text(), failing with `kind`. */
MUST_USE bool alt_names_read(struct task *t, struct bytes value, const struct problem_kind *kind,
                             struct text_list *ret);

/* The request's ChangeSubjectName, where it has one.  Fails with E_CSR_MALFORMED. */
MUST_USE bool csr_change_read(struct task *t, const X509_REQ *request, struct csr_change *ret);

/* The OID of the curve that keys of this kind are on (RFC 5480 2.1.1.1); NULL: on none of ours. */
const char *curve_oid(enum key_kind kind);
/* KEY_OTHER: none of ours. */
enum key_kind curve_kind(const char *oid);

/* NULL: read with all that libcrypto has.  The request is the caller's; NULL: it cannot be read. */
X509_REQ *csr_decode(const struct csr_reader *reader, const unsigned char **at, long len);
/* In the arena.  NULL, with the reason in libcrypto's queue: it cannot be read. */
EVP_PKEY *key_of_spki(struct task *t, const X509_PUBKEY *spki);
/* The key of whoever signed.  Fails with E_SIGNATURE when it is weaker than RSA-2048 or P-256. */
MUST_USE bool signer_key(struct task *t, const struct cert *signer, EVP_PKEY **ret);
/* The hash to sign with under this key unless told otherwise; NULL for keys that need none. */
const EVP_MD *natural_hash(const EVP_PKEY *key);
/*
 * SignedData without its certificates, and these, borrowed from `octets`.  Fails with
 * E_CMS_MALFORMED also when it has none, or is of a form that libcrypto may read all the same: BER,
 * certificates of other kinds.
 */
MUST_USE bool cms_divide(struct task *t, struct bytes octets, struct bytes *ret_rest,
                         struct bytes_list *ret_certs);

/* For X509_sign_ctx() and its like; released with the arena.  Fails with E_CRYPTO. */
MUST_USE bool signing_context(struct task *t, EVP_PKEY *key, const EVP_MD *hash, EVP_MD_CTX **ret);

#endif
