/* What can be wrong with our own certificate, and with its change. */
#ifndef GATEHOUSE_REGISTRAR_IDENTITY_PROBLEMS_H
#define GATEHOUSE_REGISTRAR_IDENTITY_PROBLEMS_H

#include "core/base/problem.h"

#define IDENTITY_PROBLEMS(X)                                                                       \
    X(E_REGISTRAR_IDENTITY, "registrar-identity", "internal error",                                \
      "Our own certificate cannot be used; see the detail. When its key is lost, stop the daemon " \
      "and use `gatehousectl identity renew --new-key --offline` and `gatehousectl identity "      \
      "switch --offline --override REASON`.")                                                      \
    X(E_NOTHING_STAGED, "nothing-staged", "no certificate waits to be shown",                      \
      "`gatehousectl identity renew` makes one.")                                                  \
    X(E_PIN_AT_STAKE, "pin-at-stake", "devices would not find us any more",                        \
      "Devices hold, or will be given, vouchers that pin a certificate which this change would "   \
      "take away from them. See that the cloud acknowledges the new pin (`gatehousectl clouds "    \
      "sync`, `clouds show`). Give the new certificate an address of its own first (`identity "    \
      "renew --name NEW`, then `clouds set --est-domain`), or pin the registrar CA from now on "   \
      "and let pin-hold pass; with the same key it may keep its address where all devices go by "  \
      "the key (`clouds set --pin-match key`). If the key is lost, `identity switch --override "   \
      "REASON`.")
DECLARE_PROBLEMS(identity_problems, IDENTITY_PROBLEMS)

#endif
