/* Vouchers, and requests for them, with a mistake in them; rightly signed unless that is it. */
#ifndef GATEHOUSE_LAB_SPOIL_H
#define GATEHOUSE_LAB_SPOIL_H

#include "lab/credentials.h"
#include "registrar/voucher/voucher.h"

enum spoil {
    SPOIL_NOTHING,
    SPOIL_SERIAL,     /* another serial-number */
    SPOIL_NONCE,      /* another nonce */
    SPOIL_PIN,        /* pins the signer's certificate */
    SPOIL_NO_PIN,     /* pins nothing */
    SPOIL_EXPIRED,    /* expires-on has passed */
    SPOIL_ISSUER,     /* another idevid-issuer */
    SPOIL_EST_DOMAIN, /* without est-domain */
    SPOIL_SIGNATURE,  /* the signature is altered */
    SPOIL_SIGNER,     /* signed by somebody who calls himself as the signer does */
};

/* Signs the voucher anew with the mistake, and puts it in the place of the right one. */
MUST_USE bool voucher_spoil(struct task *t, const struct credentials *signer,
                            const struct voucher_form *form, enum spoil spoil,
                            struct bytes *voucher);

#endif
