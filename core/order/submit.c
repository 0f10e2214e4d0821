/* Placing orders: which one a request joins, and when a new one is made. */
#include "core/order/internal.h"

#include "core/base/clock.h"

#include <string.h>

/* One request on its way into the store. */
struct submission {
    struct orders *orders;
    const struct order_request *request;
    struct bytes *ret_id;
    bool places;   /* may take up a place among the pending orders by a promise */
    bool promised; /* and has */

    /* What came of it. */
    struct order order;
    enum order_join join;
    bool begins; /* the order has become open by it */
};

bool orders_promise(struct orders *o)
{
    size_t promised = atomic_fetch_add(&o->promised, 1);
    if (atomic_load(&o->open) + promised < o->options.pending)
        return true;
    orders_unpromise(o);
    return false;
}

void orders_unpromise(struct orders *o)
{
    atomic_fetch_sub(&o->promised, 1);
}

/* The order will be one more open one.  The function may run again: it takes one place only. */
static bool take_place(struct task *t, struct submission *s)
{
    struct orders *o = s->orders;
    bool room = s->promised || s->request->follows;
    if (!room && s->places)
        room = s->promised = orders_promise(o);
    else if (!room)
        room = atomic_load(&o->open) + atomic_load(&o->promised) < o->options.pending;
    ENSURE(t, room, E_ORDERS_FULL, "%u orders are open, as many as orders.pending allows",
           o->options.pending);
    s->begins = true;
    return true;
}

void order_revive(struct order *order, const struct order_options *options, int64_t now)
{
    order->state = ORDER_READY;
    order->liftable = false;
    order->updated = now;
    order->due = now;
    order->expires = now + options->lifetime;
    order->finished = 0;
}

static bool make_order(struct task *t, struct tx *tx, struct submission *s, int64_t now)
{
    const struct order_request *request = s->request;
    struct order *order = &s->order;
    TRY(take_place(t, s));
    record_init(t, &order_type, order);
    order->id = id_make(t->arena);
    order->kind = request->kind->name;
    order->identity = request->identity;
    order->state = request->needs_approval ? ORDER_WAITING : ORDER_READY;
    order->device = request->device;
    order->episode = request->episode;
    order->peer = request->peer;
    order->created = now;
    order->updated = now;
    order->due = request->due > now ? request->due : now;
    order->expires = order->due + s->orders->options.lifetime;
    s->join = ORDER_NEW;
    *s->ret_id = order->id;
    TRY(table_put(t, tx, &order_table, order));
    TRY(blob_put(t, tx, &order_table, order->id, ORDER_BLOB_REQUEST, request->request));
    if (bytes_present(request->work))
        TRY(blob_put(t, tx, &order_table, order->id, ORDER_BLOB_WORK, request->work));
    return request->also == NULL || request->also(t, tx, request->arg);
}

/* What becomes of the order that has the request's identity. */
enum fate {
    FATE_JOIN,    /* it stands for the request too */
    FATE_REVIVE,  /* it is run again: its request and work are kept, to be sent again as they are */
    FATE_REPLACE, /* it has had its time; a new one is made */
};

static bool judge_done(struct task *t, struct tx *tx, const struct submission *s, bool recent,
                       enum fate *ret)
{
    const struct order_kind *kind = s->request->kind;
    bool replayable = recent;
    if (recent && kind->replayable != NULL)
        TRY(kind->replayable(t, tx_reader(tx), &s->order, &replayable));
    *ret = replayable ? FATE_JOIN : FATE_REPLACE;
    return true;
}

/*
 * Who asks again and again must not make us ask the order's peer again and again; but what has been
 * set right since is tried at once.
 */
static bool rested(const struct submission *s, const struct order *order, int64_t now)
{
    return s->request->changed > order->updated ||
           now - order->updated >= order_back_off(&s->orders->options, order->attempts) ||
           now < order->updated;
}

static bool judge(struct task *t, struct tx *tx, const struct submission *s, int64_t now,
                  enum fate *ret)
{
    const struct order *order = &s->order;
    bool recent = order->finished + s->orders->options.replay > now;
    if (order_is_open(order))
        *ret = order->expires > now ? FATE_JOIN : FATE_REPLACE;
    else if (order->state == ORDER_DONE)
        return judge_done(t, tx, s, recent, ret);
    else if (order->liftable)
        *ret = rested(s, order, now) ? FATE_REVIVE : FATE_JOIN;
    else if (order->problem != NULL && strcmp(order->problem, E_ORDER_EXPIRED->name) == 0)
        *ret = FATE_REPLACE;
    else
        *ret = recent ? FATE_JOIN : FATE_REPLACE;
    return true;
}

/* Approval once given stays given. */
static bool revive(struct task *t, struct tx *tx, struct submission *s, int64_t now)
{
    TRY(take_place(t, s));
    order_revive(&s->order, &s->orders->options, now);
    if (s->request->needs_approval && s->order.decided_by == NULL)
        s->order.state = ORDER_WAITING;
    return table_put(t, tx, &order_table, &s->order);
}

/* The identity is free for another order. */
static bool release(struct task *t, struct tx *tx, struct submission *s, int64_t now)
{
    struct order *order = &s->order;
    order->identity = BYTES_ABSENT;
    if (order_is_open(order))
        return order_give_up(t, tx, s->orders->kinds, order, "it was placed anew after its time",
                             now);
    return table_put(t, tx, &order_table, order);
}

static bool check_request(struct task *t, const struct order_request *request)
{
    ENSURE(t, request->identity.len == SHA256_LEN, E_INTERNAL,
           "the identity of a %s order has %zu octets", request->kind->name, request->identity.len);
    ENSURE(t, request->peer != NULL, E_INTERNAL, "a %s order without peer", request->kind->name);
    return true;
}

static bool submit(struct task *t, struct tx *tx, struct submission *s)
{
    int64_t now = clock_wall();
    bool found;
    enum fate fate;
    s->begins = false;
    TRY(check_request(t, s->request));
    TRY(table_find_by(t, tx_reader(tx), &order_table, &order_table_by_identity,
                      s->request->identity, &s->order, &found));
    if (!found)
        return make_order(t, tx, s, now);
    ENSURE(t, strcmp(s->order.kind, s->request->kind->name) == 0, E_INTERNAL,
           "a %s order has the identity of a %s order", s->order.kind, s->request->kind->name);
    TRY(judge(t, tx, s, now, &fate));
    s->join = ORDER_JOINED;
    *s->ret_id = s->order.id;
    if (fate == FATE_JOIN)
        return true;
    if (fate == FATE_REVIVE)
        return revive(t, tx, s, now);
    TRY(release(t, tx, s, now));
    return make_order(t, tx, s, now);
}

static bool submit_in_update(struct task *t, struct tx *tx, void *arg)
{
    return submit(t, tx, arg);
}

/* What was joined may not be in the queue yet, when another update has just brought it. */
static void queue_submitted(const struct submission *s)
{
    struct orders *o = s->orders;
    (void)pthread_mutex_lock(&o->lock);
    bool known = queue_find(&o->queue, s->order.id) != NULL;
    (void)pthread_mutex_unlock(&o->lock);
    if (s->begins || (!known && order_is_open(&s->order)))
        orders_note(o, &s->order);
}

bool order_submit(struct task *t, struct orders *orders, const struct order_request *request,
                  struct bytes *ret_id, enum order_join *ret_join)
{
    struct submission s = {.orders = orders, .request = request, .ret_id = ret_id, .places = true};
    bool ok = store_update(t, orders->store, submit_in_update, &s);
    if (ok)
        queue_submitted(&s);
    if (s.promised)
        orders_unpromise(orders);
    TRY(ok);
    *ret_join = s.join;
    return true;
}

bool order_submit_in(struct task *t, struct tx *tx, struct orders *orders,
                     const struct order_request *request, struct bytes *ret_id,
                     enum order_join *ret_join)
{
    struct submission s = {.orders = orders, .request = request, .ret_id = ret_id};
    TRY(submit(t, tx, &s));
    *ret_join = s.join;
    return true;
}

/* ---- Later changes by people ---- */

/* `ret` is the order as it became. */
static bool decide(struct task *t, struct tx *tx, const struct orders *orders, struct bytes id,
                   bool approve, const char *by, struct order *ret)
{
    struct order order;
    int64_t now = clock_wall();
    TRY(table_get(t, tx_reader(tx), &order_table, id, &order));
    bool lifts = order.state == ORDER_REFUSED && order.liftable && approve;
    ENSURE(t, order.state == ORDER_WAITING || lifts, E_INVALID,
           "the order is %s: there is nothing to decide", order_state_names[order.state]);
    order.decided_by = by;
    if (approve) {
        order_revive(&order, &orders->options, now);
        order.attempts = 0;
    } else {
        order_close_refused(t, &order, E_ORDER_DECLINED,
                            arena_printf(t->arena, "declined by %s", by), now);
    }
    *ret = order;
    return table_put(t, tx, &order_table, &order);
}

struct decision {
    struct orders *orders;
    struct bytes id;
    bool approve;
    const char *by;
    store_fn also;
    void *arg;
    struct order order;
};

static bool decide_alone(struct task *t, struct tx *tx, void *arg)
{
    struct decision *d = arg;
    TRY(decide(t, tx, d->orders, d->id, d->approve, d->by, &d->order));
    return d->also == NULL || d->also(t, tx, d->arg);
}

bool order_decide(struct task *t, struct orders *orders, struct bytes id, bool approve,
                  const char *by, store_fn also, void *arg)
{
    struct decision d = {
        .orders = orders, .id = id, .approve = approve, .by = by, .also = also, .arg = arg};
    TRY(store_update(t, orders->store, decide_alone, &d));
    orders_note(orders, &d.order);
    return true;
}

bool order_decide_in(struct task *t, struct tx *tx, struct orders *orders, struct bytes id,
                     bool approve, const char *by)
{
    struct order order;
    return decide(t, tx, orders, id, approve, by, &order);
}

bool order_ends_itself(const struct orders *orders, const struct order *order)
{
    const struct order_kind_entry *entry = order_kind_named(orders->kinds, order->kind);
    return entry != NULL && entry->kind->ends_itself;
}

bool order_cancel_in(struct task *t, struct tx *tx, struct orders *orders, struct bytes id,
                     const struct problem_kind *kind, const char *detail)
{
    struct order order;
    bool found;
    TRY(table_find(t, tx_reader(tx), &order_table, id, &order, &found));
    if (!found || !order_is_open(&order) || order_ends_itself(orders, &order))
        return true;
    order_close_refused(t, &order, kind, detail, clock_wall());
    return table_put(t, tx, &order_table, &order);
}
