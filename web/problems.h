/* What can go wrong in the admin API. */
#ifndef GATEHOUSE_WEB_PROBLEMS_H
#define GATEHOUSE_WEB_PROBLEMS_H

#include "core/base/problem.h"

#define API_PROBLEMS(X)                                                                            \
    X(E_AMBIGUOUS, "ambiguous", "more than one matches",                                           \
      "Several devices have this serial number. `gatehousectl devices list --serial SERIAL` "      \
      "shows their ids; use one of those.")                                                        \
    X(E_IN_USE, "in-use", "still in use",                                                          \
      "`gatehousectl devices remove` takes devices off the list of expected ones. Those that "     \
      "have been seen keep their history, and it keeps their manufacturer; without a place on "    \
      "the list none of them is let in.")
DECLARE_PROBLEMS(api_problems, API_PROBLEMS)

#endif
