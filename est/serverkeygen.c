/* POST /.well-known/est/serverkeygen (RFC 7030 4.4). */
#include "est/est.h"

#include "core/base/failpoint.h"
#include "est/enrol.h"
#include "est/server_key.h"
#include "est/wire.h"

/*
 * RFC 7030 4.4.1: the public key and the signature in the request are not looked at.  What ties it
 * to its connection is (3.5).
 */
static bool read_request(struct task *t, struct http_request *rq, const struct est_client *client,
                         struct csr *ret)
{
    struct bytes der;
    struct csr csr;
    TRY(est_read_body(t, rq->body, &der));
    TRY(csr_parse_keyless(t, der, &csr));
    TRY(est_client_binding(t, rq, client, &csr));
    *ret = csr;
    return true;
}

bool est_serverkeygen(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct est *est = rq->context;
    struct est_label label;
    struct est_client client;
    struct server_key key;
    struct csr csr;
    struct bytes order;
    bool again;
    answer_begin(t, &est->answer);
    TRY(est_client_label(t, est, rq, &label));
    TRY(est_client_identify(t, est, rq, label.renew_after, &client));
    TRY(read_request(t, rq, &client, &csr));
    TRY(server_key_wanted(t, est, rq, &client, &csr, &key));
    struct enrol_request request = {
        .csr = &csr,
        .label = &client.label,
        .address = http_connection_address(rq->connection),
        .server_key = &key,
    };
    /* RFC 7030 4.4.1: in all else as an enrolment, or as a renewal. */
    TRY(enrol_is_again(t, est, &client, &csr, &again));
    TRY(again ? enrol_grant_again(t, est, &client, &request, reply, &order)
              : enrol_grant(t, rq, &client, &request, reply, &order));
    if (reply->status == 200)
        TRY(server_key_reply(t, est, order, &client, &request, reply));
    failpoint(FP_ENROL_BEFORE_REPLY);
    return true;
}
