/* requestvoucher (RFC 8995 5.6). */
#include "core/base/clock.h"
#include "lab/masa.h"
#include "lab/problems.h"

struct issuing {
    const struct masa *masa;
    const struct masa_request *request;
    const struct cert *pinned;
};

/* RFC 8995 5.6.2: the farthest certificate of the registrar's chain, or the nearest. */
static const struct cert *choose_pin(const struct masa *masa, const struct masa_request *request)
{
    const struct cert_list *path = &request->path;
    return masa->settings.pin == MASA_PIN_EE ? path->items[0] : path->items[path->count - 1];
}

/* RFC 8366 5.3: only a voucher without nonce ends; never after what it pins. */
static int64_t expiry(const struct issuing *issuing, int64_t now)
{
    if (issuing->request->rvr.nonce != NULL)
        return 0;
    int64_t end = now + issuing->masa->settings.lifetime;
    int64_t pinned_end = cert_not_after(issuing->pinned);
    return end < pinned_end ? end : pinned_end;
}

static bool make_voucher(struct task *t, void *context, struct bytes *ret)
{
    const struct issuing *issuing = context;
    const struct masa *masa = issuing->masa;
    const struct masa_request *request = issuing->request;
    int64_t now = clock_wall();
    const struct voucher voucher = {
        .kind = VOUCHER,
        .created_on = now,
        .expires_on = expiry(issuing, now),
        .assertion = request->assertion,
        .serial_number = request->rvr.serial_number,
        .nonce = request->rvr.nonce,
        .idevid_issuer = masa->settings.name_issuer ? request->idevid_issuer : BYTES_ABSENT,
        .pinned_domain_cert = issuing->pinned->der,
    };
    const struct voucher_signer signer = {
        .cert = masa->signer.cert,
        .key = masa->signer.key,
        .certs = masa->signer.chain,
    };
    return request->form->seal(t, &voucher, &signer, ret);
}

static bool issue(struct task *t, const struct masa *masa, const struct http_request *rq,
                  const struct masa_request *request, struct bytes *ret)
{
    struct issuing issuing = {
        .masa = masa,
        .request = request,
        .pinned = choose_pin(masa, request),
    };
    struct masa_issue issue = {
        .request = rq->body,
        .serial = request->rvr.serial_number,
        .idevid_issuer = request->idevid_issuer,
        .nonce = request->rvr.nonce,
        .assertion = request->assertion,
    };
    TRY(cert_domain_id(t, issuing.pinned, &issue.domain_id));
    return masa_state_issue(t, masa->state, &issue, make_voucher, &issuing, ret);
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
