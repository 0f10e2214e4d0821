/* requestvoucher (RFC 8995 5.6). */
#include "lab/masa.h"
#include "lab/problems.h"

/* RFC 8995 5.6.2: the farthest certificate of the registrar's chain, or the nearest. */
static const struct cert *choose_pin(const struct masa *masa, const struct masa_request *request)
{
    const struct cert_list *path = &request->path;
    return masa->settings.pin == MASA_PIN_EE ? path->items[0] : path->items[path->count - 1];
}

struct masa_office masa_office_of(const struct masa *masa)
{
    return (struct masa_office){
        .signer = &masa->signer,
        .state = masa->state,
        .lifetime = masa->settings.lifetime,
        .name_issuer = masa->settings.name_issuer,
    };
}

static bool issue(struct task *t, const struct masa *masa, const struct http_request *rq,
                  const struct masa_request *request, struct bytes *ret)
{
    const struct masa_office office = masa_office_of(masa);
    const struct masa_grant grant = {
        .form = request->form,
        .request = rq->body,
        .serial = request->rvr.serial_number,
        .idevid_issuer = request->idevid_issuer,
        .nonce = request->rvr.nonce,
        .assertion = request->assertion,
        .pinned = choose_pin(masa, request),
    };
    return masa_grant(t, &office, &grant, ret);
}

/* Everything between the request and the answer, when no fault prevents it. */
static bool serve(struct task *t, const struct masa *masa, enum masa_fault fault,
                  const struct http_request *rq, struct http_reply *reply)
{
    struct masa_request request;
    struct bytes voucher;
    TRY(masa_read_request(t, masa, rq, &request));
    /* RFC 8995 5.6: 406 when the voucher cannot be had in a form that the pledge reads. */
    ENSURE(t, http_accepts(rq, request.form->media_type), E_HTTP_ACCEPT, "Accept: %s", rq->accept);
    TRY(issue(t, masa, rq, &request, &voucher));
    TRY(masa_fault_spoils_voucher(t, masa, fault, request.form, &voucher));
    reply->media_type = request.form->media_type;
    reply->body = voucher;
    return true;
}

bool masa_request_voucher(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct masa *masa = rq->context;
    enum masa_fault fault = masa_fault_take(&masa->faults, MASA_VOUCHER);
    if (!masa_fault_answers(t, masa, fault, reply))
        TRY(serve(t, masa, fault, rq, reply));
    masa_finish(t, masa, fault, rq, reply);
    return true;
}
