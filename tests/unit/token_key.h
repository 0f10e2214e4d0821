/* Keys as a token gives them: handles whose private part libcrypto never sees. */
#ifndef GATEHOUSE_TESTS_UNIT_TOKEN_KEY_H
#define GATEHOUSE_TESTS_UNIT_TOKEN_KEY_H

#include "core/base/task.h"

#include <openssl/evp.h>

/*
 * A legacy key with a method of its own that signs with `real` (EC or RSA) and counts in
 * `*signatures`; both must outlive it.
 */
EVP_PKEY *token_key_make(struct task *t, EVP_PKEY *real, unsigned *signatures);

#endif
