/* CMS EnvelopedData (RFC 5652 section 6, RFC 5753), as EST gives keys away in it. */
#include "core/pki/cms.h"

#include "core/pki/library.h"

#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

static const EVP_CIPHER *cipher_of(unsigned aes_bits)
{
    return aes_bits == 256   ? EVP_aes_256_cbc()
           : aes_bits == 192 ? EVP_aes_192_cbc()
                             : EVP_aes_128_cbc();
}

static int wrap_of(size_t key_len)
{
    return key_len == 32   ? NID_id_aes256_wrap
           : key_len == 24 ? NID_id_aes192_wrap
                           : NID_id_aes128_wrap;
}

/* RSAES-OAEP instead of PKCS #1 v1.5; the hash of the derivation instead of SHA-1. */
static bool set_algorithms(struct task *t, CMS_RecipientInfo *info,
                           const struct cms_recipient *recipient)
{
    EVP_PKEY_CTX *ctx = CMS_RecipientInfo_get0_pkey_ctx(info);
    bool set = ctx != NULL;
    if (CMS_RecipientInfo_type(info) == CMS_RECIPINFO_AGREE)
        set = set && EVP_PKEY_CTX_set_ecdh_kdf_md(ctx, recipient->kdf) > 0;
    else if (recipient->oaep)
        set = set && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0;
    ENSURE(t, set, E_CRYPTO, "key encryption: %s", crypto_error(t));
    return true;
}

static bool add_holder(struct task *t, CMS_ContentInfo *envelope,
                       const struct cms_recipient *recipient)
{
    CMS_RecipientInfo *info =
        CMS_add1_recipient_cert(envelope, recipient->cert->x509, CMS_KEY_PARAM);
    ENSURE(t, info != NULL, E_CRYPTO, "nothing can be encrypted for %s: %s",
           cert_subject(t, recipient->cert), crypto_error(t));
    return set_algorithms(t, info, recipient);
}

/* The library takes what it is given, and wipes the key. */
static bool add_sharer(struct task *t, CMS_ContentInfo *envelope,
                       const struct cms_recipient *recipient)
{
    unsigned char *key = OPENSSL_memdup(recipient->key.data, recipient->key.len);
    unsigned char *id = OPENSSL_memdup(recipient->key_id.data, recipient->key_id.len);
    if (key != NULL && id != NULL &&
        CMS_add0_recipient_key(envelope, wrap_of(recipient->key.len), key, recipient->key.len, id,
                               recipient->key_id.len, NULL, NULL, NULL) != NULL)
        return true;
    OPENSSL_clear_free(key, key == NULL ? 0 : recipient->key.len);
    OPENSSL_free(id);
    return fail(t, E_CRYPTO, "nothing can be encrypted under the shared key: %s", crypto_error(t));
}

bool cms_envelop(struct task *t, struct bytes content, const char *content_type, unsigned aes_bits,
                 const struct cms_recipient *recipient, struct bytes *ret)
{
    const unsigned flags = CMS_BINARY | CMS_PARTIAL;
    ASN1_OBJECT *type;
    TRY(oid_object(t, content_type, &type));
    CMS_ContentInfo *envelope =
        IN_ARENA(t, CMS_ContentInfo_free, CMS_EnvelopedData_create(cipher_of(aes_bits)));
    ENSURE(t, CMS_set1_eContentType(envelope, type) == 1 && CMS_set_detached(envelope, 0) == 1,
           E_CRYPTO, "content type: %s", crypto_error(t));
    TRY(recipient->cert != NULL ? add_holder(t, envelope, recipient)
                                : add_sharer(t, envelope, recipient));
    BIO *input = IN_ARENA(t, BIO_free_all, BIO_new_mem_buf(content.data, (int)content.len));
    ENSURE(t, CMS_final(envelope, input, NULL, flags) == 1, E_CRYPTO, "EnvelopedData: %s",
           crypto_error(t));
    *ret = ENCODE(t, i2d_CMS_ContentInfo, envelope);
    return true;
}
