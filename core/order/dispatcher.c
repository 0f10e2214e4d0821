/* The dispatcher: brings orders to the runners when they are due, and clears away old ones. */
#include "core/order/internal.h"

#include "core/base/clock.h"
#include "core/base/log.h"

/* It comes round at least this often: to beat, and because the wall clock may be set. */
#define ROUND_MS SECOND_MS
/* Old orders deleted in one update. */
#define CLEAR_BATCH 64

struct clearing {
    struct bytes ids[CLEAR_BATCH];
    size_t count;
    int64_t before; /* finished earlier than this */
};

static bool collect(struct task *t, struct store *store, struct clearing *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct order order;
    bool found;
    TRY(view_open(t, store, &view));
    struct table_scan scan =
        table_scan_index(t, view, &order_table, &order_table_finished, BYTES_ABSENT, false);
    for (ret->count = 0; ret->count < CLEAR_BATCH; ret->count++) {
        TRY(table_scan_next(t, &scan, &order, &found));
        if (!found || order.finished >= ret->before)
            break;
        ret->ids[ret->count] = order.id;
    }
    return true;
}

/* Any of them may have been run again meanwhile. */
static bool clear(struct task *t, struct tx *tx, void *arg)
{
    const struct clearing *c = arg;
    struct order order;
    bool found;
    for (size_t i = 0; i < c->count; i++) {
        TRY(table_find(t, tx_reader(tx), &order_table, c->ids[i], &order, &found));
        if (found && !order_is_open(&order) && order.finished < c->before)
            TRY(table_delete(t, tx, &order_table, order.id));
    }
    return true;
}

static bool clear_some(struct task *t, struct orders *o, struct clearing *c)
{
    TRY(collect(t, o->store, c));
    return c->count == 0 || store_update(t, o->store, clear, c);
}

/* True when there may be more of them. */
static bool clear_old(struct orders *o)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct clearing c = {.before = clock_wall() - o->options.retention};
    struct task t;
    task_init(&t, arena, o->log);
    if (!clear_some(&t, o, &c)) {
        log_problem(&t, "old orders not deleted");
        return false;
    }
    return c.count == CLEAR_BATCH;
}

/* Until the next order is due, somebody signals, or it is time for a round. */
static void rest(struct orders *o)
{
    int64_t now = clock_wall();
    int64_t next = queue_next(&o->queue);
    int64_t wait = next > now && next - now < ROUND_MS ? next - now : ROUND_MS;
    if (next > now)
        (void)condition_wait(&o->tick, &o->lock, clock_monotonic() + wait);
}

void *dispatcher_main(void *orders)
{
    struct orders *o = orders;
    int64_t clear_at = clock_monotonic();
    (void)pthread_mutex_lock(&o->lock);
    while (!o->stopping) {
        int64_t now = clock_monotonic();
        o->last_beat = now;
        queue_advance(&o->queue, clock_wall());
        runners_hand_out(o);
        (void)pthread_mutex_unlock(&o->lock);
        runners_join(o);
        if (now >= clear_at && !clear_old(o))
            clear_at = now + ROUND_MS;
        (void)pthread_mutex_lock(&o->lock);
        if (!o->stopping && now < clear_at)
            rest(o);
    }
    (void)pthread_mutex_unlock(&o->lock);
    return NULL;
}
