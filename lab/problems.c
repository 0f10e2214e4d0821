#include "lab/problems.h"

DEFINE_PROBLEMS(lab_problems, LAB_PROBLEMS)
