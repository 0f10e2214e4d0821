/* requestauditlog (RFC 8995 5.8). */
#include "lab/masa.h"
#include "lab/problems.h"

#define LOG_FORMAT 1 /* RFC 8995 5.8.1: "version" */

/* Whoever has a certificate on the path was, or could have been, pinned. */
static bool domains_of(struct task *t, const struct masa_request *request, struct bytes_list *ret)
{
    const struct cert_list *path = &request->path;
    struct bytes *ids = arena_array(t->arena, path->count, sizeof(*ids));
    for (size_t i = 0; i < path->count; i++)
        TRY(cert_domain_id(t, path->items[i], &ids[i]));
    *ret = (struct bytes_list){.items = ids, .count = path->count};
    return true;
}

static bool serve(struct task *t, const struct masa *masa, enum masa_fault fault,
                  const struct http_request *rq, struct http_reply *reply)
{
    struct masa_request request;
    struct bytes_list domains;
    json_t *events;
    TRY(masa_read_request(t, masa, rq, &request));
    TRY(domains_of(t, &request, &domains));
    TRY(masa_state_events(t, masa->state, request.rvr.serial_number, request.idevid_issuer,
                          &domains, &events));
    json_t *log = json_in_arena(t, json_pack("{s:i, s:O, s:{s:i, s:i, s:i}}", "version", LOG_FORMAT,
                                             "events", events, "truncation", "nonced duplicates", 0,
                                             "nonceless duplicates", 0, "arbitrary", 0));
    masa_fault_spoils_log(t, fault, log);
    reply->media_type = "application/json";
    return json_write(t, log, &reply->body);
}

bool masa_request_audit_log(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct masa *masa = rq->context;
    enum masa_fault fault = masa_fault_take(&masa->faults, MASA_LOG);
    if (!masa_fault_answers(t, masa, fault, reply))
        TRY(serve(t, masa, fault, rq, reply));
    masa_finish(t, masa, fault, rq, reply);
    return true;
}
