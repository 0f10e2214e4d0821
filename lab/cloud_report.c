/*
 * What pledges report: whether the voucher led to the owner's EST server (RFC 8995 5.7,
 * draft-ietf-anima-brski-cloud 4.2), and whether they have enrolled there (5.9.4).
 */
#include "core/base/log.h"
#include "lab/cloud.h"
#include "lab/cloud_forms.h"

static bool take_report(struct task *t, struct http_request *rq, struct http_reply *reply,
                        const char *what)
{
    const struct cloud *cloud = rq->context;
    struct cloud_pledge pledge;
    struct service_entry entry = {.status = 200};
    TRY(cloud_meet_pledge(t, cloud, rq, &pledge));
    TRY(cloud_report_read(t, rq->body, &entry.report));
    log_info(t, what, LOG_TEXT("serial", pledge.serial), LOG_TEXT("status", entry.report));
    service_log_request(t, cloud->service, rq, &entry);
    reply->status = 200;
    return true;
}

bool cloud_voucher_status(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return take_report(t, rq, reply, "voucher_status");
}

bool cloud_enrollstatus(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return take_report(t, rq, reply, "enrollstatus");
}
