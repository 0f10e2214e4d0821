#include "core/pki/signature.h"

#include "core/pki/library.h"

#include <string.h>

#include <openssl/ecdsa.h>
#include <openssl/err.h>

#define SIGNER_BITS_MIN 112 /* RSA with 2048 bits; P-256 counts 128 */
#define COORDINATE_MAX  66  /* P-521 */

static const struct signature_algorithm algorithms[] = {
    {"ES256", -7, KEY_P256, "SHA256", 32},
    {"ES384", -35, KEY_P384, "SHA384", 48},
    {"ES512", -36, KEY_P521, "SHA512", COORDINATE_MAX},
    {"EdDSA", -8, KEY_ED25519, NULL, 0},
    {"RS256", 0, KEY_RSA, "SHA256", 0},
};

const struct signature_algorithm *signature_algorithm_named(const char *jose)
{
    for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
        if (strcmp(algorithms[i].jose, jose) == 0)
            return &algorithms[i];
    }
    return NULL;
}

const struct signature_algorithm *signature_algorithm_numbered(int64_t cose)
{
    for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
        if (algorithms[i].cose == cose && cose != 0)
            return &algorithms[i];
    }
    return NULL;
}

const struct signature_algorithm *signature_algorithm_for(const EVP_PKEY *key)
{
    enum key_kind kind = key_kind_of(key, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
        if (algorithms[i].key == kind)
            return &algorithms[i];
    }
    return NULL;
}

bool signer_key(struct task *t, const struct cert *signer, EVP_PKEY **ret)
{
    EVP_PKEY *key = X509_get0_pubkey(signer->x509);
    ENSURE(t, key != NULL, E_SIGNATURE, "the signer's key cannot be used: %s", crypto_error(t));
    ENSURE(t, EVP_PKEY_get_security_bits(key) >= SIGNER_BITS_MIN, E_SIGNATURE,
           "the signer's key is too weak: %s",
           key_kind_text(t, key_kind_of(key, NULL), (unsigned)EVP_PKEY_get_bits(key)));
    *ret = key;
    return true;
}

static void numbers_cleanup(ECDSA_SIG **numbers)
{
    ECDSA_SIG_free(*numbers);
}

/* RFC 7518 3.4, RFC 9053 2.1: both numbers big-endian, at the curve's length. */
static bool raw_of_der(struct task *t, size_t coordinates, struct bytes der, struct bytes *ret)
{
    const unsigned char *at = der.data;
    CLEANUP(numbers_cleanup) ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &at, (long)der.len);
    uint8_t *raw = arena_alloc(t->arena, 2 * coordinates);
    ENSURE(t,
           numbers != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(numbers), raw, (int)coordinates) >= 0 &&
               BN_bn2binpad(ECDSA_SIG_get0_s(numbers), raw + coordinates, (int)coordinates) >= 0,
           E_CRYPTO, "a signature that is no ECDSA signature: %s", crypto_error(t));
    *ret = bytes_make(raw, 2 * coordinates);
    return true;
}

static bool der_of_raw(struct task *t, size_t coordinates, struct bytes raw, struct bytes *ret)
{
    ENSURE(t, raw.len == 2 * coordinates, E_SIGNATURE,
           "a signature of %zu octets, where r and s have %zu each", raw.len, coordinates);
    CLEANUP(numbers_cleanup) ECDSA_SIG *numbers = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw.data, (int)coordinates, NULL);
    BIGNUM *s = BN_bin2bn(raw.data + coordinates, (int)coordinates, NULL);
    if (numbers == NULL || ECDSA_SIG_set0(numbers, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return fail(t, E_CRYPTO, "signature: %s", crypto_error(t));
    }
    *ret = ENCODE(t, i2d_ECDSA_SIG, numbers);
    return true;
}

static const EVP_MD *hash_of(const struct signature_algorithm *algorithm)
{
    return algorithm->hash == NULL ? NULL : EVP_get_digestbyname(algorithm->hash);
}

bool signature_make(struct task *t, const struct signature_algorithm *algorithm, EVP_PKEY *key,
                    struct bytes octets, struct bytes *ret)
{
    EVP_MD_CTX *context;
    size_t len = 0;
    ENSURE(t, key_kind_of(key, NULL) == algorithm->key, E_CRYPTO, "%s is not for keys of kind %s",
           algorithm->jose, key_kind_text(t, key_kind_of(key, NULL), 0));
    TRY(signing_context(t, key, hash_of(algorithm), &context));
    ENSURE(t, EVP_DigestSign(context, NULL, &len, octets.data, octets.len) == 1, E_CRYPTO,
           "cannot sign: %s", crypto_error(t));
    uint8_t *signature = arena_alloc(t->arena, len);
    ENSURE(t, EVP_DigestSign(context, signature, &len, octets.data, octets.len) == 1, E_CRYPTO,
           "cannot sign: %s", crypto_error(t));
    struct bytes made = bytes_make(signature, len);
    if (algorithm->coordinates > 0)
        return raw_of_der(t, algorithm->coordinates, made, ret);
    *ret = made;
    return true;
}

bool signature_check(struct task *t, const struct signature_algorithm *algorithm,
                     const struct cert *signer, struct bytes octets, struct bytes signature)
{
    EVP_PKEY *key;
    struct bytes wanted = signature;
    TRY(signer_key(t, signer, &key));
    ENSURE(t, key_kind_of(key, NULL) == algorithm->key, E_SIGNATURE,
           "the algorithm is %s, the key of %s is of kind %s", algorithm->jose,
           cert_subject(t, signer), key_kind_text(t, key_kind_of(key, NULL), 0));
    if (algorithm->coordinates > 0)
        TRY(der_of_raw(t, algorithm->coordinates, signature, &wanted));
    EVP_MD_CTX *context = IN_ARENA(t, EVP_MD_CTX_free, EVP_MD_CTX_new());
    ENSURE(t,
           EVP_DigestVerifyInit(context, NULL, hash_of(algorithm), NULL, key) == 1 &&
               EVP_DigestVerify(context, wanted.data, wanted.len, octets.data, octets.len) == 1,
           E_SIGNATURE, "the signature does not verify with the key of %s: %s",
           cert_subject(t, signer), crypto_error(t));
    return true;
}
