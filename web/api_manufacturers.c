#include "core/base/clock.h"
#include "core/pki/cert.h"
#include "core/store/records/admission_rule.h"
#include "core/store/records/alarm.h"
#include "core/store/records/device.h"
#include "core/store/records/event.h"
#include "core/store/records/profile.h"
#include "core/store/records/standing.h"
#include "web/api_manufacturer.h"

#include <string.h>

#define PATH "/v1/manufacturers"

bool api_manufacturers(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return page_of_table(t, rq, reply, &manufacturers);
}

bool api_manufacturer(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return api_reply_stored(t, rq, reply, &manufacturers);
}

static bool check_profile(struct task *t, struct reader *r, const char *name)
{
    struct profile profile;
    bool found;
    if (name == NULL)
        return true;
    TRY(table_find(t, r, &profiles, bytes_of_text(name), &profile, &found));
    ENSURE(t, found, E_INVALID, "profile: there is no profile %s", api_quote(t, name));
    return true;
}

/* The keys by which anchors are told apart: a renewed CA certificate is the same anchor. */
static struct bytes_list keys_of(struct task *t, const struct bytes_list *anchors)
{
    struct bytes *keys = arena_array(t->arena, anchors->count, sizeof(*keys));
    struct task aside = *t;
    size_t count = 0;
    for (size_t i = 0; i < anchors->count; i++) {
        const struct cert *cert;
        if (cert_parse(&aside, anchors->items[i], &cert)) /* in a damaged record it may not be */
            keys[count++] = cert_spki_sha256(t, cert);
    }
    return (struct bytes_list){keys, count};
}

/* ---- POST, PUT ---- */

static const struct bytes_list no_anchors = {NULL, 0};

struct writing {
    const struct http_request *rq;
    struct manufacturer *manufacturer;
    const char *actor;
};

static bool note(struct task *t, struct tx *tx, const char *event, const char *actor,
                 const char *detail)
{
    const struct event e = {
        .name = event, .severity = EVENT_INFO, .actor = actor, .detail = detail};
    return event_add(t, tx, &e);
}

static bool read_body(struct task *t, const struct http_request *rq, struct manufacturer *ret)
{
    TRY(api_read_record(t, rq, &manufacturer_type, ret));
    return manufacturer_check(t, ret);
}

static bool add(struct task *t, struct tx *tx, void *arg)
{
    const struct writing *w = arg;
    struct manufacturer *m = w->manufacturer;
    const struct bytes_list keys = keys_of(t, &m->idevid_anchors);
    struct manufacturer other;
    bool found;
    TRY(table_find(t, tx_reader(tx), &manufacturers, bytes_of_text(m->name), &other, &found));
    ENSURE(t, !found, E_EXISTS, "there is a manufacturer %s already", m->name);
    TRY(manufacturer_check_secrets(t, m));
    TRY(check_profile(t, tx_reader(tx), m->profile));
    TRY(manufacturer_put(t, tx, m));
    TRY(manufacturer_move_anchors(t, tx, m->name, &no_anchors, &keys));
    return note(t, tx, "manufacturer-added", w->actor,
                arena_printf(t->arena, "%s, %zu IDevID anchors", m->name, m->idevid_anchors.count));
}

bool api_manufacturer_add(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct manufacturer m;
    struct writing w = {rq, &m, api_actor(t, rq)};
    json_t *json;
    TRY(read_body(t, rq, &m));
    m.created = clock_wall();
    TRY(store_update(t, api_of(rq)->store, add, &w));
    TRY(record_to_json(t, &manufacturer_type, &m, &json));
    return api_reply_made(t, reply, arena_printf(t->arena, PATH "/%s", m.name), json);
}

/* What a client does not send: read-only members, and secrets that are to stay as they are. */
static bool carry_over(struct task *t, struct tx *tx, const struct writing *w,
                       const struct manufacturer *before, const char **ret_dropped)
{
    struct manufacturer *m = w->manufacturer;
    m->created = before->created;
    m->rest = before->rest;
    TRY(api_keep_secrets(t, w->rq, &manufacturer_type, before, m));
    TRY(manufacturer_check_secrets(t, m));
    return manufacturer_keep_crls(t, tx, before, m, ret_dropped);
}

static bool change(struct task *t, struct tx *tx, void *arg)
{
    const struct writing *w = arg;
    struct manufacturer *m = w->manufacturer;
    struct manufacturer before;
    const char *changes;
    const char *dropped;
    TRY(table_get(t, tx_reader(tx), &manufacturers, bytes_of_text(m->name), &before));
    TRY(carry_over(t, tx, w, &before, &dropped));
    TRY(api_changes(t, &manufacturer_type, &before, m, &changes));
    if (changes == NULL) {
        *m = before;
        return true;
    }
    const struct bytes_list had = keys_of(t, &before.idevid_anchors);
    const struct bytes_list has = keys_of(t, &m->idevid_anchors);
    TRY(check_profile(t, tx_reader(tx), m->profile));
    TRY(manufacturer_put(t, tx, m));
    TRY(manufacturer_move_anchors(t, tx, m->name, &had, &has));
    return note(t, tx, "manufacturer-changed", w->actor,
                arena_printf(t->arena, "%s: %s%s%s", m->name, changes,
                             dropped == NULL ? "" : "; revocation list dropped: ",
                             dropped == NULL ? "" : dropped));
}

bool api_manufacturer_set(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct manufacturer m;
    struct writing w = {rq, &m, api_actor(t, rq)};
    json_t *json;
    TRY(read_body(t, rq, &m));
    TRY(api_same_name(t, rq, m.name));
    TRY(store_update(t, api_of(rq)->store, change, &w));
    TRY(record_to_json(t, &manufacturer_type, &m, &json));
    return api_reply(t, reply, 200, json);
}

/* ---- DELETE ---- */

static bool check_not_expected(struct task *t, struct view *view, const char *name)
{
    struct expected first;
    bool found;
    struct table_scan scan =
        table_scan(t, view, &expected_devices, expected_key(t->arena, name, ""));
    TRY(table_scan_next(t, &scan, &first, &found));
    ENSURE(t, !found || strcmp(first.manufacturer, name) != 0, E_IN_USE,
           "devices of %s are expected: %s, for one", name, api_quote(t, first.serial));
    return true;
}

static bool check_not_seen(struct task *t, struct view *view, const char *name)
{
    for (unsigned i = 0; device_admission_names[i] != NULL; i++) {
        struct bytes prefix = devices_admission_key(t->arena, i, name);
        struct table_scan scan =
            table_scan_index(t, view, &devices, &devices_by_admission, prefix, false);
        struct device device;
        bool found;
        TRY(table_scan_next(t, &scan, &device, &found));
        ENSURE(t, !found, E_IN_USE, "devices of %s have been seen: %s, for one", name,
               api_quote(t, device.serial));
    }
    return true;
}

static bool check_no_rule(struct task *t, struct view *view, const char *name)
{
    struct table_scan scan = table_scan(t, view, &admission_rules, BYTES_ABSENT);
    for (;;) {
        struct admission_rule rule;
        bool found;
        TRY(table_scan_next(t, &scan, &rule, &found));
        if (!found)
            return true;
        ENSURE(t, strcmp(rule.manufacturer, name) != 0, E_IN_USE,
               "admission rule %s speaks of devices of %s", rule.name, name);
    }
}

/*
 * Nothing refers to the manufacturer.  What comes between this look and the update finds no
 * manufacturer any more: a place on the list then admits nobody, and can be removed.
 */
static bool check_unused(struct task *t, struct store *store, const char *name)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    struct manufacturer m;
    TRY(view_open(t, store, &view));
    TRY(table_get(t, view_reader(view), &manufacturers, bytes_of_text(name), &m));
    TRY(check_not_expected(t, view, name));
    TRY(check_no_rule(t, view, name));
    return check_not_seen(t, view, name);
}

struct removal {
    const char *name;
    const char *actor;
    const struct problem_kind *credentials; /* what its MASA may have against us */
    struct manufacturer removed;
};

static bool remove_manufacturer(struct task *t, struct tx *tx, void *arg)
{
    struct removal *removal = arg;
    const char *name = removal->name;
    TRY(table_get(t, tx_reader(tx), &manufacturers, bytes_of_text(name), &removal->removed));
    const struct bytes_list had = keys_of(t, &removal->removed.idevid_anchors);
    TRY(manufacturer_move_anchors(t, tx, name, &had, &no_anchors));
    TRY(manufacturer_delete(t, tx, name));
    if (removal->credentials != NULL)
        TRY(alarm_clear(t, tx, removal->credentials, name));
    TRY(standing_forget(t, tx, name));
    return note(t, tx, "manufacturer-removed", removal->actor, name);
}

bool api_manufacturer_remove(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct removal removal = {
        .name = rq->parameter,
        .actor = api_actor(t, rq),
        .credentials = problem_find(api_of(rq)->problems, "masa-credentials"),
    };
    json_t *json;
    TRY(check_unused(t, api_of(rq)->store, removal.name));
    TRY(store_update(t, api_of(rq)->store, remove_manufacturer, &removal));
    TRY(record_to_json(t, &manufacturer_type, &removal.removed, &json));
    return api_reply(t, reply, 200, json);
}
