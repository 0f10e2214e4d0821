/* What can go wrong in the admin API. */
#ifndef GATEHOUSE_WEB_PROBLEMS_H
#define GATEHOUSE_WEB_PROBLEMS_H

#include "core/base/problem.h"

#define API_PROBLEMS(X)                                                                            \
    X(E_AMBIGUOUS, "ambiguous", "more than one matches",                                           \
      "Several devices have this serial number. `gatehousectl devices list --serial SERIAL` "      \
      "shows their ids; use one of those.")                                                        \
    X(E_IN_USE, "in-use", "still in use",                                                          \
      "Something else refers to it, which would be left without it or would take to the next one " \
      "of that name. Change or remove what is named here first. Devices that have been seen keep " \
      "their history, and it keeps their manufacturer; `gatehousectl devices remove` takes those " \
      "that are only expected off the list.")                                                      \
    X(E_CRL_OUTDATED, "revocation-list-outdated", "outdated",                                      \
      "The manufacturer's CA was to publish a new revocation list by then. What was revoked "      \
      "since "                                                                                     \
      "is not known here: fetch the list and put it in place with `gatehousectl manufacturers "    \
      "crls "                                                                                      \
      "NAME FILE`.")                                                                               \
    X(E_ANCHOR_ENDS, "anchor-ends", "ends",                                                        \
      "A CA certificate in the manufacturer's record ends, or has ended. Ask the manufacturer "    \
      "for "                                                                                       \
      "the next one and add it beside this one.")                                                  \
    X(E_LOG_CHANGED, "another-log", "another log was received",                                    \
      "A log of this device was received since you looked. See what is in it with "                \
      "`gatehousectl devices show --log`, and accept that one.")                                   \
    X(E_CLOUD_REGISTERED, "cloud-registered", "still registered",                                  \
      "`gatehousectl clouds withdraw NAME` first: what is registered with the cloud would stay "   \
      "there, and send devices to us.")
DECLARE_PROBLEMS(api_problems, API_PROBLEMS)

#endif
