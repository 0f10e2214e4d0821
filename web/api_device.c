/* GET devices/{}: one device, all that is known about it. */
#include "core/store/audit.h"
#include "core/store/records/certificate.h"
#include "core/store/records/device.h"
#include "core/store/records/episode.h"
#include "core/store/records/event.h"
#include "web/api_internal.h"

#define EVENTS           100 /* of the timeline, unless asked for more */
#define EVENTS_MAX       1000
#define EPISODES_MAX     50 /* earlier ones */
#define CERTIFICATES_MAX 50
#define ORDERS_MAX       8 /* open ones */

/* A device that was seen, or one that is expected, or one that is both. */
struct found {
    struct device device;
    bool seen;
    struct expected expected;
    bool listed;
};

/* ---- Which one ---- */

/* The place that the device has claimed, or may claim. */
static bool find_place(struct task *t, struct view *view, struct found *ret)
{
    struct expected expected;
    bool found;
    struct bytes key = expected_key(t->arena, ret->device.manufacturer, ret->device.serial);
    TRY(table_find(t, view_reader(view), &expected_devices, key, &expected, &found));
    if (found &&
        (!bytes_present(expected.device) || bytes_equal(expected.device, ret->device.id))) {
        ret->expected = expected;
        ret->listed = true;
    }
    return true;
}

static bool find(struct task *t, struct view *view, const char *text, struct found *ret)
{
    TRY(api_find_device(t, view, text, NULL, &ret->device, &ret->seen));
    if (ret->seen)
        return find_place(t, view, ret);
    TRY(api_find_place(t, view, text, &ret->expected, &ret->listed));
    ENSURE(t, ret->listed, E_NOT_FOUND, "no device with the id or serial number %s",
           api_quote(t, text));
    return true;
}

/* ---- What is known ---- */

/* Latest first. */
static bool add_episodes(struct task *t, struct view *view, const struct device *device,
                         json_t *answer)
{
    json_t *earlier = json_array();
    (void)json_object_set_new(answer, "earlier-episodes", earlier);
    struct table_scan scan =
        table_scan_index(t, view, &episodes, &episodes_by_device, device->id, true);
    while (json_array_size(earlier) < EPISODES_MAX) {
        struct episode episode;
        bool found;
        TRY(table_scan_next(t, &scan, &episode, &found));
        if (!found)
            break;
        if (bytes_equal(episode.id, device->episode))
            TRY(api_set_record(t, answer, "episode", &episode_type, &episode));
        else
            TRY(api_append_record(t, earlier, &episode_type, &episode));
    }
    return true;
}

/* What is being done for it, and what that waits for.  Latest first. */
static bool add_orders(struct task *t, const struct api *api, struct view *view,
                       const struct device *device, json_t *answer)
{
    struct order *orders = arena_array(t->arena, ORDERS_MAX, sizeof(*orders));
    json_t *list = json_array();
    size_t count;
    (void)json_object_set_new(answer, "orders", list);
    TRY(api_open_orders(t, view, device->id, ORDERS_MAX, orders, &count));
    for (size_t i = 0; i < count; i++) {
        json_t *json;
        TRY(api_order_json(t, api, &orders[i], &json));
        (void)json_array_append(list, json);
    }
    return true;
}

/* Latest first. */
static bool add_certificates(struct task *t, struct view *view, const struct device *device,
                             json_t *answer)
{
    json_t *list = json_array();
    (void)json_object_set_new(answer, "certificates", list);
    struct table_scan scan =
        table_scan_index(t, view, &certificates, &certificates_by_device, device->id, true);
    while (json_array_size(list) < CERTIFICATES_MAX) {
        struct certificate certificate;
        bool found;
        TRY(table_scan_next(t, &scan, &certificate, &found));
        if (!found)
            break;
        TRY(api_append_record(t, list, &certificate_type, &certificate));
    }
    return true;
}

/* The event, and what can be done about its problem. */
static bool event_with_hint(struct task *t, const struct api *api, struct bytes payload,
                            json_t **ret)
{
    struct event event;
    json_t *json;
    TRY(event_decode(t, payload, &event));
    TRY(record_to_json(t, &event_type, &event, &json));
    api_set_hint(api, json, event.problem);
    *ret = json;
    return true;
}

bool api_add_timeline(struct task *t, const struct api *api, struct view *view,
                      struct bytes subject, uint64_t count, json_t *answer)
{
    json_t *list = json_array();
    (void)json_object_set_new(answer, "timeline", list);
    struct scan scan = audit_timeline(t, view, subject, true);
    while (json_array_size(list) < count) {
        struct audit_entry entry;
        json_t *json;
        bool found;
        TRY(audit_timeline_next(t, &scan, &entry, &found));
        if (!found)
            break;
        if (!bytes_present(entry.payload))
            continue;
        TRY(event_with_hint(t, api, entry.payload, &json));
        (void)json_array_insert(list, 0, json);
    }
    return true;
}

bool api_device(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    const struct api *api = api_of(rq);
    json_t *answer = json_in_arena(t, json_object());
    struct found found = {.seen = false};
    uint64_t events;
    TRY(api_number(t, rq, "events", 0, EVENTS_MAX, EVENTS, &events));
    TRY(view_open(t, api->store, &view));
    TRY(find(t, view, rq->parameter, &found));
    if (found.seen)
        TRY(api_set_record(t, answer, "device", &device_type, &found.device));
    if (found.listed)
        TRY(api_set_record(t, answer, "expected", &expected_type, &found.expected));
    if (found.seen) {
        TRY(add_episodes(t, view, &found.device, answer));
        TRY(add_orders(t, api, view, &found.device, answer));
        TRY(add_certificates(t, view, &found.device, answer));
        TRY(api_add_timeline(t, api, view, found.device.id, events, answer));
    }
    return api_reply(t, reply, 200, answer);
}
