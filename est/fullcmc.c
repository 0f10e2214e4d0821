/* POST /.well-known/est/fullcmc (RFC 7030 4.3). */
#include "est/fullcmc.h"

#include "core/base/log.h"
#include "est/enrol.h"
#include "est/wire.h"

#include <string.h>

bool fullcmc_open(struct task *t, const struct http_request *rq, struct fullcmc *ret)
{
    struct fullcmc message;
    struct bytes der;
    TRY(est_read_body(t, rq->body, &der));
    ENSURE(t, der.len <= CMC_SIZE_MAX, E_CMC_MALFORMED, "%zu octets; at most %zu", der.len,
           CMC_SIZE_MAX);
    TRY(cms_open(t, der, NULL, &message.cms));
    ENSURE(t, strcmp(message.cms.content_type, OID_CT_PKI_DATA) == 0, E_CMC_MALFORMED,
           "signed is no PKIData but %s", message.cms.content_type);
    TRY(cmc_data_parse(t, message.cms.content, &message.data));
    *ret = message;
    return true;
}

/* RFC 7030 4.3: optional; where a label does not have it, there is nothing at that path. */
static bool check_served(struct task *t, const struct est *est, struct http_request *rq,
                         struct est_label *ret)
{
    struct est_label label;
    TRY(est_client_label(t, est, rq, &label));
    ENSURE(t, label.full_cmc, E_CMC_OFF, "the label %s does not serve Full CMC", label.name);
    /* RFC 7030 4.3.1; smime-type is not compared: clients leave it out. */
    ENSURE(t, rq->media_type != NULL && strcmp(rq->media_type, EST_CMC_REQUEST) == 0,
           E_HTTP_MEDIA_TYPE, "Content-Type \"%s\"",
           rq->media_type == NULL ? "(none)" : rq->media_type);
    ENSURE(t, http_accepts(rq, EST_CMC_RESPONSE), E_HTTP_ACCEPT, "Accept \"%s\"", rq->accept);
    *ret = label;
    return true;
}

/* Who asks is judged before what is asked, which may still be unreadable. */
static bool meet(struct task *t, struct http_request *rq, const struct est_label *label,
                 struct fullcmc *ret, struct est_client *ret_client)
{
    const struct est *est = rq->context;
    struct fullcmc message;
    struct task reading = *t;
    bool readable = fullcmc_open(&reading, rq, &message);
    const struct est_secret_proof proof = {fullcmc_secret, &message.data};
    TRY(est_client_identify_by(t, est, rq, label->renew_after, readable ? &proof : NULL,
                               ret_client));
    if (!readable)
        return fail(t, reading.problem, "%s", reading.detail);
    *ret = message;
    return true;
}

static bool check_content(struct task *t, const struct cmc_data *data)
{
    struct fullcmc_rest rest;
    bool asks = bytes_present(data->pending_token);
    fullcmc_unsupported(t, data, &rest);
    /* RFC 5272 6: what is not understood fails the whole message. */
    ENSURE(t, rest.count == 0, E_CMC_UNSUPPORTED,
           "%zu parts that are not handled, the first is %lu", rest.count,
           (unsigned long)rest.parts[0]);
    ENSURE(t, asks != (data->request_count > 0), E_CMC_MALFORMED, "%s",
           asks ? "a request besides the question what became of one" : "it asks for nothing");
    return true;
}

static bool enrol(struct task *t, struct http_request *rq, const struct est_client *client,
                  const struct csr *csr, struct http_reply *reply, struct bytes *ret_order)
{
    bool again;
    TRY(enrol_is_again(t, rq->context, client, csr, &again));
    return again ? enrol_again(t, rq, client, csr, reply, ret_order)
                 : enrol_first(t, rq, client, csr, reply, ret_order);
}

bool est_fullcmc(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct est *est = rq->context;
    struct est_label label;
    struct est_client client;
    struct fullcmc message;
    struct csr csr;
    struct bytes order;
    answer_begin(t, &est->answer);
    TRY(check_served(t, est, rq, &label));
    TRY(meet(t, rq, &label, &message, &client));
    TRY(check_content(t, &message.data));
    TRY(fullcmc_check_secret(t, &client, &message.data));
    if (bytes_present(message.data.pending_token)) {
        order = message.data.pending_token;
        TRY(fullcmc_pending_find(t, est, &client, order, &csr));
        TRY(fullcmc_signature(t, rq, &client, &message, &csr));
        TRY(fullcmc_pending_answer(t, rq, &client, order, reply));
    } else {
        TRY(fullcmc_request(t, rq, &client, &message.data, &csr));
        TRY(fullcmc_signature(t, rq, &client, &message, &csr));
        TRY(enrol(t, rq, &client, &csr, reply, &order));
    }
    return fullcmc_answer(t, est, &label, &message.data, order, reply);
}

/* What is wrong with HTTP, and a path at which there is nothing, is not CMC's to say. */
static const struct problem_kind *const not_of_cmc[] = {
    E_CMC_OFF, E_NO_LABEL, E_HTTP_MEDIA_TYPE, E_HTTP_ACCEPT, E_TOO_LARGE, NULL};

void est_fullcmc_failed(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct est *est = rq->context;
    struct task aside = *t;
    struct est_label label;
    struct fullcmc message;
    est_failed(t, rq, reply);
    task_forgive(&aside);
    if (task_failed_with_any(t, not_of_cmc) || !est_client_label(&aside, est, rq, &label) ||
        !label.full_cmc)
        return;
    if (!fullcmc_open(&aside, rq, &message)) {
        task_forgive(&aside);
        message = (struct fullcmc){.data = {.control_count = 0}};
    }
    if (!fullcmc_refuse(&aside, est, &label, &message.data, t->problem, reply) &&
        !task_failed_with(&aside, E_BUSY))
        log_problem(&aside, "a refusal could not be said in CMC");
}
