#include "core/order/internal.h"

#include "core/base/clock.h"

#include <stdlib.h>

/* Under the lock. */
static struct entry *note(struct orders *o, const struct order *order)
{
    int64_t next = queue_next(&o->queue);
    struct entry *e = NULL;
    if (order_is_open(order))
        e = queue_note(&o->queue, order->id, order->peer, order_when(order), clock_wall());
    else if ((e = queue_find(&o->queue, order->id)) != NULL)
        queue_drop(&o->queue, e);
    atomic_store(&o->open, o->queue.count);
    runners_hand_out(o);
    if (queue_next(&o->queue) < next)
        (void)pthread_cond_signal(&o->tick);
    return e;
}

void orders_note(struct orders *o, const struct order *order)
{
    (void)pthread_mutex_lock(&o->lock);
    (void)note(o, order);
    (void)pthread_mutex_unlock(&o->lock);
}

/* ---- Starting and stopping ---- */

static void destroy(struct orders *o)
{
    queue_clear(&o->queue);
    (void)pthread_cond_destroy(&o->quiet);
    (void)pthread_cond_destroy(&o->tick);
    (void)pthread_mutex_destroy(&o->lock);
    free(o);
}

/* What the store holds unfinished, in the order in which it is due. */
static bool load(struct task *t, struct orders *o)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct order order;
    bool found;
    TRY(view_open(t, o->store, &view));
    struct table_scan scan =
        table_scan_index(t, view, &order_table, &order_table_active, BYTES_ABSENT, false);
    struct arena_mark mark = arena_mark(t->arena);
    for (;;) {
        arena_rewind(t->arena, mark);
        TRY(table_scan_next(t, &scan, &order, &found));
        if (!found)
            break;
        (void)queue_note(&o->queue, order.id, order.peer, order_when(&order), clock_wall());
    }
    atomic_store(&o->open, o->queue.count);
    return true;
}

static bool check_options(struct task *t, const struct order_options *options)
{
    ENSURE(t, options->runners > 0 && options->runners_per_peer > 0, E_INVALID,
           "orders.runners and orders.runners_per_peer must be at least 1");
    ENSURE(t, options->retry_first > 0 && options->retry_first <= options->retry_most, E_INVALID,
           "orders.retry_first must be more than 0 and at most orders.retry_most");
    return true;
}

bool orders_start(struct task *t, struct store *store, const struct order_options *options,
                  const struct order_kind_entry *kinds, struct orders **ret)
{
    TRY(check_options(t, options));
    struct orders *o = calloc(1, sizeof(*o));
    ENSURE(t, o != NULL, E_INTERNAL, "out of memory");
    o->store = store;
    o->options = *options;
    o->kinds = kinds;
    o->log = t->log;
    o->last_beat = clock_monotonic();
    (void)pthread_mutex_init(&o->lock, NULL);
    condition_init(&o->tick);
    condition_init(&o->quiet);
    queue_init(&o->queue, options->runners_per_peer, options->pending);
    int error = load(t, o) ? pthread_create(&o->dispatcher, NULL, dispatcher_main, o) : -1;
    if (error == 0) {
        (void)pthread_setname_np(o->dispatcher, "orders");
        *ret = o;
        return true;
    }
    destroy(o);
    return error < 0 ? false : fail_errno(t, E_INTERNAL, error, "cannot start the dispatcher");
}

static void release_everybody(struct orders *o)
{
    for (size_t i = 0; i < o->queue.bucket_count; i++) {
        for (struct entry *e = o->queue.buckets[i]; e != NULL; e = e->sibling)
            queue_release(e);
    }
}

/* What a run needs at its end, after its deadline: a quarter of the time, a second at most. */
static int64_t time_to_record(int64_t deadline)
{
    int64_t quarter = (deadline - clock_monotonic()) / 4;
    return quarter < SECOND_MS ? quarter : SECOND_MS;
}

bool orders_stop(struct orders *o, int64_t deadline)
{
    (void)pthread_mutex_lock(&o->lock);
    o->stopping = true;
    o->run_deadline = deadline - time_to_record(deadline);
    release_everybody(o);
    runners_stop(o);
    (void)pthread_cond_signal(&o->tick);
    while ((o->threads > 0 || o->visitors > 0) && condition_wait(&o->quiet, &o->lock, deadline))
        ;
    bool quiet = o->threads == 0 && o->visitors == 0;
    (void)pthread_mutex_unlock(&o->lock);
    if (!quiet)
        return false;
    (void)pthread_join(o->dispatcher, NULL);
    runners_join(o);
    destroy(o);
    return true;
}

/* ---- Waiting ---- */

static bool read_order(struct task *t, struct orders *o, struct bytes id, struct order *ret,
                       struct bytes *ret_result)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct bytes result = BYTES_ABSENT;
    TRY(view_open(t, o->store, &view));
    TRY(table_get(t, view_reader(view), &order_table, id, ret));
    if (ret->state == ORDER_DONE)
        TRY(blob_get(t, view_reader(view), &order_table, id, ORDER_BLOB_RESULT, &result));
    *ret_result = result;
    return true;
}

static void unlink_waiter(struct entry *e, const struct waiter *w)
{
    struct waiter **at = &e->waiters;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
}

/* Under the lock: until the order is finished, the time has come, or all is being stopped. */
static void wait_at(struct orders *o, struct entry *e, int64_t until)
{
    struct waiter w = {.next = e->waiters};
    condition_init(&w.wake);
    e->waiters = &w;
    while (!w.released && condition_wait(&w.wake, &o->lock, until))
        ;
    if (!w.released)
        unlink_waiter(e, &w);
    (void)pthread_cond_destroy(&w.wake);
}

enum sight {
    SIGHT_UNKNOWN,  /* the queue does not know the order */
    SIGHT_WAITED,   /* finished, looked at again, or the time has come */
    SIGHT_STOPPING, /* nobody waits any more */
    SIGHT_CROWDED,  /* enough others wait already */
};

static bool crowded(const struct entry *e)
{
    unsigned waiters = 0;
    for (const struct waiter *w = e->waiters; w != NULL; w = w->next)
        waiters++;
    return waiters >= ORDER_WAITERS_MAX;
}

static enum sight wait_for(struct orders *o, struct bytes id, int64_t until)
{
    (void)pthread_mutex_lock(&o->lock);
    struct entry *e = queue_find(&o->queue, id);
    enum sight sight = e == NULL ? SIGHT_UNKNOWN : crowded(e) ? SIGHT_CROWDED : SIGHT_WAITED;
    if (sight == SIGHT_WAITED && !o->stopping)
        wait_at(o, e, until);
    if (o->stopping)
        sight = SIGHT_STOPPING;
    (void)pthread_mutex_unlock(&o->lock);
    return sight;
}

/* The store knows an order as ready until its runner has recorded an outcome. */
static void see_whether_running(struct orders *o, struct order *order)
{
    (void)pthread_mutex_lock(&o->lock);
    const struct entry *e = queue_find(&o->queue, order->id);
    if (order->state == ORDER_READY && e != NULL && e->place == ENTRY_RUNNING)
        order->state = ORDER_RUNNING;
    (void)pthread_mutex_unlock(&o->lock);
}

static bool wait_and_read(struct task *t, struct orders *o, struct bytes id, int64_t until,
                          struct order *ret, struct bytes *ret_result)
{
    for (;;) {
        enum sight sight = wait_for(o, id, until);
        TRY(read_order(t, o, id, ret, ret_result));
        if (!order_is_open(ret) || sight == SIGHT_STOPPING || sight == SIGHT_CROWDED ||
            clock_monotonic() >= until)
            break;
        if (sight == SIGHT_UNKNOWN) /* made by an update whose orders_wake() is yet to come */
            orders_note(o, ret);
    }
    see_whether_running(o, ret);
    return true;
}

static void visit(struct orders *o, bool comes)
{
    (void)pthread_mutex_lock(&o->lock);
    if (comes)
        o->visitors++;
    else
        o->visitors--;
    if (o->stopping)
        (void)pthread_cond_signal(&o->quiet);
    (void)pthread_mutex_unlock(&o->lock);
}

bool order_wait(struct task *t, struct orders *orders, struct bytes id, int64_t wait,
                struct order *ret, struct bytes *ret_result)
{
    int64_t left = task_time_left(t, wait);
    int64_t until = clock_monotonic() + (left < wait ? left : wait);
    visit(orders, true);
    bool ok = wait_and_read(t, orders, id, until, ret, ret_result);
    visit(orders, false);
    return ok;
}

void orders_wake(struct orders *orders, struct bytes id)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct order order;
    struct bytes result;
    struct task t;
    task_init(&t, arena, orders->log);
    if (read_order(&t, orders, id, &order, &result))
        orders_note(orders, &order);
}

static bool hasten(struct orders *o, struct bytes id)
{
    (void)pthread_mutex_lock(&o->lock);
    bool known = queue_hasten(&o->queue, id);
    runners_hand_out(o);
    (void)pthread_mutex_unlock(&o->lock);
    return known;
}

void order_hasten(struct orders *orders, struct bytes id)
{
    if (hasten(orders, id))
        return;
    /* Finished; or made by an update whose orders_wake() is yet to come. */
    orders_wake(orders, id);
    (void)hasten(orders, id);
}

struct order_figures order_figures(struct orders *orders)
{
    (void)pthread_mutex_lock(&orders->lock);
    struct order_figures figures = {
        .open = (unsigned)orders->queue.count,
        .running = (unsigned)orders->queue.running,
        .threads = orders->threads,
        .oldest_due = queue_oldest(&orders->queue),
        .last_beat = orders->last_beat,
    };
    (void)pthread_mutex_unlock(&orders->lock);
    return figures;
}
