/* requestauditlog (RFC 8995 5.8). */
#include "lab/masa.h"
#include "lab/masa_log.h"

/* RFC 8995 5.8: the log itself, or where it is to be had for a while. */
static bool answer(struct task *t, const struct masa *masa, const struct http_request *rq,
                   struct bytes log, struct http_reply *reply)
{
    const char *host = http_request_header(rq, "Host");
    if (!masa->settings.log_location || host == NULL) {
        reply->media_type = MASA_LOG_TYPE;
        reply->body = log;
        return true;
    }
    reply->status = 201;
    reply->location = arena_printf(t->arena, "https://%s" MASA_LOG_PATH "%s", host,
                                   masa_slip_put(t, masa->slips, log));
    return true;
}

static bool serve(struct task *t, const struct masa *masa, enum masa_fault fault,
                  const struct http_request *rq, struct http_reply *reply)
{
    struct masa_request request;
    struct bytes_list domains;
    json_t *events;
    struct bytes octets;
    TRY(masa_read_request(t, masa, rq, &request));
    TRY(masa_domains_of(t, &request, &domains));
    TRY(masa_state_events(t, masa->state, request.rvr.serial_number, request.idevid_issuer,
                          &domains, &events));
    json_t *log = masa_log_make(t, events, (size_t)masa->settings.log_most);
    masa_fault_spoils_log(t, fault, log);
    TRY(json_write(t, log, &octets));
    return answer(t, masa, rq, octets, reply);
}

/* GET of what 201 has named: whoever knows the address may. */
bool masa_serve_log(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct masa *masa = rq->context;
    ENSURE(t, masa_slip_get(t, masa->slips, rq->parameter, &reply->body), E_NOT_FOUND,
           "there is no log here");
    reply->media_type = MASA_LOG_TYPE;
    masa_finish(t, masa, FAULT_NONE, rq, reply);
    return true;
}

bool masa_request_audit_log(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct masa *masa = rq->context;
    enum masa_fault fault = FAULT_NONE;
    bool met = masa_demand_met(t, &masa->demand, rq, reply);
    if (met)
        fault = masa_fault_take(&masa->faults, MASA_LOG);
    if (met && !masa_fault_answers(t, masa, fault, reply))
        TRY(serve(t, masa, fault, rq, reply));
    masa_finish(t, masa, fault, rq, reply);
    return true;
}
