#include "ca-connectors/problems.h"

DEFINE_PROBLEMS(ca_problems, CA_PROBLEMS)
