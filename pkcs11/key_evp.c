/*
 * A handle as libcrypto sees it: an EVP_PKEY that holds the public key, and whose signing calls go
 * to keystore_sign_digest().
 *
 * The way to give a key a method of its own in OpenSSL 3.0, short of writing a provider, is
 * EC_KEY_METHOD: deprecated there, for good reasons, and all that works with every consumer
 * (X.509, CMS, TLS).  It stays in this one file.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "pkcs11/key.h"

#include <string.h>

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/x509.h>

/*
 * Index 0 of an object's extra data is never given out by CRYPTO_get_ex_new_index(): it belongs to
 * the application that makes the object.  So no index has to be kept in a global variable.
 */
#define EX_DATA_HANDLE 0

/* The problem, for whoever reads the library's error queue. */
static void put_problem(const struct task *t)
{
    ERR_raise_data(ERR_LIB_USER, ERR_R_OPERATION_FAIL, "%s: %s", t->problem->name, t->detail);
}

static int sign(int type, const unsigned char *digest, int digest_len, unsigned char *signature,
                unsigned int *signature_len, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *ec)
{
    (void)type;
    (void)kinv;
    (void)r;
    struct keystore_key *key = EC_KEY_get_ex_data(ec, EX_DATA_HANDLE);
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task task;
    struct bytes result;
    task_init(&task, arena, NULL);
    if (digest_len < 0 ||
        !keystore_sign_digest(&task, key, bytes_make(digest, (size_t)digest_len), &result)) {
        put_problem(&task);
        return 0;
    }
    memcpy(signature, result.data, result.len); /* at most ECDSA_size(): see keystore.c */
    *signature_len = (unsigned int)result.len;
    return 1;
}

static ECDSA_SIG *sign_to_numbers(const unsigned char *digest, int digest_len, const BIGNUM *kinv,
                                  const BIGNUM *r, EC_KEY *ec)
{
    unsigned int len;
    unsigned char *der = OPENSSL_malloc((size_t)ECDSA_size(ec));
    ECDSA_SIG *numbers = NULL;
    if (der != NULL && sign(0, digest, digest_len, der, &len, kinv, r, ec) == 1) {
        const unsigned char *at = der;
        numbers = d2i_ECDSA_SIG(NULL, &at, (long)len);
    }
    OPENSSL_free(der);
    return numbers;
}

bool key_method_make(struct task *t, EC_KEY_METHOD **ret)
{
    EC_KEY_METHOD *method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
    ENSURE(t, method != NULL, E_INTERNAL, "no memory for a key method");
    EC_KEY_METHOD_set_sign(method, sign, NULL, sign_to_numbers);
    *ret = method;
    return true;
}

void key_method_free(EC_KEY_METHOD *method)
{
    if (method != NULL)
        EC_KEY_METHOD_free(method);
}

bool key_make_evp(struct task *t, const EC_KEY_METHOD *method, struct keystore_key *key)
{
    const unsigned char *der = key->spki.data;
    EC_KEY *ec = d2i_EC_PUBKEY(NULL, &der, (long)key->spki.len);
    EVP_PKEY *evp = EVP_PKEY_new();
    bool good = ec != NULL && evp != NULL && EC_KEY_set_method(ec, method) == 1 &&
                EC_KEY_set_ex_data(ec, EX_DATA_HANDLE, key) == 1 &&
                EVP_PKEY_set1_EC_KEY(evp, ec) == 1;
    EC_KEY_free(ec);
    if (!good) {
        EVP_PKEY_free(evp);
        return fail(t, E_TOKEN_KEY, "the public key of %s cannot be used", key->label);
    }
    key->evp = evp;
    return true;
}
