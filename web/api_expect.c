/* POST devices: more devices on the list of those that are expected. */
#include "core/base/clock.h"
#include "core/store/records/device.h"
#include "core/store/records/event.h"
#include "core/store/records/manufacturer.h"
#include "web/api_internal.h"

#include <string.h>

#define EXPECT_MAX 1000 /* devices in one request */

struct expectation {
    struct expected expected;
    struct bytes device; /* the one that has knocked already; absent: none, or several */
};

struct expectations {
    struct expectation *items;
    size_t count;
    const char *actor;
};

/* ---- Reading ---- */

static bool read_one(struct task *t, json_t *json, struct expected *ret)
{
    record_init(t, &expected_type, ret);
    TRY(record_from_json(t, &expected_type, json, ret));
    return expected_check_columns(t, ret);
}

/* One object, or a list of them. */
static bool read_body(struct task *t, struct bytes body, struct expectations *ret)
{
    json_t *json;
    TRY(json_parse(t, body, &json));
    if (!json_is_array(json)) {
        ret->items = arena_alloc(t->arena, sizeof(*ret->items));
        ret->count = 1;
        return read_one(t, json, &ret->items[0].expected);
    }
    size_t count = json_array_size(json);
    ENSURE(t, count >= 1 && count <= EXPECT_MAX, E_INVALID, "1 to %d devices at once, not %zu",
           EXPECT_MAX, count);
    ret->items = arena_array(t->arena, count, sizeof(*ret->items));
    ret->count = count;
    for (size_t i = 0; i < count; i++) {
        if (!read_one(t, json_array_get(json, i), &ret->items[i].expected))
            return fail_context(t, "[%zu]", i);
    }
    return true;
}

static bool find_devices(struct task *t, struct store *store, struct expectations *all)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    TRY(view_open(t, store, &view));
    for (size_t i = 0; i < all->count; i++)
        TRY(api_find_turned_away(t, view, &all->items[i].expected, &all->items[i].device));
    return true;
}

/* ---- Writing ---- */

static bool expect_one(struct task *t, struct tx *tx, const struct expectation *e,
                       const char *actor)
{
    const struct expected *x = &e->expected;
    struct manufacturer *m = arena_alloc(t->arena, sizeof(*m));
    struct expected *other = arena_alloc(t->arena, sizeof(*other));
    struct bytes key = expected_key(t->arena, x->manufacturer, x->serial);
    bool found;
    TRY(table_find(t, tx_reader(tx), &manufacturers, bytes_of_text(x->manufacturer), m, &found));
    ENSURE(t, found, E_INVALID, "manufacturer: there is no %s", api_quote(t, x->manufacturer));
    TRY(table_find(t, tx_reader(tx), &expected_devices, key, other, &found));
    ENSURE(t, !found, E_EXISTS, "%s of %s is expected already", api_quote(t, x->serial),
           x->manufacturer);
    TRY(table_put(t, tx, &expected_devices, x));
    const struct event event = {
        .name = "device-expected",
        .severity = EVENT_INFO,
        .actor = actor,
        .device = e->device,
        .detail = arena_printf(t->arena, "%s of %s", api_quote(t, x->serial), x->manufacturer),
    };
    return event_add(t, tx, &event);
}

static bool expect_all(struct task *t, struct tx *tx, void *arg)
{
    const struct expectations *all = arg;
    for (size_t i = 0; i < all->count; i++)
        TRY(expect_one(t, tx, &all->items[i], all->actor));
    return true;
}

bool api_devices_expect(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct expectations all = {.actor = api_actor(t, rq)};
    struct page page = {.items = json_in_arena(t, json_array())};
    TRY(read_body(t, rq->body, &all));
    TRY(find_devices(t, api_of(rq)->store, &all));
    for (size_t i = 0; i < all.count; i++) {
        all.items[i].expected.added = clock_wall();
        all.items[i].expected.added_by = all.actor;
        all.items[i].expected.source = all.actor;
    }
    TRY(store_update(t, api_of(rq)->store, expect_all, &all));
    for (size_t i = 0; i < all.count; i++)
        TRY(page_add(t, &page, &expected_type, &all.items[i].expected));
    TRY(page_reply(t, reply, &page));
    reply->status = 201;
    return true;
}
