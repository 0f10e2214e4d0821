/* CMS SignedData (RFC 5652) as BRSKI and EST use it. */
#ifndef GATEHOUSE_CORE_PKI_CMS_H
#define GATEHOUSE_CORE_PKI_CMS_H

#include "core/pki/cert.h"

#define CMS_SIZE_MAX ((size_t)512 * 1024) /* octets of one message, content and certificates */

struct cms {
    struct bytes content;
    const char *content_type; /* eContentType, dotted */
    struct cert_list certs;   /* those in the structure, at most CERT_COUNT_MAX */
    unsigned signers;
    void *library; /* CMS_ContentInfo, owned by the arena */
};

/*
 * Reads without verifying: SignedData with encapsulated content, DER or BER and nothing after it,
 * at most 16 certificates and one or more signers, any CMS version (RFC 8366 5.4).  Certificates
 * that are among `known` (may be NULL), which live as long as the result, are not read again.
 * Fails with E_CMS_MALFORMED.
 */
MUST_USE bool cms_open(struct task *t, struct bytes octets, const struct cert_list *known,
                       struct cms *ret);
/*
 * Verifies the one signer's signature over content and signed attributes (which must be there,
 * with the content type and digest): no chain, no validity, no purpose.  The signer's certificate
 * is looked for in the structure, then in `known` (may be NULL).  Hashes weaker than SHA-256
 * and keys weaker than RSA-2048 are refused.  Fails with E_SIGNATURE.
 */
MUST_USE bool cms_verify(struct task *t, const struct cms *cms, const struct cert_list *known,
                         const struct cert **ret_signer);
/*
 * The same with a key instead of a certificate: RFC 5272 3.2 lets a request be signed by the key
 * that it asks a certificate for.  The signer must be named by a key identifier, or by a
 * certificate for this very key.
 */
MUST_USE bool cms_verify_with_key(struct task *t, const struct cms *cms, EVP_PKEY *key);
/* Whether the one signer is named by this certificate; nothing is verified. */
bool cms_names_signer(const struct cms *cms, const struct cert *cert);
/* Whether the one signer's hash is none weaker than SHA-256; false also with another number. */
bool cms_hash_is_accepted(const struct cms *cms);
/* Wall-clock ms at which the one signer says that it signed; 0: it does not say, or in no way. */
int64_t cms_signing_time(const struct cms *cms);
/*
 * DER, CMS version 3, SHA-256 (SHA-384 with a P-384 key), signed attributes content type, digest
 * and signing time; `certs` go into the structure as given (the signer's own only if listed).
 * `key` may live in a token.
 */
MUST_USE bool cms_sign(struct task *t, struct bytes content, const char *content_type,
                       const struct cert *signer, EVP_PKEY *key, const struct cert_list *certs,
                       struct bytes *ret);
/*
 * As cms_sign(), for content that is a secret: what is returned, and what the library held of it,
 * is wiped.  It is the SignedData without the ContentInfo around it, as it goes into EnvelopedData.
 */
MUST_USE bool cms_sign_secret(struct task *t, struct bytes content, const char *content_type,
                              const struct cert *signer, EVP_PKEY *key,
                              const struct cert_list *certs, struct bytes *ret);

/* To whom EnvelopedData is (RFC 5652 6.2): whoever has a certificate's key, or a shared one. */
struct cms_recipient {
    const struct cert *cert; /* RSA: KeyTransRecipientInfo; EC: KeyAgreeRecipientInfo */
    bool oaep;               /* RSA: RSAES-OAEP, with its default hash; else PKCS #1 v1.5 */
    const EVP_MD *kdf;       /* EC: hash of the key derivation (RFC 5753 7.1.4) */
    struct bytes key;        /* without `cert`: AES, 16, 24 or 32 octets: KEKRecipientInfo */
    struct bytes key_id;
};
/*
 * DER EnvelopedData in its ContentInfo: `content`, of that type, encrypted with a fresh key of
 * `aes_bits` (128, 192, 256) in CBC mode.
 */
MUST_USE bool cms_envelop(struct task *t, struct bytes content, const char *content_type,
                          unsigned aes_bits, const struct cms_recipient *recipient,
                          struct bytes *ret);

/* Certs-only SignedData (RFC 5272, RFC 7030 4.1.3): no signer, no content. */
MUST_USE bool cms_certs_only(struct task *t, const struct cert_list *certs, struct bytes *ret);
MUST_USE bool cms_certs_only_read(struct task *t, struct bytes octets, struct cert_list *ret);

#endif
