#include "tests/unit/pki_fixture.h"

#include "core/pki/weak_keys.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#define MODULUS_BITS 2048

static EVP_PKEY *rsa_key(struct task *t, const BIGNUM *modulus, unsigned long exponent)
{
    EVP_PKEY *key = NULL;
    BIGNUM *e = IN_ARENA(t, BN_free, BN_new());
    OSSL_PARAM_BLD *builder = IN_ARENA(t, OSSL_PARAM_BLD_free, OSSL_PARAM_BLD_new());
    EVP_PKEY_CTX *context =
        IN_ARENA(t, EVP_PKEY_CTX_free, EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL));
    assert_int_equal(BN_set_word(e, exponent), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e), 1);
    OSSL_PARAM *params = IN_ARENA(t, OSSL_PARAM_free, OSSL_PARAM_BLD_to_param(builder));
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
    return IN_ARENA(t, EVP_PKEY_free, key);
}

static BIGNUM *modulus_of(struct task *t, const EVP_PKEY *key)
{
    BIGNUM *modulus = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus), 1);
    return IN_ARENA(t, BN_free, modulus);
}

static void sound_keys_have_no_weakness(void **state)
{
    static const enum key_kind kinds[] = {KEY_P256, KEY_P384, KEY_P521, KEY_ED25519};
    struct task *t = test_task(state);
    EVP_PKEY *key = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        assert_ok(t, key_generate(t, kinds[i], 0, &key));
        assert_null(key_weakness(t, key));
    }
    for (int i = 0; i < 3; i++) {
        assert_ok(t, key_generate(t, KEY_RSA, MODULUS_BITS, &key));
        assert_null(key_weakness(t, key));
    }
}

static void weak_exponents_are_named(void **state)
{
    static const struct {
        unsigned long exponent;
        const char *weakness;
    } cases[] = {
        {3, "its exponent is below 65537"},
        {17, "its exponent is below 65537"},
        {65535, "its exponent is below 65537"},
        {65538, "its exponent is even"},
        {65537, NULL},
        {65539, NULL},
    };
    struct task *t = test_task(state);
    EVP_PKEY *sound = NULL;
    assert_ok(t, key_generate(t, KEY_RSA, MODULUS_BITS, &sound));
    BIGNUM *modulus = modulus_of(t, sound);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *weakness = key_weakness(t, rsa_key(t, modulus, cases[i].exponent));
        if (cases[i].weakness == NULL)
            assert_null(weakness);
        else
            assert_string_equal(weakness, cases[i].weakness);
    }
}

static void small_factors_are_found(void **state)
{
    static const unsigned long factors[] = {2, 3, 167, 751};
    struct task *t = test_task(state);
    EVP_PKEY *sound = NULL;
    assert_ok(t, key_generate(t, KEY_RSA, MODULUS_BITS, &sound));
    for (size_t i = 0; i < ARRAY_SIZE(factors); i++) {
        BIGNUM *modulus = BN_dup(modulus_of(t, sound));
        assert_int_equal(BN_mul_word(modulus, factors[i]), 1);
        const char *weakness = key_weakness(t, rsa_key(t, modulus, RSA_F4));
        assert_string_equal(weakness, "its modulus has a small factor");
        BN_free(modulus);
    }
}

/* A modulus as the faulty library makes it: k * M + (65537^a mod M). */
static BIGNUM *roca_modulus(struct task *t, unsigned long a)
{
    static const unsigned char primes[] = {
        2,  3,  5,  7,  11, 13,  17,  19,  23,  29,  31,  37,  41,  43,  47,  53,  59,  61,  67, 71,
        73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};
    BN_CTX *context = IN_ARENA(t, BN_CTX_free, BN_CTX_new());
    BIGNUM *product = IN_ARENA(t, BN_free, BN_new());
    BIGNUM *power = IN_ARENA(t, BN_free, BN_new());
    BIGNUM *exponent = IN_ARENA(t, BN_free, BN_new());
    BIGNUM *modulus = IN_ARENA(t, BN_free, BN_new());
    BN_set_word(product, 1);
    for (size_t i = 0; i < ARRAY_SIZE(primes); i++)
        BN_mul_word(product, primes[i]);
    BN_set_word(power, RSA_F4);
    BN_set_word(exponent, a);
    assert_int_equal(BN_mod_exp(power, power, exponent, product, context), 1);
    for (;;) { /* further primes divide one that is made at random now and then */
        assert_int_equal(BN_rand(modulus, MODULUS_BITS - BN_num_bits(product), 1, 0), 1);
        assert_int_equal(BN_mul(modulus, modulus, product, context), 1);
        assert_int_equal(BN_add(modulus, modulus, power), 1);
        bool divided = false;
        for (unsigned d = 173; d <= 751; d += 2)
            divided = divided || BN_mod_word(modulus, d) == 0;
        if (!divided)
            return modulus;
    }
}

static void roca_is_recognised(void **state)
{
    struct task *t = test_task(state);
    for (unsigned long a = 1; a < 1000; a += 333) {
        BIGNUM *modulus = roca_modulus(t, a);
        assert_string_equal(key_weakness(t, rsa_key(t, modulus, RSA_F4)),
                            "its modulus has the form of ROCA (CVE-2017-15361)");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(sound_keys_have_no_weakness),
        PKI_TEST(weak_exponents_are_named),
        PKI_TEST(small_factors_are_found),
        PKI_TEST(roca_is_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
