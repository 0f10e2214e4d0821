/* devices/{}/log: the MASA's audit log of one device, accepted by hand, or fetched now. */
#include "core/base/clock.h"
#include "core/store/records/alarm.h"
#include "core/store/records/device.h"
#include "core/store/records/episode.h"
#include "core/store/records/event.h"
#include "web/api_internal.h"
#include "web/log_views.h"

/* ---- Which device ---- */

static bool find(struct task *t, struct view *view, const char *text, struct device *ret)
{
    bool found;
    TRY(api_find_device(t, view, text, NULL, ret, &found));
    ENSURE(t, found, E_NOT_FOUND, "no device with the id or serial number %s was seen",
           api_quote(t, text));
    return true;
}

/* ---- GET ---- */

static bool reply_log(struct task *t, struct http_reply *reply, const struct judged_log *judged)
{
    struct device_log log;
    json_t *json;
    device_log_view(t, judged, &log);
    TRY(record_to_json(t, &device_log_type, &log, &json));
    return api_reply(t, reply, 200, json);
}

bool api_device_log(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    const char *text = http_query(t, rq, "sha256");
    struct bytes sha256 = BYTES_ABSENT;
    struct judged_log judged;
    struct device device;
    ENSURE(t, text == NULL || (bytes_from_hex(t->arena, text, &sha256) && sha256.len == SHA256_LEN),
           E_INVALID, "sha256: must be %d hexadecimal digits", 2 * SHA256_LEN);
    TRY(view_open(t, api_of(rq)->store, &view));
    TRY(find(t, view, rq->parameter, &device));
    TRY(judged_log_read(t, view, device.id, sha256, &judged));
    return reply_log(t, reply, &judged);
}

/* ---- POST: accept ---- */

struct accepting {
    const struct judged_log *judged;
    const struct device *device;
    const char *actor;
    size_t entries; /* that the policy would not have let pass */
};

/* What is accepted stays accepted: the entries will be in every log to come. */
static bool add_pardons(struct task *t, struct accepting *a, struct log_watch *watch)
{
    const struct audit_log *log = &a->judged->log;
    size_t before = watch->pardons.count;
    struct bytes *all = arena_array(t->arena, before + log->count, sizeof(*all));
    size_t count = before;
    for (size_t i = 0; i < before; i++)
        all[i] = watch->pardons.items[i];
    for (size_t i = 0; i < log->count; i++) {
        const struct log_entry_verdict *verdict = &a->judged->verdict.entries[i];
        if (verdict->problem != NULL && !verdict->pardoned)
            all[count++] = audit_log_event_digest(t->arena, &log->events[i]);
    }
    ENSURE(t, count <= LOG_PARDONS_MAX, E_TOO_LARGE, "more than %d accepted entries",
           LOG_PARDONS_MAX);
    watch->pardons = (struct bytes_list){all, count};
    a->entries = count - before;
    return true;
}

static const char *words_about(struct task *t, const struct accepting *a)
{
    const struct log_verdict *verdict = &a->judged->verdict;
    return arena_printf(t->arena,
                        "the audit log with SHA-256 %s, %zu entries, %zu of them against "
                        "the policy%s%s",
                        bytes_to_hex(t->arena, a->judged->seen.sha256), a->judged->log.count,
                        a->entries, verdict->detail == NULL ? "" : ": ",
                        verdict->detail == NULL ? "" : verdict->detail);
}

static bool accept(struct task *t, struct tx *tx, void *arg)
{
    struct accepting *a = arg;
    struct log_watch watch;
    TRY(log_watch_get(t, tx_reader(tx), a->device->id, &watch));
    const struct seen_log *latest = log_watch_latest(&watch);
    ENSURE(t, latest != NULL && bytes_equal(latest->sha256, a->judged->seen.sha256), E_LOG_CHANGED,
           "another log was received meanwhile: look at that one");
    TRY(add_pardons(t, a, &watch));
    if (watch.pardoned_arbitrary < a->judged->log.arbitrary)
        watch.pardoned_arbitrary = a->judged->log.arbitrary;
    if (watch.pardoned_version < a->judged->log.version)
        watch.pardoned_version = a->judged->log.version;
    watch.pardoned_sha256 = a->judged->seen.sha256;
    watch.pardoned_by = a->actor;
    watch.pardoned_at = clock_wall();
    TRY(table_put(t, tx, &log_watches, &watch));
    TRY(alarm_clear(t, tx, E_LOG_TURNED, bytes_to_hex(t->arena, a->device->id)));
    const struct event e = {
        .name = "audit-log-accepted-by-hand",
        .severity = EVENT_WARNING,
        .actor = a->actor,
        .device = a->device->id,
        .episode = a->device->episode,
        .detail = words_about(t, a),
    };
    return event_add(t, tx, &e);
}

static bool look_at_latest(struct task *t, const struct api *api, const struct device *device,
                           struct bytes sha256, struct judged_log *ret)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    TRY(view_open(t, api->store, &view));
    return judged_log_read(t, view, device->id, sha256, ret);
}

/* An onboarding that waits for the verdict need not wait any longer. */
static bool hasten(struct task *t, const struct api *api, const struct device *device)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    struct episode e;
    bool found = false;
    TRY(view_open(t, api->store, &view));
    if (bytes_present(device->episode))
        TRY(table_find(t, view_reader(view), &episodes, device->episode, &e, &found));
    if (found && e.closed == 0 && e.log_verdict == VERDICT_PENDING && bytes_present(e.log_order))
        order_hasten(api->orders, e.log_order);
    return true;
}

static bool accept_log(struct task *t, struct http_request *rq, const struct device *device,
                       const struct log_action *action, struct http_reply *reply)
{
    const struct api *api = api_of(rq);
    struct judged_log judged;
    ENSURE(t, bytes_present(action->sha256), E_INVALID,
           "sha256: which log is accepted must be said");
    TRY(look_at_latest(t, api, device, action->sha256, &judged));
    struct accepting a = {&judged, device, api_actor(t, rq), 0};
    TRY(store_update(t, api->store, accept, &a));
    TRY(hasten(t, api, device));
    TRY(look_at_latest(t, api, device, action->sha256, &judged));
    return reply_log(t, reply, &judged);
}

/* ---- POST: fetch ---- */

static bool make_due(struct task *t, struct tx *tx, void *arg)
{
    const struct device *device = arg;
    struct log_watch watch;
    TRY(log_watch_get(t, tx_reader(tx), device->id, &watch));
    watch.due = clock_wall();
    return table_put(t, tx, &log_watches, &watch);
}

static bool fetch_log(struct task *t, struct http_request *rq, struct device *device,
                      struct http_reply *reply)
{
    const struct api *api = api_of(rq);
    json_t *json;
    ENSURE(t, device->admission == DEVICE_ADMITTED && bytes_present(device->episode), E_INVALID,
           "the device is not onboarded: a MASA shows the log only to whom it gave the device");
    TRY(store_update(t, api->store, make_due, device));
    TRY(hasten(t, api, device));
    TRY(record_to_json(t, &device_type, device, &json));
    return api_reply(t, reply, 202, json);
}

bool api_device_log_act(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    static const char *const actions[] = {"accept", "fetch", NULL};
    struct view *view CLEANUP(view_cleanup) = NULL;
    struct log_action action;
    struct device device;
    unsigned which;
    TRY(api_read_record(t, rq, &log_action_type, &action));
    TRY(api_choice(t, "action", action.action, actions, &which));
    TRY(view_open(t, api_of(rq)->store, &view));
    TRY(find(t, view, rq->parameter, &device));
    view_close(view);
    view = NULL;
    return which == 0 ? accept_log(t, rq, &device, &action, reply)
                      : fetch_log(t, rq, &device, reply);
}
