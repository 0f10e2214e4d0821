/* POST /.well-known/est/simpleenroll (RFC 7030 4.2, RFC 8995 5.9). */
#include "est/est.h"

#include "core/base/failpoint.h"
#include "core/store/records/event.h"
#include "est/enrol_order.h"
#include "est/gate.h"
#include "est/profile.h"
#include "est/wire.h"

/* What the device was told to ask for; what it would be told now, if it never asked. */
static bool attributes_asked(struct task *t, const struct est *est, const struct episode *e,
                             struct csrattrs *ret)
{
    struct bytes now;
    struct bytes told;
    TRY(profile_attributes(t, est->store, e, &now, &told));
    return csrattrs_decode(t, bytes_present(told) ? told : now, ret);
}

/* RFC 7030 4.2.1: a PKCS#10 request whose signature proves possession of the key. */
static bool read_request(struct task *t, struct bytes body, struct csr *ret)
{
    struct bytes der;
    TRY(est_read_body(t, body, &der));
    TRY(csr_parse(t, der, ret));
    return csr_verify(t, ret);
}

bool est_simpleenroll(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct est *est = rq->context;
    const struct idevid *idevid;
    struct csr csr;
    struct episode e;
    struct csrattrs asked;
    struct bytes order;
    enum gate gate;
    answer_begin(t, &est->answer);
    TRY(caller_idevid(t, est->callers, rq, &idevid));
    TRY(read_request(t, rq->body, &csr));
    TRY(gate_pass(t, est, idevid->device, &e, &gate));
    if (gate == GATE_LATER) {
        answer_later(reply, est->answer.retry_after);
        return true;
    }
    /* RFC 8995 5.9.2: held against the attributes before any CA sees it. */
    TRY(attributes_asked(t, est, &e, &asked));
    TRY(csr_as_asked(t, &csr, &asked, idevid->cert));
    TRY(enrol_submit(t, est, &e, &csr, http_connection_address(rq->connection), &order));
    TRY(order_answer(t, est->orders, order, &est->answer, est->problems, reply));
    if (reply->status == 200)
        est_write_body(t, reply->media_type, reply->body, reply);
    failpoint(FP_ENROL_BEFORE_REPLY);
    return true;
}
