/* gatehouse-cloud's addresses and what is served there: one for pledges, one for their owners. */
#include "lab/cloud_owners.h"
#include "lab/problems.h"

#include <string.h>

#define REPORT_BODY_MAX ((size_t)16 * 1024)
#define CLAIM_BODY_MAX  ((size_t)1024 * 1024)
#define REGISTRATION    "/registration/v1"
#define OWNER           REGISTRATION "/owners/{}"

static const char *const json_types[] = {"application/json", NULL};

/* ---- Pledges ---- */

static void explain(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct cloud *cloud = rq->context;
    if (task_failed_with(t, E_NO_OWNER))
        reply->retry_after = (int)cloud->settings.retry_after;
    /* A stranger; brski-cloud 3.1 would rather not have let it in at all. */
    if (task_failed_with(t, E_DENIED))
        reply->close = true;
    service_explain(t, cloud->service, rq, reply);
}

#define PLEDGES(path_, types_, limit_, handler_)                                                   \
    {                                                                                              \
        .method = "POST", .path = "/.well-known/brski/" path_, .media_types = (types_),            \
        .body_limit = (limit_), .handler = (handler_), .failed = explain,                          \
        .statuses = service_statuses, .context = cloud                                             \
    }

static const struct http_route *pledge_routes(struct task *t, struct cloud *cloud)
{
    const struct http_route routes[] = {
        PLEDGES("requestvoucher", service_voucher_types(t), SERVICE_BODY_MAX,
                cloud_request_voucher),
        PLEDGES("voucher_status", json_types, REPORT_BODY_MAX, cloud_voucher_status),
        PLEDGES("enrollstatus", json_types, REPORT_BODY_MAX, cloud_enrollstatus),
        {.method = NULL},
    };
    struct http_route *copy = arena_array(t->arena, ARRAY_SIZE(routes), sizeof(*copy));
    memcpy(copy, routes, sizeof(routes));
    return copy;
}

/* brski-cloud 3.1: a pledge that cannot be served is better refused in TLS. */
static bool is_ours(void *context, const struct bytes_list *chain)
{
    const struct cloud *cloud = context;
    const struct chain_rules rules = {.ignore_validity = true};
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct cert_list certs;
    struct task t;
    task_init(&t, arena, NULL);
    return certs_parse(&t, chain, &certs) &&
           chain_verify(&t, cloud->idevids.anchors, certs.items[0], &certs, &rules, NULL);
}

static struct http_clients clients_of(struct task *t, struct cloud *cloud)
{
    struct http_clients clients = {.context = cloud};
    if (cloud->settings.name_authorities)
        clients.authorities = certs_der(t, &cloud->idevids.certs);
    if (cloud->settings.refuse_strangers)
        clients.known = is_ours;
    return clients;
}

/* ---- Owners ---- */

static void note(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct cloud *cloud = rq->context;
    const struct service_entry entry = {.status = reply->status};
    service_log_request(t, cloud->service, rq, &entry);
}

#define OWNERS(method_, path_, types_, limit_, handler_)                                           \
    {                                                                                              \
        .method = (method_), .path = (path_), .media_types = (types_), .body_limit = (limit_),     \
        .handler = (handler_), .failed = note, .statuses = service_statuses,                       \
        .style = HTTP_STYLE_PROBLEM, .context = cloud                                              \
    }

static const struct http_route *owner_routes(struct task *t, struct cloud *cloud)
{
    const struct http_route routes[] = {
        OWNERS("POST", REGISTRATION "/claims", json_types, CLAIM_BODY_MAX, cloud_claim_account),
        OWNERS("PUT", OWNER "/registration", json_types, CLOUD_BODY_MAX, cloud_register),
        OWNERS("GET", OWNER "/registration", NULL, 0, cloud_show_registration),
        OWNERS("DELETE", OWNER "/registration", NULL, 0, cloud_withdraw),
        OWNERS("GET", OWNER "/devices", NULL, 0, cloud_list_devices),
        OWNERS("POST", OWNER "/releases", json_types, CLAIM_BODY_MAX, cloud_release_devices),
        {.method = NULL},
    };
    struct http_route *copy = arena_array(t->arena, ARRAY_SIZE(routes), sizeof(*copy));
    memcpy(copy, routes, sizeof(routes));
    return copy;
}

bool cloud_serve(struct task *t, struct cloud *cloud, bool (*reload)(struct task *t, void *context))
{
    const struct cloud_settings *s = &cloud->settings;
    const struct http_clients clients = clients_of(t, cloud);
    const struct service_door doors[SERVICE_DOORS_MAX] = {
        {"listening", s->service.listen, pledge_routes(t, cloud), &clients, HTTP_STYLE_TEXT},
        {"registration", s->registration_listen, owner_routes(t, cloud), NULL, HTTP_STYLE_PROBLEM},
    };
    return service_run(t, cloud->service, doors, s->registration_listen == NULL ? 1 : 2, reload,
                       cloud);
}
