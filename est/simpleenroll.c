/* POST /.well-known/est/simpleenroll (RFC 7030 4.2.1, RFC 8995 5.9). */
#include "est/est.h"

#include "core/base/failpoint.h"
#include "est/client.h"
#include "est/csr_shelf.h"
#include "est/enrol.h"
#include "est/gate.h"
#include "est/keys.h"
#include "est/names.h"
#include "est/wire.h"

/* RFC 7030 4.2.1: a PKCS#10 request whose signature proves possession of the key. */
bool enrol_read(struct task *t, struct http_request *rq, const struct est_client *client,
                struct csr *ret)
{
    const struct est *est = rq->context;
    struct bytes der;
    struct csr csr;
    TRY(est_read_body(t, rq->body, &der));
    TRY(csr_shelf_read(t, est->csrs, der, &csr));
    TRY(csr_verify(t, &csr));
    TRY(est_client_binding(t, rq, client, &csr));
    *ret = csr;
    return true;
}

bool enrol_place(struct task *t, const struct est *est, const struct enrol_request *request,
                 struct http_reply *reply, struct bytes *ret_order)
{
    struct bytes order;
    /* RFC 7030 4.2.2: whoever has no names yet has none to change. */
    ENSURE(t,
           !request->csr->change.asked || (request->renews != NULL && request->server_key == NULL),
           E_NOT_RENEWABLE, "ChangeSubjectName is for simplereenroll");
    /* RFC 7030 4.4.1: where the key is ours to make, the request's own is not looked at. */
    if (request->server_key == NULL)
        TRY(keys_check(t, est, request));
    TRY(enrol_submit(t, est, request, &order));
    TRY(order_answer(t, est->orders, order, &est->answer, est->problems, reply));
    *ret_order = order;
    return true;
}

bool enrol_written(struct task *t, const struct est_label *label, struct http_reply *reply)
{
    if (reply->status == 200)
        est_write_lines(t, reply->media_type, reply->body, label->line_length, reply);
    failpoint(FP_ENROL_BEFORE_REPLY);
    return true;
}

/*
 * RFC 8995 5.9.2: held against what the device was told to ask for (or would be told now, if it
 * never asked) before any CA sees it.
 */
static bool check_request(struct task *t, const struct enrol_request *request,
                          const struct asked *asked, const struct cert *idevid)
{
    struct csrattrs attributes;
    const struct sender sender = {
        .profile = &asked->profile,
        .serial = asked->serial,
        .idevid = idevid,
        .address = profile_address(t, request->address),
        .key_is_ours = request->server_key != NULL,
    };
    TRY(csrattrs_decode(t, bytes_present(asked->told) ? asked->told : asked->attributes,
                        &attributes));
    return csr_as_asked(t, request->csr, &attributes, &sender);
}

/* A device with its IDevID: all hangs on its onboarding. */
static bool enrol_device(struct task *t, struct http_request *rq, const struct est_client *client,
                         const struct enrol_request *request, struct http_reply *reply,
                         struct bytes *ret_order)
{
    struct enrol_request device_request = *request;
    const struct est *est = rq->context;
    struct episode e;
    struct asked asked;
    enum gate gate;
    TRY(gate_pass(t, est, rq, client->idevid, GATE_CERTIFICATE, &e, &gate));
    if (gate == GATE_LATER) {
        answer_later(reply, est->answer.retry_after);
        *ret_order = BYTES_ABSENT;
        return true;
    }
    TRY(profile_asked(t, est->store, &e, false, &asked));
    TRY(check_request(t, request, &asked, client->idevid->cert));
    device_request.episode = &e;
    device_request.asked = &asked;
    device_request.secret = client->has_secret ? &client->secret : NULL;
    return enrol_place(t, est, &device_request, reply, ret_order);
}

bool enrol_check_other(struct task *t, const struct est *est, const struct est_client *client,
                       const struct enrol_request *request)
{
    struct est_client asking = *client;
    struct asked asked;
    TRY(profile_generic(t, est->store, client->label.profile, false, &asked));
    const struct sender sender = {
        .profile = &asked.profile,
        .binds_itself = client->proof == EST_PROOF_RA,
        .key_is_ours = request->server_key != NULL,
    };
    asking.asked = &asked.wishes;
    TRY(names_check(t, &asking, request->csr));
    return csr_as_asked(t, request->csr, &asked.wishes, &sender);
}

/* Anybody else: names by the label's rules, the rest by its profile. */
static bool enrol_other(struct task *t, const struct est *est, const struct est_client *client,
                        const struct enrol_request *request, struct http_reply *reply,
                        struct bytes *ret_order)
{
    struct enrol_request other_request = *request;
    /* RFC 7030 4.2.2: with the certificate that is to be replaced it is a renewal. */
    ENSURE(t, client->name != NULL, E_NOT_RENEWABLE,
           "a device with a certificate of ours renews it: simplereenroll");
    /* Only what is renewed may have ended (renew-after). */
    if (client->issued != NULL)
        TRY(caller_check_issued(t, &client->issued->record, 0));
    TRY(enrol_check_other(t, est, client, request));
    TRY(names_have_room(t, est->store, &client->label, request->csr));
    other_request.client = client->name;
    other_request.secret = client->has_secret ? &client->secret : NULL;
    return enrol_place(t, est, &other_request, reply, ret_order);
}

bool enrol_grant(struct task *t, struct http_request *rq, const struct est_client *client,
                 const struct enrol_request *request, struct http_reply *reply,
                 struct bytes *ret_order)
{
    return client->idevid != NULL ? enrol_device(t, rq, client, request, reply, ret_order)
                                  : enrol_other(t, rq->context, client, request, reply, ret_order);
}

bool enrol_first(struct task *t, struct http_request *rq, const struct est_client *client,
                 const struct csr *csr, struct http_reply *reply, struct bytes *ret_order)
{
    struct enrol_request request = {
        .csr = csr,
        .label = &client->label,
        .address = http_connection_address(rq->connection),
    };
    return enrol_grant(t, rq, client, &request, reply, ret_order);
}

bool est_simpleenroll(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct est *est = rq->context;
    struct est_client client;
    struct csr csr;
    struct bytes order;
    answer_begin(t, &est->answer);
    TRY(est_client_identify(t, est, rq, 0, &client));
    TRY(enrol_read(t, rq, &client, &csr));
    TRY(enrol_first(t, rq, &client, &csr, reply, &order));
    return enrol_written(t, &client.label, reply);
}
