#include "core/pki/library.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define KEY_FILE_SIZE_MAX ((size_t)64 * 1024)
#define RSA_BITS_MIN      2048
#define RSA_BITS_MAX      8192
#define CURVE_NAME_MAX    64

static const struct {
    enum key_kind kind;
    const char *name;
    const char *oid;
    int nid;
} curves[] = {
    {KEY_P256, "P-256", OID_P256, NID_X9_62_prime256v1},
    {KEY_P384, "P-384", OID_P384, NID_secp384r1},
    {KEY_P521, "P-521", OID_P521, NID_secp521r1},
};

const char *curve_oid(enum key_kind kind)
{
    for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
        if (curves[i].kind == kind)
            return curves[i].oid;
    }
    return NULL;
}

enum key_kind curve_kind(const char *oid)
{
    for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
        if (strcmp(curves[i].oid, oid) == 0)
            return curves[i].kind;
    }
    return KEY_OTHER;
}

static enum key_kind kind_of_ec(const EVP_PKEY *key)
{
    char group[CURVE_NAME_MAX];
    int is_explicit = 0;
    /* RFC 5480 2.1.1: a curve is named, not spelled out. */
    if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                               &is_explicit) == 1 &&
        is_explicit != 0)
        return KEY_OTHER;
    if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
                                       NULL) != 1)
        return KEY_OTHER;
    int nid = OBJ_sn2nid(group);
    if (nid == NID_undef)
        nid = EC_curve_nist2nid(group);
    for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
        if (curves[i].nid == nid)
            return curves[i].kind;
    }
    return KEY_OTHER;
}

enum key_kind key_kind_of(const EVP_PKEY *key, unsigned *ret_bits)
{
    int bits = EVP_PKEY_get_bits(key);
    if (ret_bits != NULL)
        *ret_bits = bits > 0 ? (unsigned)bits : 0;
    enum key_kind kind = EVP_PKEY_is_a(key, "EC")        ? kind_of_ec(key)
                         : EVP_PKEY_is_a(key, "RSA")     ? KEY_RSA
                         : EVP_PKEY_is_a(key, "ED25519") ? KEY_ED25519
                                                         : KEY_OTHER;
    ERR_clear_error();
    return kind;
}

const char *key_kind_text(struct task *t, enum key_kind kind, unsigned bits)
{
    for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
        if (curves[i].kind == kind)
            return arena_printf(t->arena, "EC %s", curves[i].name);
    }
    if (kind == KEY_RSA)
        return bits == 0 ? "RSA" : arena_printf(t->arena, "RSA %u", bits);
    return kind == KEY_ED25519 ? "Ed25519" : "other";
}

/* RFC 5480 2.1.1: the name of the curve of ours that the key says it is on; else NULL. */
static const char *curve_named(struct task *t, const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *type;
    const void *curve;
    int kind;
    X509_ALGOR_get0(&type, &kind, &curve, algorithm);
    if (OBJ_obj2nid(type) != NID_X9_62_id_ecPublicKey || kind != V_ASN1_OBJECT)
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
        if (strcmp(oid_text(t, curve), curves[i].oid) == 0)
            return curves[i].name;
    }
    return NULL;
}

/* What libcrypto's decoder for such keys comes to, without the search for that decoder. */
static EVP_PKEY *key_on_curve(const char *curve, struct bytes point)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)curve, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point.data, point.len),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
        (void)EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

EVP_PKEY *key_of_spki(struct task *t, const X509_PUBKEY *spki)
{
    const unsigned char *bits = NULL;
    int len = 0;
    X509_ALGOR *algorithm;
    EVP_PKEY *key;
    (void)X509_PUBKEY_get0_param(NULL, &bits, &len, &algorithm, spki);
    const char *curve = curve_named(t, algorithm);
    if (curve != NULL && len > 0 && bits[0] == POINT_CONVERSION_UNCOMPRESSED) {
        key = key_on_curve(curve, bytes_make(bits, (size_t)len));
    } else {
        struct bytes der = ENCODE(t, i2d_X509_PUBKEY, spki);
        const unsigned char *at = der.data;
        key = d2i_PUBKEY(NULL, &at, (long)der.len);
    }
    return key == NULL ? NULL : IN_ARENA(t, EVP_PKEY_free, key);
}

const EVP_MD *natural_hash(const EVP_PKEY *key)
{
    switch (key_kind_of(key, NULL)) {
    case KEY_P384:
        return EVP_sha384();
    case KEY_P521:
        return EVP_sha512();
    case KEY_ED25519:
        return NULL;
    case KEY_P256:
    case KEY_RSA:
    case KEY_OTHER:
        break;
    }
    return EVP_sha256();
}

bool signing_context(struct task *t, EVP_PKEY *key, const EVP_MD *hash, EVP_MD_CTX **ret)
{
    EVP_MD_CTX *ctx = IN_ARENA(t, EVP_MD_CTX_free, EVP_MD_CTX_new());
    ENSURE(t, EVP_DigestSignInit(ctx, NULL, hash, NULL, key) == 1, E_CRYPTO,
           "cannot sign with a key of kind %s: %s", key_kind_text(t, key_kind_of(key, NULL), 0),
           crypto_error(t));
    *ret = ctx;
    return true;
}

bool key_generate(struct task *t, enum key_kind kind, unsigned rsa_bits, EVP_PKEY **ret)
{
    EVP_PKEY *key = NULL;
    ENSURE(t, kind != KEY_OTHER, E_INVALID, "no kind of key was named");
    ENSURE(t, kind != KEY_RSA || (rsa_bits >= RSA_BITS_MIN && rsa_bits <= RSA_BITS_MAX), E_INVALID,
           "RSA with %u bits; %d to %d are possible", rsa_bits, RSA_BITS_MIN, RSA_BITS_MAX);
    if (kind == KEY_RSA)
        key = EVP_RSA_gen(rsa_bits);
    else if (kind == KEY_ED25519)
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
        if (curves[i].kind == kind)
            key = EVP_EC_gen(curves[i].name);
    }
    ENSURE(t, key != NULL, E_CRYPTO, "cannot make a key: %s", crypto_error(t));
    *ret = IN_ARENA(t, EVP_PKEY_free, key);
    return true;
}

/* Encrypted keys are refused: nobody is asked for a passphrase. */
/* NOLINTNEXTLINE(readability-non-const-parameter): a pem_password_cb */
static int no_passphrase(char *buffer, int size, int for_writing, void *user)
{
    (void)buffer;
    (void)size;
    (void)for_writing;
    (void)user;
    return -1;
}

static EVP_PKEY *read_pem_key(struct task *t, struct bytes octets)
{
    BIO *bio = IN_ARENA(t, BIO_free_all, BIO_new_mem_buf(octets.data, (int)octets.len));
    return PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
}

static EVP_PKEY *read_der_key(struct bytes octets)
{
    const unsigned char *at = octets.data;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, (long)octets.len);
    if (key == NULL || at == octets.data + octets.len)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

bool key_from_file_octets(struct task *t, struct bytes octets, EVP_PKEY **ret)
{
    static const char begin[] = "-----BEGIN ";
    ENSURE(t, octets.len > 0 && octets.len <= KEY_FILE_SIZE_MAX, E_INVALID,
           "%zu octets; a private key has 1 to %zu", octets.len, KEY_FILE_SIZE_MAX);
    bool is_pem = memmem(octets.data, octets.len, begin, sizeof(begin) - 1) != NULL;
    EVP_PKEY *key = is_pem ? read_pem_key(t, octets) : read_der_key(octets);
    ENSURE(t, key != NULL, E_INVALID, "no unencrypted private key that can be read: %s",
           crypto_error(t));
    ERR_clear_error(); /* the decoders leave notes of what they tried */
    *ret = IN_ARENA(t, EVP_PKEY_free, key);
    return true;
}

bool key_to_pkcs8(struct task *t, EVP_PKEY *key, struct bytes *ret)
{
    /* The library wipes its own copy when that is freed. */
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    ENSURE(t, info != NULL, E_CRYPTO, "PrivateKeyInfo: %s", crypto_error(t));
    ARENA_DEFER(t->arena, PKCS8_PRIV_KEY_INFO_free, info);
    int len = i2d_PKCS8_PRIV_KEY_INFO(info, NULL);
    ENSURE(t, len > 0, E_CRYPTO, "PrivateKeyInfo: %s", crypto_error(t));
    unsigned char *octets = arena_secret(t->arena, (size_t)len);
    unsigned char *at = octets;
    (void)i2d_PKCS8_PRIV_KEY_INFO(info, &at);
    *ret = bytes_make(octets, (size_t)len);
    return true;
}

char *key_to_pem(struct task *t, EVP_PKEY *key)
{
    /* A memory BIO wipes its buffer when it grows and when it is freed. */
    CLEANUP(bio_cleanup) BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
        ERR_clear_error();
        return NULL;
    }
    long len = BIO_get_mem_data(bio, &data);
    char *text = arena_secret(t->arena, (size_t)len + 1);
    memcpy(text, data, (size_t)len);
    return text;
}
