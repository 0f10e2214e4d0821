/* Requests that wait for somebody's decision, or for the CA, asked after by token. */
#include "est/enrol_order.h"
#include "est/enrolment.h"
#include "est/fullcmc.h"
#include "est/gate.h"

#include <string.h>

/* The order, if it is this client's. */
static bool is_own(const struct est_client *client, const struct order *order,
                   const struct enrolment *enrolment)
{
    struct bytes device = BYTES_ABSENT;
    if (client->idevid != NULL)
        device = client->idevid->device;
    else if (client->issued != NULL)
        device = client->issued->record.device;
    if (bytes_present(device) || bytes_present(order->device))
        return bytes_equal(device, order->device);
    return client->name != NULL && enrolment->client != NULL &&
           strcmp(client->name, enrolment->client) == 0 && enrolment->label != NULL &&
           strcmp(client->label.name, enrolment->label) == 0;
}

static bool find(struct task *t, struct reader *r, const struct est_client *client,
                 struct bytes token, struct order *ret, struct enrolment *ret_enrolment)
{
    struct bytes request;
    bool found = false;
    if (token.len == ID_LEN)
        TRY(table_find(t, r, &order_table, token, ret, &found));
    ENSURE(t, found && strcmp(ret->kind, enrol_order.name) == 0, E_CMC_PENDING,
           "the token names no enrolment");
    TRY(blob_get(t, r, &order_table, token, ORDER_BLOB_REQUEST, &request));
    TRY(record_decode(t, &enrolment_type, request, ret_enrolment));
    ENSURE(t, is_own(client, ret, ret_enrolment), E_CMC_PENDING, "the token is another client's");
    ENSURE(t, !ret_enrolment->server_key, E_CMC_PENDING,
           "with what came of it goes a key, which serverkeygen hands out");
    return true;
}

bool fullcmc_pending_find(struct task *t, const struct est *est, const struct est_client *client,
                          struct bytes token, struct csr *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct order order;
    struct enrolment enrolment;
    TRY(view_open(t, est->store, &view));
    TRY(find(t, view_reader(view), client, token, &order, &enrolment));
    return csr_parse(t, enrolment.csr, ret);
}

/* A result that may be handed out still (order.h: replayable). */
static bool check_result(struct task *t, const struct est *est, struct bytes token)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct order order;
    bool good = true;
    TRY(view_open(t, est->store, &view));
    TRY(table_get(t, view_reader(view), &order_table, token, &order));
    if (order.state == ORDER_DONE)
        TRY(enrol_order.replayable(t, view_reader(view), &order, &good));
    ENSURE(t, good, E_CMC_PENDING, "what came of it is not good any more");
    return true;
}

bool fullcmc_pending_answer(struct task *t, struct http_request *rq,
                            const struct est_client *client, struct bytes token,
                            struct http_reply *reply)
{
    const struct est *est = rq->context;
    struct episode e;
    enum gate gate = GATE_OPEN;
    if (client->idevid != NULL)
        TRY(gate_pass(t, est, rq, client->idevid, GATE_CERTIFICATE, &e, &gate));
    else if (client->issued != NULL && bytes_present(client->issued->record.device))
        TRY(gate_certificate(t, est, &client->issued->record, &e));
    if (gate == GATE_LATER) {
        answer_later(reply, est->answer.retry_after);
        return true;
    }
    TRY(order_answer(t, est->orders, token, &est->answer, est->problems, reply));
    return reply->status != 200 || check_result(t, est, token);
}
