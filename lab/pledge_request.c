/* The pledge's voucher request (RFC 8995 5.2). */
#include "core/base/clock.h"
#include "lab/pledge.h"

#include <string.h>

#define NONCE_LEN 16 /* octets; RFC 8366: 8 to 32 */

static const char *fresh_nonce(struct task *t)
{
    return bytes_to_base64(t->arena, bytes_random(t->arena, NONCE_LEN));
}

/* RFC 8995 5.2: the nonce, and the certificate that this very connection showed. */
static bool make_voucher_request(struct task *t, struct pledge *p, enum pledge_fault fault)
{
    struct voucher request = {
        .kind = VOUCHER_REQUEST,
        .assertion = "proximity",
        .created_on = p->world->settings.no_clock ? 0 : clock_wall(),
        .serial_number = p->serial,
        .nonce = p->now.nonce,
        .proximity_registrar_cert = link_chain(p->now.link)->items[0]->der,
    };
    static const struct cert_list none = {NULL, 0};
    const struct voucher_signer signer = {
        .cert = p->idevid.cert,
        .key = p->idevid.key,
        /* cBRSKI 9.2: in COSE they are known from TLS. */
        .certs = p->form->signer_from_tls ? none : p->idevid.chain,
    };
    fault_spoils_request(p, fault, &request);
    TRY(p->form->seal(t, &request, &signer, &p->now.voucher_request));
    return fault_spoils_octets(t, p, fault, &p->now.voucher_request);
}

static enum link_manner manner_of(enum pledge_fault fault)
{
    switch (fault) {
    case PF_HEADER_DRIP:
        return LINK_DRIP_HEADER;
    case PF_BODY_DRIP:
        return LINK_DRIP_BODY;
    case PF_HALF:
        return LINK_HALF;
    case PF_HANG_UP:
        return LINK_HANG_UP;
    default:
        return LINK_PLAIN;
    }
}

static bool send_voucher_request(struct task *t, struct pledge *p, enum pledge_fault fault,
                                 struct response *ret)
{
    const struct patient_call call = {
        .link = p->now.link,
        .request = {.method = "POST",
                    .path = journey_here(&p->now.journey)->path,
                    .media_type = fault == PF_WRONG_TYPE ? "text/plain" : p->form->media_type,
                    .accept = p->form->media_type,
                    .body = p->now.voucher_request,
                    .manner = manner_of(pledge_fault(t, p, OP_SEND))},
        .action = PLEDGE_REQUEST_VOUCHER,
    };
    return pledge_call(t, p, &call, ret);
}

static bool request_voucher(struct task *t, struct pledge *p, const char *nonce,
                            struct response *ret)
{
    enum pledge_fault fault = pledge_fault(t, p, OP_REQUEST);
    p->now.nonce = nonce;
    TRY(make_voucher_request(t, p, fault));
    return send_voucher_request(t, p, fault, ret);
}

/* Faults: an answer is there, and it is asked again; the latest answer counts. */
static bool ask_again(struct task *t, struct pledge *p, struct response *answer)
{
    switch (pledge_fault(t, p, OP_AGAIN)) {
    case PF_TWICE:
        return send_voucher_request(t, p, PF_NONE, answer);
    case PF_REUSED_NONCE:
        return request_voucher(t, p, p->now.nonce, answer);
    case PF_MANY_NONCES:
        for (int i = 0; i < PF_REPETITIONS; i++)
            TRY(request_voucher(t, p, fresh_nonce(t), answer));
        return true;
    default:
        return true;
    }
}

bool pledge_request_voucher(struct task *t, struct pledge *p, struct response *ret)
{
    struct response answer;
    TRY(request_voucher(t, p, fresh_nonce(t), &answer));
    TRY(ask_again(t, p, &answer));
    *ret = answer;
    return true;
}
