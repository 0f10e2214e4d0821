/* OpenSSL 3.0 has no other way to a key that is a handle than these methods, as libp11 uses them.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "tests/unit/token_key.h"

#include <stdlib.h>

#include <openssl/ec.h>
#include <openssl/rsa.h>

struct token {
    EVP_PKEY *real;
    unsigned *signatures;
    EC_KEY_METHOD *ec_method;
    RSA_METHOD *rsa_method;
};

static void must(bool good)
{
    if (!good)
        abort();
}

static ECDSA_SIG *sign_ec(const unsigned char *digest, int len, const BIGNUM *kinv,
                          const BIGNUM *rp, EC_KEY *handle)
{
    const struct token *token = EC_KEY_get_ex_data(handle, 0);
    (void)kinv;
    (void)rp;
    ++*token->signatures;
    return ECDSA_do_sign(digest, len, (EC_KEY *)EVP_PKEY_get0_EC_KEY(token->real));
}

static int sign_rsa(int len, const unsigned char *from, unsigned char *to, RSA *handle, int padding)
{
    const struct token *token = RSA_get_ex_data(handle, 0);
    ++*token->signatures;
    return RSA_private_encrypt(len, from, to, (RSA *)EVP_PKEY_get0_RSA(token->real), padding);
}

static void release_token(void *object)
{
    struct token *token = object;
    if (token->ec_method != NULL)
        EC_KEY_METHOD_free(token->ec_method);
    RSA_meth_free(token->rsa_method);
}

static void use_ec(struct token *token, EVP_PKEY *handle)
{
    int (*sign)(int, const unsigned char *, int, unsigned char *, unsigned *, const BIGNUM *,
                const BIGNUM *, EC_KEY *) = NULL;
    const EC_KEY *real = EVP_PKEY_get0_EC_KEY(token->real);
    token->ec_method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
    EC_KEY_METHOD_get_sign(token->ec_method, &sign, NULL, NULL);
    EC_KEY_METHOD_set_sign(token->ec_method, sign, NULL, sign_ec);
    EC_KEY *ec = EC_KEY_new();
    must(ec != NULL && EC_KEY_set_group(ec, EC_KEY_get0_group(real)) == 1 &&
         EC_KEY_set_public_key(ec, EC_KEY_get0_public_key(real)) == 1 &&
         EC_KEY_set_method(ec, token->ec_method) == 1 && EC_KEY_set_ex_data(ec, 0, token) == 1 &&
         EVP_PKEY_assign_EC_KEY(handle, ec) == 1);
}

static void use_rsa(struct token *token, EVP_PKEY *handle)
{
    const BIGNUM *n;
    const BIGNUM *e;
    RSA_get0_key(EVP_PKEY_get0_RSA(token->real), &n, &e, NULL);
    token->rsa_method = RSA_meth_dup(RSA_PKCS1_OpenSSL());
    RSA *rsa = RSA_new();
    must(rsa != NULL && RSA_meth_set_priv_enc(token->rsa_method, sign_rsa) == 1 &&
         RSA_set_method(rsa, token->rsa_method) == 1 &&
         RSA_set0_key(rsa, BN_dup(n), BN_dup(e), NULL) == 1 &&
         RSA_set_ex_data(rsa, 0, token) == 1 && EVP_PKEY_assign_RSA(handle, rsa) == 1);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): counted in by the methods */
EVP_PKEY *token_key_make(struct task *t, EVP_PKEY *real, unsigned *signatures)
{
    struct token *token = arena_alloc(t->arena, sizeof(*token));
    *token = (struct token){.real = real, .signatures = signatures};
    arena_defer(t->arena, release_token, token);
    EVP_PKEY *handle = EVP_PKEY_new();
    must(handle != NULL);
    ARENA_DEFER(t->arena, EVP_PKEY_free, handle);
    if (EVP_PKEY_is_a(real, "EC"))
        use_ec(token, handle);
    else
        use_rsa(token, handle);
    return handle;
}
