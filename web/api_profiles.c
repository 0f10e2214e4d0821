#include "core/asking/wishes.h"
#include "core/store/records/authority.h"
#include "core/store/records/configuration.h"
#include "core/store/records/est_label.h"
#include "core/store/records/event.h"
#include "core/store/records/manufacturer.h"
#include "core/store/records/profile.h"
#include "web/api_internal.h"

#include <string.h>

#define PATH "/v1/profiles"

bool api_profiles(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return page_of_table(t, rq, reply, &profiles);
}

bool api_profile(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return api_reply_stored(t, rq, reply, &profiles);
}

/* ---- POST, PUT ---- */

struct writing {
    struct profile *profile;
    const char *actor;
};

/* Checked, and with a CA that there is. */
static bool put(struct task *t, struct tx *tx, const struct writing *w, const char *event,
                const char *detail)
{
    const struct profile *profile = w->profile;
    const struct event e = {
        .name = event, .severity = EVENT_INFO, .actor = w->actor, .detail = detail};
    struct ca_record ca;
    bool found;
    TRY(profile_check(t, profile));
    TRY(wishes_check(t, profile));
    TRY(table_put(t, tx, &profiles, profile));
    TRY(table_find(t, tx_reader(tx), &cas, bytes_of_text(profile->ca), &ca, &found));
    ENSURE(t, found, E_INVALID, "ca: there is no CA %s", profile->ca);
    return event_add(t, tx, &e);
}

static bool add(struct task *t, struct tx *tx, void *arg)
{
    const struct writing *w = arg;
    const char *name = w->profile->name;
    struct profile other;
    bool found;
    TRY(table_find(t, tx_reader(tx), &profiles, bytes_of_text(name), &other, &found));
    ENSURE(t, !found, E_EXISTS, "there is a profile %s already", name);
    return put(t, tx, w, "profile-added", name);
}

bool api_profile_add(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct profile profile;
    struct writing w = {&profile, api_actor(t, rq)};
    json_t *json;
    TRY(api_read_record(t, rq, &profile_type, &profile));
    TRY(store_update(t, api_of(rq)->store, add, &w));
    TRY(record_to_json(t, &profile_type, &profile, &json));
    return api_reply_made(t, reply, arena_printf(t->arena, PATH "/%s", profile.name), json);
}

static bool change(struct task *t, struct tx *tx, void *arg)
{
    const struct writing *w = arg;
    struct profile *profile = w->profile;
    struct profile before;
    const char *changes;
    TRY(table_get(t, tx_reader(tx), &profiles, bytes_of_text(profile->name), &before));
    profile->rest = before.rest;
    TRY(api_changes(t, &profile_type, &before, profile, &changes));
    return changes == NULL || put(t, tx, w, "profile-changed",
                                  arena_printf(t->arena, "%s: %s", profile->name, changes));
}

bool api_profile_set(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct profile profile;
    struct writing w = {&profile, api_actor(t, rq)};
    json_t *json;
    TRY(api_read_record(t, rq, &profile_type, &profile));
    TRY(api_same_name(t, rq, profile.name));
    TRY(store_update(t, api_of(rq)->store, change, &w));
    TRY(record_to_json(t, &profile_type, &profile, &json));
    return api_reply(t, reply, 200, json);
}

/* ---- DELETE ---- */

static bool check_no_manufacturer(struct task *t, struct view *view, const char *name)
{
    struct table_scan scan = table_scan(t, view, &manufacturers, BYTES_ABSENT);
    struct arena_mark mark = arena_mark(t->arena);
    for (;;) {
        arena_rewind(t->arena, mark);
        struct manufacturer m;
        bool found;
        TRY(table_scan_next(t, &scan, &m, &found));
        if (!found)
            return true;
        ENSURE(t, m.profile == NULL || strcmp(m.profile, name) != 0, E_IN_USE,
               "it is the profile of the devices of manufacturer %s", m.name);
    }
}

/* The label called default is there even when nobody has added it. */
static bool check_no_label(struct task *t, struct view *view, const char *name)
{
    struct est_label label;
    bool found;
    TRY(est_label_get(t, view_reader(view), EST_LABEL_DEFAULT, &label, &found));
    ENSURE(t, !found || strcmp(label.profile, name) != 0, E_IN_USE, "it is the profile of label %s",
           label.name);
    struct table_scan scan = table_scan(t, view, &est_labels, BYTES_ABSENT);
    struct arena_mark mark = arena_mark(t->arena);
    for (;;) {
        arena_rewind(t->arena, mark);
        TRY(table_scan_next(t, &scan, &label, &found));
        if (!found)
            return true;
        ENSURE(t, strcmp(label.profile, name) != 0, E_IN_USE, "it is the profile of label %s",
               label.name);
    }
}

/* They would be given to the devices of the next profile of that name. */
static bool check_no_file(struct task *t, struct view *view, const char *name)
{
    struct configuration configuration;
    bool found;
    struct table_scan scan = table_scan_prefix(t, view, &configurations,
                                               configuration_key_of_profile(t->arena, name, ""));
    TRY(table_scan_next(t, &scan, &configuration, &found));
    ENSURE(t, !found, E_IN_USE, "its devices are given the configuration file %s",
           configuration.file);
    return true;
}

/*
 * Nothing refers to the profile; devices do by their manufacturer.  What comes between this look
 * and the update finds no profile: its requests wait until there is one (E_PROFILE_MISSING).
 */
static bool check_unused(struct task *t, struct store *store, const char *name)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    struct profile profile;
    TRY(view_open(t, store, &view));
    TRY(table_get(t, view_reader(view), &profiles, bytes_of_text(name), &profile));
    TRY(check_no_manufacturer(t, view, name));
    TRY(check_no_label(t, view, name));
    return check_no_file(t, view, name);
}

struct removal {
    const char *name;
    const char *actor;
    struct profile removed;
};

static bool remove_profile(struct task *t, struct tx *tx, void *arg)
{
    struct removal *r = arg;
    const struct event e = {
        .name = "profile-removed", .severity = EVENT_INFO, .actor = r->actor, .detail = r->name};
    TRY(table_get(t, tx_reader(tx), &profiles, bytes_of_text(r->name), &r->removed));
    TRY(table_delete(t, tx, &profiles, bytes_of_text(r->name)));
    return event_add(t, tx, &e);
}

bool api_profile_remove(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct removal r = {.name = rq->parameter, .actor = api_actor(t, rq)};
    json_t *json;
    TRY(check_unused(t, api_of(rq)->store, r.name));
    TRY(store_update(t, api_of(rq)->store, remove_profile, &r));
    TRY(record_to_json(t, &profile_type, &r.removed, &json));
    return api_reply(t, reply, 200, json);
}
