#include "web/ctl/problems.h"

DEFINE_PROBLEMS(ctl_problems, CTL_PROBLEMS)
