/* What can be wrong with vouchers and voucher requests. */
#ifndef GATEHOUSE_REGISTRAR_VOUCHER_PROBLEMS_H
#define GATEHOUSE_REGISTRAR_VOUCHER_PROBLEMS_H

#include "core/base/problem.h"

#define VOUCHER_PROBLEMS(X)                                                                        \
    X(E_VOUCHER_MALFORMED, "voucher-malformed", "malformed voucher or voucher request",            \
      "The artifact could not be read; save it and use `gatehousectl inspect FILE`.")              \
    X(E_VOUCHER_FORM, "voucher-form", "media type not understood",                                 \
      "The voucher form is not one that Gatehouse reads.")                                         \
    X(E_VOUCHER_PRIOR_OBJECT, "prior-request-object", "malformed voucher or voucher request",      \
      "prior-signed-voucher-request is a JSON object, where RFC 8995 has base64. If this "         \
      "manufacturer's devices are made so: `gatehousectl manufacturers allow NAME "                \
      "prior-request-object`.")                                                                    \
    X(E_VOUCHER_CREATED_ON_DATE, "created-on-date", "malformed voucher or voucher request",        \
      "created-on is a date without a time, where RFC 8366 has both. If this "                     \
      "manufacturer's devices are made so: `gatehousectl manufacturers allow NAME "                \
      "created-on-date`.")                                                                         \
    X(E_VOUCHER_COSE_UNTAGGED, "cose-untagged", "malformed voucher or voucher request",            \
      "The COSE_Sign1 lacks its tag (18). If this manufacturer's devices are made so: "            \
      "`gatehousectl manufacturers allow NAME cose-untagged`.")
DECLARE_PROBLEMS(voucher_problems, VOUCHER_PROBLEMS)

#endif
