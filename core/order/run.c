/* One run of one order, and the outcomes that its kind may record. */
#include "core/order/internal.h"

#include "core/base/clock.h"
#include "core/base/log.h"

#include <string.h>

/* Waiting times are scattered by a tenth, so that what failed together is not tried together. */
#define JITTER_PERCENT 10

enum outcome { OUTCOME_NONE, OUTCOME_FINISHED, OUTCOME_RETRY };

/* The run that a kind sees, and the order behind it. */
struct active {
    struct order_run run; /* first: what the kind has is this */
    struct order order;
};

/* What an outcome changes in the record. */
struct change {
    struct order_run *run;
    unsigned state;
    bool liftable;
    int64_t after; /* ready: to be tried after so many ms */
    const char *problem;
    const char *detail;
    const char *result_type;
    struct bytes result;
    store_fn also;
    void *arg;
    struct order order; /* as it became */
};

/* The order's record, while it still is this run's affair. */
static bool get_running(struct task *t, struct tx *tx, const struct order_run *run,
                        struct order *ret)
{
    struct order order;
    TRY(table_get(t, tx_reader(tx), &order_table, run->order->id, &order));
    ENSURE(t, order.state == ORDER_READY, E_ORDER_EXPIRED, "the order was given up while it ran");
    *ret = order;
    return true;
}

static bool write_change(struct task *t, struct tx *tx, void *arg)
{
    struct change *c = arg;
    struct order *order = &c->order;
    int64_t now = clock_wall();
    TRY(get_running(t, tx, c->run, order));
    order->state = c->state;
    order->liftable = c->liftable;
    order->attempts++;
    order->updated = now;
    order->problem = c->problem;
    order->detail = c->detail;
    order->result_type = c->result_type;
    if (c->state == ORDER_READY)
        order->due = now + c->after;
    else
        order->finished = now;
    TRY(table_put(t, tx, &order_table, order));
    if (bytes_present(c->result))
        TRY(blob_put(t, tx, &order_table, order->id, ORDER_BLOB_RESULT, c->result));
    return c->also == NULL || c->also(t, tx, c->arg);
}

static bool record_outcome(struct task *t, struct change *c)
{
    struct order_run *run = c->run;
    ENSURE(t, run->outcome == OUTCOME_NONE, E_INTERNAL, "a %s run recorded two outcomes",
           run->order->kind);
    TRY(store_update(t, run->orders->store, write_change, c));
    run->outcome = c->state == ORDER_READY ? OUTCOME_RETRY : OUTCOME_FINISHED;
    ((struct active *)run)->order = c->order;
    return true;
}

/* The task's problem goes into the record, and is forgotten. */
static bool take_problem(struct task *t, struct change *c)
{
    ENSURE(t, t->problem != NULL, E_INTERNAL, "a %s run failed without a problem",
           c->run->order->kind);
    c->problem = t->problem->name;
    c->detail = t->detail == NULL
                    ? NULL
                    : bytes_to_printable(t->arena, bytes_of_text(t->detail), ORDER_DETAIL_MAX);
    task_forgive(t);
    return true;
}

bool order_done(struct task *t, struct order_run *run, const char *media_type, struct bytes result,
                store_fn also, void *arg)
{
    struct change c = {.run = run,
                       .state = ORDER_DONE,
                       .result_type = media_type,
                       .result = result,
                       .also = also,
                       .arg = arg};
    return record_outcome(t, &c);
}

bool order_refuse(struct task *t, struct order_run *run, bool liftable, store_fn also, void *arg)
{
    struct change c = {
        .run = run, .state = ORDER_REFUSED, .liftable = liftable, .also = also, .arg = arg};
    TRY(take_problem(t, &c));
    return record_outcome(t, &c);
}

int64_t order_back_off(const struct order_options *options, uint64_t attempts)
{
    int64_t wait = options->retry_first;
    for (uint64_t i = 0; i < attempts && wait < options->retry_most; i++)
        wait *= 2;
    return wait < options->retry_most ? wait : options->retry_most;
}

static int64_t back_off(struct task *t, const struct order_options *options, uint64_t attempts)
{
    int64_t wait = order_back_off(options, attempts);
    int64_t spread = wait * JITTER_PERCENT / 100;
    uint32_t random;
    memcpy(&random, bytes_random(t->arena, sizeof(random)).data, sizeof(random));
    return wait - spread + (int64_t)(random % (uint64_t)(2 * spread + 1));
}

bool order_retry(struct task *t, struct order_run *run, int64_t after, store_fn also, void *arg)
{
    struct change c = {.run = run, .state = ORDER_READY, .also = also, .arg = arg};
    TRY(take_problem(t, &c));
    c.after = after > 0 ? after : back_off(t, &run->orders->options, run->order->attempts);
    return record_outcome(t, &c);
}

struct saving {
    const struct order_run *run;
    struct bytes work;
    store_fn also;
    void *arg;
};

static bool save(struct task *t, struct tx *tx, void *arg)
{
    const struct saving *s = arg;
    struct order order;
    TRY(get_running(t, tx, s->run, &order));
    TRY(blob_put(t, tx, &order_table, order.id, ORDER_BLOB_WORK, s->work));
    return s->also == NULL || s->also(t, tx, s->arg);
}

bool order_save_work(struct task *t, struct order_run *run, struct bytes work, store_fn also,
                     void *arg)
{
    struct saving s = {run, work, also, arg};
    TRY(store_update(t, run->orders->store, save, &s));
    run->work = bytes_copy(t->arena, work);
    return true;
}

/* ---- The run ---- */

const struct order_kind_entry *order_kind_named(const struct order_kind_entry *kinds,
                                                const char *name)
{
    for (const struct order_kind_entry *entry = kinds; entry->kind != NULL; entry++) {
        if (strcmp(entry->kind->name, name) == 0)
            return entry;
    }
    return NULL;
}

/* *ret_found is false when there is nothing to do any more. */
static bool read_order(struct task *t, struct orders *o, struct bytes id, struct active *ret,
                       bool *ret_found)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    bool found;
    TRY(view_open(t, o->store, &view));
    struct reader *r = view_reader(view);
    TRY(table_find(t, r, &order_table, id, &ret->order, &found));
    *ret_found = found && order_is_open(&ret->order);
    if (!*ret_found)
        return true;
    TRY(blob_get(t, r, &order_table, id, ORDER_BLOB_REQUEST, &ret->run.request));
    return blob_get(t, r, &order_table, id, ORDER_BLOB_WORK, &ret->run.work);
}

struct giving_up {
    struct orders *orders;
    struct bytes id;
};

static bool give_up(struct task *t, struct tx *tx, void *arg)
{
    const struct giving_up *g = arg;
    struct order order;
    int64_t now = clock_wall();
    TRY(table_get(t, tx_reader(tx), &order_table, g->id, &order));
    if (!order_is_open(&order) || order.expires > now)
        return true;
    const char *last = order.problem == NULL
                           ? order.state == ORDER_WAITING ? "nobody approved it" : "never tried"
                           : arena_printf(t->arena, "last %s: %s", order.problem,
                                          order.detail == NULL ? "" : order.detail);
    return order_give_up(
        t, tx, g->orders->kinds, &order,
        arena_printf(t->arena, "not done by %s; %s", time_to_text(t->arena, order.expires), last),
        now);
}

static struct run_end finished(void)
{
    return (struct run_end){.finished = true};
}

static struct run_end again_at(int64_t when)
{
    return (struct run_end){.when = when};
}

/* What goes wrong in a run is nobody else's to report. */
static void log_order(const struct task *t, struct bytes id, const char *message)
{
    log_error(t, message, LOG_TEXT("order", bytes_to_hex(t->arena, id)),
              LOG_TEXT("problem", t->problem->name), LOG_TEXT("detail", t->detail),
              LOG_TEXT("hint", t->problem->hint));
}

static struct run_end failed(struct task *t, const struct orders *o, struct bytes id,
                             const char *what)
{
    log_order(t, id, what);
    return again_at(clock_wall() + back_off(t, &o->options, 0));
}

/* No outcome is a defect, or the store failing: logged, and tried again with the same back-off. */
static bool record_missing_outcome(struct task *t, struct active *a)
{
    if (t->problem == NULL)
        (void)fail(t, E_INTERNAL, "a %s run ended without an outcome", a->order.kind);
    log_order(t, a->order.id, "order run ended without an outcome");
    return order_retry(t, &a->run, 0, NULL, NULL);
}

/* From now on orders_stop() can cut the run's deadline; an earlier word of it counts too. */
static void begin_run(struct orders *o, struct runner *runner, struct task *t)
{
    (void)pthread_mutex_lock(&o->lock);
    t->deadline = clock_monotonic() + o->options.run_limit;
    if (o->stopping && o->run_deadline < t->deadline)
        t->deadline = o->run_deadline;
    runner->task = t;
    (void)pthread_mutex_unlock(&o->lock);
}

static void end_run(struct orders *o, struct runner *runner)
{
    (void)pthread_mutex_lock(&o->lock);
    runner->task = NULL;
    (void)pthread_mutex_unlock(&o->lock);
}

static struct run_end run_kind(struct task *t, struct orders *o, struct runner *runner,
                               struct active *a)
{
    const struct order_kind_entry *entry = order_kind_named(o->kinds, a->order.kind);
    if (entry == NULL) {
        (void)fail(t, E_INTERNAL, "nobody here carries out %s orders", a->order.kind);
        log_order(t, a->order.id, "order of an unknown kind");
        return again_at(clock_wall() + o->options.retry_most);
    }
    a->run.context = entry->context;
    begin_run(o, runner, t);
    bool ok = entry->kind->run(t, &a->run);
    end_run(o, runner);
    if (a->run.outcome == OUTCOME_NONE) {
        if (!record_missing_outcome(t, a))
            return failed(t, o, a->order.id, "order outcome not recorded");
    } else if (!ok && t->problem != NULL) {
        log_order(t, a->order.id, "order run failed after its outcome");
    }
    return a->run.outcome == OUTCOME_FINISHED ? finished() : again_at(order_when(&a->order));
}

/*
 * What somebody wants sooner is done at once, but for `retry_first` after an attempt: who asks
 * again and again must not make us do the same to the order's peer.
 */
static int64_t hastened_when(const struct orders *o, const struct order *order, int64_t now)
{
    int64_t rested = order->attempts == 0 ? now : order->updated + o->options.retry_first;
    int64_t due = order_when(order);
    return order->state == ORDER_READY && rested < due ? rested : due;
}

static struct run_end run_read(struct task *t, struct orders *o, struct runner *runner,
                               struct active *a, bool hastened)
{
    struct giving_up giving_up = {o, a->order.id};
    int64_t now = clock_wall();
    if (a->order.expires <= now)
        return store_update(t, o->store, give_up, &giving_up)
                   ? finished()
                   : failed(t, o, a->order.id, "order not given up");
    int64_t when = hastened ? hastened_when(o, &a->order, now) : order_when(&a->order);
    if (when > now)
        return (struct run_end){.when = when, .hastened = hastened};
    return run_kind(t, o, runner, a);
}

struct run_end order_run(struct orders *o, struct runner *runner, struct bytes id, bool hastened)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct active a = {.run = {.orders = o, .order = &a.order}};
    bool found;
    task_init(&t, arena, o->log);
    if (!read_order(&t, o, id, &a, &found))
        return failed(&t, o, id, "order not read");
    return found ? run_read(&t, o, runner, &a, hastened) : finished();
}
