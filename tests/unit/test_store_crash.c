/* The store when processes die or share it: each child opens it for itself. */
#include "core/store/audit.h"
#include "tests/unit/store_fixture.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs `main_of_child` in a process of its own, which never comes back from it. */
static pid_t start_child(void (*main_of_child)(void **, int), void **state, int *ret_pipe)
{
    int ends[2];
    (void)test_folder(state); /* one for both */
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        main_of_child(state, ends[1]);
        _exit(EXIT_SUCCESS);
    }
    (void)close(ends[1]);
    *ret_pipe = ends[0];
    return child;
}

/* The next number that the child says; false when it is gone. */
static bool hear(int pipe_end, uint32_t *ret)
{
    return read(pipe_end, ret, sizeof(*ret)) == (ssize_t)sizeof(*ret);
}

static void say(int pipe_end, uint32_t number)
{
    if (write(pipe_end, &number, sizeof(number)) != (ssize_t)sizeof(number))
        _exit(EXIT_FAILURE);
}

static atomic_int syncs;

/* LMDB's own call comes here: what kill -9 cannot show is that the disk has been told, too. */
int fdatasync(int fd) /* NOLINT(readability-inconsistent-declaration-parameter-name) */
{
    atomic_fetch_add(&syncs, 1);
    return fsync(fd);
}

static void each_commit_is_synced(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    for (int i = 0; i < 3; i++) {
        int before = atomic_load(&syncs);
        store_fixture_put(t, store, "Xa", arena_printf(t->arena, "%d", i));
        assert_true(atomic_load(&syncs) > before);
    }
    store_close(store);
}

struct writer {
    struct store *store;
    int pipe_end;
    uint32_t first;
};
#define WRITERS      4
#define WRITER_SHARE 1000000U

static bool put_number(struct task *t, struct tx *tx, void *arg)
{
    const char *text = arena_printf(t->arena, "X%u", *(const uint32_t *)arg);
    TRY(tx_audit(t, tx, BYTES_ABSENT, bytes_of_text(text)));
    return tx_put(t, tx, bytes_of_text(text), bytes_of_text(text));
}

static void *write_numbers(void *arg)
{
    const struct writer *w = arg;
    struct task t;
    task_init(&t, arena_create(), NULL);
    struct arena_mark mark = arena_mark(t.arena);
    for (uint32_t i = w->first; store_update(&t, w->store, put_number, &i); i++) {
        say(w->pipe_end, i);
        arena_rewind(t.arena, mark);
    }
    _exit(EXIT_FAILURE);
}

static void write_until_killed(void **state, int pipe_end)
{
    struct store *store = store_fixture_open(state);
    struct writer writers[WRITERS];
    pthread_t threads[WRITERS];
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){store, pipe_end, i * WRITER_SHARE};
        if (pthread_create(&threads[i], NULL, write_numbers, &writers[i]) != 0)
            _exit(EXIT_FAILURE);
    }
    (void)pthread_join(threads[0], NULL);
}

static void everything_acknowledged_survives_kill_9(void **state)
{
    enum { ENOUGH = 200, ROUNDS = 3 };
    struct task *t = test_task(state);
    uint32_t heard[ROUNDS * 4096];
    size_t count = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int pipe_end;
        pid_t child = start_child(write_until_killed, state, &pipe_end);
        for (int i = 0; i < ENOUGH; i++)
            assert_true(hear(pipe_end, &heard[count++]));
        assert_int_equal(kill(child, SIGKILL), 0);
        while (count < ARRAY_SIZE(heard) && hear(pipe_end, &heard[count])) /* said before it died */
            count++;
        (void)close(pipe_end);
        assert_int_equal(waitpid(child, NULL, 0), child);
    }
    struct store *store = store_fixture_open(state);
    for (size_t i = 0; i < count; i++)
        assert_non_null(store_fixture_get(t, store, arena_printf(t->arena, "X%u", heard[i])));
    struct view *view = NULL;
    struct audit_report report = {0};
    assert_ok(t, view_open(t, store, &view));
    assert_ok(t, audit_verify(t, view, &report));
    assert_int_equal(report.chains, 1); /* dying is no reason for a new chain */
    assert_true(report.entries >= count);
    view_close(view);
    store_close(store);
}

static const char *failpoint_name;

static void write_with_failpoint(void **state, int pipe_end)
{
    uint32_t one = 1;
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    (void)setenv("GATEHOUSE_FAILPOINT", failpoint_name, 1); /* NOLINT(concurrency-mt-unsafe) */
    if (store_update(t, store, put_number, &one))
        say(pipe_end, one);
}

/* Whether the update that the process died in is there afterwards. */
static bool survives_failpoint(void **state, const char *name)
{
    int pipe_end;
    int status;
    uint32_t number;
    struct task *t = test_task(state);
    failpoint_name = name;
    pid_t child = start_child(write_with_failpoint, state, &pipe_end);
    bool acknowledged = hear(pipe_end, &number);
    (void)close(pipe_end);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (acknowledged)
        skip(); /* built without failpoints */
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    struct store *store = store_fixture_open(state);
    bool there = store_fixture_get(t, store, "X1") != NULL;
    store_close(store);
    return there;
}

static void death_before_the_commit_leaves_nothing(void **state)
{
    assert_false(survives_failpoint(state, "store-before-commit"));
}

static void death_after_the_commit_leaves_everything(void **state)
{
    assert_true(survives_failpoint(state, "store-after-commit"));
}

/* Reads until the twins have been seen to change 20 times; says 1 when they never differed. */
static void read_beside_a_writer(void **state, int pipe_end)
{
    struct task *t = test_task(state);
    struct store_options options = store_fixture_options(state);
    struct store *store;
    struct bytes seen = BYTES_ABSENT;
    options.read_only = true;
    if (!store_open(t, &options, &store))
        _exit(EXIT_FAILURE);
    say(pipe_end, 0);
    for (int changes = 0; changes < 20;) {
        struct view *view;
        struct bytes left;
        struct bytes right;
        if (!view_open(t, store, &view) ||
            !reader_get(t, view_reader(view), BYTES_LITERAL("Xleft"), &left) ||
            !reader_get(t, view_reader(view), BYTES_LITERAL("Xright"), &right) ||
            !bytes_equal(left, right))
            _exit(EXIT_FAILURE);
        view_close(view);
        changes += !bytes_equal(left, seen);
        seen = left;
    }
    say(pipe_end, 1);
    store_close(store);
}

static void hold_a_view(void **state, int pipe_end)
{
    struct task *t = test_task(state);
    struct store_options options = store_fixture_options(state);
    struct store *store;
    struct view *view;
    options.readers = 3;
    options.read_only = true;
    if (!store_open(t, &options, &store) || !view_open(t, store, &view))
        _exit(EXIT_FAILURE);
    say(pipe_end, 1);
    sleep_ms(60000);
}

static void slots_of_dead_readers_are_free_again(void **state)
{
    struct task *t = test_task(state);
    struct store_options options = store_fixture_options(state);
    struct store *store = NULL;
    struct view *views[3] = {NULL, NULL, NULL};
    pid_t children[2];
    int pipes[2];
    uint32_t ready;
    options.readers = 3;
    assert_ok(t, store_open(t, &options, &store)); /* the first to open sets the number */
    store_close(store);
    for (int i = 0; i < 2; i++) {
        children[i] = start_child(hold_a_view, state, &pipes[i]);
        assert_true(hear(pipes[i], &ready));
    }
    assert_ok(t, store_open(t, &options, &store));
    assert_ok(t, view_open(t, store, &views[0]));
    assert_fails(t, view_open(t, store, &views[1]), E_BUSY); /* theirs are in use */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kill(children[i], SIGKILL), 0);
        assert_int_equal(waitpid(children[i], NULL, 0), children[i]);
        (void)close(pipes[i]);
    }
    assert_ok(t, view_open(t, store, &views[1]));
    assert_ok(t, view_open(t, store, &views[2]));
    for (int i = 0; i < 3; i++)
        view_close(views[i]);
    store_close(store);
}

static bool put_twins(struct task *t, struct tx *tx, void *arg)
{
    struct bytes text = bytes_of_text(arena_printf(t->arena, "%d", *(const int *)arg));
    TRY(tx_put(t, tx, BYTES_LITERAL("Xleft"), text));
    return tx_put(t, tx, BYTES_LITERAL("Xright"), text);
}

static void another_process_reads_while_this_one_writes(void **state)
{
    int pipe_end;
    int status;
    uint32_t answer;
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    int number = 0;
    assert_ok(t, store_update(t, store, put_twins, &number));
    store_close(store); /* no threads while the process is doubled */
    pid_t child = start_child(read_beside_a_writer, state, &pipe_end);
    store = store_fixture_open(state);
    assert_true(hear(pipe_end, &answer));
    for (number = 1; waitpid(child, &status, WNOHANG) == 0 && number < 100000; number++)
        assert_ok(t, store_update(t, store, put_twins, &number));
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
    assert_true(hear(pipe_end, &answer));
    assert_int_equal(answer, 1);
    (void)close(pipe_end);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(each_commit_is_synced),
        UNIT_TEST(everything_acknowledged_survives_kill_9),
        UNIT_TEST(death_before_the_commit_leaves_nothing),
        UNIT_TEST(death_after_the_commit_leaves_everything),
        UNIT_TEST(another_process_reads_while_this_one_writes),
        UNIT_TEST(slots_of_dead_readers_are_free_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
