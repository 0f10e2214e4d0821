#include "registrar/registrar_request.h"

#include "core/base/clock.h"
#include "core/store/records/allowance.h"

#include <string.h>

/* The container is JSON's: the names of COSE's members are numbers. */
unsigned registrar_request_departures(const struct trusted_maker *maker,
                                      const struct voucher_form *form)
{
    bool wanted = (maker->allowed & ALLOWANCE(ALLOW_MASA_CONTAINER)) != 0 &&
                  strstr(form->media_type, "+json") != NULL;
    return wanted ? VOUCHER_REQUEST_CONTAINER : 0;
}

bool registrar_request_open(struct task *t, const struct voucher_form *form, struct bytes request,
                            struct signed_voucher *ret)
{
    return form->open(t, request, VOUCHER_REQUEST_CONTAINER, NULL, ret);
}

static bool contains(const struct cert_list *certs, const struct cert *cert)
{
    for (size_t i = 0; i < certs->count; i++) {
        if (bytes_equal(certs->items[i]->der, cert->der))
            return true;
    }
    return false;
}

/*
 * RFC 8995 5.5: no others than our certificate and the registrar CA, which may be pinned.  cBRSKI
 * 9.2: where the pledge's request says nothing of its signer, its IDevID and all up to its root go
 * along.
 */
static struct cert_list certs_to_carry(struct task *t, const struct cert_list *ours,
                                       const struct cert_list *pledge,
                                       const struct voucher_form *form)
{
    if (!form->signer_from_tls)
        return *ours;
    const struct cert **all =
        arena_array(t->arena, ours->count + pledge->count, sizeof(struct cert *));
    size_t count = 0;
    for (size_t i = 0; i < ours->count; i++)
        all[count++] = ours->items[i];
    for (size_t i = 0; i < pledge->count; i++) {
        if (!contains(ours, pledge->items[i]))
            all[count++] = pledge->items[i];
    }
    return (struct cert_list){all, count};
}

/* cBRSKI 7.1: in the form of the pledge's request. */
static bool seal(struct task *t, const struct registrar_identity *as,
                 const struct voucher_form *form, const struct cert_list *pledge,
                 const struct voucher *rvr, struct bytes *ret)
{
    struct voucher_signer signer = {
        .cert = as->cert,
        .key = as->key,
        .certs = certs_to_carry(t, &as->tls_chain, pledge, form),
    };
    return form->seal(t, rvr, &signer, ret);
}

bool registrar_request_make(struct task *t, const struct registrar_identity *as,
                            const struct idevid *idevid, const struct signed_voucher *prior,
                            struct bytes *ret)
{
    struct voucher rvr = {
        .kind = VOUCHER_REQUEST,
        .departures = registrar_request_departures(idevid->maker, prior->form),
        .created_on = clock_wall() / SECOND_MS * SECOND_MS,
        /* RFC 8995 5.5: from the IDevID, never from what the pledge says. */
        .serial_number = idevid->serial,
        /* RFC 8995 5.5: carried over as it stands; cBRSKI 7.2: the assertion, too. */
        .nonce = prior->voucher.nonce,
        .assertion = prior->voucher.assertion,
        /* RFC 8995 5.5: the pledge's request goes along, octet for octet. */
        .prior_signed_voucher_request = prior->octets,
        /* RFC 8995 5.5: proximity-registrar-cert must not be there. */
    };
    /* RFC 8366bis 6.1: whose serial number it is. */
    TRY(cert_idevid_issuer(t, idevid->cert, &rvr.idevid_issuer));
    return seal(t, as, prior->form, &idevid->chain, &rvr, ret);
}

bool registrar_request_alone(struct task *t, const struct registrar_identity *as,
                             const struct request_alone *what, struct bytes *ret)
{
    const struct voucher rvr = {
        .kind = VOUCHER_REQUEST,
        .departures = registrar_request_departures(what->maker, what->form),
        .created_on = clock_wall() / SECOND_MS * SECOND_MS,
        .serial_number = what->serial,
        .idevid_issuer = what->idevid_issuer,
        .nonce = what->nonce,
        .prior_signed_voucher_request = what->prior,
    };
    return seal(t, as, what->form, &what->prior_certs, &rvr, ret);
}
