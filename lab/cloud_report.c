/*
 * What pledges report: whether the voucher led to the owner's EST server (RFC 8995 5.7,
 * draft-ietf-anima-brski-cloud 4.2), and whether they have enrolled there (5.9.4).
 */
#include "core/base/json.h"
#include "core/base/log.h"
#include "lab/cloud.h"
#include "lab/problems.h"

#define REASON_MAX 200 /* octets in the log */

/* "true", or "false: reason" with whatever the pledge says made harmless. */
static bool read_report(struct task *t, struct bytes body, const char **ret)
{
    json_t *report;
    TRY(json_parse(t, body, &report));
    const json_t *status = json_object_get(report, "status");
    const char *reason = json_string_value(json_object_get(report, "reason"));
    ENSURE(t, json_is_integer(json_object_get(report, "version")) && json_is_boolean(status),
           E_MALFORMED, "a report has a number \"version\" and a truth \"status\"");
    const char *word = json_is_true(status) ? "true" : "false";
    *ret = reason == NULL
               ? word
               : arena_printf(t->arena, "%s: %s", word,
                              bytes_to_printable(t->arena, bytes_of_text(reason), REASON_MAX));
    return true;
}

static bool take_report(struct task *t, struct http_request *rq, struct http_reply *reply,
                        const char *what)
{
    const struct cloud *cloud = rq->context;
    struct cloud_pledge pledge;
    struct service_entry entry = {.status = 200};
    TRY(cloud_meet_pledge(t, cloud, rq, &pledge));
    TRY(read_report(t, rq->body, &entry.report));
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
