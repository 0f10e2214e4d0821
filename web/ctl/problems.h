/* What can go wrong in gatehousectl itself.  What the daemon refuses keeps the daemon's own kind.
 */
#ifndef GATEHOUSE_WEB_CTL_PROBLEMS_H
#define GATEHOUSE_WEB_CTL_PROBLEMS_H

#include "core/base/problem.h"

#define CTL_PROBLEMS(X)                                                                            \
    X(E_CTL_USAGE, "usage", "usage", "`gatehousectl COMMAND --help` says what a command takes.")   \
    X(E_CTL_NOT_CONFIRMED, "not-confirmed", "not confirmed",                                       \
      "Nothing was changed. --yes does it without asking.")                                        \
    X(E_CTL_UNREACHABLE, "daemon-unreachable", "the daemon cannot be reached",                     \
      "Is gatehoused running (`systemctl status gatehouse`)? Only root and its own user may talk " \
      "to it. --socket or --config name another one.")                                             \
    X(E_CTL_ANSWER, "daemon-answer", "the daemon's answer makes no sense",                         \
      "gatehousectl and gatehoused may be of different versions, or something else listens on "    \
      "that socket.")                                                                              \
    X(E_CTL_UNKNOWN_FILE, "not-recognised", "not recognised",                                      \
      "What can be inspected: vouchers and voucher requests (CMS, JWS, COSE), certificates, "      \
      "certification requests, CSR attributes, certs-only PKCS#7 and private keys; as they are, "  \
      "or in PEM, base64 or hexadecimal.")                                                         \
    X(E_CTL_NOT_VERIFIED, "not-verified", "not verified",                                          \
      "The report says which step failed. For a certificate that has expired since, --at judges "  \
      "it at another time.")                                                                       \
    X(E_CTL_ROWS, "bad-rows", "rows are not right",                                                \
      "Correct the lines that are named above; what was on the list stays as it is, and rows "     \
      "that are on it already do no harm. --skip-bad imports the good ones now.")                  \
    X(E_CTL_CLOUD, "cloud-problem", "the cloud has not done it",                                   \
      "`gatehousectl clouds show NAME` says what can be done about it; it is tried again.")        \
    X(E_CTL_FINDINGS, "findings", "the store is damaged",                                          \
      "Keep a copy of the store before anything else is done with it, and restore the last good "  \
      "one.")
DECLARE_PROBLEMS(ctl_problems, CTL_PROBLEMS)

#endif
