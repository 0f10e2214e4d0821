/* The registrar's voucher request to the MASA (RVR; RFC 8995 5.5, RFC 8366bis 6). */
#ifndef GATEHOUSE_REGISTRAR_REGISTRAR_REQUEST_H
#define GATEHOUSE_REGISTRAR_REGISTRAR_REQUEST_H

#include "registrar/registrar.h"

/*
 * Signs, in the pledge's own form, for the device of `idevid`; `prior` are the octets of the
 * pledge's request, `nonce` and `assertion` what it says.  Signing again gives other octets: keep
 * what comes out.
 */
MUST_USE bool registrar_request_make(struct task *t, const struct registrar *r,
                                     const struct voucher_form *form, const struct cert *idevid,
                                     const struct signed_voucher *prior, struct bytes *ret);

#endif
