/* requestvoucher (RFC 8995 5.6). */
#include "lab/masa.h"
#include "lab/problems.h"

/*
 * RFC 8995 5.6.2: the registrar's own certificate, or one of its chain.  "auto": what is bound to a
 * nonce pins the lowest CA, what may be used later the highest, so that the key below can change
 * (draft-ietf-anima-constrained-voucher 8.2).
 */
static const struct cert *choose_pin(const struct masa *masa, const struct masa_request *request)
{
    const struct cert_list *path = &request->path;
    const struct cert *lowest_ca =
        path->count > 1 && cert_is_ca(path->items[1]) ? path->items[1] : path->items[0];
    switch ((enum masa_pin)masa->settings.pin) {
    case MASA_PIN_EE:
        return path->items[0];
    case MASA_PIN_LOWEST_CA:
        return lowest_ca;
    case MASA_PIN_AUTO:
        return request->rvr.nonce != NULL ? lowest_ca : path->items[path->count - 1];
    case MASA_PIN_CA:
        break;
    }
    return path->items[path->count - 1];
}

/* RFC 8995 5.6: not after the registrar's certificate, nor after what is known of its revocation.
 */
static int64_t latest_end(const struct masa_request *request)
{
    int64_t end = cert_not_after(request->signer);
    return request->lists_until != 0 && request->lists_until < end ? request->lists_until : end;
}

struct masa_office masa_office_of(const struct masa *masa)
{
    return (struct masa_office){
        .signer = &masa->signer,
        .state = masa->state,
        .lifetime = masa->settings.lifetime,
        .name_issuer = masa->settings.name_issuer,
        .renewable = masa->settings.renewable,
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
        .not_after = latest_end(request),
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
    TRY(masa_check_owner(t, masa, &request));
    /* RFC 8995 5.6: 406 when the voucher cannot be had in a form that the pledge reads. */
    ENSURE(t, http_accepts(rq, request.form->media_type), E_HTTP_ACCEPT, "Accept: %s", rq->accept);
    TRY(issue(t, masa, rq, &request, &voucher));
    TRY(masa_fault_spoils_voucher(t, masa, fault, request.form, &voucher));
    reply->media_type =
        fault == FAULT_WRONG_TYPE ? "application/octet-stream" : request.form->media_type;
    reply->body = voucher;
    return true;
}

bool masa_request_voucher(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct masa *masa = rq->context;
    enum masa_fault fault = FAULT_NONE;
    bool met = masa_demand_met(t, &masa->demand, rq, reply);
    if (met)
        fault = masa_fault_take(&masa->faults, MASA_VOUCHER);
    if (met && !masa_fault_answers(t, masa, fault, reply))
        TRY(serve(t, masa, fault, rq, reply));
    masa_finish(t, masa, fault, rq, reply);
    return true;
}
