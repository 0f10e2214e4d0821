/* Approval, limits, expiry, and what is written together with an order. */
#include "core/base/clock.h"
#include "tests/unit/order_fixture.h"

#include <pthread.h>
#include <string.h>

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

/* ---- Approval ---- */

static bool put_marker(struct task *t, struct tx *tx, void *arg)
{
    return tx_put(t, tx, BYTES_LITERAL("!marker"), *(const struct bytes *)arg);
}

static bool fail_always(struct task *t, struct tx *tx, void *arg)
{
    (void)tx;
    (void)arg;
    return fail(t, E_EXISTS, "no");
}

static struct bytes submit_for_approval(struct task *t, struct desk *desk, enum order_join expected)
{
    struct order_request request = desk_request(t, desk, "milk");
    struct bytes id = BYTES_ABSENT;
    enum order_join join = ORDER_NEW;
    request.needs_approval = true;
    assert_ok(t, order_submit(t, desk->orders, &request, &id, &join));
    assert_int_equal(join, expected);
    return id;
}

static void approved_order_is_carried_out(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_echo);
    desk_open(state, &desk);
    struct bytes id = submit_for_approval(t, &desk, ORDER_NEW);
    sleep_ms(100);
    assert_int_equal(desk_look(t, &desk, id).state, ORDER_WAITING);
    assert_int_equal(atomic_load(&desk.runs), 0);
    assert_bytes_equal(t, submit_for_approval(t, &desk, ORDER_JOINED), id);
    assert_ok(t, order_decide(t, desk.orders, id, true, "admin:root", NULL, NULL));
    struct order order = desk_wait(t, &desk, id);
    assert_int_equal(order.state, ORDER_DONE);
    assert_string_equal(order.decided_by, "admin:root");
    assert_fails(t, order_decide(t, desk.orders, id, true, "admin:root", NULL, NULL), E_INVALID);
    desk_close(&desk);
}

static void *decline_soon(void *arg)
{
    struct desk *desk = arg;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    task_init(&t, arena, NULL);
    sleep_ms(100);
    return order_decide(&t, desk->orders, *(struct bytes *)desk->more, false, "admin:root", NULL,
                        NULL)
               ? desk
               : NULL;
}

static void declined_order_is_refused_at_once_and_for_good(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    pthread_t decider;
    void *decided;
    desk_prepare(&desk, act_echo);
    desk_open(state, &desk);
    struct bytes id = submit_for_approval(t, &desk, ORDER_NEW);
    desk.more = &id;
    assert_int_equal(pthread_create(&decider, NULL, decline_soon, &desk), 0);
    int64_t before = clock_monotonic();
    struct order order = desk_wait(t, &desk, id); /* released by the decision */
    assert_true(clock_monotonic() - before < 2 * SECOND_MS);
    (void)pthread_join(decider, &decided);
    assert_ptr_equal(decided, &desk);
    assert_int_equal(order.state, ORDER_REFUSED);
    assert_false(order.liftable);
    assert_string_equal(order.problem, E_ORDER_DECLINED->name);
    assert_non_null(strstr(order.detail, "admin:root"));
    assert_bytes_equal(t, submit_for_approval(t, &desk, ORDER_JOINED), id);
    assert_fails(t, order_decide(t, desk.orders, id, true, "admin:root", NULL, NULL), E_INVALID);
    assert_int_equal(atomic_load(&desk.runs), 0);
    assert_int_equal(order_figures(desk.orders).open, 0);
    desk_close(&desk);
}

static void decision_is_written_with_what_belongs_to_it(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    struct bytes marker = BYTES_LITERAL("decided");
    desk_prepare(&desk, act_echo);
    desk_open(state, &desk);
    struct bytes id = submit_for_approval(t, &desk, ORDER_NEW);
    assert_fails(t, order_decide(t, desk.orders, id, true, "admin:root", fail_always, NULL),
                 E_EXISTS);
    assert_int_equal(desk_look(t, &desk, id).state, ORDER_WAITING);
    assert_ok(t, order_decide(t, desk.orders, id, false, "admin:root", put_marker, &marker));
    assert_string_equal(store_fixture_get(t, desk.store, "!marker"), "decided");
    desk_close(&desk);
}

/* ---- Inside somebody else's update ---- */

static bool approve_inside(struct task *t, struct tx *tx, void *arg)
{
    struct desk *desk = arg;
    return order_decide_in(t, tx, desk->orders, *(struct bytes *)desk->more, true, "admin:root");
}

static void order_can_be_approved_inside_another_update(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_echo);
    desk_open(state, &desk);
    struct bytes id = submit_for_approval(t, &desk, ORDER_NEW);
    desk.more = &id;
    assert_ok(t, store_update(t, desk.store, approve_inside, &desk));
    orders_wake(desk.orders, id);
    assert_int_equal(desk_wait(t, &desk, id).state, ORDER_DONE);
    desk_close(&desk);
}

static bool cancel_inside(struct task *t, struct tx *tx, void *arg)
{
    struct desk *desk = arg;
    return order_cancel_in(t, tx, desk->orders, *(struct bytes *)desk->more, E_DENIED,
                           "it has left us");
}

static void cancel(struct task *t, struct desk *desk, struct bytes id)
{
    desk->more = &id;
    assert_ok(t, store_update(t, desk->store, cancel_inside, desk));
    orders_wake(desk->orders, id);
}

static void cancelled_order_stays_refused_and_is_not_run(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_echo);
    desk_open(state, &desk);
    struct bytes id = submit_for_approval(t, &desk, ORDER_NEW);
    cancel(t, &desk, id);
    struct order order = desk_wait(t, &desk, id);
    assert_int_equal(order.state, ORDER_REFUSED);
    assert_false(order.liftable);
    assert_string_equal(order.problem, E_DENIED->name);
    assert_fails(t, order_decide(t, desk.orders, id, true, "admin:root", NULL, NULL), E_INVALID);
    assert_int_equal(atomic_load(&desk.runs), 0);
    assert_int_equal(order_figures(desk.orders).open, 0);
    desk_close(&desk);
}

static void running_order_that_is_cancelled_leaves_nothing(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_at_gate);
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    (void)sem_wait(&desk.entered);
    cancel(t, &desk, id);
    (void)sem_post(&desk.go);
    struct order order = desk_wait(t, &desk, id);
    assert_int_equal(order.state, ORDER_REFUSED);
    assert_false(bytes_present(desk_result(t, &desk, id)));
    desk_close(&desk);
}

static void order_that_ends_itself_is_left_to_its_end(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_at_gate);
    desk.kind.ends_itself = true;
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    (void)sem_wait(&desk.entered);
    cancel(t, &desk, id);
    assert_true(desk_look(t, &desk, id).finished == 0);
    (void)sem_post(&desk.go);
    assert_int_equal(desk_wait(t, &desk, id).state, ORDER_DONE);
    desk_close(&desk);
}

static void finished_order_cannot_be_cancelled(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    struct bytes nothing = id_make(t->arena);
    desk_prepare(&desk, act_echo);
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    assert_int_equal(desk_wait(t, &desk, id).state, ORDER_DONE);
    cancel(t, &desk, id);
    assert_int_equal(desk_look(t, &desk, id).state, ORDER_DONE);
    desk.more = &nothing;
    assert_ok(t, store_update(t, desk.store, cancel_inside, &desk));
    desk_close(&desk);
}

static void administrator_can_lift_a_refusal(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_refuse_once);
    desk_open(state, &desk);
    struct bytes id = submit_for_approval(t, &desk, ORDER_NEW);
    assert_ok(t, order_decide(t, desk.orders, id, true, "admin:a", NULL, NULL));
    assert_int_equal(desk_wait(t, &desk, id).state, ORDER_REFUSED);
    assert_fails(t, order_decide(t, desk.orders, id, false, "admin:b", NULL, NULL), E_INVALID);
    assert_ok(t, order_decide(t, desk.orders, id, true, "admin:b", NULL, NULL));
    struct order order = desk_wait(t, &desk, id);
    assert_int_equal(order.state, ORDER_DONE);
    assert_string_equal(order.decided_by, "admin:b");
    desk_close(&desk);
}

static void approval_once_given_holds_when_a_refused_order_is_asked_for_again(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_refuse_once);
    desk_open(state, &desk);
    struct bytes id = submit_for_approval(t, &desk, ORDER_NEW);
    assert_ok(t, order_decide(t, desk.orders, id, true, "admin:a", NULL, NULL));
    assert_int_equal(desk_wait(t, &desk, id).state, ORDER_REFUSED);
    struct order order;
    do { /* at first it stays refused: its time has not come */
        assert_bytes_equal(t, submit_for_approval(t, &desk, ORDER_JOINED), id);
        order = desk_wait(t, &desk, id);
        assert_int_not_equal(order.state, ORDER_WAITING);
    } while (order.state == ORDER_REFUSED);
    assert_int_equal(order.state, ORDER_DONE);
    desk_close(&desk);
}

/* ---- Limits ---- */

static void orders_beyond_the_limit_are_refused(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_at_gate);
    desk.options.pending = 2;
    desk_open(state, &desk);
    struct bytes first = desk_submit(t, &desk, "milk", ORDER_NEW);
    (void)desk_submit(t, &desk, "bread", ORDER_NEW);
    struct order_request request = desk_request(t, &desk, "eggs");
    struct bytes id;
    enum order_join join;
    assert_fails(t, order_submit(t, desk.orders, &request, &id, &join), E_ORDERS_FULL);
    assert_detail(t, "orders.pending");
    assert_bytes_equal(t, desk_submit(t, &desk, "milk", ORDER_JOINED), first); /* no new one */
    (void)sem_post(&desk.go);
    (void)sem_post(&desk.go);
    assert_int_equal(desk_wait(t, &desk, first).state, ORDER_DONE);
    (void)sem_post(&desk.go);
    struct bytes third = desk_submit(t, &desk, "eggs", ORDER_NEW);
    assert_int_equal(desk_wait(t, &desk, third).state, ORDER_DONE);
    desk_close(&desk);
}

#define CROWD 16

struct customer {
    struct desk *desk;
    const char *what;
    pthread_t thread;
    bool ok;
    const struct problem_kind *problem;
};

static void *submit_one(void *arg)
{
    struct customer *c = arg;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct bytes id;
    enum order_join join;
    task_init(&t, arena, NULL);
    const struct order_request request = desk_request(&t, c->desk, c->what);
    c->ok = order_submit(&t, c->desk->orders, &request, &id, &join);
    c->problem = t.problem;
    return NULL;
}

static void limit_holds_when_many_come_at_once(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    struct customer crowd[CROWD];
    unsigned taken = 0;
    desk_prepare(&desk, act_at_gate);
    desk.options.pending = 5;
    desk_open(state, &desk);
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = (struct customer){.desk = &desk, .what = arena_printf(t->arena, "item %d", i)};
        assert_int_equal(pthread_create(&crowd[i].thread, NULL, submit_one, &crowd[i]), 0);
    }
    for (int i = 0; i < CROWD; i++) {
        (void)pthread_join(crowd[i].thread, NULL);
        assert_true(crowd[i].ok || crowd[i].problem == E_ORDERS_FULL);
        taken += crowd[i].ok;
    }
    assert_in_range(taken, 1, 5);
    assert_int_equal(order_figures(desk.orders).open, taken);
    for (unsigned i = 0; i < taken; i++)
        (void)sem_post(&desk.go);
    desk_close(&desk);
}

static void order_is_given_up_when_it_expires(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_retry);
    desk.options.lifetime = 500;
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    struct order order = desk_wait(t, &desk, id);
    assert_int_equal(order.state, ORDER_REFUSED);
    assert_string_equal(order.problem, E_ORDER_EXPIRED->name);
    if (strstr(order.detail, "nobody answers") == NULL) /* why it was not done in time */
        fail_msg("the detail is: %s", order.detail);
    assert_true(order.finished >= order.expires);
    assert_false(bytes_equal(desk_submit(t, &desk, "milk", ORDER_NEW), id)); /* at once */
    desk_close(&desk);
}

/* Under a key of the test's own: what became of the order. */
static bool leave_word(struct task *t, struct tx *tx, const struct order *order)
{
    return tx_put(t, tx, BYTES_LITERAL("!word"), bytes_of_text(order->detail));
}

static void what_its_kind_says_of_a_given_up_order_is_written_with_it(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_retry);
    desk.options.lifetime = 200;
    desk.kind.given_up = leave_word;
    desk_open(state, &desk);
    struct order order = desk_wait(t, &desk, desk_submit(t, &desk, "milk", ORDER_NEW));
    assert_string_equal(store_fixture_get(t, desk.store, "!word"), order.detail);
    desk_close(&desk);
}

static void order_that_nobody_approves_expires(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_echo);
    desk.options.lifetime = 100;
    desk_open(state, &desk);
    struct order order = desk_wait(t, &desk, submit_for_approval(t, &desk, ORDER_NEW));
    assert_int_equal(order.state, ORDER_REFUSED);
    assert_string_equal(order.problem, E_ORDER_EXPIRED->name);
    assert_int_equal(atomic_load(&desk.runs), 0);
    desk_close(&desk);
}

static size_t count_keys(struct task *t, struct store *store)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct bytes key;
    struct bytes value;
    bool found = true;
    size_t count = 0;
    assert_ok(t, view_open(t, store, &view));
    for (struct scan scan = {.view = view}; found; count += found)
        assert_ok(t, scan_next(t, &scan, &key, &value, &found));
    return count;
}

static void finished_orders_are_deleted_after_their_time(void **state)
{
    enum { MANY = 150 }; /* more than one update deletes */
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_refuse_once);
    desk_open(state, &desk);
    size_t empty = count_keys(t, desk.store);
    for (int i = 0; i < MANY; i++)
        (void)desk_wait(t, &desk,
                        desk_submit(t, &desk, arena_printf(t->arena, "item %d", i), ORDER_NEW));
    assert_true(count_keys(t, desk.store) >= empty + MANY * 4UL);
    desk_stop(&desk);
    desk.options.retention = 1;
    desk.act = act_retry;
    desk_start(state, &desk);
    struct bytes open = desk_submit(t, &desk, "still open", ORDER_NEW);
    int64_t end = clock_monotonic() + 5 * SECOND_MS;
    while (count_keys(t, desk.store) > empty + 10 && clock_monotonic() < end)
        sleep_ms(20);
    assert_int_equal(desk_look(t, &desk, open).finished, 0);
    desk_stop(&desk);
    assert_int_equal(count_keys(t, desk.store), empty + 4); /* record, identity, active, request */
    store_close(desk.store);
}

/* ---- Together with other changes ---- */

static void what_belongs_to_a_new_order_is_written_with_it(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    desk_prepare(&desk, act_echo);
    desk_open(state, &desk);
    struct order_request request = desk_request(t, &desk, "milk");
    struct bytes id = BYTES_ABSENT;
    enum order_join join;
    request.also = put_marker;
    request.arg = &id; /* which is known by then */
    assert_ok(t, order_submit(t, desk.orders, &request, &id, &join));
    struct view *view = NULL;
    struct bytes marker = BYTES_ABSENT;
    assert_ok(t, view_open(t, desk.store, &view));
    assert_ok(t, reader_get(t, view_reader(view), BYTES_LITERAL("!marker"), &marker));
    view_close(view);
    assert_bytes_equal(t, marker, id);
    request.also = fail_always; /* not called when an order is joined */
    assert_ok(t, order_submit(t, desk.orders, &request, &id, &join));
    assert_int_equal(join, ORDER_JOINED);
    request.identity = bytes_sha256(t->arena, BYTES_LITERAL("bread"));
    assert_fails(t, order_submit(t, desk.orders, &request, &id, &join), E_EXISTS);
    request.also = NULL;
    assert_ok(t, order_submit(t, desk.orders, &request, &id, &join));
    assert_int_equal(join, ORDER_NEW); /* the failed one left nothing */
    desk_close(&desk);
}

struct following {
    struct desk *desk;
    struct bytes id;
};

static bool submit_next(struct task *t, struct tx *tx, void *arg)
{
    struct following *f = arg;
    const struct order_request request = desk_request(t, f->desk, "bread");
    enum order_join join;
    return order_submit_in(t, tx, f->desk->orders, &request, &f->id, &join);
}

/* "milk" brings "bread" in the update of its outcome. */
static bool act_bring_next(struct task *t, struct order_run *run, struct desk *desk)
{
    struct following *f = desk->more;
    if (!bytes_equal(run->request, BYTES_LITERAL("milk")))
        return act_echo(t, run, desk);
    TRY(order_done(t, run, "text/plain", BYTES_LITERAL("first"), submit_next, f));
    orders_wake(run->orders, f->id);
    return true;
}

static void outcome_of_one_order_can_bring_the_next(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    struct following f = {&desk, BYTES_ABSENT};
    desk_prepare(&desk, act_bring_next);
    desk.more = &f;
    desk_open(state, &desk);
    assert_int_equal(desk_wait(t, &desk, desk_submit(t, &desk, "milk", ORDER_NEW)).state,
                     ORDER_DONE);
    struct bytes next = desk_submit(t, &desk, "bread", ORDER_JOINED);
    assert_int_equal(desk_wait(t, &desk, next).state, ORDER_DONE);
    assert_int_equal(atomic_load(&desk.runs), 2);
    desk_close(&desk);
}

static void order_nobody_has_woken_is_found_by_who_waits_for_it(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    struct following f = {&desk, BYTES_ABSENT};
    desk_prepare(&desk, act_echo);
    desk_open(state, &desk);
    assert_ok(t, store_update(t, desk.store, submit_next, &f));
    assert_int_equal(desk_wait(t, &desk, f.id).state, ORDER_DONE);
    desk_close(&desk);
}

static void identities_are_not_shared_between_kinds(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    struct order_kind other;
    desk_prepare(&desk, act_echo);
    desk_open(state, &desk);
    (void)desk_submit(t, &desk, "milk", ORDER_NEW);
    struct order_request request = desk_request(t, &desk, "milk");
    struct bytes id;
    enum order_join join;
    other = desk.kind;
    other.name = "other";
    request.kind = &other;
    assert_fails(t, order_submit(t, desk.orders, &request, &id, &join), E_INTERNAL);
    request.identity = BYTES_LITERAL("too short");
    assert_fails(t, order_submit(t, desk.orders, &request, &id, &join), E_INTERNAL);
    desk_close(&desk);
}

static void waiting_ends_with_its_time_or_the_deadline(void **state)
{
    struct task *t = test_task(state);
    struct desk desk;
    struct order order;
    struct bytes result = BYTES_LITERAL("untouched");
    desk_prepare(&desk, act_at_gate);
    desk_open(state, &desk);
    struct bytes id = desk_submit(t, &desk, "milk", ORDER_NEW);
    (void)sem_wait(&desk.entered);
    int64_t before = clock_monotonic();
    assert_ok(t, order_wait(t, desk.orders, id, 100, &order, &result));
    assert_in_range(clock_monotonic() - before, 99, 1000);
    assert_int_equal(order.state, ORDER_RUNNING);
    assert_false(bytes_present(result));
    t->deadline = clock_monotonic() + 50;
    before = clock_monotonic();
    assert_ok(t, order_wait(t, desk.orders, id, 5000, &order, &result));
    assert_in_range(clock_monotonic() - before, 40, 1000);
    t->deadline = 0;
    assert_fails(t, order_wait(t, desk.orders, id_make(t->arena), 0, &order, &result), E_NOT_FOUND);
    (void)sem_post(&desk.go);
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(approved_order_is_carried_out),
        UNIT_TEST(declined_order_is_refused_at_once_and_for_good),
        UNIT_TEST(decision_is_written_with_what_belongs_to_it),
        UNIT_TEST(order_can_be_approved_inside_another_update),
        UNIT_TEST(cancelled_order_stays_refused_and_is_not_run),
        UNIT_TEST(running_order_that_is_cancelled_leaves_nothing),
        UNIT_TEST(order_that_ends_itself_is_left_to_its_end),
        UNIT_TEST(finished_order_cannot_be_cancelled),
        UNIT_TEST(administrator_can_lift_a_refusal),
        UNIT_TEST(approval_once_given_holds_when_a_refused_order_is_asked_for_again),
        UNIT_TEST(orders_beyond_the_limit_are_refused),
        UNIT_TEST(limit_holds_when_many_come_at_once),
        UNIT_TEST(order_is_given_up_when_it_expires),
        UNIT_TEST(what_its_kind_says_of_a_given_up_order_is_written_with_it),
        UNIT_TEST(order_that_nobody_approves_expires),
        UNIT_TEST(finished_orders_are_deleted_after_their_time),
        UNIT_TEST(what_belongs_to_a_new_order_is_written_with_it),
        UNIT_TEST(outcome_of_one_order_can_bring_the_next),
        UNIT_TEST(order_nobody_has_woken_is_found_by_who_waits_for_it),
        UNIT_TEST(identities_are_not_shared_between_kinds),
        UNIT_TEST(waiting_ends_with_its_time_or_the_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
