/* What can go wrong in the admin API. */
#ifndef GATEHOUSE_WEB_PROBLEMS_H
#define GATEHOUSE_WEB_PROBLEMS_H

#include "core/base/problem.h"

#define API_PROBLEMS(X)                                                                            \
    X(E_AMBIGUOUS, "ambiguous", "more than one matches",                                           \
      "Several devices have this serial number. `gatehousectl devices list --serial SERIAL` "      \
      "shows "                                                                                     \
      "their ids; use one of those.")
DECLARE_PROBLEMS(api_problems, API_PROBLEMS)

#endif
