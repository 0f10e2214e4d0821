/* A voucher from the MASA, before it is handed to the pledge (RFC 8995 5.6). */
#ifndef GATEHOUSE_REGISTRAR_VOUCHER_CHECK_H
#define GATEHOUSE_REGISTRAR_VOUCHER_CHECK_H

#include "registrar/registrar.h"

/* What the voucher must be for. */
struct voucher_wanted {
    const char *serial;
    const char *nonce; /* NULL: there must be none */
    bool nonceless;    /* none is good too */
    struct bytes idevid_issuer;
    const struct voucher_form *request_form; /* of our request, with the nonce */
    const struct anchors *voucher_anchors;   /* NULL: none configured, any signer */
    const struct cert_list *voucher_certs;   /* the anchors themselves: one may be the signer */
    const struct cert_list *tls_chain;       /* one of these is to be pinned */
};

/*
 * Signature, signer, serial number, nonce, issuer, expiry and pin.  Fails with the malformed kinds
 * as E_MASA_ANSWER, and with the E_VOUCHER kinds.  Nothing is edited: the voucher goes on as it is
 * or not at all.
 */
MUST_USE bool voucher_check(struct task *t, const struct voucher_form *form, struct bytes octets,
                            const struct voucher_wanted *wanted, struct voucher *ret);

#endif
