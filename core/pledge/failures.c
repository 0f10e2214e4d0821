#include "core/pledge/failures.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/store/records/event.h"

struct failure {
    struct callers *callers;
    const struct idevid *idevid; /* NULL: a device with an LDevID */
    struct bytes device;
    const char *address;
    const char *event;
    const struct problem_kind *problem;
    const char *detail;
};

static bool add_event(struct task *t, struct tx *tx, const struct failure *failure,
                      const struct device *device)
{
    struct event event;
    record_init(t, &event_type, &event);
    event.name = failure->event;
    event.severity = EVENT_ERROR;
    event.actor = "pledge";
    event.device = device->id;
    event.episode = device->episode;
    event.address = failure->address;
    event.problem = failure->problem->name;
    event.detail = event_foreign_text(t->arena, bytes_of_text(failure->detail), EVENT_DETAIL_MAX);
    return event_add(t, tx, &event);
}

/* The one event of an hour in which more failed than limits.failures-per-hour. */
static bool add_flood_event(struct task *t, struct tx *tx, const struct failure *failure,
                            const struct device *device)
{
    struct event event;
    record_init(t, &event_type, &event);
    event.name = "failures-not-shown";
    event.severity = EVENT_WARNING;
    event.actor = "gatehouse";
    event.device = device->id;
    event.address = failure->address;
    event.detail =
        arena_printf(t->arena,
                     "more than %llu failed requests in an hour: the rest of this "
                     "hour's are in the log only (limits.failures-per-hour)",
                     (unsigned long long)callers_options(failure->callers)->failures_per_hour);
    return event_add(t, tx, &event);
}

static bool read_device(struct task *t, struct tx *tx, const struct failure *failure,
                        struct device *ret)
{
    if (failure->idevid == NULL)
        return table_get(t, tx_reader(tx), &devices, failure->device, ret);
    return caller_device(t, tx, failure->callers, failure->idevid, failure->address, false, ret);
}

static bool write_failure(struct task *t, struct tx *tx, void *arg)
{
    const struct failure *failure = arg;
    uint64_t limit = callers_options(failure->callers)->failures_per_hour;
    struct device device;
    TRY(read_device(t, tx, failure, &device));
    int64_t now = clock_wall();
    if (now - device.failures_since >= HOUR_MS || now < device.failures_since) {
        device.failures_since = now;
        device.failures = 0;
    }
    device.failures++;
    if (device.failures <= limit)
        TRY(add_event(t, tx, failure, &device));
    else if (device.failures == limit + 1)
        TRY(add_flood_event(t, tx, failure, &device));
    return table_put(t, tx, &devices, &device);
}

/* Past the limit nothing is written any more: a looping device must not keep the disk busy. */
static bool already_flooded(struct task *t, const struct failure *failure)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    const struct callers_options *options = callers_options(failure->callers);
    struct device device;
    bool found = false;
    if (!view_open(t, options->store, &view) ||
        !table_find(t, view_reader(view), &devices, failure->device, &device, &found) || !found)
        return false;
    int64_t age = clock_wall() - device.failures_since;
    return device.failures > options->failures_per_hour && age >= 0 && age < HOUR_MS;
}

void failure_note(struct task *t, struct callers *callers, struct http_request *rq,
                  const char *event)
{
    struct failure failure = {
        .callers = callers,
        .address = http_connection_address(rq->connection),
        .event = event,
        .problem = t->problem,
        .detail = t->detail,
    };
    struct task aside = *t; /* the request's own problem stays what it is */
    task_forgive(&aside);
    if (!caller_device_id(&aside, callers, rq, &failure.device, &failure.idevid) ||
        already_flooded(&aside, &failure))
        return;
    task_forgive(&aside);
    /* A device that there is no room for is in the log with its request. */
    if (!store_update(&aside, callers_options(callers)->store, write_failure, &failure) &&
        !task_failed_with(&aside, E_TOO_MANY_DEVICES))
        log_problem(&aside, "a failed request could not be written to the device's timeline");
}
