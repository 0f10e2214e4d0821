/* POST /.well-known/est/simpleenroll (RFC 7030 4.2, RFC 8995 5.9). */
#include "est/est.h"

#include "core/base/failpoint.h"
#include "core/store/records/event.h"
#include "est/enrol_order.h"
#include "est/gate.h"
#include "est/profile.h"
#include "est/wire.h"

/* RFC 7030 4.2.1: a PKCS#10 request whose signature proves possession of the key. */
static bool read_request(struct task *t, struct bytes body, struct csr *ret)
{
    struct bytes der;
    TRY(est_read_body(t, body, &der));
    TRY(csr_parse(t, der, ret));
    return csr_verify(t, ret);
}

/*
 * RFC 8995 5.9.2: held against what the device was told to ask for (or would be told now, if it
 * never asked) before any CA sees it.
 */
static bool check_request(struct task *t, const struct csr *csr, const struct asked *asked,
                          const struct cert *idevid)
{
    struct csrattrs attributes;
    TRY(csrattrs_decode(t, bytes_present(asked->told) ? asked->told : asked->attributes,
                        &attributes));
    return csr_as_asked(t, csr, &attributes, idevid);
}

bool est_simpleenroll(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct est *est = rq->context;
    const struct idevid *idevid;
    struct csr csr;
    struct episode e;
    struct asked asked;
    struct bytes order;
    enum gate gate;
    answer_begin(t, &est->answer);
    TRY(caller_idevid(t, est->callers, rq, &idevid));
    TRY(read_request(t, rq->body, &csr));
    TRY(gate_pass(t, est, idevid, &e, &gate));
    if (gate == GATE_LATER) {
        answer_later(reply, est->answer.retry_after);
        return true;
    }
    TRY(profile_asked(t, est->store, &e, &asked));
    TRY(check_request(t, &csr, &asked, idevid->cert));
    TRY(enrol_submit(t, est, &e, &csr, &asked, http_connection_address(rq->connection), &order));
    TRY(order_answer(t, est->orders, order, &est->answer, est->problems, reply));
    if (reply->status == 200)
        est_write_body(t, reply->media_type, reply->body, reply);
    failpoint(FP_ENROL_BEFORE_REPLY);
    return true;
}
