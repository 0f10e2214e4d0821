/* POST /.well-known/brski/requestvoucher (RFC 8995 5.2, 5.3). */
#include "registrar/admission.h"
#include "registrar/allowances.h"
#include "registrar/masa.h"
#include "registrar/pledge_request.h"
#include "registrar/onboarding.h"
#include "registrar/past_identity.h"
#include "registrar/registrar_request.h"
#include "registrar/voucher_order.h"

#include "core/base/failpoint.h"
#include "core/pledge/failures.h"

/* RFC 8995 5.2, 5.5; and what a pledge saw that did not see our certificate of now. */
static bool check_request(struct task *t, const struct registrar *r, struct pledge_request *request,
                          const struct knock *knock)
{
    if (pledge_request_check(t, request, knock->idevid, knock->ours))
        return true;
    return task_failed_with(t, E_PROXIMITY) &&
           past_identity_explain(t, r->store, &request->signed_request.voucher);
}

/*
 * A pledge that asks with nothing wants to see our certificate, which it has by now; it comes back
 * with a request over another connection.
 */
static bool answer_nothing(struct task *t, const struct registrar *r, struct http_request *rq,
                           const struct idevid *idevid, struct http_reply *reply)
{
    ENSURE(t, (idevid->maker->allowed & ALLOWANCE(ALLOW_EMPTY_REQUEST)) != 0, E_EMPTY_REQUEST,
           "the body is empty");
    oddity_note(t, r->callers, rq, ALLOWANCE_EVENT, allowance_detail(t, ALLOW_EMPTY_REQUEST));
    reply->status = 200;
    return true;
}

/*
 * RFC 8995 5.3 in its order: who is it, did it sign this, does it say what it must, may it have a
 * voucher; then the order does the rest, and the pledge gets its result or 202.
 */
static bool answer_request(struct task *t, const struct registrar *r, struct http_request *rq,
                           const struct idevid *idevid, struct http_reply *reply)
{
    struct pledge_body body;
    struct pledge_request request;
    struct admitted admitted;
    TRY(pledge_body_read(t, rq, idevid, &body));
    TRY(pledge_request_open(t, &body, idevid, &request));
    struct knock knock = {
        .idevid = idevid,
        .request = &request,
        .accept = body.accept,
        .address = http_connection_address(rq->connection),
        .ours = http_connection_ours(rq->connection),
    };
    TRY(check_request(t, r, &request, &knock));
    TRY(masa_base(t, idevid, &request.used, &knock.masa_url));
    if (registrar_request_departures(idevid->maker, body.form) != 0)
        request.used |= ALLOWANCE(ALLOW_MASA_CONTAINER);
    failpoint(FP_VOUCHER_BEFORE_SUBMIT);
    TRY(admit(t, r, &knock, &admitted));
    failpoint(FP_VOUCHER_AFTER_SUBMIT);
    onboarding_remember(rq->connection, admitted.episode);
    /* RFC 8995 5.6, and what a redirected pledge makes of errors: 202 keeps it at our door. */
    if (admitted.held)
        answer_later(reply, r->answer.retry_after);
    else
        TRY(order_answer(t, r->orders, admitted.order, &r->answer, r->problems, reply));
    pledge_body_wrap_alike(t, &body, reply);
    failpoint(FP_VOUCHER_BEFORE_REPLY);
    return true;
}

bool registrar_requestvoucher(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct registrar *r = rq->context;
    const struct idevid *idevid;
    bool alias;
    answer_begin(t, &r->answer);
    ENSURE(t, rq->body.len == 0 || voucher_form_named(rq->media_type, &alias) != NULL,
           E_HTTP_MEDIA_TYPE, "Content-Type %s",
           rq->media_type == NULL ? "missing" : rq->media_type);
    TRY(caller_idevid(t, r->callers, rq, &idevid));
    if (rq->body.len == 0)
        return answer_nothing(t, r, rq, idevid, reply);
    return answer_request(t, r, rq, idevid, reply);
}

void registrar_voucher_failed(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    static const struct problem_kind *const closing[] = {E_PROXIMITY, E_PREVIOUS_CERTIFICATE,
                                                         E_ASSERTION_MISSING, NULL};
    const struct registrar *r = rq->context;
    /* RFC 8995 5.2: after a failed proximity check the connection is closed. */
    if (task_failed_with_any(t, closing))
        reply->close = true;
    if (reply->status == 503)
        reply->retry_after = r->answer.retry_after;
    if (!voucher_order_told(t))
        failure_note(t, r->callers, rq, "voucher-refused");
}
