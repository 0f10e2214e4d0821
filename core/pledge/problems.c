#include "core/pledge/problems.h"

DEFINE_PROBLEMS(pledge_problems, PLEDGE_PROBLEMS)
