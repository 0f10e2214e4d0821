/* What can go wrong with the token. */
#ifndef GATEHOUSE_PKCS11_PROBLEMS_H
#define GATEHOUSE_PKCS11_PROBLEMS_H

#include "core/base/problem.h"

#define KEYSTORE_PROBLEMS(X)                                                                       \
    X(E_TOKEN_MODULE, "token-module", "internal error",                                            \
      "The PKCS#11 module could not be loaded. Check token.module in the node file and the "       \
      "module's own configuration.")                                                               \
    X(E_TOKEN_ABSENT, "token-absent", "internal error",                                            \
      "No token with that label. Is the HSM connected, is token.label right, has `gatehousectl "   \
      "init` been run?")                                                                           \
    X(E_TOKEN_PIN, "token-pin", "internal error",                                                  \
      "The token does not accept the PIN. Put the right one into the PIN file; the wrong one is "  \
      "not tried again, so that the token does not lock itself.")                                  \
    X(E_TOKEN_KEY, "token-key", "internal error",                                                  \
      "The key named in the detail is not in the token, or not of a kind that can be used.")       \
    X(E_TOKEN_SEAL, "token-seal", "internal error",                                                \
      "What was sealed with the token's key \"sealing\" does not open with it: the store, or the " \
      "token, is another one. What was sealed is lost; the device has to ask for a new key.")      \
    X(E_TOKEN_FAILED, "token-failed", "internal error",                                            \
      "The token did not do what was asked. Gatehouse opens it anew by itself; if it stays so, "   \
      "look at the HSM's own log.")
DECLARE_PROBLEMS(keystore_problems, KEYSTORE_PROBLEMS)

#endif
