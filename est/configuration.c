/*
 * GET /.well-known/gatehouse/configuration and .../configuration/FILE: what a voucher's
 * additional-configuration-url can point to (RFC 8366bis; draft-ietf-anima-brski-cloud 3.2.4).  A
 * device gets its own file, or else its profile's, and nobody else gets either.
 */
#include "est/est.h"

#include "core/base/placeholders.h"
#include "core/pledge/failures.h"
#include "core/store/records/configuration.h"
#include "core/store/records/device_name.h"
#include "core/store/records/event.h"
#include "est/gate.h"
#include "est/profile.h"

/* Octets of a file with its places filled. */
#define FILLED_MAX ((size_t)CONFIGURATION_SIZE_MAX * 4)

struct serving {
    struct callers *callers;
    struct device device;
    struct profile profile;
    struct configuration configuration;
    struct bytes content;
    struct bytes episode;
    const char *address;
};

static bool find_file(struct task *t, struct reader *r, const char *file, struct serving *s,
                      bool *ret_found)
{
    const struct bytes keys[] = {
        configuration_key_of_device(t->arena, s->device.manufacturer, s->device.serial, file),
        configuration_key_of_profile(t->arena, s->profile.name, file),
    };
    bool found = false;
    for (size_t i = 0; i < ARRAY_SIZE(keys) && !found; i++) {
        TRY(table_find(t, r, &configurations, keys[i], &s->configuration, &found));
        if (found)
            TRY(blob_get(t, r, &configurations, keys[i], CONFIGURATION_BLOB_CONTENT, &s->content));
    }
    *ret_found = found;
    return true;
}

/* The device's own, else its profile's. */
static bool look_up(struct task *t, const struct est *est, const struct episode *e,
                    const char *file, struct serving *s)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    bool found = false;
    TRY(view_open(t, est->store, &view));
    struct reader *r = view_reader(view);
    TRY(table_get(t, r, &devices, e->device, &s->device));
    TRY(profile_of_device(t, r, &s->device, &s->profile));
    if (configuration_file_is_good(file))
        TRY(find_file(t, r, file, s, &found));
    ENSURE(t, found, E_NO_CONFIGURATION, "no file %s for the device, nor for profile %s",
           bytes_to_printable(t->arena, bytes_of_text(file), 64), s->profile.name);
    return true;
}

static bool fill_in(struct task *t, struct serving *s)
{
    const char *name = NULL;
    if (!s->configuration.is_template)
        return true;
    if (s->profile.dns_pattern != NULL &&
        !device_name_make(t, s->profile.dns_pattern, s->device.serial, &name))
        return fail(t, E_CONFIGURATION_VALUE, "{name}: %s", t->detail);
    const struct placeholder values[] = {
        {"serial", s->device.serial},
        {"name", name},
        {"manufacturer", s->device.manufacturer},
        {"profile", s->profile.name},
        {"device", bytes_to_hex(t->arena, s->device.id)},
    };
    if (!placeholders_fill(t, s->content, values, ARRAY_SIZE(values), FILLED_MAX, &s->content))
        return fail(t, E_CONFIGURATION_VALUE, "file %s: %s", s->configuration.file, t->detail);
    return true;
}

/* Which file, and whose; never what is in it. */
static bool note_served(struct task *t, struct tx *tx, void *arg)
{
    struct serving *s = arg;
    struct device device;
    struct event event;
    bool room;
    bool changed;
    TRY(table_get(t, tx_reader(tx), &devices, s->device.id, &device));
    TRY(timeline_room(t, tx, s->callers, &device, s->address, &room, &changed));
    if (changed)
        TRY(table_put(t, tx, &devices, &device));
    if (!room)
        return true;
    record_init(t, &event_type, &event);
    event.name = "configuration-served";
    event.actor = "pledge";
    event.device = device.id;
    event.episode = s->episode;
    event.address = s->address;
    event.detail =
        arena_printf(t->arena, "file %s, %s", s->configuration.file,
                     s->configuration.scope == CONFIGURATION_OF_DEVICE
                         ? "the device's own"
                         : arena_printf(t->arena, "that of profile %s", s->configuration.profile));
    return event_add(t, tx, &event);
}

/* The onboarding that the caller's certificate stands for, as far as it has come. */
static bool whose(struct task *t, const struct est *est, struct http_request *rq,
                  struct episode *ret, enum gate *ret_gate)
{
    const struct idevid *idevid;
    const struct ldevid *ldevid;
    TRY(caller_either(t, est->callers, rq, &idevid, &ldevid));
    if (idevid != NULL)
        return gate_pass(t, est, rq, idevid, GATE_CONFIGURATION, ret, ret_gate);
    *ret_gate = GATE_OPEN;
    return gate_certificate(t, est, &ldevid->record, ret);
}

bool est_configuration(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct est *est = rq->context;
    struct serving s = {
        .callers = est->callers,
        .address = http_connection_address(rq->connection),
    };
    struct episode e;
    enum gate gate;
    answer_begin(t, &est->answer);
    TRY(whose(t, est, rq, &e, &gate));
    if (gate == GATE_LATER) {
        answer_later(reply, est->answer.retry_after);
        return true;
    }
    s.episode = e.id;
    TRY(look_up(t, est, &e, rq->parameter == NULL ? CONFIGURATION_FILE : rq->parameter, &s));
    TRY(fill_in(t, &s));
    TRY(store_update(t, est->store, note_served, &s));
    reply->status = 200;
    reply->media_type = s.configuration.media_type;
    reply->body = s.content;
    return true;
}
