/* Why a request is not what was asked for, or nothing can be asked of a device. */
#ifndef GATEHOUSE_CORE_ASKING_PROBLEMS_H
#define GATEHOUSE_CORE_ASKING_PROBLEMS_H

#include "core/base/problem.h"

#define ASKING_PROBLEMS(X)                                                                         \
    X(E_CSR_NOT_AS_ASKED, "csr-not-as-asked",                                                      \
      "the request is not what the CSR attributes ask for",                                        \
      "The request departs from the CSR attributes that were given; the detail says what was "     \
      "asked and what came. Either the client's software does not follow them, or the profile "    \
      "asks for what it cannot do: `gatehousectl csrattrs show --device SERIAL` shows what it is " \
      "told, `gatehousectl csrattrs try` judges a request.")                                       \
    X(E_PROFILE_MISSING, "profile-missing", "try again later",                                     \
      "The device's manufacturer, or the enrolment profile that its record names, does not exist " \
      "any more: `gatehousectl manufacturers set NAME --profile PROFILE`. The device will ask "    \
      "again by itself.")                                                                          \
    X(E_PROFILE_NAME, "profile-name", "try again later",                                           \
      "The device cannot have a name that its profile makes for it: the pattern makes none "       \
      "of this serial number, or another device has it. Give its manufacturer a profile with a "   \
      "name pattern of its own: `gatehousectl profiles set NAME --dns-pattern PATTERN`. The "      \
      "device will ask again by itself.")                                                          \
    X(E_PROFILE_VALUE, "profile-value", "try again later",                                         \
      "A value that the profile gives the device cannot be had, or does not fit where it is to "   \
      "stand; the detail says which. Columns come with the list of expected devices: "             \
      "`gatehousectl devices import`. Or change the profile: `gatehousectl profiles set`. The "    \
      "device will ask again by itself.")
DECLARE_PROBLEMS(asking_problems, ASKING_PROBLEMS)

#endif
