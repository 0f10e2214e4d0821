/* Vouchers for a cloud registrar that asks us: an interface of the lab's own, masa_private.h. */
#include "lab/masa.h"
#include "lab/masa_issue.h"
#include "lab/masa_private.h"
#include "lab/problems.h"

#include <string.h>

static bool check_cloud(struct task *t, const struct masa *masa, const struct http_request *rq)
{
    const struct chain_rules rules = {0};
    struct cert_list chain;
    ENSURE(t, masa->clouds.anchors != NULL, E_DENIED, "no cloud registrar is known (--clouds)");
    const struct cert *client = service_client(t, rq, &chain);
    ENSURE(t, client != NULL, E_DENIED, "a TLS client certificate is needed");
    if (!chain_verify(t, masa->clouds.anchors, client, &chain, &rules, NULL))
        return fail(t, E_DENIED, "%s is no cloud registrar of ours: %s", cert_subject(t, client),
                    t->detail);
    return true;
}

/* The pledge's own word, which the cloud passes on; RFC 8995 2.6.2: IDevIDs do not end. */
static bool judge_pledge(struct task *t, const struct masa *masa, struct bytes in_tls,
                         struct masa_grant *grant)
{
    const struct chain_rules rules = {.ignore_validity = true};
    struct signed_voucher pvr;
    const struct cert *seen;
    const struct cert *idevid;
    TRY(cert_parse(t, in_tls, &seen));
    TRY(grant->form->open(t, grant->request, 0, NULL, &pvr));
    ENSURE(t, pvr.voucher.kind == VOUCHER_REQUEST && pvr.voucher.nonce != NULL, E_VOUCHER_MALFORMED,
           "no voucher request with a nonce");
    TRY(grant->form->verify(t, &pvr, &(struct cert_list){&seen, 1}, &idevid));
    if (!chain_verify(t, masa->idevids.anchors, idevid, &pvr.certs, &rules, NULL))
        return fail(t, E_DEVICE_UNKNOWN, "the pledge's IDevID is none of ours: %s", t->detail);
    TRY(cert_subject_serial(t, idevid, &grant->serial));
    ENSURE(t, grant->serial != NULL, E_DEVICE_UNKNOWN, "the IDevID has no serial number");
    TRY(masa_check_device(t, masa, grant->serial));
    grant->nonce = pvr.voucher.nonce;
    return cert_idevid_issuer(t, idevid, &grant->idevid_issuer);
}

static bool serve(struct task *t, const struct masa *masa, enum masa_fault fault,
                  const struct http_request *rq, struct http_reply *reply)
{
    struct masa_commission commission;
    const struct masa_office office = masa_office_of(masa);
    TRY(check_cloud(t, masa, rq));
    TRY(masa_commission_read(t, rq->body, &commission));
    struct masa_grant grant = {
        .form = voucher_form_of(commission.media_type),
        .request = commission.voucher_request,
        /* RFC 8366: the sales channel says whose it is. */
        .assertion = "verified",
        .est_domain = commission.est_domain,
        .additional_configuration_url = commission.additional_configuration_url,
    };
    ENSURE(t, grant.form != NULL, E_VOUCHER_FORM, "media-type is %s", commission.media_type);
    TRY(cert_parse(t, commission.pinned_domain_cert, &grant.pinned));
    TRY(judge_pledge(t, masa, commission.idevid, &grant));
    TRY(masa_grant(t, &office, &grant, &reply->body));
    reply->media_type = grant.form->media_type;
    return masa_fault_spoils_voucher(t, masa, fault, grant.form, &reply->body);
}

bool masa_cloud_voucher(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct masa *masa = rq->context;
    enum masa_fault fault = masa_fault_take(&masa->faults, MASA_VOUCHER);
    if (!masa_fault_answers(t, masa, fault, reply))
        TRY(serve(t, masa, fault, rq, reply));
    masa_finish(t, masa, fault, rq, reply);
    return true;
}
