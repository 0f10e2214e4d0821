/* POST /.well-known/brski/requestvoucher (RFC 8995 5.2, 5.3). */
#include "registrar/admission.h"
#include "registrar/masa.h"
#include "registrar/pledge_request.h"
#include "registrar/onboarding.h"
#include "registrar/past_identity.h"
#include "registrar/voucher_order.h"

#include "core/base/failpoint.h"
#include "core/pledge/failures.h"

/* RFC 8995 5.2, 5.5; and what a pledge saw that did not see our certificate of now. */
static bool check_request(struct task *t, const struct registrar *r, const struct knock *knock)
{
    if (pledge_request_check(t, knock->request, knock->idevid, knock->ours))
        return true;
    return task_failed_with(t, E_PROXIMITY) &&
           past_identity_explain(t, r->store, &knock->request->signed_request.voucher);
}

/*
 * RFC 8995 5.3 in its order: who is it, did it sign this, does it say what it must, may it have a
 * voucher; then the order does the rest, and the pledge gets its result or 202.
 */
bool registrar_requestvoucher(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct registrar *r = rq->context;
    const struct voucher_form *form = voucher_form_of(rq->media_type);
    struct pledge_request request;
    struct knock knock = {
        .request = &request,
        .address = http_connection_address(rq->connection),
        .ours = http_connection_ours(rq->connection),
    };
    struct admitted admitted;
    answer_begin(t, &r->answer);
    ENSURE(t, form != NULL, E_VOUCHER_FORM, "Content-Type %s",
           rq->media_type == NULL ? "missing" : rq->media_type);
    ENSURE(t, http_accepts(rq, form->media_type), E_HTTP_ACCEPT, "Accept: %s", rq->accept);
    TRY(caller_idevid(t, r->callers, rq, &knock.idevid));
    TRY(pledge_request_open(t, form, rq->body, knock.idevid, &request));
    TRY(check_request(t, r, &knock));
    TRY(masa_base(t, knock.idevid, &knock.masa_url));
    failpoint(FP_VOUCHER_BEFORE_SUBMIT);
    TRY(admit(t, r, &knock, &admitted));
    failpoint(FP_VOUCHER_AFTER_SUBMIT);
    onboarding_remember(rq->connection, admitted.episode);
    /* RFC 8995 5.6, and what a redirected pledge makes of errors: 202 keeps it at our door. */
    if (admitted.held)
        answer_later(reply, r->answer.retry_after);
    else
        TRY(order_answer(t, r->orders, admitted.order, &r->answer, r->problems, reply));
    failpoint(FP_VOUCHER_BEFORE_REPLY);
    return true;
}

void registrar_voucher_failed(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct registrar *r = rq->context;
    /* RFC 8995 5.2: after a failed proximity check the connection is closed. */
    if (task_failed_with(t, E_PROXIMITY) || task_failed_with(t, E_PREVIOUS_CERTIFICATE))
        reply->close = true;
    if (reply->status == 503)
        reply->retry_after = r->answer.retry_after;
    if (!voucher_order_told(t))
        failure_note(t, r->callers, rq, "voucher-refused");
}
