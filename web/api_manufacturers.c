#include "core/base/clock.h"
#include "core/http/address.h"
#include "core/pki/cert.h"
#include "core/store/records/event.h"
#include "core/store/records/manufacturer.h"
#include "core/store/records/profile.h"
#include "web/api_internal.h"

#define PATH "/v1/manufacturers"

bool api_manufacturers(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return page_of_table(t, rq, reply, &manufacturers);
}

bool api_manufacturer(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    struct manufacturer m;
    json_t *json;
    TRY(view_open(t, api_of(rq)->store, &view));
    TRY(table_get(t, view_reader(view), &manufacturers, bytes_of_text(rq->parameter), &m));
    TRY(record_to_json(t, &manufacturer_type, &m, &json));
    return api_reply(t, reply, 200, json);
}

/* ---- POST ---- */

static bool check_anchors(struct task *t, const char *name, const struct bytes_list *anchors)
{
    for (size_t i = 0; i < anchors->count; i++) {
        const struct cert *cert;
        if (!cert_parse(t, anchors->items[i], &cert))
            return fail(t, E_INVALID, "%s[%zu]: no certificate in DER: %s", name, i, t->detail);
    }
    return true;
}

/* What the field table cannot know. */
static bool check_manufacturer(struct task *t, const struct manufacturer *m)
{
    const char *base;
    ENSURE(t, m->idevid_anchors.count > 0, E_INVALID,
           "idevid-anchors: at least one is needed, or no device would be believed");
    TRY(check_anchors(t, "idevid-anchors", &m->idevid_anchors));
    TRY(check_anchors(t, "masa-anchors", &m->masa_anchors));
    TRY(check_anchors(t, "voucher-anchors", &m->voucher_anchors));
    if (m->masa_url != NULL && !masa_base_url(t, m->masa_url, &base))
        return fail_context(t, "masa-url");
    for (size_t i = 0; i < m->masa_networks.count; i++) {
        if (!network_check(t, m->masa_networks.items[i]))
            return fail_context(t, "masa-networks[%zu]", i);
    }
    return true;
}

struct addition {
    const struct manufacturer *manufacturer;
    const char *actor;
};

static bool add(struct task *t, struct tx *tx, void *arg)
{
    const struct addition *addition = arg;
    const struct manufacturer *m = addition->manufacturer;
    struct reader *r = tx_reader(tx);
    struct manufacturer *other = arena_alloc(t->arena, sizeof(*other));
    struct profile *profile = arena_alloc(t->arena, sizeof(*profile));
    bool found;
    TRY(table_find(t, r, &manufacturers, bytes_of_text(m->name), other, &found));
    ENSURE(t, !found, E_EXISTS, "there is a manufacturer %s already", m->name);
    if (m->profile != NULL) {
        TRY(table_find(t, r, &profiles, bytes_of_text(m->profile), profile, &found));
        ENSURE(t, found, E_INVALID, "profile: there is no profile %s", api_quote(t, m->profile));
    }
    TRY(manufacturer_put(t, tx, m));
    const struct event event = {
        .name = "manufacturer-added",
        .severity = EVENT_INFO,
        .actor = addition->actor,
        .detail =
            arena_printf(t->arena, "%s, %zu IDevID anchors", m->name, m->idevid_anchors.count),
    };
    return event_add(t, tx, &event);
}

bool api_manufacturer_add(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct manufacturer m;
    struct addition addition = {&m, api_actor(t, rq)};
    json_t *json;
    TRY(json_parse(t, rq->body, &json));
    record_init(t, &manufacturer_type, &m);
    TRY(record_from_json(t, &manufacturer_type, json, &m));
    TRY(check_manufacturer(t, &m));
    m.created = clock_wall();
    TRY(store_update(t, api_of(rq)->store, add, &addition));
    TRY(record_to_json(t, &manufacturer_type, &m, &json));
    return api_reply_made(t, reply, arena_printf(t->arena, PATH "/%s", m.name), json);
}
