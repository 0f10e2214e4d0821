/* What becomes of an order: joining, replaying, refusing, retrying. */
#include "core/base/clock.h"
#include "tests/unit/order_fixture.h"

#include <pthread.h>
#include <string.h>

static void order_is_carried_out_and_its_result_kept(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_echo);
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    struct order order = desk_wait(t, &desk, id);
    assert_int_equal(order.state, ORDER_DONE);
    assert_string_equal(order.result_type, "text/plain");
    assert_int_equal(order.attempts, 1);
    assert_true(order.finished >= order.created && order.created > 0);
    assert_bytes_equal(t, desk_result(t, &desk, id), BYTES_LITERAL("milk"));
    desk_close(&desk);
}

static void same_request_joins_the_order_under_way(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_at_gate);
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    (void)sem_wait(&desk.entered);
    assert_bytes_equal(t, desk_submit(t, &desk, "milk", ORDER_JOINED), id);
    assert_int_equal(desk_look(t, &desk, id).state, ORDER_RUNNING);
    (void)sem_post(&desk.go);
    assert_int_equal(desk_wait(t, &desk, id).state, ORDER_DONE);
    assert_int_equal(atomic_load(&desk.runs), 1);
    desk_close(&desk);
}

static void result_is_replayed_without_another_run(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_echo);
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    (void)desk_wait(t, &desk, id);
    assert_bytes_equal(t, desk_submit(t, &desk, "milk", ORDER_JOINED), id);
    assert_bytes_equal(t, desk_result(t, &desk, id), BYTES_LITERAL("milk"));
    assert_int_equal(atomic_load(&desk.runs), 1);
    desk_close(&desk);
}

/* The old order stays for the record, and gives its identity up. */
static void assert_replaced(struct task *t, struct desk *desk, struct bytes old)
{
    struct bytes new = desk_submit(t, desk, "milk", ORDER_NEW);
    assert_false(bytes_equal(new, old));
    assert_int_equal(desk_wait(t, desk, new).state, ORDER_DONE);
    assert_false(bytes_present(desk_look(t, desk, old).identity));
    assert_int_equal(desk_look(t, desk, old).state, ORDER_DONE);
    assert_int_equal(atomic_load(&desk->runs), 2);
}

static void result_older_than_the_window_is_not_replayed(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_echo);
    desk.options.replay = 30;
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    (void)desk_wait(t, &desk, id);
    sleep_ms(50);
    assert_replaced(t, &desk, id);
    desk_close(&desk);
}

static bool never_replayable(struct task *t, struct reader *r, const struct order *order, bool *ret)
{
    (void)t;
    (void)r;
    (void)order;
    *ret = false;
    return true;
}

static void result_its_kind_does_not_stand_by_is_not_replayed(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_echo);
    desk.kind.replayable = never_replayable;
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    (void)desk_wait(t, &desk, id);
    assert_replaced(t, &desk, id);
    desk_close(&desk);
}

static bool act_refuse(struct task *t, struct order_run *run, struct desk *desk)
{
    (void)desk;
    (void)fail(t, E_DENIED, "not you");
    return order_refuse(t, run, false, NULL, NULL) && t->problem == NULL;
}

static void final_refusal_stands(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_refuse);
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    struct order order = desk_wait(t, &desk, id);
    assert_int_equal(order.state, ORDER_REFUSED);
    assert_false(order.liftable);
    assert_string_equal(order.problem, E_DENIED->name);
    assert_string_equal(order.detail, "not you");
    assert_bytes_equal(t, desk_submit(t, &desk, "milk", ORDER_JOINED), id);
    assert_false(bytes_present(desk_result(t, &desk, id)));
    assert_int_equal(atomic_load(&desk.runs), 1);
    desk_close(&desk);
}

static void final_refusal_stands_no_longer_than_a_result(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_refuse);
    desk.options.replay = 30;
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    (void)desk_wait(t, &desk, id);
    sleep_ms(50);
    assert_false(bytes_equal(desk_submit(t, &desk, "milk", ORDER_NEW), id));
    desk_close(&desk);
}

/* Saves its work once, and is refused; the next time it is done, with that work as the result. */
static bool act_refuse_once(struct task *t, struct order_run *run, struct desk *desk)
{
    (void)desk;
    if (bytes_present(run->work))
        return order_done(t, run, "application/octet-stream", run->work, NULL, NULL);
    TRY(order_save_work(t, run, bytes_random(t->arena, 32), NULL, NULL));
    (void)fail(t, E_NOT_FOUND, "ask your administrator");
    return order_refuse(t, run, true, NULL, NULL);
}

static struct bytes work_of(struct task *t, struct desk *desk, struct bytes id)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct bytes work = BYTES_ABSENT;
    assert_ok(t, view_open(t, desk->store, &view));
    assert_ok(t, blob_get(t, view_reader(view), &order_table, id, ORDER_BLOB_WORK, &work));
    return work;
}

static void liftable_refusal_is_run_again_with_its_own_work(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_refuse_once);
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    struct order order = desk_wait(t, &desk, id);
    assert_int_equal(order.state, ORDER_REFUSED);
    assert_true(order.liftable);
    struct bytes work = work_of(t, &desk, id);
    assert_int_equal(work.len, 32);
    do { /* at first it is joined and stays refused: its time has not come */
        assert_bytes_equal(t, desk_submit(t, &desk, "milk", ORDER_JOINED), id);
    } while (desk_wait(t, &desk, id).state == ORDER_REFUSED);
    assert_int_equal(desk_wait(t, &desk, id).state, ORDER_DONE);
    assert_bytes_equal(t, desk_result(t, &desk, id), work); /* octet for octet */
    assert_int_equal(atomic_load(&desk.runs), 2);
    desk_close(&desk);
}

static bool act_refuse_for_now(struct task *t, struct order_run *run, struct desk *desk)
{
    (void)desk;
    (void)fail(t, E_DENIED, "no");
    return order_refuse(t, run, true, NULL, NULL);
}

static void asking_again_and_again_does_not_wear_out_the_peer(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_refuse_for_now);
    desk.options.retry_first = HOUR_MS;
    desk.options.retry_most = HOUR_MS;
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(desk_wait(t, &desk, id).state, ORDER_REFUSED);
        assert_bytes_equal(t, desk_submit(t, &desk, "milk", ORDER_JOINED), id);
    }
    assert_int_equal(atomic_load(&desk.runs), 1);
    desk_close(&desk);
}

static void asked(struct task *t, struct desk *desk, int64_t changed)
{
    struct order_request request = desk_request(t, desk, "milk");
    struct bytes id;
    enum order_join join;
    request.changed = changed;
    assert_ok(t, order_submit(t, desk->orders, &request, &id, &join));
}

/* Not before its time, except where what it was refused for has been changed since. */
static void what_was_set_right_after_a_refusal_is_tried_at_once(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_refuse_once);
    desk.options.retry_first = HOUR_MS;
    desk.options.retry_most = HOUR_MS;
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    int64_t refused = desk_wait(t, &desk, id).updated;
    asked(t, &desk, refused - 1);
    assert_int_equal(desk_wait(t, &desk, id).state, ORDER_REFUSED);
    asked(t, &desk, refused + 1);
    assert_int_equal(desk_wait(t, &desk, id).state, ORDER_DONE);
    assert_int_equal(atomic_load(&desk.runs), 2);
    desk_close(&desk);
}

/* A thread that waits for an order, as a connection does. */
struct visitor {
    struct desk *desk;
    struct bytes id;
    pthread_t thread;
};

static void *visitor_main(void *arg)
{
    struct visitor *v = arg;
    struct task t;
    struct order order;
    struct bytes result;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    task_init(&t, arena, NULL);
    return order_wait(&t, v->desk->orders, v->id, 2 * SECOND_MS, &order, &result) ? v : NULL;
}

static void one_order_keeps_only_a_few_waiting(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    struct visitor visitors[ORDER_WAITERS_MAX];
    desk_prepare(&desk, act_echo);
    desk_open(state, &desk);
    struct order_request request = desk_request(t, &desk, "milk");
    struct bytes id = BYTES_ABSENT;
    enum order_join join;
    struct order order;
    struct bytes result;
    request.due = clock_wall() + HOUR_MS;
    assert_ok(t, order_submit(t, desk.orders, &request, &id, &join));
    for (size_t i = 0; i < ARRAY_SIZE(visitors); i++) {
        visitors[i] = (struct visitor){.desk = &desk, .id = id};
        assert_int_equal(pthread_create(&visitors[i].thread, NULL, visitor_main, &visitors[i]), 0);
    }
    sleep_ms(200); /* let them sit down */
    int64_t begin = clock_monotonic();
    assert_ok(t, order_wait(t, desk.orders, id, MINUTE_MS, &order, &result));
    assert_true(clock_monotonic() - begin < MINUTE_MS / 2); /* it did not wait */
    assert_int_equal(order.state, ORDER_READY);
    for (size_t i = 0; i < ARRAY_SIZE(visitors); i++) {
        void *done;
        assert_int_equal(pthread_join(visitors[i].thread, &done), 0);
        assert_ptr_equal(done, &visitors[i]);
    }
    desk_close(&desk);
}

/* ---- Trying again ---- */

/* Notes when each run was, and is done the fifth time. */
struct times {
    int64_t at[5];
};

static bool act_done_at_fifth(struct task *t, struct order_run *run, struct desk *desk)
{
    struct times *times = desk->more;
    int runs = atomic_load(&desk->runs);
    times->at[runs - 1] = clock_monotonic();
    return runs == 5 ? act_echo(t, run, desk) : act_retry(t, run, desk);
}

static void waiting_time_doubles_up_to_its_limit(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    struct times times;
    desk_prepare(&desk, act_done_at_fifth);
    desk.more = &times;
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    struct order order = desk_wait(t, &desk, id);
    assert_int_equal(order.state, ORDER_DONE);
    assert_int_equal(order.attempts, 5);
    assert_null(order.problem);
    static const int64_t waits[] = {40, 80, 160, 160};
    for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
        int64_t waited = times.at[i + 1] - times.at[i];
        assert_true(waited >= waits[i] * 9 / 10 - 1);   /* clocks count whole milliseconds */
        assert_true(waited < waits[i] * 11 / 10 + 500); /* the machine may be busy */
    }
    desk_close(&desk);
}

static bool act_retry_in_an_hour(struct task *t, struct order_run *run, struct desk *desk)
{
    if (atomic_load(&desk->runs) > 1)
        return act_echo(t, run, desk);
    (void)fail(t, E_TIMEOUT, "come back in an hour");
    return order_retry(t, run, HOUR_MS, NULL, NULL);
}

static void postponed_order_says_why_and_can_be_hastened(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_retry_in_an_hour);
    desk.options.lifetime = DAY_MS;
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    struct order order = {0};
    while (order.attempts == 0 || order.state == ORDER_RUNNING)
        order = desk_look(t, &desk, id);
    assert_int_equal(order.state, ORDER_READY);
    assert_string_equal(order.problem, E_TIMEOUT->name);
    assert_string_equal(order.detail, "come back in an hour");
    assert_in_range(order.due, clock_wall() + HOUR_MS - 10 * SECOND_MS, clock_wall() + HOUR_MS);
    while (order.state != ORDER_DONE) { /* at once, but for retry_first after the attempt */
        order_hasten(desk.orders, id);
        order = desk_look(t, &desk, id);
    }
    order_hasten(desk.orders, id); /* nothing to hasten any more */
    assert_int_equal(atomic_load(&desk.runs), 2);
    desk_close(&desk);
}

static void hastening_does_not_wear_out_a_peer_that_just_failed(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_retry_in_an_hour);
    desk.options.lifetime = DAY_MS;
    desk.options.retry_first = HOUR_MS;
    desk.options.retry_most = HOUR_MS;
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    struct order order = {0};
    while (order.attempts == 0 || order.state == ORDER_RUNNING)
        order = desk_look(t, &desk, id);
    for (int i = 0; i < 20; i++) {
        order_hasten(desk.orders, id);
        sleep_ms(5);
    }
    assert_int_equal(atomic_load(&desk.runs), 1);
    do /* a runner may be looking at it just now */
        order = desk_look(t, &desk, id);
    while (order.state == ORDER_RUNNING);
    assert_int_equal(order.state, ORDER_READY);
    desk_close(&desk);
}

/* Once is enough: it is kept in mind until the peer has had its rest. */
static void hastening_too_early_is_not_forgotten(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_retry_in_an_hour);
    desk.options.lifetime = DAY_MS;
    desk.options.retry_first = 200;
    desk.options.retry_most = 200;
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    struct order order = {0};
    while (order.attempts == 0)
        order = desk_look(t, &desk, id);
    int64_t first = order.updated;
    order_hasten(desk.orders, id);
    order = desk_wait(t, &desk, id);
    assert_int_equal(order.state, ORDER_DONE);
    assert_int_equal(atomic_load(&desk.runs), 2);
    assert_true(order.finished >= first + desk.options.retry_first);
    desk_close(&desk);
}

static bool act_fail_behind_the_gate(struct task *t, struct order_run *run, struct desk *desk)
{
    if (atomic_load(&desk->runs) == 1) {
        (void)sem_post(&desk->entered);
        (void)sem_wait(&desk->go);
    }
    return act_retry_in_an_hour(t, run, desk);
}

/* What is asked for while it fails is asked for. */
static void hastening_what_runs_has_it_run_again(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_fail_behind_the_gate);
    desk.options.lifetime = DAY_MS;
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    (void)sem_wait(&desk.entered);
    order_hasten(desk.orders, id);
    (void)sem_post(&desk.go);
    assert_int_equal(desk_wait(t, &desk, id).state, ORDER_DONE);
    assert_int_equal(atomic_load(&desk.runs), 2);
    desk_close(&desk);
}

static void order_that_is_not_due_yet_can_be_hastened(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_echo);
    desk_open(state, &desk);
    struct order_request request = desk_request(t, &desk, "milk");
    struct bytes id = BYTES_ABSENT;
    enum order_join join;
    request.due = clock_wall() + DAY_MS;
    assert_ok(t, order_submit(t, desk.orders, &request, &id, &join));
    assert_int_equal(desk_look(t, &desk, id).state, ORDER_READY);
    order_hasten(desk.orders, id);
    assert_int_equal(desk_wait(t, &desk, id).state, ORDER_DONE);
    desk_close(&desk);
}

static void order_is_not_run_before_it_is_due(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_echo);
    desk_open(state, &desk);
    struct order_request request = desk_request(t, &desk, "milk");
    struct bytes id = BYTES_ABSENT;
    enum order_join join;
    request.due = clock_wall() + 200;
    assert_ok(t, order_submit(t, desk.orders, &request, &id, &join));
    sleep_ms(100);
    assert_int_equal(atomic_load(&desk.runs), 0);
    assert_int_equal(desk_look(t, &desk, id).state, ORDER_READY);
    struct order order = desk_wait(t, &desk, id);
    assert_int_equal(order.state, ORDER_DONE);
    assert_true(order.finished >= request.due);
    desk_close(&desk);
}

static bool act_forget_the_outcome_once(struct task *t, struct order_run *run, struct desk *desk)
{
    switch (atomic_load(&desk->runs)) {
    case 1:
        return fail(t, E_IO, "fell over");
    case 2:
        return true;
    default:
        return act_echo(t, run, desk);
    }
}

static void run_without_an_outcome_is_tried_again(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_forget_the_outcome_once);
    desk_open(state, &desk);
    struct order order = desk_wait(t, &desk, desk_submit(t, &desk, "milk", ORDER_NEW));
    assert_int_equal(order.state, ORDER_DONE);
    assert_int_equal(order.attempts, 3);
    desk_close(&desk);
}

static bool act_decide_twice(struct task *t, struct order_run *run, struct desk *desk)
{
    TRY(act_echo(t, run, desk));
    (void)fail(t, E_DENIED, "on second thoughts");
    return order_refuse(t, run, false, NULL, NULL);
}

static void second_outcome_of_a_run_is_not_recorded(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_decide_twice);
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    (void)desk_wait(t, &desk, id);
    sleep_ms(50);
    assert_int_equal(desk_look(t, &desk, id).state, ORDER_DONE);
    assert_int_equal(atomic_load(&desk.runs), 1);
    desk_close(&desk);
}

static bool act_refuse_hostile(struct task *t, struct order_run *run, struct desk *desk)
{
    char *text = arena_alloc(t->arena, 5000);
    (void)desk;
    memset(text, 0xFF, 4999);
    (void)fail(t, E_DENIED, "%s", text);
    return order_refuse(t, run, false, NULL, NULL);
}

static void hostile_detail_cannot_keep_an_order_from_being_refused(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_refuse_hostile);
    desk_open(state, &desk);
    struct order order = desk_wait(t, &desk, desk_submit(t, &desk, "milk", ORDER_NEW));
    assert_int_equal(order.state, ORDER_REFUSED);
    assert_int_equal(strlen(order.detail), 1024);
    assert_int_equal(order.detail[0], '?');
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(order_is_carried_out_and_its_result_kept),
        UNIT_TEST(same_request_joins_the_order_under_way),
        UNIT_TEST(result_is_replayed_without_another_run),
        UNIT_TEST(result_older_than_the_window_is_not_replayed),
        UNIT_TEST(result_its_kind_does_not_stand_by_is_not_replayed),
        UNIT_TEST(final_refusal_stands),
        UNIT_TEST(final_refusal_stands_no_longer_than_a_result),
        UNIT_TEST(liftable_refusal_is_run_again_with_its_own_work),
        UNIT_TEST(asking_again_and_again_does_not_wear_out_the_peer),
        UNIT_TEST(what_was_set_right_after_a_refusal_is_tried_at_once),
        UNIT_TEST(one_order_keeps_only_a_few_waiting),
        UNIT_TEST(waiting_time_doubles_up_to_its_limit),
        UNIT_TEST(postponed_order_says_why_and_can_be_hastened),
        UNIT_TEST(hastening_does_not_wear_out_a_peer_that_just_failed),
        UNIT_TEST(hastening_too_early_is_not_forgotten),
        UNIT_TEST(hastening_what_runs_has_it_run_again),
        UNIT_TEST(order_that_is_not_due_yet_can_be_hastened),
        UNIT_TEST(order_is_not_run_before_it_is_due),
        UNIT_TEST(run_without_an_outcome_is_tried_again),
        UNIT_TEST(second_outcome_of_a_run_is_not_recorded),
        UNIT_TEST(hostile_detail_cannot_keep_an_order_from_being_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
