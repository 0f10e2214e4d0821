#include "core/pki/server_key.h"

#include "core/pki/library.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#define CAPABILITIES_MAX 64
#define SHA1_LEN         20

#define OID_DECRYPT_KEY_ID            "1.2.840.113549.1.9.16.2.37" /* RFC 4108 2.2.5 */
#define OID_ASYMMETRIC_DECRYPT_KEY_ID "1.2.840.113549.1.9.16.2.54" /* RFC 7030 4.4.1.2 */
#define OID_SMIME_CAPABILITIES        "1.2.840.113549.1.9.15"      /* RFC 8551 2.5.2 */
#define OID_KEY_PACKAGE               "2.16.840.1.101.2.1.2.78.5"  /* RFC 5958 section 2 */
#define OID_SIGNED_DATA               "1.2.840.113549.1.7.2"
#define OID_RSAES_OAEP                "1.2.840.113549.1.1.7"

/* ---- What the request says ---- */

/* The one value of an attribute that is there once; NULL: it is not there. */
static bool read_attribute(struct task *t, const struct csr *csr, const char *dotted, int type,
                           const ASN1_TYPE **ret)
{
    ASN1_OBJECT *oid;
    TRY(oid_object(t, dotted, &oid));
    int at = X509_REQ_get_attr_by_OBJ(csr->request, oid, -1);
    *ret = NULL;
    if (at < 0)
        return true;
    X509_ATTRIBUTE *attribute = X509_REQ_get_attr(csr->request, at);
    ENSURE(t,
           X509_REQ_get_attr_by_OBJ(csr->request, oid, at) < 0 &&
               X509_ATTRIBUTE_count(attribute) == 1,
           E_KEY_WISH, "the attribute %s has more than one value", dotted);
    const ASN1_TYPE *value = X509_ATTRIBUTE_get0_type(attribute, 0);
    ENSURE(t, ASN1_TYPE_get(value) == type, E_KEY_WISH, "the attribute %s is of another type",
           dotted);
    *ret = value;
    return true;
}

static bool read_identifier(struct task *t, const struct csr *csr, const char *dotted,
                            struct bytes *ret)
{
    const ASN1_TYPE *value;
    TRY(read_attribute(t, csr, dotted, V_ASN1_OCTET_STRING, &value));
    struct bytes identifier = value == NULL ? BYTES_ABSENT : octets_of(value->value.octet_string);
    ENSURE(t, value == NULL || (identifier.len > 0 && identifier.len <= KEY_IDENTIFIER_MAX),
           E_KEY_WISH, "a key identifier of %zu octets; it has 1 to %d", identifier.len,
           KEY_IDENTIFIER_MAX);
    *ret = value == NULL ? BYTES_ABSENT : bytes_copy(t->arena, identifier);
    return true;
}

static void release_algorithms(void *stack)
{
    sk_X509_ALGOR_pop_free(stack, X509_ALGOR_free);
}

/* RFC 8551 2.5.2: SEQUENCE OF SEQUENCE { OID, parameters }, which AlgorithmIdentifiers are, too. */
static bool read_capabilities(struct task *t, const struct csr *csr, struct text_list *ret)
{
    const ASN1_TYPE *value;
    TRY(read_attribute(t, csr, OID_SMIME_CAPABILITIES, V_ASN1_SEQUENCE, &value));
    *ret = (struct text_list){NULL, 0};
    if (value == NULL)
        return true;
    struct bytes der = octets_of(value->value.sequence);
    const unsigned char *at = der.data;
    X509_ALGORS *stack = d2i_X509_ALGORS(NULL, &at, (long)der.len);
    ENSURE(t, stack != NULL, E_KEY_WISH, "SMIMECapabilities cannot be read: %s", crypto_error(t));
    arena_defer(t->arena, release_algorithms, stack);
    ERR_clear_error();
    int count = sk_X509_ALGOR_num(stack);
    ENSURE(t, at == der.data + der.len && count <= CAPABILITIES_MAX, E_KEY_WISH,
           "SMIMECapabilities: %d of them; at most %d, and nothing behind them", count,
           CAPABILITIES_MAX);
    const char **items = arena_array(t->arena, (size_t)count, sizeof(*items));
    for (int i = 0; i < count; i++) {
        const ASN1_OBJECT *oid;
        X509_ALGOR_get0(&oid, NULL, NULL, sk_X509_ALGOR_value(stack, i));
        items[i] = oid_text(t, oid);
    }
    *ret = (struct text_list){items, (size_t)count};
    return true;
}

bool key_wish_read(struct task *t, const struct csr *csr, struct key_wish *ret)
{
    struct key_wish wish;
    TRY(read_identifier(t, csr, OID_DECRYPT_KEY_ID, &wish.shared_key));
    TRY(read_identifier(t, csr, OID_ASYMMETRIC_DECRYPT_KEY_ID, &wish.certificate_key));
    TRY(read_capabilities(t, csr, &wish.capabilities));
    bool shared = bytes_present(wish.shared_key);
    bool certificate = bytes_present(wish.certificate_key);
    ENSURE(t, !shared || !certificate, E_KEY_WISH,
           "both a DecryptKeyIdentifier and an AsymmetricDecryptKeyIdentifier");
    /* RFC 7030 4.4.1: who names a key says what it can decrypt with. */
    ENSURE(t, (!shared && !certificate) || wish.capabilities.count > 0, E_KEY_WISH,
           "a key identifier without SMIMECapabilities");
    *ret = wish;
    return true;
}

/* ---- Whether it can be fulfilled ---- */

bool key_wish_names(const struct cert *cert, struct bytes identifier)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    const ASN1_OCTET_STRING *stated = X509_get0_subject_key_id(cert->x509);
    ERR_clear_error();
    if (stated != NULL)
        return bytes_equal(octets_of(stated), identifier);
    return X509_pubkey_digest(cert->x509, EVP_sha1(), digest, &len) == 1 && len == SHA1_LEN &&
           bytes_equal(bytes_make(digest, len), identifier);
}

bool key_wish_fits(struct task *t, const struct cert *cert)
{
    unsigned bits = 0;
    EVP_PKEY *key = X509_get0_pubkey(cert->x509);
    enum key_kind kind = key == NULL ? KEY_OTHER : key_kind_of(key, &bits);
    bool curve = kind == KEY_P256 || kind == KEY_P384 || kind == KEY_P521;
    ENSURE(t, curve || kind == KEY_RSA, E_KEY_WISH, "nothing can be encrypted for a key of kind %s",
           key_kind_text(t, kind, bits));
    /* All bits where there is no such extension. */
    uint32_t usage = X509_get_key_usage(cert->x509);
    uint32_t needed = curve ? KU_KEY_AGREEMENT : KU_KEY_ENCIPHERMENT;
    ENSURE(t, (usage & needed) != 0, E_KEY_WISH, "the certificate of %s is not for %s",
           cert_subject(t, cert), curve ? "keyAgreement" : "keyEncipherment");
    return true;
}

static bool is_capable(const struct key_wish *wish, const char *oid)
{
    for (size_t i = 0; i < wish->capabilities.count; i++) {
        if (strcmp(wish->capabilities.items[i], oid) == 0)
            return true;
    }
    return false;
}

/* RFC 3565: who can unwrap keys with AES has AES. */
static const struct {
    unsigned bits;
    const char *cbc;
    const char *wrap;
} ciphers[] = {
    {256, "2.16.840.1.101.3.4.1.42", "2.16.840.1.101.3.4.1.45"},
    {192, "2.16.840.1.101.3.4.1.22", "2.16.840.1.101.3.4.1.25"},
    {128, "2.16.840.1.101.3.4.1.2", "2.16.840.1.101.3.4.1.5"},
};

static unsigned choose_cipher(const struct key_wish *wish)
{
    for (size_t i = 0; i < ARRAY_SIZE(ciphers); i++) {
        if (is_capable(wish, ciphers[i].cbc))
            return ciphers[i].bits;
    }
    for (size_t i = 0; i < ARRAY_SIZE(ciphers); i++) {
        if (is_capable(wish, ciphers[i].wrap))
            return ciphers[i].bits;
    }
    return 0;
}

/* RFC 5753 7.1.4: dhSinglePass-stdDH; with SHA-256 for who names none of them. */
static const EVP_MD *choose_derivation(const struct key_wish *wish)
{
    if (is_capable(wish, "1.3.132.1.11.1"))
        return EVP_sha256();
    if (is_capable(wish, "1.3.132.1.11.2"))
        return EVP_sha384();
    if (is_capable(wish, "1.3.132.1.11.3"))
        return EVP_sha512();
    return is_capable(wish, "1.3.133.16.840.63.0.2") ? EVP_sha1() : EVP_sha256();
}

bool key_wish_algorithms(struct task *t, const struct key_wish *wish,
                         struct cms_recipient *recipient, unsigned *ret_aes_bits)
{
    unsigned bits = choose_cipher(wish);
    ENSURE(t, bits != 0, E_KEY_WISH,
           "none of the %zu algorithms in SMIMECapabilities is AES in CBC mode",
           wish->capabilities.count);
    recipient->oaep = is_capable(wish, OID_RSAES_OAEP);
    recipient->kdf = choose_derivation(wish);
    *ret_aes_bits = bits;
    return true;
}

/* ---- The key ---- */

/* RFC 5958 section 2: SEQUENCE OF OneAsymmetricKey, of which PrivateKeyInfo is version 1. */
static bool package_of(struct task *t, EVP_PKEY *key, struct bytes *ret)
{
    struct bytes info;
    TRY(key_to_pkcs8(t, key, &info));
    int len = ASN1_object_size(1, (int)info.len, V_ASN1_SEQUENCE);
    unsigned char *octets = arena_secret(t->arena, (size_t)len);
    unsigned char *at = octets;
    ASN1_put_object(&at, 1, (int)info.len, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    memcpy(at, info.data, info.len);
    *ret = bytes_make(octets, (size_t)len);
    return true;
}

bool key_package(struct task *t, EVP_PKEY *key, const struct key_maker *maker, unsigned aes_bits,
                 const struct cms_recipient *recipient, struct bytes *ret)
{
    struct bytes package;
    struct bytes signed_data;
    TRY(package_of(t, key, &package));
    TRY(cms_sign_secret(t, package, OID_KEY_PACKAGE, maker->cert, maker->key, &maker->chain,
                        &signed_data));
    return cms_envelop(t, signed_data, OID_SIGNED_DATA, aes_bits, recipient, ret);
}
