/* Requests to the manufacturer's services: the log of them, and what handlers want to know. */
#include "lab/service_private.h"

#include "core/base/clock.h"
#include "core/base/json.h"
#include "lab/problems.h"
#include "registrar/voucher/voucher.h"

#include <stdlib.h>

const struct problem_status service_statuses[] = {
    {E_VOUCHER_MALFORMED, 400},
    {E_CMS_MALFORMED, 400},
    {E_JWS_MALFORMED, 400},
    {E_COSE_MALFORMED, 400},
    {E_CERT_MALFORMED, 400},
    {E_VOUCHER_PRIOR_OBJECT, 400},
    {E_VOUCHER_CREATED_ON_DATE, 400},
    {E_VOUCHER_COSE_UNTAGGED, 400},
    {E_NO_OWNER, 401},
    {E_SIGNATURE, 403},
    {E_CERT_EXPIRED, 403},
    {E_CERT_UNTRUSTED, 403},
    {E_REQUEST_REFUSED, 403},
    {E_CLAIM, 403},
    {E_PROOF, 403},
    {E_OWNER, 403},
    {E_DENIED, 403},
    {E_DEVICE_UNKNOWN, 404},
    {E_VOUCHER_FORM, 415},
    {E_NO_MASA, 501},
    {E_MASA_AWAY, 503},
    {NULL, 0},
};

static void set_text(json_t *object, const char *name, const char *text)
{
    (void)json_object_set_new(object, name, text == NULL ? json_null() : json_string(text));
}

/* serial-number as the body claims it; NULL when it cannot be read. */
static const char *claimed_serial(struct task *t, const struct http_request *rq)
{
    struct signed_voucher sv;
    const struct voucher_form *form =
        rq->media_type == NULL ? NULL : voucher_form_of(rq->media_type);
    if (form == NULL || !form->open(t, rq->body, 0, NULL, &sv))
        return NULL;
    return sv.voucher.serial_number;
}

void service_log_request(struct task *t, struct service *service, const struct http_request *rq,
                         const struct service_entry *entry)
{
    struct task own; /* its problems are not the request's */
    struct cert_list chain;
    if (service->requests == NULL)
        return;
    task_init(&own, t->arena, NULL);
    const struct cert *client = service_client(&own, rq, &chain);
    json_t *line = json_in_arena(t, json_object());
    set_text(line, "time", time_to_text(t->arena, clock_wall()));
    set_text(line, "path", rq->path);
    set_text(line, "sha256", bytes_to_hex(t->arena, bytes_sha256(t->arena, rq->body)));
    (void)json_object_set_new(line, "status", json_integer(entry->status));
    set_text(line, "serial", claimed_serial(&own, rq));
    set_text(line, "client", client == NULL ? NULL : cert_subject(&own, client));
    set_text(line, "fault", entry->fault);
    set_text(line, "problem", t->problem == NULL ? NULL : t->problem->name);
    if (entry->report != NULL)
        set_text(line, "report", entry->report);
    char *text = json_dumps(line, JSON_COMPACT);
    if (text == NULL)
        return;
    (void)pthread_mutex_lock(&service->lock);
    (void)fprintf(service->requests, "%s\n", text);
    (void)fflush(service->requests);
    (void)pthread_mutex_unlock(&service->lock);
    free(text);
}

void service_explain(struct task *t, struct service *service, const struct http_request *rq,
                     struct http_reply *reply)
{
    const struct service_entry entry = {.status = reply->status};
    service_log_request(t, service, rq, &entry);
    if (t->problem == E_INTERNAL)
        return;
    /* RFC 8995 5.6: plain text, UTF-8. */
    struct bytes text =
        bytes_of_text(arena_printf(t->arena, "%s: %s\n", t->problem->public_text, t->detail));
    if (bytes_are_utf8(text))
        reply->body = text;
}

const char *const *service_voucher_types(struct task *t)
{
    size_t count = 0;
    while (voucher_forms[count] != NULL)
        count++;
    const char **types = arena_array(t->arena, count + 1, sizeof(*types));
    for (size_t i = 0; i < count; i++)
        types[i] = voucher_forms[i]->media_type;
    return types;
}

const struct cert *service_client(struct task *t, const struct http_request *rq,
                                  struct cert_list *ret_chain)
{
    struct bytes_list der = http_connection_peer(rq->connection);
    if (der.count > 0 && certs_parse(t, &der, ret_chain))
        return ret_chain->items[0];
    task_forgive(t);
    return NULL;
}
