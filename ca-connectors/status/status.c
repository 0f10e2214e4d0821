#include "ca-connectors/status/status.h"

#include "ca-connectors/status/status_private.h"

#include "core/base/clock.h"
#include "core/base/condition.h"
#include "core/base/log.h"

#include <stdlib.h>

/* How often the thread looks at what has been revoked and asked for, ms. */
#define ROUND_MS SECOND_MS
/* After a failure it is not tried again sooner, ms. */
#define PAUSE_MS (10 * SECOND_MS)

/* ---- One round ---- */

static bool roll_over(struct task *t, struct status_service *service)
{
    const struct status_snapshot *snapshot = snapshot_get(t, service);
    bool any = false;
    for (size_t i = 0; i < snapshot->count; i++) {
        bool done = false;
        if (snapshot->cas[i].key != NULL && !rollover_tend(t, service, &snapshot->cas[i], &done))
            return fail_context(t, "roll-over of %s", snapshot->cas[i].name);
        any = any || done;
    }
    if (!any)
        return true;
    TRY(snapshot_renew(t, service));
    if (service->options.rolled_over != NULL)
        service->options.rolled_over(service->options.arg);
    return true;
}

static bool keep_responders(struct task *t, struct status_service *service)
{
    const struct status_snapshot *snapshot = snapshot_get(t, service);
    bool any = false;
    for (size_t i = 0; service->options.responds && i < snapshot->count; i++) {
        bool made = false;
        if (snapshot->cas[i].key != NULL && !responder_tend(t, service, &snapshot->cas[i], &made))
            return fail_context(t, "OCSP responder of %s", snapshot->cas[i].name);
        any = any || made;
    }
    return !any || snapshot_renew(t, service);
}

static bool keep_lists(struct task *t, struct status_service *service)
{
    const struct status_snapshot *snapshot = snapshot_get(t, service);
    for (size_t i = 0; i < snapshot->count; i++) {
        if (snapshot->cas[i].key != NULL && !crl_tend(t, service, &snapshot->cas[i]))
            return fail_context(t, "revocation list of %s", snapshot->cas[i].name);
    }
    return true;
}

/* What fails alone must not keep the rest from being done. */
static bool tend(struct task *t, struct status_service *service)
{
    static bool (*const steps[])(struct task *, struct status_service *) = {
        roll_over, keep_responders, keep_lists};
    bool good = true;
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        if (steps[i](t, service))
            continue;
        log_problem(t, "certificate status not kept up");
        task_forgive(t);
        good = false;
    }
    return good;
}

/* ---- The thread ---- */

static bool wait_round(struct status_service *service, int64_t wait)
{
    int64_t until = clock_monotonic() + wait;
    (void)pthread_mutex_lock(&service->lock);
    while (!service->stopping && condition_wait(&service->wake, &service->lock, until))
        ;
    bool stopping = service->stopping;
    (void)pthread_mutex_unlock(&service->lock);
    return !stopping;
}

static void *status_main(void *arg)
{
    struct status_service *service = arg;
    int64_t pause_until = 0;
    while (wait_round(service, ROUND_MS)) {
        atomic_store(&service->beat, clock_monotonic());
        if (clock_monotonic() < pause_until)
            continue;
        CLEANUP(arena_cleanup) struct arena *arena = arena_create();
        struct task t;
        task_init(&t, arena, service->options.log);
        if (!tend(&t, service))
            pause_until = clock_monotonic() + PAUSE_MS;
    }
    return NULL;
}

static struct status_service *make_service(const struct status_options *options)
{
    struct arena *arena = arena_create();
    struct status_service *service = arena_alloc(arena, sizeof(*service));
    service->arena = arena;
    service->options = *options;
    atomic_store(&service->beat, clock_monotonic());
    (void)pthread_mutex_init(&service->lock, NULL);
    (void)pthread_mutex_init(&service->lists_lock, NULL);
    condition_init(&service->wake);
    return service;
}

bool status_start(struct task *t, const struct status_options *options, struct status_service **ret)
{
    struct status_service *service = make_service(options);
    bool good = snapshot_renew(t, service);
    if (good)
        (void)tend(t, service); /* what could not be done is logged, and tried again */
    if (good && pthread_create(&service->thread, NULL, status_main, service) != 0)
        good = fail(t, E_INTERNAL, "no thread for certificate status");
    service->running = good;
    if (!good) {
        status_stop(service);
        return false;
    }
    *ret = service;
    return true;
}

void status_stop(struct status_service *service)
{
    if (service == NULL)
        return;
    (void)pthread_mutex_lock(&service->lock);
    service->stopping = true;
    (void)pthread_cond_broadcast(&service->wake);
    (void)pthread_mutex_unlock(&service->lock);
    if (service->running)
        (void)pthread_join(service->thread, NULL);
    snapshot_release(service);
    lists_release(service);
    (void)pthread_cond_destroy(&service->wake);
    (void)pthread_mutex_destroy(&service->lists_lock);
    (void)pthread_mutex_destroy(&service->lock);
    arena_destroy(service->arena);
}

int64_t status_last_beat(const struct status_service *service)
{
    return atomic_load(&service->beat);
}
