#include "core/asking/problems.h"

DEFINE_PROBLEMS(asking_problems, ASKING_PROBLEMS)
