#include "core/pki/weak_keys.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>

#define EXPONENT_MIN      65537
#define EXPONENT_MIN_BITS 17
#define SMALL_FACTOR_MAX  751
#define ROCA_PRIME_MAX    167

static bool is_prime(unsigned number)
{
    for (unsigned d = 2; d * d <= number; d++) {
        if (number % d == 0)
            return false;
    }
    return true;
}

static const char *weak_exponent(struct task *t, const EVP_PKEY *key)
{
    BIGNUM *exponent = NULL;
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) != 1)
        return "its exponent cannot be read";
    (void)IN_ARENA(t, BN_free, exponent);
    if (!BN_is_odd(exponent))
        return "its exponent is even";
    return BN_num_bits(exponent) < EXPONENT_MIN_BITS ? "its exponent is below 65537" : NULL;
}

static bool has_small_factor(const BIGNUM *modulus)
{
    for (unsigned p = 2; p <= SMALL_FACTOR_MAX; p++) {
        if (is_prime(p) && BN_mod_word(modulus, p) == 0)
            return true;
    }
    return false;
}

/* 65537 to some power is `rest`, modulo `prime`. */
static bool is_power(unsigned rest, unsigned prime)
{
    unsigned power = 1;
    do {
        if (power == rest)
            return true;
        power = power * (EXPONENT_MIN % prime) % prime;
    } while (power != 1);
    return false;
}

/*
 * Primes of the faulty library are k * M + (65537^a mod M), with M the product of the first primes,
 * so the modulus is a power of 65537 modulo each of these; of other moduli one in 2^27 is.
 */
static bool is_roca(const BIGNUM *modulus)
{
    for (unsigned p = 3; p <= ROCA_PRIME_MAX; p += 2) {
        if (is_prime(p) && !is_power((unsigned)BN_mod_word(modulus, p), p))
            return false;
    }
    return true;
}

const char *key_weakness(struct task *t, const EVP_PKEY *key)
{
    BIGNUM *modulus = NULL;
    if (!EVP_PKEY_is_a(key, "RSA"))
        return NULL;
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) != 1)
        return "its modulus cannot be read";
    (void)IN_ARENA(t, BN_free, modulus);
    if (has_small_factor(modulus))
        return "its modulus has a small factor";
    if (is_roca(modulus))
        return "its modulus has the form of ROCA (CVE-2017-15361)";
    return weak_exponent(t, key);
}
