#include "tests/unit/order_fixture.h"

#include "core/base/clock.h"

#include <string.h>

static bool run_at_desk(struct task *t, struct order_run *run)
{
    struct desk *desk = run->context;
    int now = atomic_fetch_add(&desk->at_once, 1) + 1;
    int most = atomic_load(&desk->most_at_once);
    while (now > most && !atomic_compare_exchange_weak(&desk->most_at_once, &most, now))
        ;
    atomic_fetch_add(&desk->runs, 1);
    bool ok = desk->act(t, run, desk);
    atomic_fetch_sub(&desk->at_once, 1);
    return ok;
}

void desk_prepare(struct desk *desk, desk_act act)
{
    memset(desk, 0, sizeof(*desk));
    desk->act = act;
    desk->kind = (struct order_kind){.name = "errand", .run = run_at_desk};
    desk->kinds[0] = (struct order_kind_entry){&desk->kind, desk};
    desk->options = (struct order_options){
        .runners = 8,
        .runners_per_peer = 4,
        .pending = 100,
        .lifetime = MINUTE_MS,
        .replay = MINUTE_MS,
        .retention = HOUR_MS,
        .retry_first = 40,
        .retry_most = 160,
        .run_limit = 10 * SECOND_MS,
    };
    assert_int_equal(sem_init(&desk->entered, 0, 0), 0);
    assert_int_equal(sem_init(&desk->go, 0, 0), 0);
}

void desk_start(void **state, struct desk *desk)
{
    struct task *t = test_task(state);
    assert_ok(t, orders_start(t, desk->store, &desk->options, desk->kinds, &desk->orders));
}

void desk_open(void **state, struct desk *desk)
{
    desk->store = store_fixture_open(state);
    desk_start(state, desk);
}

void desk_stop(struct desk *desk)
{
    assert_true(orders_stop(desk->orders, clock_monotonic() + 2 * SECOND_MS));
    desk->orders = NULL;
}

void desk_close(struct desk *desk)
{
    desk_stop(desk);
    store_close(desk->store);
}

struct order_request desk_request(struct task *t, struct desk *desk, const char *what)
{
    return (struct order_request){
        .kind = &desk->kind,
        .identity = bytes_sha256(t->arena, bytes_of_text(what)),
        .peer = "peer",
        .request = bytes_of_text(what),
    };
}

struct bytes desk_submit(struct task *t, struct desk *desk, const char *what,
                         enum order_join expected)
{
    const struct order_request request = desk_request(t, desk, what);
    struct bytes id = BYTES_ABSENT;
    enum order_join join = ORDER_NEW;
    assert_ok(t, order_submit(t, desk->orders, &request, &id, &join));
    assert_int_equal(join, expected);
    return id;
}

static struct order wait_for(struct task *t, struct desk *desk, struct bytes id, int64_t wait)
{
    struct order order = {0};
    struct bytes result;
    assert_ok(t, order_wait(t, desk->orders, id, wait, &order, &result));
    return order;
}

struct order desk_wait(struct task *t, struct desk *desk, struct bytes id)
{
    return wait_for(t, desk, id, 5 * SECOND_MS);
}

struct order desk_look(struct task *t, struct desk *desk, struct bytes id)
{
    return wait_for(t, desk, id, 0);
}

struct bytes desk_result(struct task *t, struct desk *desk, struct bytes id)
{
    struct order order;
    struct bytes result = BYTES_ABSENT;
    assert_ok(t, order_wait(t, desk->orders, id, 0, &order, &result));
    return result;
}

bool act_echo(struct task *t, struct order_run *run, struct desk *desk)
{
    (void)desk;
    return order_done(t, run, "text/plain", run->request, NULL, NULL);
}

bool act_at_gate(struct task *t, struct order_run *run, struct desk *desk)
{
    (void)sem_post(&desk->entered);
    while (sem_trywait(&desk->go) != 0) {
        ENSURE(t, task_time_left(t, 1) > 0, E_TIMEOUT, "nobody opened the gate");
        sleep_ms(2);
    }
    return act_echo(t, run, desk);
}

bool act_retry(struct task *t, struct order_run *run, struct desk *desk)
{
    (void)desk;
    (void)fail(t, E_IO, "nobody answers");
    return order_retry(t, run, 0, NULL, NULL);
}
