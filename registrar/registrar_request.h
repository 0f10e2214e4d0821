/* The registrar's voucher request to the MASA (RVR; RFC 8995 5.5, RFC 8366bis 6). */
#ifndef GATEHOUSE_REGISTRAR_REGISTRAR_REQUEST_H
#define GATEHOUSE_REGISTRAR_REGISTRAR_REQUEST_H

#include "registrar/registrar.h"

/* How requests to a manufacturer's MASA depart: a set of enum voucher_departure. */
unsigned registrar_request_departures(const struct trusted_maker *maker,
                                      const struct voucher_form *form);
/* Opens one of ours, as it was made: whatever its MASA was allowed to want then. */
MUST_USE bool registrar_request_open(struct task *t, const struct voucher_form *form,
                                     struct bytes request, struct signed_voucher *ret);
/*
 * Signs, in the form of the pledge's request `prior`, for the device of `idevid`, as whom the
 * pledge has seen: a MASA compares (RFC 8995 5.5.5).  Signing again gives other octets: keep what
 * comes out.
 */
MUST_USE bool registrar_request_make(struct task *t, const struct registrar_identity *as,
                                     const struct idevid *idevid,
                                     const struct signed_voucher *prior, struct bytes *ret);

/* A request that no pledge has asked for: for an audit log, or for a voucher without nonce. */
struct request_alone {
    const struct voucher_form *form;
    const struct trusted_maker *maker; /* whose MASA it is for */
    const char *serial;
    struct bytes idevid_issuer;
    const char *nonce;  /* of the voucher that it is about; NULL: none */
    struct bytes prior; /* goes in as prior-signed-voucher-request; absent: nothing does */
    struct cert_list prior_certs; /* of who signed it, and its issuers, where it has none itself */
};
MUST_USE bool registrar_request_alone(struct task *t, const struct registrar_identity *as,
                                      const struct request_alone *what, struct bytes *ret);

#endif
