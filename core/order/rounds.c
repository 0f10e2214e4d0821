#include "core/order/rounds.h"

#include "core/base/clock.h"
#include "core/base/condition.h"
#include "core/base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BEAT_MS   SECOND_MS
#define WALKS_MAX 16 /* of one round in one beat: the others have their turn */

struct rounds {
    const struct round *list;
    const struct log *log;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stop;
    bool stopping;
    int64_t last_beat;
};

/* True when there is more to be done at once. */
static bool walk_once(const struct rounds *rounds, const struct round *round)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    bool more = false;
    task_init(&t, arena, rounds->log);
    if (round->walk(&t, round->context, &more))
        return more;
    log_problem(&t, arena_printf(arena, "the round \"%s\" has not come to its end", round->name));
    return false;
}

static bool stopping(struct rounds *rounds)
{
    (void)pthread_mutex_lock(&rounds->lock);
    bool is = rounds->stopping;
    rounds->last_beat = clock_monotonic();
    (void)pthread_mutex_unlock(&rounds->lock);
    return is;
}

static void walk_all(struct rounds *rounds)
{
    for (const struct round *round = rounds->list; round->walk != NULL; round++) {
        for (unsigned walks = 0; walks < WALKS_MAX && !stopping(rounds); walks++) {
            if (!walk_once(rounds, round))
                break;
        }
    }
}

static void *rounds_main(void *arg)
{
    struct rounds *rounds = arg;
    while (!stopping(rounds)) {
        walk_all(rounds);
        int64_t until = clock_monotonic() + BEAT_MS;
        (void)pthread_mutex_lock(&rounds->lock);
        while (!rounds->stopping && condition_wait(&rounds->stop, &rounds->lock, until))
            ;
        (void)pthread_mutex_unlock(&rounds->lock);
    }
    return NULL;
}

static void destroy(struct rounds *rounds)
{
    (void)pthread_cond_destroy(&rounds->stop);
    (void)pthread_mutex_destroy(&rounds->lock);
    free(rounds);
}

bool rounds_start(struct task *t, const struct round *list, struct rounds **ret)
{
    struct rounds *rounds = calloc(1, sizeof(*rounds));
    ENSURE(t, rounds != NULL, E_INTERNAL, "out of memory");
    rounds->list = list;
    rounds->log = t->log;
    rounds->last_beat = clock_monotonic();
    (void)pthread_mutex_init(&rounds->lock, NULL);
    condition_init(&rounds->stop);
    int error = pthread_create(&rounds->thread, NULL, rounds_main, rounds);
    if (error != 0) {
        destroy(rounds);
        return fail_errno(t, E_INTERNAL, error, "cannot start the rounds");
    }
    (void)pthread_setname_np(rounds->thread, "rounds");
    *ret = rounds;
    return true;
}

void rounds_stop(struct rounds *rounds)
{
    if (rounds == NULL)
        return;
    (void)pthread_mutex_lock(&rounds->lock);
    rounds->stopping = true;
    (void)pthread_cond_signal(&rounds->stop);
    (void)pthread_mutex_unlock(&rounds->lock);
    (void)pthread_join(rounds->thread, NULL);
    destroy(rounds);
}

int64_t rounds_last_beat(struct rounds *rounds)
{
    (void)pthread_mutex_lock(&rounds->lock);
    int64_t beat = rounds->last_beat;
    (void)pthread_mutex_unlock(&rounds->lock);
    return beat;
}

/* ---- What a round has placed ---- */

bool round_orders_room(struct task *t, struct reader *r, struct round_orders *orders, size_t *ret)
{
    for (size_t i = orders->count; i > 0; i--) {
        uint8_t *id = orders->ids[i - 1];
        struct order order;
        bool found;
        TRY(table_find(t, r, &order_table, bytes_make(id, ID_LEN), &order, &found));
        if (!found || !order_is_open(&order))
            memmove(id, orders->ids[--orders->count], ID_LEN);
    }
    *ret = ROUND_ORDERS_MAX - orders->count;
    return true;
}

static bool is_due(struct task *t, const struct table *table, const struct table_index *by_due,
                   const void *record)
{
    struct bytes place = table_index_place(t->arena, table, by_due, record);
    struct bytes now = key_of_number(t->arena, (uint64_t)clock_wall());
    return memcmp(place.data, now.data, now.len) <= 0;
}

bool round_collect(struct task *t, struct store *store, struct round_orders *orders,
                   const struct table *table, const struct table_index *by_due, void *items,
                   size_t size, size_t most, size_t *ret_count)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    size_t room = 0;
    size_t count = 0;
    TRY(view_open(t, store, &view));
    TRY(round_orders_room(t, view_reader(view), orders, &room));
    struct table_scan scan = table_scan_index(t, view, table, by_due, BYTES_ABSENT, false);
    for (; count < most && count < room; count++) {
        void *record = (char *)items + count * size;
        bool found;
        TRY(table_scan_next(t, &scan, record, &found));
        if (!found || !is_due(t, table, by_due, record))
            break;
    }
    *ret_count = count;
    return true;
}

void round_orders_add(struct round_orders *orders, struct bytes id)
{
    if (orders->count < ROUND_ORDERS_MAX)
        memcpy(orders->ids[orders->count++], id.data, ID_LEN);
}
