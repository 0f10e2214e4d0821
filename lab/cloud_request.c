/* requestvoucher at a cloud registrar (draft-ietf-anima-brski-cloud 3.2). */
#include "lab/cloud.h"
#include "lab/problems.h"
#include "registrar/voucher/voucher.h"

#include <string.h>

/* brski-cloud 3.2: the pledge is who its TLS certificate says, under an anchor known here. */
static bool meet_pledge(struct task *t, const struct cloud *cloud, const struct http_request *rq,
                        const struct cert **ret_idevid, const char **ret_serial)
{
    /* RFC 8995 2.6.2: an IDevID is not out of date. */
    const struct chain_rules rules = {.ignore_validity = true};
    struct cert_list chain;
    const struct cert *idevid = service_client(t, rq, &chain);
    ENSURE(t, idevid != NULL, E_DENIED, "a TLS client certificate (the IDevID) is needed");
    if (!chain_verify(t, cloud->idevids.anchors, idevid, &chain, &rules, NULL))
        return fail(t, E_DENIED, "the IDevID is none of ours: %s", t->detail);
    TRY(cert_subject_serial(t, idevid, ret_serial));
    ENSURE(t, *ret_serial != NULL, E_DENIED, "the IDevID's subject has no serialNumber");
    *ret_idevid = idevid;
    return true;
}

/* brski-cloud 3.2.1: before ownership is looked up, the request must be right. */
static bool check_request(struct task *t, const struct http_request *rq, const struct cert *idevid,
                          const char *serial)
{
    struct signed_voucher pvr;
    const struct cert *signer;
    const struct voucher_form *form =
        rq->media_type == NULL ? NULL : voucher_form_of(rq->media_type);
    ENSURE(t, form != NULL, E_HTTP_MEDIA_TYPE, "a body without Content-Type");
    TRY(form->open(t, rq->body, 0, &pvr));
    ENSURE(t, pvr.voucher.kind == VOUCHER_REQUEST, E_VOUCHER_MALFORMED,
           "a voucher, no voucher request");
    ENSURE(t, pvr.voucher.nonce != NULL, E_VOUCHER_MALFORMED, "nonce is missing");
    TRY(form->verify(t, &pvr, &(struct cert_list){.items = &idevid, .count = 1}, &signer));
    ENSURE(t, bytes_equal(cert_spki(t, signer), cert_spki(t, idevid)), E_REQUEST_REFUSED,
           "signed with another key than the TLS connection's IDevID");
    ENSURE(t, pvr.voucher.serial_number == NULL || strcmp(pvr.voucher.serial_number, serial) == 0,
           E_REQUEST_REFUSED, "serial-number is %s, the IDevID's is %s", pvr.voucher.serial_number,
           serial);
    return true;
}

bool cloud_request_voucher(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct cloud *cloud = rq->context;
    const struct cert *idevid;
    const char *serial;
    const char *owner;
    TRY(meet_pledge(t, cloud, rq, &idevid, &serial));
    TRY(check_request(t, rq, idevid, serial));
    TRY(cloud_owner(t, cloud, serial, &owner));
    /* brski-cloud 3.2.1: 401 when nobody owns it yet, with the time to come back. */
    ENSURE(t, owner != NULL, E_NO_OWNER, "nobody is known to own %s yet", serial);
    reply->location = owner;
    const struct service_entry entry = {.status = 307};
    service_log_request(t, cloud->service, rq, &entry);
    return http_reply_text(reply, 307, "this device's owner has a registrar\n");
}
