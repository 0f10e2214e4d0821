/* What can be wrong with vouchers and voucher requests. */
#ifndef GATEHOUSE_REGISTRAR_VOUCHER_PROBLEMS_H
#define GATEHOUSE_REGISTRAR_VOUCHER_PROBLEMS_H

#include "core/base/problem.h"

#define VOUCHER_PROBLEMS(X)                                                                        \
    X(E_VOUCHER_MALFORMED, "voucher-malformed", "malformed voucher or voucher request",            \
      "The artifact could not be read; save it and use `gatehousectl inspect FILE`.")              \
    X(E_VOUCHER_FORM, "voucher-form", "media type not understood",                                 \
      "The voucher form is not one that Gatehouse reads.")
DECLARE_PROBLEMS(voucher_problems, VOUCHER_PROBLEMS)

#endif
