#include "registrar/cloud/agent.h"

#include "core/base/cbor.h"
#include "core/base/clock.h"
#include "registrar/cloud/internal.h"

#include <string.h>

#define NAMES_MAX 1000 /* clouds that are woken at once */

/* Each order of a cloud is another one: there is nothing for two of them to share. */
static struct bytes identity_of(struct task *t, const struct cloud *cloud)
{
    struct cbor_writer w = cbor_writer_make(t->arena);
    cbor_write_array(&w, 4);
    cbor_write_text(&w, "cloud-registration");
    cbor_write_text(&w, cloud->name);
    cbor_write_uint(&w, (uint64_t)cloud->created);
    cbor_write_uint(&w, cloud->orders_placed);
    return bytes_sha256(t->arena, cbor_written(&w));
}

bool cloud_place_order(struct task *t, struct tx *tx, struct orders *orders, struct cloud *cloud,
                       int64_t due, bool follows)
{
    enum order_join join;
    cloud->orders_placed++;
    const struct order_request request = {
        .kind = &cloud_order,
        .identity = identity_of(t, cloud),
        .device = cloud_subject(t->arena, cloud->name),
        .peer = arena_printf(t->arena, "cloud:%s", cloud->name),
        .request = bytes_of_text(cloud->name),
        .due = due,
        .follows = follows,
    };
    return order_submit_in(t, tx, orders, &request, &cloud->order, &join);
}

struct waking {
    const struct cloud_agent *agent;
    const char *name;
    struct bytes order; /* to be hastened; absent: the cloud is not there */
};

/* An order that is finished, or is about to be given up, will not do it. */
static bool has_order(struct task *t, struct reader *r, const struct cloud *cloud, bool *ret)
{
    struct order order;
    bool found = false;
    if (bytes_present(cloud->order))
        TRY(table_find(t, r, &order_table, cloud->order, &order, &found));
    *ret = found && (order.state == ORDER_READY || order.state == ORDER_RUNNING) &&
           order.expires > clock_wall() + MINUTE_MS;
    return true;
}

static bool see_to_order(struct task *t, struct tx *tx, void *arg)
{
    struct waking *w = arg;
    struct cloud cloud;
    bool found;
    bool has;
    w->order = BYTES_ABSENT;
    TRY(table_find(t, tx_reader(tx), &clouds, bytes_of_text(w->name), &cloud, &found));
    if (!found || (cloud.wish == CLOUD_WITHDRAW && cloud.state == CLOUD_WITHDRAWN))
        return true;
    TRY(has_order(t, tx_reader(tx), &cloud, &has));
    cloud.asked++;
    if (!has)
        TRY(cloud_place_order(t, tx, w->agent->orders, &cloud, 0, false));
    TRY(table_put(t, tx, &clouds, &cloud));
    w->order = cloud.order;
    return true;
}

bool cloud_agent_wake(struct task *t, const struct cloud_agent *agent, const char *name)
{
    struct waking w = {.agent = agent, .name = name};
    TRY(store_update(t, agent->store, see_to_order, &w));
    if (bytes_present(w.order))
        order_hasten(agent->orders, w.order);
    return true;
}

static bool names_of(struct task *t, const struct cloud_agent *agent, const char *manufacturer,
                     struct text_list *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    const char **names = arena_array(t->arena, NAMES_MAX, sizeof(*names));
    size_t count = 0;
    TRY(view_open(t, agent->store, &view));
    struct table_scan scan = table_scan(t, view, &clouds, BYTES_ABSENT);
    while (count < NAMES_MAX) {
        struct cloud cloud;
        bool found;
        TRY(table_scan_next(t, &scan, &cloud, &found));
        if (!found)
            break;
        if (manufacturer == NULL || strcmp(cloud.manufacturer, manufacturer) == 0)
            names[count++] = cloud.name;
    }
    *ret = (struct text_list){names, count};
    return true;
}

bool cloud_agent_wake_all(struct task *t, const struct cloud_agent *agent, const char *manufacturer)
{
    struct text_list names;
    TRY(names_of(t, agent, manufacturer, &names));
    for (size_t i = 0; i < names.count; i++)
        TRY(cloud_agent_wake(t, agent, names.items[i]));
    return true;
}

bool cloud_agent_start(struct task *t, const struct cloud_agent *agent)
{
    return cloud_agent_wake_all(t, agent, NULL);
}
