/* EST labels: who may enrol under them, and how. */
#include "core/base/clock.h"
#include "core/pki/chain.h"
#include "core/store/records/est_label.h"
#include "core/store/records/est_secret.h"
#include "core/store/records/event.h"
#include "core/store/records/profile.h"
#include "web/api_internal.h"

#include <string.h>

#define PATH "/v1/labels"

bool api_labels(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return page_of_table(t, rq, reply, &est_labels);
}

bool api_label(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return api_reply_stored(t, rq, reply, &est_labels);
}

struct writing {
    struct est_label *label;
    const char *actor;
};

static bool note(struct task *t, struct tx *tx, const char *name, const char *actor,
                 const char *detail)
{
    const struct event e = {.name = name, .severity = EVENT_INFO, .actor = actor, .detail = detail};
    return event_add(t, tx, &e);
}

static bool put(struct task *t, struct tx *tx, const struct est_label *label)
{
    struct profile profile;
    bool found;
    TRY(table_find(t, tx_reader(tx), &profiles, bytes_of_text(label->profile), &profile, &found));
    ENSURE(t, found, E_INVALID, "profile: there is no profile %s", label->profile);
    return table_put(t, tx, &est_labels, label);
}

static bool add(struct task *t, struct tx *tx, void *arg)
{
    const struct writing *w = arg;
    struct est_label other;
    bool found;
    TRY(table_find(t, tx_reader(tx), &est_labels, bytes_of_text(w->label->name), &other, &found));
    ENSURE(t, !found, E_EXISTS, "there is a label %s already", w->label->name);
    TRY(put(t, tx, w->label));
    return note(t, tx, "label-added", w->actor, w->label->name);
}

static bool change(struct task *t, struct tx *tx, void *arg)
{
    const struct writing *w = arg;
    struct est_label before;
    const char *changes;
    TRY(table_get(t, tx_reader(tx), &est_labels, bytes_of_text(w->label->name), &before));
    w->label->created = before.created;
    w->label->rest = before.rest;
    TRY(api_changes(t, &est_label_type, &before, w->label, &changes));
    if (changes == NULL)
        return true;
    TRY(put(t, tx, w->label));
    return note(t, tx, "label-changed", w->actor,
                arena_printf(t->arena, "%s: %s", w->label->name, changes));
}

/* What the field table cannot know: that the anchors are certificates. */
static bool read_label(struct task *t, const struct http_request *rq, struct est_label *ret)
{
    struct cert_list certs;
    TRY(api_read_record(t, rq, &est_label_type, ret));
    TRY(est_label_check(t, ret));
    if (!certs_parse(t, &ret->anchors, &certs))
        return fail(t, E_INVALID, "anchors: %s", t->detail);
    return true;
}

bool api_label_add(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct est_label label;
    struct writing w = {&label, api_actor(t, rq)};
    json_t *json;
    TRY(read_label(t, rq, &label));
    label.created = clock_wall();
    TRY(store_update(t, api_of(rq)->store, add, &w));
    TRY(record_to_json(t, &est_label_type, &label, &json));
    return api_reply_made(t, reply, arena_printf(t->arena, PATH "/%s", label.name), json);
}

bool api_label_set(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct est_label label;
    struct writing w = {&label, api_actor(t, rq)};
    json_t *json;
    TRY(read_label(t, rq, &label));
    TRY(api_same_name(t, rq, label.name));
    TRY(store_update(t, api_of(rq)->store, change, &w));
    TRY(record_to_json(t, &est_label_type, &label, &json));
    return api_reply(t, reply, 200, json);
}

struct removal {
    const char *name;
    const char *actor;
    struct est_label removed;
};

/*
 * Under a label of that name that is added later, its secrets would be good again.  One that is
 * made between this look and the update needs the label, and is good for nothing without it.
 */
static bool check_no_secret(struct task *t, struct store *store, const char *label)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    TRY(view_open(t, store, &view));
    struct table_scan scan = table_scan(t, view, &est_secrets, BYTES_ABSENT);
    struct arena_mark mark = arena_mark(t->arena);
    for (;;) {
        arena_rewind(t->arena, mark);
        struct est_secret secret;
        bool found;
        TRY(table_scan_next(t, &scan, &secret, &found));
        if (!found)
            return true;
        for (size_t i = 0; i < secret.labels.count; i++)
            ENSURE(t, strcmp(secret.labels.items[i], label) != 0, E_IN_USE,
                   "secret %s is for this label", secret.user);
    }
}

static bool remove_label(struct task *t, struct tx *tx, void *arg)
{
    struct removal *r = arg;
    TRY(table_get(t, tx_reader(tx), &est_labels, bytes_of_text(r->name), &r->removed));
    TRY(table_delete(t, tx, &est_labels, bytes_of_text(r->name)));
    return note(t, tx, "label-removed", r->actor, r->name);
}

bool api_label_remove(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct removal r = {.name = rq->parameter, .actor = api_actor(t, rq)};
    json_t *json;
    TRY(check_no_secret(t, api_of(rq)->store, r.name));
    TRY(store_update(t, api_of(rq)->store, remove_label, &r));
    TRY(record_to_json(t, &est_label_type, &r.removed, &json));
    return api_reply(t, reply, 200, json);
}
