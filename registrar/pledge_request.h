/* The pledge's voucher request (PVR), opened and checked (RFC 8995 5.2, 5.3, 5.5). */
#ifndef GATEHOUSE_REGISTRAR_PLEDGE_REQUEST_H
#define GATEHOUSE_REGISTRAR_PLEDGE_REQUEST_H

#include "registrar/pledge_body.h"

#define NONCE_TEXT_MAX 64 /* characters: 32 octets are 44 in base64; some room for other habits */
#define NONCE_TEXT_MIN 8

struct pledge_request {
    struct signed_voucher signed_request;
    struct bytes sha256; /* of the artifact's octets */
    unsigned used;       /* set of enum allowance: what it departs in */
};

/*
 * Reads the request and verifies its signature with the IDevID of the TLS session.  Fails with the
 * malformed kinds, E_REQUEST_CONTAINER and the kinds of the departures that the manufacturer's
 * record does not allow, E_REQUEST_SIGNATURE, E_REQUEST_SIGNER.
 */
MUST_USE bool pledge_request_open(struct task *t, const struct pledge_body *body,
                                  const struct idevid *idevid, struct pledge_request *ret);
/* What a manufacturer's requests may depart in: a set of enum voucher_departure. */
unsigned pledge_request_departures(const struct trusted_maker *maker);
/*
 * Serial number, nonce and proximity; `ours` is the DER of the certificate that we showed on this
 * TLS session.  Notes in `request` what had to be allowed.  Fails with E_SERIAL_MISMATCH,
 * E_SERIAL_MISSING, E_NONCE_MISSING, E_PROXIMITY, E_ASSERTION_MISSING.
 */
MUST_USE bool pledge_request_check(struct task *t, struct pledge_request *request,
                                   const struct idevid *idevid, struct bytes ours);

#endif
