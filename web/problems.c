#include "web/problems.h"

DEFINE_PROBLEMS(api_problems, API_PROBLEMS)
