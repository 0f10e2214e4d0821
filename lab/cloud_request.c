/* requestvoucher at a cloud registrar (draft-ietf-anima-brski-cloud 3.1, 3.2). */
#include "lab/cloud.h"
#include "lab/problems.h"

#include <string.h>

bool cloud_meet_pledge(struct task *t, const struct cloud *cloud, const struct http_request *rq,
                       struct cloud_pledge *ret)
{
    /* RFC 8995 2.6.2: an IDevID is not out of date. */
    const struct chain_rules rules = {.ignore_validity = true};
    struct cert_list chain;
    const char *serial;
    const struct cert *idevid = service_client(t, rq, &chain);
    ENSURE(t, idevid != NULL, E_DENIED, "a TLS client certificate (the IDevID) is needed");
    /* brski-cloud 3.1: the pledge is who its TLS certificate says, under an anchor known here. */
    if (!chain_verify(t, cloud->idevids.anchors, idevid, &chain, &rules, NULL))
        return fail(t, E_DENIED, "the IDevID is none of ours: %s", t->detail);
    TRY(cert_subject_serial(t, idevid, &serial));
    ENSURE(t, serial != NULL, E_DENIED, "the IDevID's subject has no serialNumber");
    *ret = (struct cloud_pledge){idevid, serial};
    return true;
}

/* RFC 8995 5.2: a pledge that names the server it sees names us. */
static bool check_proximity(struct task *t, const struct http_request *rq,
                            const struct voucher *pvr)
{
    struct bytes ours = http_connection_ours(rq->connection);
    ENSURE(t,
           !bytes_present(pvr->proximity_registrar_cert) ||
               bytes_equal(pvr->proximity_registrar_cert, ours),
           E_REQUEST_REFUSED, "proximity-registrar-cert is not the certificate shown here");
    return true;
}

/* brski-cloud 3.2: before ownership is looked up, the request must be right. */
static bool check_request(struct task *t, const struct http_request *rq,
                          struct cloud_request *request)
{
    struct signed_voucher pvr;
    const struct cert *signer;
    const struct cert *idevid = request->pledge.idevid;
    const char *serial = request->pledge.serial;
    request->form = rq->media_type == NULL ? NULL : voucher_form_of(rq->media_type);
    ENSURE(t, request->form != NULL, E_HTTP_MEDIA_TYPE, "a body without Content-Type");
    request->octets = rq->body;
    TRY(request->form->open(t, rq->body, 0, NULL, &pvr));
    ENSURE(t, pvr.voucher.kind == VOUCHER_REQUEST, E_VOUCHER_MALFORMED,
           "a voucher, no voucher request");
    ENSURE(t, pvr.voucher.nonce != NULL, E_VOUCHER_MALFORMED, "nonce is missing");
    TRY(request->form->verify(t, &pvr, &(struct cert_list){.items = &idevid, .count = 1}, &signer));
    ENSURE(t, bytes_equal(cert_spki(t, signer), cert_spki(t, idevid)), E_REQUEST_REFUSED,
           "signed with another key than the TLS connection's IDevID");
    ENSURE(t, pvr.voucher.serial_number == NULL || strcmp(pvr.voucher.serial_number, serial) == 0,
           E_REQUEST_REFUSED, "serial-number is %s, the IDevID's is %s", pvr.voucher.serial_number,
           serial);
    TRY(check_proximity(t, rq, &pvr.voucher));
    request->pvr = pvr.voucher;
    return true;
}

void cloud_finish(struct task *t, const struct cloud *cloud, enum cloud_fault fault,
                  const struct http_request *rq, const struct http_reply *reply)
{
    bool lost = fault == CLOUD_FAULT_LOST_REPLY || fault == CLOUD_FAULT_R_LOST_REPLY;
    const struct service_entry entry = {
        .status = lost                 ? 0
                  : reply->status == 0 ? 200
                                       : reply->status,
        .fault = cloud_fault_name(fault),
    };
    service_log_request(t, cloud->service, rq, &entry);
    if (lost)
        http_connection_drop(rq->connection);
}

static bool serve(struct task *t, struct cloud *cloud, enum cloud_fault fault,
                  const struct http_request *rq, struct http_reply *reply)
{
    struct cloud_request request;
    TRY(cloud_meet_pledge(t, cloud, rq, &request.pledge));
    TRY(check_request(t, rq, &request));
    return cloud_give_answer(t, cloud, rq, &request, fault, reply);
}

bool cloud_request_voucher(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct cloud *cloud = rq->context;
    enum cloud_fault fault = cloud_fault_take(&cloud->faults, CLOUD_OP_VOUCHER);
    if (!cloud_fault_answers(t, cloud, fault, rq, reply))
        TRY(serve(t, cloud, fault, rq, reply));
    cloud_finish(t, cloud, fault, rq, reply);
    return true;
}
