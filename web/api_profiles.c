#include "core/asking/wishes.h"
#include "core/store/records/authority.h"
#include "core/store/records/event.h"
#include "core/store/records/profile.h"
#include "web/api_internal.h"

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
