/* What can go wrong in the store. */
#ifndef GATEHOUSE_CORE_STORE_PROBLEMS_H
#define GATEHOUSE_CORE_STORE_PROBLEMS_H

#include "core/base/problem.h"

#define STORE_PROBLEMS(X)                                                                          \
    X(E_STORE, "store", "internal error",                                                          \
      "The store could not be used. Look at the detail, the disk and the log; nothing that was "   \
      "acknowledged is lost. `gatehousectl store check` examines it.")                             \
    X(E_STORE_FULL, "store-full", "busy, try again later",                                         \
      "The store has reached its size limit. Raise store.size in the node file (it is sparse: "    \
      "disk is used only as records come) and restart.")                                           \
    X(E_STORE_DAMAGED, "store-damaged", "internal error",                                          \
      "A record or the audit chain is not what Gatehouse wrote. Stop, keep a copy of the store, "  \
      "and run `gatehousectl store check`.")                                                       \
    X(E_STORE_CLOSING, "store-closing", "busy, try again later",                                   \
      "Gatehouse is stopping; the request will succeed after the restart.")
DECLARE_PROBLEMS(store_problems, STORE_PROBLEMS)

#endif
