/* Public keys that are known to be weak, however long they are. */
#ifndef GATEHOUSE_CORE_PKI_WEAK_KEYS_H
#define GATEHOUSE_CORE_PKI_WEAK_KEYS_H

#include "core/pki/library.h"

/*
 * What is weak about an RSA key, in a few words; NULL: nothing that is known here, or a key of
 * another kind.  Looked for: a public exponent that is even or not above 65536 (FIPS 186-5 A.1.1),
 * a modulus with a small factor, and one of the form that CVE-2017-15361 (ROCA) is about.
 */
const char *key_weakness(struct task *t, const EVP_PKEY *key);

#endif
