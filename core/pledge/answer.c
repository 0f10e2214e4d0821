#include "core/pledge/answer.h"

#include "core/base/clock.h"

void answer_begin(struct task *t, const struct answer_limits *limits)
{
    t->deadline = clock_monotonic() + limits->wait;
}

void answer_later(struct http_reply *reply, int retry_after)
{
    /* RFC 8995 5.6, RFC 7030 4.2.3: 202 carries Retry-After.  Bouncy Castle's client wants no text.
     */
    reply->status = 202;
    reply->retry_after = retry_after;
}

/* The stored refusal becomes the task's problem again. */
static bool refuse_again(struct task *t, const struct order *order,
                         const struct problem_kind *const *const *tables)
{
    const struct problem_kind *kind =
        order->problem == NULL ? NULL : problem_find(tables, order->problem);
    ENSURE(t, kind != NULL, E_INTERNAL, "order refused with the unknown problem %s",
           order->problem == NULL ? "(none)" : order->problem);
    return fail(t, kind, "%s", order->detail == NULL ? "" : order->detail);
}

bool order_answer(struct task *t, struct orders *orders, struct bytes id,
                  const struct answer_limits *limits,
                  const struct problem_kind *const *const *tables, struct http_reply *reply)
{
    struct order order;
    struct bytes result;
    TRY(order_wait(t, orders, id, limits->wait, &order, &result));
    switch ((enum order_state)order.state) {
    case ORDER_DONE:
        reply->status = 200;
        reply->media_type = order.result_type;
        reply->body = result;
        return true;
    case ORDER_REFUSED:
        return refuse_again(t, &order, tables);
    case ORDER_WAITING:
    case ORDER_READY:
    case ORDER_RUNNING:
        break;
    }
    answer_later(reply, limits->retry_after);
    return true;
}
