/* Admission: the owner's word on whose device may have a voucher, and the episode that begins. */
#ifndef GATEHOUSE_REGISTRAR_ADMISSION_H
#define GATEHOUSE_REGISTRAR_ADMISSION_H

#include "registrar/pledge_request.h"
#include "registrar/registrar.h"

struct knock {
    const struct idevid *idevid;
    const struct pledge_request *request;
    const char *masa_url; /* base */
    const char *address;
    struct bytes ours; /* DER of the certificate it saw */
};

/*
 * RFC 8995 5.3: the device is on the list of expected devices, under its manufacturer.  A request
 * with a new nonce begins an episode, and ends the one before; the same request again joins the
 * order it began.  All of it, and the order with our own signed request, in one update.  Fails with
 * E_DEVICE_UNEXPECTED, E_DEVICE_OTHER_KEY, E_NONCE_REUSED, E_REQUEST_STALE, E_TOO_MANY_ATTEMPTS,
 * E_ORDERS_FULL.
 */
MUST_USE bool admit(struct task *t, const struct registrar *r, const struct knock *knock,
                    struct bytes *ret_order, struct bytes *ret_episode);

#endif
