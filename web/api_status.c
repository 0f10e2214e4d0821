#include "core/base/clock.h"
#include "core/store/records/standing.h"
#include "web/api_internal.h"

#include <gnutls/gnutls.h>
#include <openssl/crypto.h>

static struct status_store store_status(const struct api *api)
{
    struct store_figures figures = store_figures(api->store);
    return (struct status_store){
        .commits = figures.commits,
        .updates = figures.updates,
        .used = figures.used,
        .size = figures.size,
        .alarm = store_alarm(api->store),
    };
}

static struct status_orders orders_status(const struct api *api)
{
    struct order_figures figures = order_figures(api->orders);
    return (struct status_orders){
        .open = figures.open,
        .running = figures.running,
        .threads = figures.threads,
        .oldest_due = figures.oldest_due,
    };
}

static struct status_pledges pledges_status(const struct api *api)
{
    struct http_figures figures = {0};
    if (api->pledges != NULL)
        figures = http_server_figures(api->pledges);
    return (struct status_pledges){
        .connections = figures.connections,
        .requests = figures.requests,
        .accepted = figures.accepted,
        .turned_away = figures.turned_away,
        .busy = figures.busy,
        .swept = figures.swept,
        .served = figures.served,
    };
}

static struct status_discovery discovery_status(struct task *t, const struct api *api)
{
    struct status_discovery discovery = {.mdns = {.state = STATUS_OFF}};
    if (api->discovery != NULL)
        api->discovery(t, api->discovery_context, &discovery);
    return discovery;
}

static bool count_devices(struct task *t, const struct api *api, struct status_devices *ret)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    TRY(view_open(t, api->store, &view));
    for (unsigned i = 0; i < ARRAY_SIZE(ret->counts); i++)
        TRY(standing_total(t, view, i, &ret->counts[i]));
    return true;
}

bool api_status(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct api *api = api_of(rq);
    const char *libraries[] = {
        OpenSSL_version(OPENSSL_VERSION),
        arena_printf(t->arena, "GnuTLS %s", gnutls_check_version(NULL)),
    };
    struct status status = {
        .version = GATEHOUSE_VERSION,
        .libraries = {libraries, ARRAY_SIZE(libraries)},
        .started = api->started,
        .uptime = (clock_wall() - api->started) / SECOND_MS * SECOND_MS,
        .store = store_status(api),
        .orders = orders_status(api),
        .pledges = pledges_status(api),
        .discovery = discovery_status(t, api),
    };
    json_t *json;
    TRY(count_devices(t, api, &status.devices));
    TRY(api_alarms(t, api, &status.alarms));
    TRY(record_to_json(t, &status_type, &status, &json));
    return api_reply(t, reply, 200, json);
}
