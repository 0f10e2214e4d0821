/* Why we are not announced. */
#ifndef GATEHOUSE_REGISTRAR_DISCOVERY_PROBLEMS_H
#define GATEHOUSE_REGISTRAR_DISCOVERY_PROBLEMS_H

#include "core/base/problem.h"

#define DISCOVERY_PROBLEMS(X)                                                                      \
    X(E_MDNS, "mdns-not-announced", "internal error",                                              \
      "The registrar works, but mDNS does not announce it. Is avahi-daemon running, and may our "  \
      "user speak to it over D-Bus? It is tried again by itself.")                                 \
    X(E_GRASP, "grasp-not-flooded", "internal error",                                              \
      "The registrar works, but GRASP does not announce it everywhere. Are the interfaces that "   \
      "discovery.interfaces names there, up, and with an IPv6 address? It is tried again with "    \
      "the "                                                                                       \
      "next flood.")
DECLARE_PROBLEMS(discovery_problems, DISCOVERY_PROBLEMS)

#endif
