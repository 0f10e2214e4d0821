/* Clouds: whom we register with, and how that stands. */
#include "core/base/clock.h"
#include "core/http/address.h"
#include "core/pki/chain.h"
#include "core/store/records/cloud.h"
#include "core/store/records/event.h"
#include "core/store/records/manufacturer.h"
#include "web/api_internal.h"

#include <string.h>

#define PATH       "/v1/clouds"
#define EVENTS     50 /* of the timeline, unless asked for more */
#define EVENTS_MAX 1000

bool api_clouds(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return page_of_table(t, rq, reply, &clouds);
}

bool api_cloud(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    const struct api *api = api_of(rq);
    json_t *answer = json_in_arena(t, json_object());
    struct cloud cloud;
    uint64_t events;
    TRY(api_number(t, rq, "events", 0, EVENTS_MAX, EVENTS, &events));
    TRY(view_open(t, api->store, &view));
    TRY(table_get(t, view_reader(view), &clouds, bytes_of_text(rq->parameter), &cloud));
    TRY(api_set_record(t, answer, "cloud", &cloud_type, &cloud));
    api_set_hint(api, answer, cloud.problem);
    TRY(api_add_timeline(t, api, view, cloud_subject(t->arena, cloud.name), events, answer));
    return api_reply(t, reply, 200, answer);
}

/* ---- What the field table cannot know ---- */

static bool check_anchors(struct task *t, const struct bytes_list *list)
{
    struct cert_list certs;
    const struct anchors *ignored;
    if (list->count == 0)
        return true;
    if (!certs_parse(t, list, &certs) || !anchors_make(t, &certs, &ignored))
        return fail(t, E_INVALID, "anchors: %s", t->detail);
    return true;
}

static bool check(struct task *t, const struct cloud *cloud)
{
    TRY(cloud_check(t, cloud));
    TRY(check_anchors(t, &cloud->anchors));
    for (size_t i = 0; i < cloud->networks.count; i++) {
        if (!network_check(t, cloud->networks.items[i]))
            return fail_context(t, "networks[%zu]", i);
    }
    return true;
}

static bool check_manufacturer(struct task *t, struct tx *tx, const char *name)
{
    struct manufacturer m;
    bool found;
    TRY(table_find(t, tx_reader(tx), &manufacturers, bytes_of_text(name), &m, &found));
    ENSURE(t, found, E_INVALID, "manufacturer: there is no %s", api_quote(t, name));
    return true;
}

/* ---- POST, PUT ---- */

struct writing {
    const struct http_request *rq;
    struct cloud *cloud;
    const char *actor;
};

static bool note(struct task *t, struct tx *tx, const struct writing *w, const char *event,
                 const char *detail)
{
    const struct event e = {
        .name = event,
        .actor = w->actor,
        .device = cloud_subject(t->arena, w->cloud->name),
        .detail = detail,
    };
    return event_add(t, tx, &e);
}

static bool read_body(struct task *t, const struct http_request *rq, struct cloud *cloud)
{
    TRY(api_read_record(t, rq, &cloud_type, cloud));
    return check(t, cloud);
}

static bool add(struct task *t, struct tx *tx, void *arg)
{
    const struct writing *w = arg;
    struct cloud other;
    bool found;
    TRY(table_find(t, tx_reader(tx), &clouds, bytes_of_text(w->cloud->name), &other, &found));
    ENSURE(t, !found, E_EXISTS, "there is a cloud %s already", w->cloud->name);
    TRY(check_manufacturer(t, tx, w->cloud->manufacturer));
    TRY(table_put(t, tx, &clouds, w->cloud));
    return note(t, tx, w, "cloud-added",
                arena_printf(t->arena, "%s of %s", w->cloud->name, w->cloud->manufacturer));
}

static bool wake(struct task *t, const struct http_request *rq, const char *name)
{
    const struct api *api = api_of(rq);
    return api->works == NULL || api->works->cloud_wake(t, api->works_context, name);
}

bool api_cloud_add(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct cloud cloud;
    struct writing w = {rq, &cloud, api_actor(t, rq)};
    json_t *json;
    TRY(read_body(t, rq, &cloud));
    cloud.created = clock_wall();
    cloud.generation = 1;
    TRY(store_update(t, api_of(rq)->store, add, &w));
    TRY(wake(t, rq, cloud.name));
    TRY(record_to_json(t, &cloud_type, &cloud, &json));
    return api_reply_made(t, reply, arena_printf(t->arena, PATH "/%s", cloud.name), json);
}

/* What an administrator says, over how it stands. */
static void carry_over(const struct writing *w, const struct cloud *before)
{
    struct cloud said = *w->cloud;
    struct cloud *cloud = w->cloud;
    *cloud = *before;
    cloud->backend = said.backend;
    cloud->url = said.url;
    cloud->anchors = said.anchors;
    cloud->networks = said.networks;
    cloud->program = said.program;
    cloud->owner = said.owner;
    cloud->mode = said.mode;
    cloud->registrar_url = said.registrar_url;
    cloud->est_domain = said.est_domain;
    cloud->pin = said.pin;
    cloud->orders = said.orders;
    cloud->serials = said.serials;
    cloud->import = said.import;
    cloud->interval = said.interval;
    cloud->pin_hold = said.pin_hold;
    cloud->pin_match = said.pin_match;
    cloud->token = said.token;
    cloud->additional_configuration_url = said.additional_configuration_url;
}

static bool change(struct task *t, struct tx *tx, void *arg)
{
    const struct writing *w = arg;
    struct cloud said = *w->cloud; /* the update may be run again */
    struct writing again = *w;
    struct cloud before;
    const char *changes;
    again.cloud = &said;
    TRY(table_get(t, tx_reader(tx), &clouds, bytes_of_text(said.name), &before));
    ENSURE(t, strcmp(before.manufacturer, said.manufacturer) == 0, E_INVALID,
           "manufacturer: is %s and cannot be changed", before.manufacturer);
    TRY(api_keep_secrets(t, w->rq, &cloud_type, &before, &said));
    carry_over(&again, &before);
    /* Mode and secrets together: a configuration kept from before may not fit any more. */
    TRY(cloud_check(t, &said));
    TRY(api_changes(t, &cloud_type, &before, &said, &changes));
    if (changes == NULL)
        return true;
    said.generation++;
    if (said.state == CLOUD_REGISTERED)
        said.state = CLOUD_CHANGED;
    TRY(table_put(t, tx, &clouds, &said));
    return note(t, tx, &again, "cloud-changed",
                arena_printf(t->arena, "%s: %s", said.name, changes));
}

bool api_cloud_set(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct cloud cloud;
    struct writing w = {rq, &cloud, api_actor(t, rq)};
    TRY(read_body(t, rq, &cloud));
    TRY(api_same_name(t, rq, cloud.name));
    TRY(store_update(t, api_of(rq)->store, change, &w));
    TRY(wake(t, rq, cloud.name));
    return api_reply_stored(t, rq, reply, &clouds);
}

/* ---- DELETE ---- */

struct removal {
    struct writing writing;
    struct cloud cloud;
};

/* What is registered there would stay registered, with nobody to take it back. */
static bool take_away(struct task *t, struct tx *tx, void *arg)
{
    struct removal *removal = arg;
    struct cloud *cloud = &removal->cloud;
    removal->writing.cloud = cloud;
    TRY(table_get(t, tx_reader(tx), &clouds, bytes_of_text(cloud->name), cloud));
    ENSURE(t, cloud->state == CLOUD_WITHDRAWN || cloud->state == CLOUD_NEW, E_CLOUD_REGISTERED,
           "we are registered with %s", cloud->name);
    TRY(table_delete(t, tx, &clouds, bytes_of_text(cloud->name)));
    return note(t, tx, &removal->writing, "cloud-removed", cloud->name);
}

bool api_cloud_remove(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct removal removal = {.writing = {.rq = rq, .actor = api_actor(t, rq)},
                              .cloud = {.name = rq->parameter}};
    json_t *json;
    TRY(store_update(t, api_of(rq)->store, take_away, &removal));
    TRY(record_to_json(t, &cloud_type, &removal.cloud, &json));
    return api_reply(t, reply, 200, json);
}

/* ---- POST clouds/{} ---- */

enum act { ACT_SYNC, ACT_WITHDRAW, ACT_REGISTER, ACT_IMPORT };
static const char *const act_names[] = {"sync", "withdraw", "register", "import", NULL};
static const char *const act_events[] = {"cloud-sync-asked", "cloud-withdrawal-asked",
                                         "cloud-registration-asked", "cloud-import-asked"};

struct acting {
    struct writing writing;
    struct cloud cloud;
    const char *name;
    unsigned act; /* enum act */
    bool prune;
};

static bool act(struct task *t, struct tx *tx, void *arg)
{
    struct acting *a = arg;
    struct cloud *cloud = &a->cloud;
    a->writing.cloud = cloud;
    TRY(table_get(t, tx_reader(tx), &clouds, bytes_of_text(a->name), cloud));
    if (a->act == ACT_WITHDRAW || a->act == ACT_REGISTER) {
        unsigned wish = a->act == ACT_WITHDRAW ? CLOUD_WITHDRAW : CLOUD_REGISTER;
        cloud->generation += cloud->wish != wish;
        cloud->wish = wish;
    }
    ENSURE(t, a->act == ACT_WITHDRAW || cloud->wish == CLOUD_REGISTER, E_INVALID,
           "%s is withdrawn: register with it first", a->name);
    cloud->asked++;
    if (a->act == ACT_IMPORT) {
        cloud->import_once = true;
        cloud->prune = a->prune;
    }
    TRY(table_put(t, tx, &clouds, cloud));
    return note(t, tx, &a->writing, act_events[a->act], a->prune ? "with prune" : a->name);
}

bool api_cloud_act(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct cloud_action action;
    struct acting a = {.writing = {.rq = rq, .actor = api_actor(t, rq)}, .name = rq->parameter};
    TRY(api_read_record(t, rq, &cloud_action_type, &action));
    TRY(api_choice(t, "action", action.action, act_names, &a.act));
    ENSURE(t, !action.prune || a.act == ACT_IMPORT, E_INVALID, "prune: goes with import");
    a.prune = action.prune;
    TRY(store_update(t, api_of(rq)->store, act, &a));
    TRY(wake(t, rq, a.name));
    return api_reply_stored(t, rq, reply, &clouds);
}
