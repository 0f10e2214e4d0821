#include "lab/cloud_fault.h"

#include "core/base/clock.h"
#include "lab/cloud.h"

#define FITS_VOUCHER      (1U << CLOUD_OP_VOUCHER)
#define FITS_REGISTRATION (1U << CLOUD_OP_REGISTRATION)

#define HANG_TIME HOUR_MS
#define HUGE_SIZE ((size_t)8 * 1024 * 1024)
#define LATER     1 /* seconds */

static const struct fault_kind kinds[] = {
#define FAULT_KIND(id, name, fits) [id] = {(name), (fits)},
    CLOUD_FAULTS(FAULT_KIND)
#undef FAULT_KIND
};

bool cloud_faults_read(struct task *t, const struct text_list *texts, struct faults *ret)
{
    return faults_read(t, kinds, ARRAY_SIZE(kinds), texts, ret);
}

enum cloud_fault cloud_fault_take(struct faults *faults, enum cloud_operation operation)
{
    return (enum cloud_fault)fault_take(faults, operation);
}

const char *cloud_fault_name(enum cloud_fault fault)
{
    return kinds[fault].name;
}

/* This very resource, as the client called it. */
static const char *own_url(struct task *t, const struct http_request *rq)
{
    const char *host = http_request_header(rq, "Host");
    return arena_printf(t->arena, "https://%s%s", host == NULL ? "localhost" : host, rq->path);
}

bool cloud_fault_answers(struct task *t, struct cloud *cloud, enum cloud_fault fault,
                         const struct http_request *rq, struct http_reply *reply)
{
    switch (fault) {
    case CLOUD_FAULT_SLOW:
        return !service_pause(cloud->service, cloud->settings.slow);
    case CLOUD_FAULT_HANG:
    case CLOUD_FAULT_R_HANG:
        (void)service_pause(cloud->service, HANG_TIME);
        return http_reply_text(reply, 503, "fault: hang\n");
    case CLOUD_FAULT_5XX:
    case CLOUD_FAULT_R_5XX:
        return http_reply_text(reply, 500, "fault: 5xx\n");
    case CLOUD_FAULT_503:
        reply->retry_after = LATER;
        return http_reply_text(reply, 503, "fault: 503\n");
    case CLOUD_FAULT_202:
        reply->retry_after = LATER;
        return http_reply_text(reply, 202, "fault: 202\n");
    case CLOUD_FAULT_HUGE:
        reply->media_type = "application/octet-stream";
        reply->body = bytes_make(arena_alloc(t->arena, HUGE_SIZE), HUGE_SIZE);
        return true;
    case CLOUD_FAULT_R_403:
        return http_reply_text(reply, 403, "fault: 403\n");
    case CLOUD_FAULT_GARBAGE:
    case CLOUD_FAULT_R_GARBAGE:
        reply->media_type = rq->media_type == NULL ? "application/json" : rq->media_type;
        reply->body = BYTES_LITERAL("<html>Welcome to the hotel</html>\n");
        return true;
    case CLOUD_FAULT_REDIRECT_LOOP:
        reply->location = own_url(t, rq);
        return http_reply_text(reply, 307, "fault: redirect-loop\n");
    default:
        return false;
    }
}

void cloud_fault_spoils_redirect(struct task *t, enum cloud_fault fault, struct http_reply *reply)
{
    if (fault == CLOUD_FAULT_REDIRECT_HTTP)
        reply->location = arena_printf(t->arena, "http%s", reply->location + sizeof("https") - 1);
    else if (fault == CLOUD_FAULT_REDIRECT_NOWHERE)
        reply->location = NULL;
    else if (fault == CLOUD_FAULT_REDIRECT_302)
        reply->status = 302;
}

enum spoil cloud_fault_spoil(enum cloud_fault fault)
{
    static const enum spoil spoils[] = {
        [CLOUD_FAULT_WRONG_SERIAL] = SPOIL_SERIAL, [CLOUD_FAULT_WRONG_NONCE] = SPOIL_NONCE,
        [CLOUD_FAULT_WRONG_PIN] = SPOIL_PIN,       [CLOUD_FAULT_NO_PIN] = SPOIL_NO_PIN,
        [CLOUD_FAULT_EXPIRED] = SPOIL_EXPIRED,     [CLOUD_FAULT_NO_EST_DOMAIN] = SPOIL_EST_DOMAIN,
        [CLOUD_FAULT_UNSIGNED] = SPOIL_SIGNATURE,
    };
    return fault < ARRAY_SIZE(spoils) ? spoils[fault] : SPOIL_NOTHING;
}
