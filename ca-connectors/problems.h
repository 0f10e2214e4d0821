/* What can go wrong with a CA. */
#ifndef GATEHOUSE_CA_CONNECTORS_PROBLEMS_H
#define GATEHOUSE_CA_CONNECTORS_PROBLEMS_H

#include "core/base/problem.h"

#define CA_PROBLEMS(X)                                                                             \
    X(E_CA_UNKNOWN, "ca-unknown", "internal error",                                                \
      "A profile names a CA that is not configured, or a CA record names a connector that does "   \
      "not exist.")                                                                                \
    X(E_CA_REFUSED, "ca-refused", "certification request refused",                                 \
      "The CA refused the request, or gave a certificate that is not what was asked for; the "     \
      "detail says why or in what. If it is a matter of policy there, change the profile so that " \
      "devices ask for what the CA gives.")                                                        \
    X(E_CA_FAILED, "ca-failed", "try again later",                                                 \
      "The CA could not be used just now; the order is tried again. Check that the CA is up and "  \
      "our credential valid.")                                                                     \
    X(E_CA_FORBIDDEN_EKU, "ca-forbidden-eku", "internal error",                                    \
      "A profile or CA would give a device an extended key usage that makes it a registrar or CA " \
      "in the eyes of EST clients (cmcRA, cmcCA). That is never allowed: correct the profile.")
DECLARE_PROBLEMS(ca_problems, CA_PROBLEMS)

#endif
