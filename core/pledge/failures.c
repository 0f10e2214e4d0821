#include "core/pledge/failures.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/store/records/event.h"

struct failure {
    struct callers *callers;
    const struct idevid *idevid; /* NULL: a device with an LDevID, or not believed any more */
    struct bytes device;
    const char *address;
    const char *event;
    enum event_severity severity;
    const struct problem_kind *problem; /* NULL: nothing failed */
    const char *detail;
};

static bool hour_is_over(const struct device *device, int64_t now)
{
    return now - device->failures_since >= HOUR_MS || now < device->failures_since;
}

/* The one event of an hour in which more came than limits.failures-per-hour. */
static bool add_flood_event(struct task *t, struct tx *tx, uint64_t limit,
                            const struct device *device, const char *address)
{
    struct event event;
    record_init(t, &event_type, &event);
    event.name = "entries-not-shown";
    event.severity = EVENT_WARNING;
    event.actor = "gatehouse";
    event.device = device->id;
    event.episode = device->episode;
    event.address = address;
    event.detail = arena_printf(t->arena,
                                "more than %llu failed requests and status reports in an hour: the "
                                "rest of this hour's are in the log only "
                                "(limits.failures-per-hour)",
                                (unsigned long long)limit);
    return event_add(t, tx, &event);
}

bool timeline_room(struct task *t, struct tx *tx, struct callers *callers, struct device *device,
                   const char *address, bool *ret_room, bool *ret_changed)
{
    uint64_t limit = callers_options(callers)->failures_per_hour;
    int64_t now = clock_wall();
    if (hour_is_over(device, now)) {
        device->failures_since = now;
        device->failures = 0;
    }
    *ret_room = device->failures < limit;
    *ret_changed = device->failures <= limit;
    if (device->failures == limit)
        TRY(add_flood_event(t, tx, limit, device, address));
    device->failures += *ret_changed;
    return true;
}

static bool add_event(struct task *t, struct tx *tx, const struct failure *failure,
                      const struct device *device)
{
    struct event event;
    record_init(t, &event_type, &event);
    event.name = failure->event;
    event.severity = failure->severity;
    event.actor = "pledge";
    event.device = device->id;
    event.episode = device->episode;
    event.address = failure->address;
    event.problem = failure->problem == NULL ? NULL : failure->problem->name;
    event.detail = event_foreign_text(t->arena, bytes_of_text(failure->detail), EVENT_DETAIL_MAX);
    return event_add(t, tx, &event);
}

static bool read_device(struct task *t, struct tx *tx, const struct failure *failure,
                        struct device *ret)
{
    if (failure->idevid == NULL)
        return table_get(t, tx_reader(tx), &devices, failure->device, ret);
    return caller_device(t, tx, failure->callers, failure->idevid, failure->address, ret);
}

static bool write_failure(struct task *t, struct tx *tx, void *arg)
{
    const struct failure *failure = arg;
    struct device device;
    bool room;
    bool changed;
    TRY(read_device(t, tx, failure, &device));
    TRY(timeline_room(t, tx, failure->callers, &device, failure->address, &room, &changed));
    if (room)
        TRY(add_event(t, tx, failure, &device));
    return !changed || table_put(t, tx, &devices, &device);
}

/*
 * Past the limit not even an update is tried: a looping device must not keep the disk busy.  Nor
 * for one that is not believed and has never been here: strangers write nothing durable.
 */
static bool is_not_written(struct task *t, const struct failure *failure)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    const struct callers_options *options = callers_options(failure->callers);
    struct device device;
    bool found = false;
    if (!view_open(t, options->store, &view) ||
        !table_find(t, view_reader(view), &devices, failure->device, &device, &found))
        return false;
    if (!found)
        return failure->idevid == NULL;
    return device.failures > options->failures_per_hour && !hour_is_over(&device, clock_wall());
}

static void note(struct task *t, struct http_request *rq, struct failure *failure)
{
    struct callers *callers = failure->callers;
    failure->address = http_connection_address(rq->connection);
    struct task aside = *t; /* the request's own problem stays what it is */
    task_forgive(&aside);
    if (!caller_device_id(&aside, callers, rq, &failure->device, &failure->idevid) ||
        is_not_written(&aside, failure))
        return;
    task_forgive(&aside);
    /* A device that there is no room for is in the log with its request. */
    if (!store_update(&aside, callers_options(callers)->store, write_failure, failure) &&
        !task_failed_with(&aside, E_TOO_MANY_DEVICES))
        log_problem(&aside, "a request could not be written to the device's timeline");
}

void failure_note(struct task *t, struct callers *callers, struct http_request *rq,
                  const char *event)
{
    struct failure failure = {
        .callers = callers,
        .event = event,
        .severity = EVENT_ERROR,
        .problem = t->problem,
        .detail = t->detail,
    };
    note(t, rq, &failure);
}

void breakage_note(struct task *t, struct callers *callers, struct http_connection *connection)
{
    struct http_request rq = {.connection = connection};
    if (task_failed_with(t, E_HTTP_NO_REQUEST))
        caller_is_stranger(t, callers, connection);
    else
        failure_note(t, callers, &rq, "request-refused");
}

void oddity_note(struct task *t, struct callers *callers, struct http_request *rq,
                 const char *event, const char *detail)
{
    struct failure oddity = {
        .callers = callers,
        .event = event,
        .severity = EVENT_WARNING,
        .detail = detail,
    };
    note(t, rq, &oddity);
}
