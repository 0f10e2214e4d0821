#include "registrar/registrar_request.h"

#include "core/base/clock.h"
#include "core/store/records/allowance.h"

#include <string.h>

/* The container is JSON's: the names of COSE's members are numbers. */
unsigned registrar_request_departures(const struct idevid *idevid, const struct voucher_form *form)
{
    bool wanted = (idevid->maker->allowed & ALLOWANCE(ALLOW_MASA_CONTAINER)) != 0 &&
                  strstr(form->media_type, "+json") != NULL;
    return wanted ? VOUCHER_REQUEST_CONTAINER : 0;
}

static bool seal(struct task *t, const struct registrar_identity *as,
                 const struct voucher_form *form, const struct voucher *rvr, struct bytes *ret)
{
    struct voucher_signer signer = {
        .cert = as->cert,
        .key = as->key,
        /* RFC 8995 5.5: these and no others may be pinned: our certificate and the registrar CA. */
        .certs = as->tls_chain,
    };
    return form->seal(t, rvr, &signer, ret);
}

bool registrar_request_make(struct task *t, const struct registrar_identity *as,
                            const struct idevid *idevid, const struct signed_voucher *prior,
                            struct bytes *ret)
{
    struct voucher rvr = {
        .kind = VOUCHER_REQUEST,
        .departures = registrar_request_departures(idevid, prior->form),
        .created_on = clock_wall() / SECOND_MS * SECOND_MS,
        /* RFC 8995 5.5: from the IDevID, never from what the pledge says. */
        .serial_number = idevid->serial,
        /* RFC 8995 5.5: carried over as it stands. */
        .nonce = prior->voucher.nonce,
        .assertion = prior->voucher.assertion,
        /* RFC 8995 5.5: the pledge's request goes along, octet for octet. */
        .prior_signed_voucher_request = prior->octets,
        /* RFC 8995 5.5: proximity-registrar-cert must not be there. */
    };
    /* RFC 8366bis 6.1: whose serial number it is. */
    TRY(cert_idevid_issuer(t, idevid->cert, &rvr.idevid_issuer));
    return seal(t, as, prior->form, &rvr, ret);
}

bool registrar_request_alone(struct task *t, const struct registrar_identity *as,
                             const struct request_alone *what, struct bytes *ret)
{
    const struct voucher rvr = {
        .kind = VOUCHER_REQUEST,
        .created_on = clock_wall() / SECOND_MS * SECOND_MS,
        .serial_number = what->serial,
        .idevid_issuer = what->idevid_issuer,
        .nonce = what->nonce,
        .prior_signed_voucher_request = what->prior,
    };
    return seal(t, as, what->form, &rvr, ret);
}
