#include "pkcs11/problems.h"

DEFINE_PROBLEMS(keystore_problems, KEYSTORE_PROBLEMS)
