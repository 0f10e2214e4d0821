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
    struct bytes ours;  /* DER of the certificate it saw */
    const char *accept; /* the forms of voucher it takes, as it says; NULL: it does not say */
};

struct admitted {
    struct bytes order;
    struct bytes episode;
    bool held; /* the order waits for an administrator's word */
};

/*
 * RFC 8995 5.3: the device has a place on the list of expected devices, under its manufacturer; or
 * it is held until an administrator decides.  A request with a new nonce begins an episode, and
 * ends the one before; the same request again joins the order it began.  All of it, and the order
 * with our own signed request, in one update.  Fails with E_DEVICE_UNEXPECTED, E_DEVICE_OTHER_KEY,
 * E_DEVICE_DECLINED, E_DEVICE_GONE, E_TOO_MANY_HELD, E_NONCE_REUSED, E_REQUEST_STALE,
 * E_TOO_MANY_ATTEMPTS, E_ORDERS_FULL.
 */
MUST_USE bool admit(struct task *t, const struct registrar *r, const struct knock *knock,
                    struct admitted *ret);

#endif
