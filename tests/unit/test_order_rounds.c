/* Rounds: what is walked, how often, and the orders that a round may have open. */
#include "core/base/clock.h"
#include "core/order/rounds.h"
#include "tests/unit/order_fixture.h"

struct path {
    atomic_int walks;
    int more; /* so many walks say that there is more at once */
    bool fails;
};

static bool walk(struct task *t, void *context, bool *ret_more)
{
    struct path *path = context;
    int walks = atomic_fetch_add(&path->walks, 1) + 1;
    ENSURE(t, !path->fails, E_IO, "no way");
    *ret_more = walks < path->more;
    return true;
}

static void wait_for_walks(struct path *path, int walks)
{
    int64_t end = clock_monotonic() + 10 * SECOND_MS;
    while (atomic_load(&path->walks) < walks && clock_monotonic() < end)
        sleep_ms(5);
    assert_true(atomic_load(&path->walks) >= walks);
}

static void what_is_due_at_once_is_done_at_once(void **state)
{
    struct task *t = test_task(state);
    struct path busy = {.more = 10};
    struct path idle = {.more = 0};
    const struct round list[] = {{"busy", walk, &busy}, {"idle", walk, &idle}, {.walk = NULL}};
    struct rounds *rounds = NULL;
    int64_t begun = clock_monotonic();
    assert_ok(t, rounds_start(t, list, &rounds));
    wait_for_walks(&busy, 10);
    wait_for_walks(&idle, 2);
    assert_true(rounds_last_beat(rounds) >= begun);
    rounds_stop(rounds);
    int walks = atomic_load(&idle.walks);
    sleep_ms(20);
    assert_int_equal(atomic_load(&idle.walks), walks);
    rounds_stop(NULL);
}

static void round_without_end_leaves_the_others_their_turn(void **state)
{
    struct task *t = test_task(state);
    struct path endless = {.more = 1000000};
    struct path failing = {.fails = true};
    struct path other = {.more = 0};
    const struct round list[] = {{"endless", walk, &endless},
                                 {"failing", walk, &failing},
                                 {"other", walk, &other},
                                 {.walk = NULL}};
    struct rounds *rounds = NULL;
    assert_ok(t, rounds_start(t, list, &rounds));
    wait_for_walks(&other, 2);
    assert_true(atomic_load(&failing.walks) >= 2);
    rounds_stop(rounds);
}

static void round_has_only_so_many_orders_open(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    struct round_orders orders = {.count = 0};
    CLEANUP(view_cleanup) struct view *view = NULL;
    size_t room = 0;
    desk_prepare(&desk, act_at_gate);
    desk.options.runners_per_peer = 8;
    desk_open(state, &desk);
    for (int i = 0; i < ROUND_ORDERS_MAX; i++)
        round_orders_add(&orders,
                         desk_submit(t, &desk, arena_printf(t->arena, "%d", i), ORDER_NEW));
    assert_ok(t, view_open(t, desk.store, &view));
    assert_ok(t, round_orders_room(t, view_reader(view), &orders, &room));
    assert_int_equal(room, 0);
    view_close(view);
    view = NULL;
    for (int i = 0; i < 3; i++)
        (void)sem_post(&desk.go);
    int64_t end = clock_monotonic() + 10 * SECOND_MS;
    while (order_figures(desk.orders).open > ROUND_ORDERS_MAX - 3 && clock_monotonic() < end)
        sleep_ms(5);
    assert_ok(t, view_open(t, desk.store, &view));
    assert_ok(t, round_orders_room(t, view_reader(view), &orders, &room));
    assert_int_equal(room, 3);
    view_close(view);
    view = NULL;
    for (int i = 0; i < ROUND_ORDERS_MAX; i++)
        (void)sem_post(&desk.go);
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(what_is_due_at_once_is_done_at_once),
        UNIT_TEST(round_without_end_leaves_the_others_their_turn),
        UNIT_TEST(round_has_only_so_many_orders_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
