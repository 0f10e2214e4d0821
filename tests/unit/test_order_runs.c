/* Runners, shares, stopping, and what is left of orders when the process dies. */
#include "core/base/clock.h"
#include "tests/unit/order_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Shares ---- */

static struct bytes submit_for_peer(struct task *t, struct desk *desk, const char *what,
                                    const char *peer)
{
    struct order_request request = desk_request(t, desk, what);
    struct bytes id = BYTES_ABSENT;
    enum order_join join;
    request.peer = peer;
    assert_ok(t, order_submit(t, desk->orders, &request, &id, &join));
    return id;
}

static bool act_hang_for_dead_peers(struct task *t, struct order_run *run, struct desk *desk)
{
    return strcmp(run->order->peer, "dead") == 0 ? act_at_gate(t, run, desk)
                                                 : act_echo(t, run, desk);
}

static void dead_peer_fills_only_its_own_share(void **state)
{
    enum { MANY = 20 };
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_hang_for_dead_peers);
    desk.options.runners_per_peer = 3;
    desk_open(state, &desk);
    for (int i = 0; i < MANY; i++)
        (void)submit_for_peer(t, &desk, arena_printf(t->arena, "dead %d", i), "dead");
    for (int i = 0; i < 3; i++)
        (void)sem_wait(&desk.entered);
    for (int i = 0; i < MANY; i++) {
        struct bytes id = submit_for_peer(t, &desk, arena_printf(t->arena, "live %d", i), "live");
        assert_int_equal(desk_wait(t, &desk, id).state, ORDER_DONE);
    }
    struct order_figures figures = order_figures(desk.orders);
    assert_int_equal(figures.running, 3);
    assert_int_equal(figures.open, MANY);
    assert_in_range(figures.oldest_due, clock_wall() - MINUTE_MS, clock_wall());
    for (int i = 0; i < MANY; i++)
        (void)sem_post(&desk.go);
    struct bytes last = submit_for_peer(t, &desk, "dead 19", "dead");
    assert_int_equal(desk_wait(t, &desk, last).state, ORDER_DONE); /* each has its turn */
    desk_close(&desk);
}

static void runners_are_bounded_and_peers_take_turns(void **state)
{
    enum { PEERS = 10 };
    struct task *t = test_task(state);
    struct desk desk;
    struct bytes ids[PEERS];
    desk_prepare(&desk, act_at_gate);
    desk.options.runners = 3;
    desk_open(state, &desk);
    for (int i = 0; i < PEERS; i++) {
        const char *name = arena_printf(t->arena, "peer %d", i);
        ids[i] = submit_for_peer(t, &desk, name, name);
    }
    for (int i = 0; i < 3; i++)
        (void)sem_wait(&desk.entered);
    sleep_ms(50);
    assert_int_equal(order_figures(desk.orders).threads, 3);
    for (int i = 0; i < PEERS; i++)
        (void)sem_post(&desk.go);
    for (int i = 0; i < PEERS; i++)
        assert_int_equal(desk_wait(t, &desk, ids[i]).state, ORDER_DONE);
    assert_int_equal(atomic_load(&desk.most_at_once), 3);
    desk_close(&desk);
}

static void idle_runners_leave(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_echo);
    desk_open(state, &desk);
    for (int i = 0; i < 20; i++)
        (void)desk_wait(t, &desk,
                        desk_submit(t, &desk, arena_printf(t->arena, "%d", i), ORDER_NEW));
    unsigned threads = order_figures(desk.orders).threads;
    assert_in_range(threads, 1, 2); /* one after another needs no more */
    int64_t end = clock_monotonic() + 15 * SECOND_MS;
    while (order_figures(desk.orders).threads > 0 && clock_monotonic() < end)
        sleep_ms(100);
    assert_int_equal(order_figures(desk.orders).threads, 0);
    assert_int_equal(desk_wait(t, &desk, desk_submit(t, &desk, "later", ORDER_NEW)).state,
                     ORDER_DONE);
    desk_close(&desk);
}

static void dispatcher_beats(void **state)
{
    struct desk desk;
    desk_prepare(&desk, act_echo);
    desk_open(state, &desk);
    int64_t first = order_figures(desk.orders).last_beat;
    sleep_ms(1300);
    assert_true(order_figures(desk.orders).last_beat > first);
    desk_close(&desk);
}

/* ---- Many at once ---- */

#define CUSTOMERS 12
#define EACH      15

struct customer {
    struct desk *desk;
    int number;
    int done;
    pthread_t thread;
};

static bool shop(struct task *t, struct customer *c, const char *what)
{
    const struct order_request request = desk_request(t, c->desk, what);
    struct bytes id;
    struct bytes result;
    struct order order;
    enum order_join join;
    TRY(order_submit(t, c->desk->orders, &request, &id, &join));
    do { /* few may wait for one order; the others look again */
        TRY(order_wait(t, c->desk->orders, id, 20 * SECOND_MS, &order, &result));
        if (order.finished == 0)
            sleep_ms(1);
    } while (order.finished == 0);
    c->done += order.state == ORDER_DONE && bytes_equal(result, bytes_of_text(what));
    return true;
}

/* Something of their own, then something that everybody wants. */
static void *customer_main(void *arg)
{
    struct customer *c = arg;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    task_init(&t, arena, NULL);
    for (int i = 0; i < EACH; i++) {
        if (!shop(&t, c, arena_printf(arena, "own %d %d", c->number, i)) ||
            !shop(&t, c, arena_printf(arena, "common %d", i)))
            break;
    }
    return NULL;
}

static void many_customers_are_all_served_and_nothing_is_done_twice(void **state)
{
    struct desk desk;
    struct customer customers[CUSTOMERS];
    desk_prepare(&desk, act_echo);
    desk_open(state, &desk);
    for (int i = 0; i < CUSTOMERS; i++) {
        customers[i] = (struct customer){.desk = &desk, .number = i};
        assert_int_equal(pthread_create(&customers[i].thread, NULL, customer_main, &customers[i]),
                         0);
    }
    for (int i = 0; i < CUSTOMERS; i++) {
        (void)pthread_join(customers[i].thread, NULL);
        assert_int_equal(customers[i].done, 2 * EACH);
    }
    assert_int_equal(atomic_load(&desk.runs), CUSTOMERS * EACH + EACH);
    assert_int_equal(order_figures(desk.orders).open, 0);
    /* Submitting and the outcome are one update each, joining costs one. */
    assert_int_equal(store_figures(desk.store).updates,
                     2UL * CUSTOMERS * EACH + (uint64_t)atomic_load(&desk.runs));
    desk_close(&desk);
}

/* ---- Stopping ---- */

static void *wait_long(void *arg)
{
    struct desk *desk = arg;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct order order;
    struct bytes result;
    task_init(&t, arena, NULL);
    bool ok = order_wait(&t, desk->orders, *(struct bytes *)desk->more, MINUTE_MS, &order, &result);
    return ok && order.state == ORDER_RUNNING ? desk : NULL;
}

static void stopping_releases_waiters_and_cuts_runs_short(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    pthread_t waiter;
    void *waited;
    desk_prepare(&desk, act_at_gate); /* which heeds its deadline */
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    desk.more = &id;
    (void)sem_wait(&desk.entered);
    assert_int_equal(pthread_create(&waiter, NULL, wait_long, &desk), 0);
    sleep_ms(50);
    int64_t before = clock_monotonic();
    assert_true(orders_stop(desk.orders, before + 1000));
    assert_true(clock_monotonic() - before <= 1500);
    (void)pthread_join(waiter, &waited);
    assert_ptr_equal(waited, &desk);
    (void)sem_post(&desk.go);
    desk_start(state, &desk); /* the order is still to be done */
    assert_int_equal(desk_wait(t, &desk, id).state, ORDER_DONE);
    desk_close(&desk);
}

static void stopping_begins_no_new_runs(void **state)
{
    enum { MANY = 6 };
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_at_gate);
    desk.options.runners = 1;
    desk_open(state, &desk);
    for (int i = 0; i < MANY; i++)
        (void)desk_submit(t, &desk, arena_printf(t->arena, "%d", i), ORDER_NEW);
    (void)sem_wait(&desk.entered);
    assert_true(orders_stop(desk.orders, clock_monotonic() + 200));
    assert_int_equal(atomic_load(&desk.runs), 1);
    desk.act = act_echo;
    desk.options.runners = 8;
    desk_start(state, &desk);
    for (int i = 0; i < MANY; i++) {
        struct bytes id = desk_submit(t, &desk, arena_printf(t->arena, "%d", i), ORDER_JOINED);
        assert_int_equal(desk_wait(t, &desk, id).state, ORDER_DONE);
    }
    desk_close(&desk);
}

/* ---- Dying: in a child, which opens everything for itself ---- */

static int to_parent; /* the child's end of the pipe */

static bool act_send_and_hang(struct task *t, struct order_run *run, struct desk *desk)
{
    (void)desk;
    TRY(order_save_work(t, run, BYTES_LITERAL("signed request"), NULL, NULL));
    (void)write(to_parent, "s", 1);
    sleep_ms(MINUTE_MS);
    return act_echo(t, run, desk);
}

static pid_t start_child(void (*main_of_child)(void **), void **state, int *ret_pipe)
{
    int ends[2];
    (void)test_folder(state); /* one for both */
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        to_parent = ends[1];
        main_of_child(state);
        _exit(EXIT_SUCCESS);
    }
    (void)close(ends[1]);
    *ret_pipe = ends[0];
    return child;
}

static void submit_and_hang(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_send_and_hang);
    desk_open(state, &desk);
    (void)desk_wait(t, &desk, desk_submit(t, &desk, "milk", ORDER_NEW));
    sleep_ms(MINUTE_MS);
}

/* What was saved before it was sent is what the next run finds. */
static bool act_expect_work(struct task *t, struct order_run *run, struct desk *desk)
{
    (void)desk;
    return order_done(t, run, "application/octet-stream",
                      bytes_present(run->work) ? run->work : BYTES_LITERAL("no work"), NULL, NULL);
}

static void order_whose_process_was_killed_goes_on_from_its_work(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    int pipe_end;
    char said;
    pid_t child = start_child(submit_and_hang, state, &pipe_end);
    assert_int_equal(read(pipe_end, &said, 1), 1);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    (void)close(pipe_end);
    desk_prepare(&desk, act_expect_work);
    desk_open(state, &desk);
    int64_t end = clock_monotonic() + 5 * SECOND_MS;
    while (atomic_load(&desk.runs) == 0 && clock_monotonic() < end) /* without being asked */
        sleep_ms(5);
    assert_int_equal(atomic_load(&desk.runs), 1);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_JOINED);
    assert_int_equal(desk_wait(t, &desk, id).state, ORDER_DONE);
    assert_bytes_equal(t, desk_result(t, &desk, id), BYTES_LITERAL("signed request"));
    desk_close(&desk);
}

/* Three updates: the submission, the work, the outcome. */
static bool act_in_three_steps(struct task *t, struct order_run *run, struct desk *desk)
{
    (void)desk;
    if (!bytes_present(run->work))
        TRY(order_save_work(t, run, bytes_random(t->arena, 16), NULL, NULL));
    (void)write(to_parent, run->work.data, run->work.len);
    return order_done(t, run, "application/octet-stream", run->work, NULL, NULL);
}

static const char *failpoint_name;

static void submit_with_failpoint(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_in_three_steps);
    desk.store = store_fixture_open(state);
    (void)setenv("GATEHOUSE_FAILPOINT", failpoint_name, 1); /* NOLINT(concurrency-mt-unsafe) */
    desk_start(state, &desk);
    (void)desk_wait(t, &desk, desk_submit(t, &desk, failpoint_name, ORDER_NEW));
    desk_close(&desk);
}

static void order_is_done_whenever_the_process_dies(void **state)
{
    static const char *const points[] = {"store-before-commit:1", "store-after-commit:1",
                                         "store-before-commit:2", "store-after-commit:2",
                                         "store-before-commit:3", "store-after-commit:3"};
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
        struct desk desk;
        int pipe_end;
        int status;
        uint8_t sent[16];
        failpoint_name = points[i];
        pid_t child = start_child(submit_with_failpoint, state, &pipe_end);
        bool was_sent = read(pipe_end, sent, sizeof(sent)) == (ssize_t)sizeof(sent);
        assert_int_equal(waitpid(child, &status, 0), child);
        (void)close(pipe_end);
        if (WIFEXITED(status))
            skip();                         /* built without failpoints */
        assert_int_equal(was_sent, i >= 4); /* never before it was stored */
        to_parent = open("/dev/null", O_WRONLY | O_CLOEXEC);
        assert_true(to_parent >= 0);
        desk_prepare(&desk, act_in_three_steps);
        desk_open(state, &desk);
        struct bytes id = desk_submit(t, &desk, points[i], i == 0 ? ORDER_NEW : ORDER_JOINED);
        assert_int_equal(desk_wait(t, &desk, id).state, ORDER_DONE);
        if (was_sent) /* the same octets, not new ones */
            assert_bytes_equal(t, desk_result(t, &desk, id), BYTES_ARRAY(sent));
        assert_int_equal(atomic_load(&desk.runs), i < 5); /* the last death was after the outcome */
        desk_close(&desk);
        (void)close(to_parent);
    }
}

static void order_of_an_unknown_kind_waits_for_a_version_that_knows_it(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_at_gate);
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    (void)sem_wait(&desk.entered);
    assert_true(orders_stop(desk.orders, clock_monotonic() + 100));
    desk.kind.name = "other";
    desk_start(state, &desk);
    sleep_ms(100);
    assert_int_equal(desk_look(t, &desk, id).state, ORDER_READY);
    desk_stop(&desk);
    desk.kind.name = "errand";
    desk.act = act_echo;
    desk_start(state, &desk);
    assert_int_equal(desk_wait(t, &desk, id).state, ORDER_DONE);
    desk_close(&desk);
}

static bool act_heed_nothing(struct task *t, struct order_run *run, struct desk *desk)
{
    (void)sem_post(&desk->entered);
    (void)sem_wait(&desk->go);
    return act_echo(t, run, desk);
}

static void run_that_heeds_nothing_is_reported(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_heed_nothing);
    desk_open(state, &desk);
    (void)desk_submit(t, &desk, "milk", ORDER_NEW);
    (void)sem_wait(&desk.entered);
    int64_t before = clock_monotonic();
    assert_false(orders_stop(desk.orders, before + 100));
    assert_in_range(clock_monotonic() - before, 99, 1500);
    (void)sem_post(&desk.go); /* so that it ends after all, and nothing leaks */
    while (!orders_stop(desk.orders, clock_monotonic() + 100))
        ;
    store_close(desk.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(order_whose_process_was_killed_goes_on_from_its_work),
        UNIT_TEST(order_is_done_whenever_the_process_dies),
        UNIT_TEST(dead_peer_fills_only_its_own_share),
        UNIT_TEST(runners_are_bounded_and_peers_take_turns),
        UNIT_TEST(many_customers_are_all_served_and_nothing_is_done_twice),
        UNIT_TEST(dispatcher_beats),
        UNIT_TEST(stopping_releases_waiters_and_cuts_runs_short),
        UNIT_TEST(stopping_begins_no_new_runs),
        UNIT_TEST(order_of_an_unknown_kind_waits_for_a_version_that_knows_it),
        UNIT_TEST(idle_runners_leave),
        UNIT_TEST(run_that_heeds_nothing_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
