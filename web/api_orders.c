#include "core/pledge/decision.h"
#include "core/pledge/order_events.h"
#include "web/api_internal.h"

#include <string.h>

/* ---- GET orders ---- */

struct order_filter {
    const struct api *api;
    bool by_state;
    unsigned state;
};

static bool add_wanted(struct task *t, struct page *page, const void *record, void *arg)
{
    const struct order_filter *filter = arg;
    const struct order *order = record;
    json_t *json;
    if (filter->by_state && order->state != filter->state)
        return true;
    TRY(api_order_json(t, filter->api, order, &json));
    (void)json_array_append(page->items, json);
    return true;
}

static bool id_from_text(struct task *t, const char *name, const char *text, struct bytes *ret)
{
    struct bytes id;
    ENSURE(t, bytes_from_hex(t->arena, text, &id) && id.len == ID_LEN, E_INVALID,
           "%s: must be an id of %d hexadecimal digits", name, 2 * ID_LEN);
    *ret = id;
    return true;
}

/* One device's: latest first, and no cursor, for no device has many. */
static bool add_of_device(struct task *t, struct view *view, const char *device,
                          struct order_filter *filter, struct page *page)
{
    struct bytes id;
    bool found = true;
    TRY(id_from_text(t, "device", device, &id));
    struct table_scan scan =
        table_scan_index(t, view, &order_table, &order_table_by_device, id, true);
    while (!page_full(page)) {
        struct order *order = arena_alloc(t->arena, sizeof(*order));
        TRY(table_scan_next(t, &scan, order, &found));
        if (!found)
            break;
        page->looked++;
        TRY(add_wanted(t, page, order, filter));
    }
    return true;
}

bool api_orders(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    struct order_filter filter = {.api = api_of(rq)};
    const struct page_source source = {
        .letter = 'k', .table = &order_table, .each = add_wanted, .arg = &filter};
    const char *state = http_query(t, rq, "state");
    const char *device = http_query(t, rq, "device");
    struct page page;
    TRY(page_read(t, rq, &page));
    if (state != NULL) {
        filter.by_state = true;
        TRY(api_choice(t, "state", state, order_state_names, &filter.state));
    }
    TRY(view_open(t, api_of(rq)->store, &view));
    if (device != NULL)
        TRY(add_of_device(t, view, device, &filter, &page));
    else
        TRY(page_fill(t, view, &page, &source, 1));
    return page_reply(t, reply, &page);
}

/* ---- GET and POST orders/{} ---- */

static bool add_octets(struct task *t, struct view *view, struct bytes id, json_t *json)
{
    static const struct {
        const char *name;
        unsigned blob;
    } blobs[] = {
        {"request", ORDER_BLOB_REQUEST},
        {"work", ORDER_BLOB_WORK},
        {"result", ORDER_BLOB_RESULT},
    };
    for (size_t i = 0; i < ARRAY_SIZE(blobs); i++) {
        struct bytes octets;
        TRY(blob_get(t, view_reader(view), &order_table, id, blobs[i].blob, &octets));
        if (bytes_present(octets))
            (void)json_object_set_new(json, blobs[i].name,
                                      json_string(bytes_to_base64(t->arena, octets)));
    }
    return true;
}

bool api_order_json(struct task *t, const struct api *api, const struct order *order, json_t **ret)
{
    json_t *json;
    TRY(record_to_json(t, &order_type, order, &json));
    if (order->finished == 0)
        (void)json_object_set_new(json, "waits-for", json_string(api_waiting(t, order)));
    api_set_hint(api, json, order->problem);
    *ret = json;
    return true;
}

static bool reply_order(struct task *t, const struct api *api, struct bytes id, bool octets,
                        struct http_reply *reply)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    struct order order;
    json_t *json;
    TRY(view_open(t, api->store, &view));
    TRY(table_get(t, view_reader(view), &order_table, id, &order));
    TRY(api_order_json(t, api, &order, &json));
    if (octets)
        TRY(add_octets(t, view, id, json));
    return api_reply(t, reply, 200, json);
}

bool api_order(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct bytes id;
    uint64_t octets;
    TRY(id_from_text(t, "order", rq->parameter, &id));
    TRY(api_number(t, rq, "octets", 0, 1, 0, &octets));
    return reply_order(t, api_of(rq), id, octets == 1, reply);
}

struct word {
    struct bytes order;
    bool approve;
    const char *actor;
};

/* Tells in the device's timeline who decided, in the same update. */
static bool note_decision(struct task *t, struct tx *tx, void *arg)
{
    const struct word *word = arg;
    struct order order;
    TRY(table_get(t, tx_reader(tx), &order_table, word->order, &order));
    return order_event(t, tx, &order, word->approve ? "order-approved" : "order-declined",
                       word->actor, order.kind);
}

/* The device that is held, when this is what it waits for; absent otherwise. */
static bool find_held(struct task *t, struct store *store, struct bytes id, struct bytes *ret)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    struct order order;
    struct device device = {.admission = DEVICE_UNEXPECTED};
    bool found = false;
    TRY(view_open(t, store, &view));
    TRY(table_get(t, view_reader(view), &order_table, id, &order));
    if (bytes_present(order.device))
        TRY(table_find(t, view_reader(view), &devices, order.device, &device, &found));
    bool held = found && order.state == ORDER_WAITING && device.admission == DEVICE_HELD &&
                bytes_equal(order.episode, device.episode);
    *ret = held ? device.id : BYTES_ABSENT;
    return true;
}

/* Who decides on the order of a held device decides on the device. */
static bool decide(struct task *t, const struct api *api, struct word *word)
{
    struct device_decision decision = {.approve = word->approve, .by = word->actor};
    struct device device;
    TRY(find_held(t, api->store, word->order, &decision.device));
    if (bytes_present(decision.device))
        return device_decide(t, api->store, api->orders, &decision, &device);
    return order_decide(t, api->orders, word->order, word->approve, word->actor, note_decision,
                        word);
}

bool api_order_decide(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    static const char *const decisions[] = {"decline", "approve", NULL};
    struct decision decision;
    struct word word;
    unsigned approve;
    TRY(id_from_text(t, "order", rq->parameter, &word.order));
    TRY(api_read_record(t, rq, &decision_type, &decision));
    TRY(api_choice(t, "decision", decision.decision, decisions, &approve));
    word.approve = approve == 1;
    word.actor = api_actor(t, rq);
    TRY(decide(t, api_of(rq), &word));
    return reply_order(t, api_of(rq), word.order, false, reply);
}
