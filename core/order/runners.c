/* The runner threads: as many as there is work for, and gone again when there is none. */
#include "core/order/internal.h"

#include "core/base/clock.h"

#include <stdlib.h>

#define IDLE_MS (10 * SECOND_MS)

static void unlink_idle(struct orders *o, const struct runner *r)
{
    struct runner **at = &o->idle;
    while (*at != NULL && *at != r)
        at = &(*at)->next_idle;
    if (*at != NULL)
        *at = r->next_idle;
}

/* Under the lock.  NULL: it is time to go. */
static struct entry *next_entry(struct orders *o, struct runner *r)
{
    struct entry *e = r->given;
    if (e == NULL && !o->stopping)
        e = queue_take(&o->queue);
    if (e == NULL && !o->stopping) {
        int64_t until = clock_monotonic() + IDLE_MS;
        r->next_idle = o->idle;
        o->idle = r;
        while (r->given == NULL && !o->stopping && condition_wait(&r->wake, &o->lock, until))
            ;
        unlink_idle(o, r);
        e = r->given;
    }
    r->given = NULL;
    return o->stopping ? NULL : e;
}

static void settle(struct orders *o, struct entry *e, struct run_end end)
{
    int64_t now = clock_wall();
    if (end.finished)
        queue_finish(&o->queue, e, now);
    else
        queue_return(&o->queue, e, end.when, end.hastened, now);
    atomic_store(&o->open, o->queue.count);
    if (!end.finished && end.when <= queue_next(&o->queue))
        (void)pthread_cond_signal(&o->tick);
}

static void leave(struct orders *o, struct runner *r)
{
    r->next_gone = o->gone;
    o->gone = r;
    o->threads--;
    (void)pthread_cond_signal(&o->tick);
    if (o->stopping)
        (void)pthread_cond_signal(&o->quiet);
}

static void *runner_main(void *arg)
{
    struct runner *r = arg;
    struct orders *o = r->orders;
    struct entry *e;
    (void)pthread_mutex_lock(&o->lock);
    while ((e = next_entry(o, r)) != NULL) {
        bool hastened = e->hastened;
        (void)pthread_mutex_unlock(&o->lock);
        struct run_end end = order_run(o, r, BYTES_ARRAY(e->id), hastened);
        (void)pthread_mutex_lock(&o->lock);
        settle(o, e, end);
    }
    leave(o, r);
    (void)pthread_mutex_unlock(&o->lock);
    return NULL;
}

/* One that is idle, or a new one; NULL: all are busy. */
static struct runner *find_runner(struct orders *o)
{
    struct runner *r = o->idle;
    if (r != NULL) {
        o->idle = r->next_idle;
        return r;
    }
    if (o->threads >= o->options.runners)
        return NULL;
    r = calloc(1, sizeof(*r));
    if (r == NULL)
        return NULL;
    r->orders = o;
    condition_init(&r->wake);
    if (pthread_create(&r->thread, NULL, runner_main, r) != 0) {
        (void)pthread_cond_destroy(&r->wake);
        free(r); /* the dispatcher comes round again */
        return NULL;
    }
    (void)pthread_setname_np(r->thread, "order-runner");
    r->next = o->runners;
    o->runners = r;
    o->threads++;
    return r;
}

void runners_hand_out(struct orders *o)
{
    while (!o->stopping && queue_has_work(&o->queue)) {
        struct runner *r = find_runner(o);
        if (r == NULL)
            return;
        r->given = queue_take(&o->queue);
        (void)pthread_cond_signal(&r->wake);
    }
}

static void unlink_runner(struct orders *o, const struct runner *r)
{
    struct runner **at = &o->runners;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
}

void runners_join(struct orders *o)
{
    (void)pthread_mutex_lock(&o->lock);
    struct runner *gone = o->gone;
    o->gone = NULL;
    for (const struct runner *r = gone; r != NULL; r = r->next_gone)
        unlink_runner(o, r);
    (void)pthread_mutex_unlock(&o->lock);
    while (gone != NULL) {
        struct runner *r = gone;
        gone = r->next_gone;
        (void)pthread_join(r->thread, NULL);
        (void)pthread_cond_destroy(&r->wake);
        free(r);
    }
}

void runners_stop(struct orders *o)
{
    for (struct runner *r = o->runners; r != NULL; r = r->next) {
        if (r->task != NULL && r->task->deadline > o->run_deadline)
            __atomic_store_n(&r->task->deadline, o->run_deadline, __ATOMIC_RELAXED);
        (void)pthread_cond_signal(&r->wake);
    }
}
