#include "core/pki/problems.h"

DEFINE_PROBLEMS(pki_problems, PKI_PROBLEMS)
