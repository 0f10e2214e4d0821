/* Updates of many threads at once: what they share, and what each has for itself. */
#include "tests/unit/store_fixture.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

static bool put_and_fail(struct task *t, struct tx *tx, void *arg)
{
    (void)arg;
    TRY(tx_put(t, tx, BYTES_LITERAL("Xa"), BYTES_LITERAL("changed")));
    TRY(tx_put(t, tx, BYTES_LITERAL("Xb"), BYTES_LITERAL("new")));
    return fail(t, E_DENIED, "thought better of it");
}

/* An update that holds the committer until it is let go. */
struct gate {
    sem_t entered;
    sem_t go;
};

static bool wait_at_gate(struct task *t, struct tx *tx, void *arg)
{
    struct gate *gate = arg;
    (void)t;
    (void)tx;
    (void)sem_post(&gate->entered);
    return sem_wait(&gate->go) == 0;
}

/* A thread that makes one update in a task of its own. */
struct updater {
    struct store *store;
    store_fn fn;
    void *arg;
    pthread_t thread;
    bool ok;
    const struct problem_kind *problem;
};

static void *updater_main(void *arg)
{
    struct updater *u = arg;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    task_init(&t, arena, NULL);
    u->ok = store_update(&t, u->store, u->fn, u->arg);
    u->problem = t.problem;
    return NULL;
}

static void updater_start(struct updater *u, struct store *store, store_fn fn, void *arg)
{
    *u = (struct updater){.store = store, .fn = fn, .arg = arg};
    assert_int_equal(pthread_create(&u->thread, NULL, updater_main, u), 0);
}

static void gate_close(struct gate *gate, struct updater *holder, struct store *store)
{
    assert_int_equal(sem_init(&gate->entered, 0, 0), 0);
    assert_int_equal(sem_init(&gate->go, 0, 0), 0);
    updater_start(holder, store, wait_at_gate, gate);
    assert_int_equal(sem_wait(&gate->entered), 0);
}

static bool put_own_key(struct task *t, struct tx *tx, void *arg)
{
    return tx_put(t, tx, bytes_of_text(arg), BYTES_LITERAL("there"));
}

static void one_update_fails_alone_in_its_batch(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct gate gate;
    struct updater holder;
    struct updater others[3];
    store_fixture_put(t, store, "Xa", "before");
    gate_close(&gate, &holder, store);
    uint64_t commits = store_figures(store).commits;
    updater_start(&others[0], store, put_own_key, (void *)"Xfirst");
    updater_start(&others[1], store, put_and_fail, NULL);
    updater_start(&others[2], store, put_own_key, (void *)"Xlast");
    sleep_ms(100); /* let them queue */
    (void)sem_post(&gate.go);
    (void)pthread_join(holder.thread, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        (void)pthread_join(others[i].thread, NULL);
    assert_int_equal(store_figures(store).commits, commits + 2); /* the holder's, and one for all */
    assert_true(others[0].ok && others[2].ok);
    assert_false(others[1].ok);
    assert_ptr_equal(others[1].problem, E_DENIED);
    assert_string_equal(store_fixture_get(t, store, "Xfirst"), "there");
    assert_string_equal(store_fixture_get(t, store, "Xlast"), "there");
    assert_string_equal(store_fixture_get(t, store, "Xa"), "before");
    store_close(store);
}

static void after_a_batch_of_several_a_commit_waits_for_more(void **state)
{
    struct task *t = test_task(state);
    struct store_options options = store_fixture_options(state);
    struct store *store = NULL;
    struct gate gate;
    struct updater holder;
    struct updater others[4];
    options.gather = 1000;
    assert_ok(t, store_open(t, &options, &store));
    gate_close(&gate, &holder, store);
    uint64_t commits = store_figures(store).commits;
    updater_start(&others[0], store, put_own_key, (void *)"Xa");
    updater_start(&others[1], store, put_own_key, (void *)"Xb");
    sleep_ms(100); /* let them queue */
    (void)sem_post(&gate.go);
    for (size_t i = 0; i < 2; i++)
        (void)pthread_join(others[i].thread, NULL);
    updater_start(&others[2], store, put_own_key, (void *)"Xc");
    sleep_ms(100); /* apart, but within the time that the commit waits */
    updater_start(&others[3], store, put_own_key, (void *)"Xd");
    for (size_t i = 2; i < ARRAY_SIZE(others); i++)
        (void)pthread_join(others[i].thread, NULL);
    (void)pthread_join(holder.thread, NULL);
    assert_int_equal(store_figures(store).commits, commits + 3); /* holder, a and b, c and d */
    store_close(store);
}

static void *close_main(void *store)
{
    store_close(store);
    return NULL;
}

static void closing_finishes_what_is_queued(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct gate gate;
    struct updater holder;
    struct updater others[2];
    pthread_t closer;
    gate_close(&gate, &holder, store);
    updater_start(&others[0], store, put_own_key, (void *)"Xfirst");
    updater_start(&others[1], store, put_own_key, (void *)"Xlast");
    sleep_ms(100);
    assert_int_equal(pthread_create(&closer, NULL, close_main, store), 0);
    sleep_ms(50);
    (void)sem_post(&gate.go);
    (void)pthread_join(holder.thread, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        (void)pthread_join(others[i].thread, NULL);
    (void)pthread_join(closer, NULL);
    assert_true(others[0].ok && others[1].ok);
    store = store_fixture_open(state);
    assert_string_equal(store_fixture_get(t, store, "Xfirst"), "there");
    assert_string_equal(store_fixture_get(t, store, "Xlast"), "there");
    store_close(store);
}

static void update_while_closing_is_refused(void **state)
{
    struct store *store = store_fixture_open(state);
    struct gate gate;
    struct updater holder;
    struct updater late;
    pthread_t closer;
    gate_close(&gate, &holder, store);
    assert_int_equal(pthread_create(&closer, NULL, close_main, store), 0);
    sleep_ms(100);
    updater_start(&late, store, put_own_key, (void *)"Xlate");
    (void)pthread_join(late.thread, NULL);
    (void)sem_post(&gate.go);
    (void)pthread_join(holder.thread, NULL);
    (void)pthread_join(closer, NULL);
    assert_true(holder.ok);
    assert_false(late.ok);
    assert_ptr_equal(late.problem, E_STORE_CLOSING);
}

static bool update_within(struct task *t, struct tx *tx, void *arg)
{
    (void)tx;
    return store_update(t, arg, put_own_key, (void *)"Xinner");
}

static void update_within_an_update_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    assert_fails(t, store_update(t, store, update_within, store), E_INTERNAL);
    store_close(store);
}

/* ---- An engine whose commits fail when it is told to ---- */

static struct {
    int busy;         /* commits that fail with E_BUSY */
    bool outer_fails; /* commits that are not nested fail with E_STORE */
    struct engine_tx *outer;
} faults;

static bool faulty_begin(struct task *t, void *engine, struct engine_tx *parent,
                         struct engine_tx **ret)
{
    TRY(lmdb_engine.begin(t, engine, parent, ret));
    if (parent == NULL)
        faults.outer = *ret;
    return true;
}

static bool faulty_commit(struct task *t, struct engine_tx *tx)
{
    bool fails = faults.outer_fails && tx == faults.outer;
    if (faults.busy == 0 && !fails)
        return lmdb_engine.commit(t, tx);
    lmdb_engine.abort(tx);
    if (fails)
        return fail(t, E_STORE, "the disk is on fire");
    faults.busy--;
    return fail(t, E_BUSY, "somebody came in between");
}

static struct store *open_faulty(void **state)
{
    static struct engine engine;
    struct task *t = test_task(state);
    const struct store_options options = store_fixture_options(state);
    struct store *store = NULL;
    engine = lmdb_engine;
    engine.begin = faulty_begin;
    engine.commit = faulty_commit;
    memset(&faults, 0, sizeof(faults));
    assert_ok(t, store_open_on(t, &engine, &options, &store));
    return store;
}

/* Counts its runs and how often what it left in the task was still there. */
struct reruns {
    int runs;
    int problems_seen;
    int released;
};

static void count_release(void *released)
{
    ++*(int *)released;
}

static bool leave_traces(struct task *t, struct tx *tx, void *arg)
{
    struct reruns *r = arg;
    r->runs++;
    r->problems_seen += t->problem != NULL;
    arena_defer(t->arena, count_release, &r->released);
    (void)fail(t, E_NOT_FOUND, "left behind");
    return tx_put(t, tx, BYTES_LITERAL("Xruns"),
                  bytes_of_text(arena_printf(t->arena, "%d", r->runs)));
}

static void function_run_again_starts_from_a_clean_task(void **state)
{
    struct task *t = test_task(state);
    struct store *store = open_faulty(state);
    struct reruns *r = arena_alloc(t->arena, sizeof(*r)); /* outlives what was deferred */
    faults.busy = 3;
    assert_ok(t, store_update(t, store, leave_traces, r));
    assert_int_equal(r->runs, 4);
    assert_int_equal(r->problems_seen, 0);
    assert_int_equal(r->released, 3); /* what was deferred in each run that did not count */
    assert_string_equal(store_fixture_get(t, store, "Xruns"), "4");
    store_close(store);
}

static void function_is_not_run_again_for_ever(void **state)
{
    struct task *t = test_task(state);
    struct store *store = open_faulty(state);
    struct reruns *r = arena_alloc(t->arena, sizeof(*r));
    faults.busy = 1000;
    assert_fails(t, store_update(t, store, leave_traces, r), E_BUSY);
    assert_in_range(r->runs, 2, 100);
    store_close(store);
}

static void failed_batch_commit_fails_everybody_in_it(void **state)
{
    struct task *t = test_task(state);
    struct store *store = open_faulty(state);
    struct gate gate;
    struct updater holder;
    struct updater others[3];
    gate_close(&gate, &holder, store);
    updater_start(&others[0], store, put_own_key, (void *)"Xfirst");
    updater_start(&others[1], store, put_and_fail, NULL);
    updater_start(&others[2], store, put_own_key, (void *)"Xlast");
    sleep_ms(100);
    faults.outer_fails = true;
    (void)sem_post(&gate.go);
    (void)pthread_join(holder.thread, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        (void)pthread_join(others[i].thread, NULL);
    assert_ptr_equal(holder.problem, E_STORE); /* it was alone: the same holds */
    assert_ptr_equal(others[0].problem, E_STORE);
    assert_ptr_equal(others[1].problem, E_DENIED); /* its own problem, not the batch's */
    assert_ptr_equal(others[2].problem, E_STORE);
    assert_null(store_fixture_get(t, store, "Xfirst"));
    assert_null(store_fixture_get(t, store, "Xlast"));
    faults.outer_fails = false;
    store_fixture_put(t, store, "Xfirst", "now");
    assert_string_equal(store_fixture_get(t, store, "Xfirst"), "now");
    store_close(store);
}

/* ---- Many at once ---- */

#define THREADS 12
#define ROUNDS  40

static bool count_up(struct task *t, struct tx *tx, void *arg)
{
    struct bytes old;
    TRY(reader_get(t, tx_reader(tx), bytes_of_text(arg), &old));
    long count = bytes_present(old) ? strtol(bytes_to_text(t->arena, old), NULL, 10) : 0;
    return tx_put(t, tx, bytes_of_text(arg),
                  bytes_of_text(arena_printf(t->arena, "%ld", count + 1)));
}

struct counter_thread {
    struct store *store;
    pthread_t thread;
    int done;
};

static void *count_many(void *arg)
{
    struct counter_thread *c = arg;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    task_init(&t, arena, NULL);
    struct arena_mark mark = arena_mark(arena);
    for (int i = 0; i < ROUNDS; i++) {
        c->done += store_update(&t, c->store, count_up, (void *)"Xcount");
        arena_rewind(arena, mark);
    }
    return NULL;
}

static void updates_from_many_threads_happen_one_after_another(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct counter_thread threads[THREADS];
    int done = 0;
    for (size_t i = 0; i < THREADS; i++) {
        threads[i] = (struct counter_thread){.store = store};
        assert_int_equal(pthread_create(&threads[i].thread, NULL, count_many, &threads[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i].thread, NULL);
        done += threads[i].done;
    }
    assert_int_equal(done, THREADS * ROUNDS);
    assert_string_equal(store_fixture_get(t, store, "Xcount"),
                        arena_printf(t->arena, "%d", THREADS * ROUNDS));
    struct store_figures figures = store_figures(store);
    assert_int_equal(figures.updates, THREADS * ROUNDS);
    assert_true(figures.commits < figures.updates); /* they shared commits */
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(one_update_fails_alone_in_its_batch),
        UNIT_TEST(after_a_batch_of_several_a_commit_waits_for_more),
        UNIT_TEST(closing_finishes_what_is_queued),
        UNIT_TEST(update_while_closing_is_refused),
        UNIT_TEST(update_within_an_update_is_refused),
        UNIT_TEST(function_run_again_starts_from_a_clean_task),
        UNIT_TEST(function_is_not_run_again_for_ever),
        UNIT_TEST(failed_batch_commit_fails_everybody_in_it),
        UNIT_TEST(updates_from_many_threads_happen_one_after_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
