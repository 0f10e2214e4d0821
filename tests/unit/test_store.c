#include "core/base/clock.h"
#include "core/base/file.h"
#include "tests/unit/store_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void committed_values_outlive_reopening(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    store_fixture_put(t, store, "Xone", "1");
    store_fixture_put(t, store, "Xtwo", "");
    store_fixture_put(t, store, "Xthree", "3");
    store_fixture_delete(t, store, "Xthree");
    store_close(store);
    store = store_fixture_open(state);
    assert_string_equal(store_fixture_get(t, store, "Xone"), "1");
    assert_string_equal(store_fixture_get(t, store, "Xtwo"), "");
    assert_null(store_fixture_get(t, store, "Xthree"));
    store_close(store);
}

static void files_are_for_their_owner_only(void **state)
{
    struct task *t = test_task(state);
    struct stat facts;
    const struct store_options options = store_fixture_options(state);
    store_close(store_fixture_open(state));
    assert_int_equal(stat(options.path, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0700);
    assert_int_equal(stat(arena_printf(t->arena, "%s/data.mdb", options.path), &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0600);
    assert_int_equal(stat(arena_printf(t->arena, "%s/lock.mdb", options.path), &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0600);
}

static bool put_and_fail(struct task *t, struct tx *tx, void *arg)
{
    (void)arg;
    TRY(tx_put(t, tx, BYTES_LITERAL("Xa"), BYTES_LITERAL("changed")));
    TRY(tx_put(t, tx, BYTES_LITERAL("Xb"), BYTES_LITERAL("new")));
    return fail(t, E_DENIED, "thought better of it");
}

static void failed_update_leaves_nothing_and_its_own_problem(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    store_fixture_put(t, store, "Xa", "before");
    assert_fails(t, store_update(t, store, put_and_fail, NULL), E_DENIED);
    assert_detail(t, "thought better of it");
    assert_string_equal(store_fixture_get(t, store, "Xa"), "before");
    assert_null(store_fixture_get(t, store, "Xb"));
    store_close(store);
}

static bool put_whatever_size(struct task *t, struct tx *tx, void *arg)
{
    const size_t *len = arg;
    return tx_put(t, tx, bytes_random(t->arena, *len), BYTES_LITERAL("v"));
}

static bool put_nothing(struct task *t, struct tx *tx, void *arg)
{
    (void)arg;
    return tx_put(t, tx, BYTES_LITERAL("X"), BYTES_ABSENT);
}

static void key_lengths_are_bounded(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    size_t len = STORE_KEY_MAX;
    assert_ok(t, store_update(t, store, put_whatever_size, &len));
    len = STORE_KEY_MAX + 1;
    assert_fails(t, store_update(t, store, put_whatever_size, &len), E_INVALID);
    len = 0;
    assert_fails(t, store_update(t, store, put_whatever_size, &len), E_INVALID);
    assert_fails(t, store_update(t, store, put_nothing, NULL), E_INTERNAL);
    store_close(store);
}

static bool put_own_key(struct task *t, struct tx *tx, void *arg)
{
    return tx_put(t, tx, bytes_of_text(arg), BYTES_LITERAL("there"));
}

/* Two keys that always change together. */
static bool put_twins(struct task *t, struct tx *tx, void *arg)
{
    TRY(tx_put(t, tx, BYTES_LITERAL("Xleft"), bytes_of_text(arg)));
    return tx_put(t, tx, BYTES_LITERAL("Xright"), bytes_of_text(arg));
}

struct twin_writer {
    struct store *store;
    atomic_bool stop;
    atomic_int written;
};

static void *write_twins(void *arg)
{
    struct twin_writer *w = arg;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    task_init(&t, arena, NULL);
    struct arena_mark mark = arena_mark(arena);
    while (!atomic_load(&w->stop)) {
        const char *text = arena_printf(arena, "%d", atomic_load(&w->written));
        atomic_fetch_add(&w->written, store_update(&t, w->store, put_twins, (void *)text));
        arena_rewind(arena, mark);
    }
    return NULL;
}

static void views_are_consistent_while_writes_go_on(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct twin_writer writer = {.store = store};
    pthread_t thread;
    assert_ok(t, store_update(t, store, put_twins, (void *)"0"));
    assert_int_equal(pthread_create(&thread, NULL, write_twins, &writer), 0);
    int changes = 0;
    struct bytes seen = BYTES_ABSENT;
    for (int64_t end = clock_monotonic() + 300; clock_monotonic() < end;) {
        CLEANUP(view_cleanup) struct view *view = NULL;
        struct bytes left = BYTES_ABSENT;
        struct bytes right = BYTES_ABSENT;
        assert_ok(t, view_open(t, store, &view));
        assert_ok(t, reader_get(t, view_reader(view), BYTES_LITERAL("Xleft"), &left));
        sleep_ms(1);
        assert_ok(t, reader_get(t, view_reader(view), BYTES_LITERAL("Xright"), &right));
        assert_bytes_equal(t, left, right);
        changes += !bytes_equal(left, seen);
        seen = left;
    }
    atomic_store(&writer.stop, true);
    (void)pthread_join(thread, NULL);
    assert_true(changes > 2); /* the writer was really at work */
    store_close(store);
}

static void view_shows_what_was_committed_when_it_was_opened(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct view *view = NULL;
    struct bytes value = BYTES_ABSENT;
    store_fixture_put(t, store, "Xa", "old");
    assert_ok(t, view_open(t, store, &view));
    store_fixture_put(t, store, "Xa", "new");
    assert_ok(t, reader_get(t, view_reader(view), BYTES_LITERAL("Xa"), &value));
    assert_bytes_equal(t, value, BYTES_LITERAL("old"));
    view_close(view);
    assert_string_equal(store_fixture_get(t, store, "Xa"), "new");
    store_close(store);
}

static void views_beyond_the_limit_are_refused_and_named(void **state)
{
    struct task *t = test_task(state);
    struct store_options options = store_fixture_options(state);
    struct store *store = NULL;
    struct view *views[3] = {NULL, NULL, NULL};
    options.readers = 2;
    assert_ok(t, store_open(t, &options, &store));
    assert_ok(t, view_open(t, store, &views[0]));
    assert_ok(t, view_open(t, store, &views[1]));
    assert_fails(t, view_open(t, store, &views[2]), E_BUSY);
    assert_detail(t, "store.readers");
    view_close(views[0]);
    assert_ok(t, view_open(t, store, &views[2]));
    view_close(views[1]);
    view_close(views[2]);
    store_close(store);
}

/* ---- Scans ---- */

/* The keys that a scan finds, joined by blanks. */
static const char *scan_all(struct task *t, struct store *store, struct scan scan)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    const char *found_keys = "";
    struct bytes key;
    struct bytes value;
    bool found = false;
    assert_ok(t, view_open(t, store, &view));
    scan.view = view;
    for (;;) {
        assert_ok(t, scan_next(t, &scan, &key, &value, &found));
        if (!found)
            break;
        assert_bytes_equal(t, value, key); /* as put_keys() wrote them */
        found_keys = arena_printf(t->arena, "%s%s%s", found_keys, *found_keys == '\0' ? "" : " ",
                                  bytes_to_text(t->arena, key));
    }
    assert_ok(t, scan_next(t, &scan, &key, &value, &found));
    assert_false(found); /* the end stays the end */
    return found_keys;
}

static void put_keys(struct task *t, struct store *store, const char *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        store_fixture_put(t, store, keys[i], keys[i]);
}

static void scans_go_both_ways_within_their_prefix(void **state)
{
    static const char *const keys[] = {"Xa", "Xb", "Xb\x01", "Xba", "Xb\xff", "Xc", "Y"};
    static const struct {
        const char *prefix;
        const char *from;
        bool backwards;
        const char *expected;
    } cases[] = {
        {"Xb", NULL, false, "Xb Xb\x01 Xba Xb\xff"},
        {"Xb", NULL, true, "Xb\xff Xba Xb\x01 Xb"},
        {"Xb", "Xba", false, "Xba Xb\xff"},
        {"Xb", "Xba", true, "Xba Xb\x01 Xb"},
        {"Xb", "Xbb", false, "Xb\xff"},
        {"Xb", "Xbb", true, "Xba Xb\x01 Xb"},
        {"Xb", "Xa", false, "Xb Xb\x01 Xba Xb\xff"}, /* from before the prefix: all of it */
        {"Xb", "Xa", true, "Xb"},
        {"Xb", "Xc", false, ""},
        {"Xb", "Xc", true, "Xb\xff Xba Xb\x01 Xb"}, /* from beyond it: all of it */
        {"Xc", NULL, false, "Xc"},
        {"Xc", NULL, true, "Xc"},
        {"Xd", NULL, false, ""},
        {"Xd", NULL, true, ""},
        {"Y", NULL, true, "Y"},
        {"W", NULL, true, ""},
        {"Z", NULL, false, ""},
    };
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    put_keys(t, store, keys, ARRAY_SIZE(keys));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct scan scan = {.prefix = bytes_of_text(cases[i].prefix),
                                  .from = bytes_of_text(cases[i].from),
                                  .backwards = cases[i].backwards};
        assert_string_equal(scan_all(t, store, scan), cases[i].expected);
    }
    store_close(store);
}

static void scans_of_one_view_do_not_disturb_one_another(void **state)
{
    static const char *const keys[] = {"Xa", "Xb", "Ya", "Yb"};
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct view *view = NULL;
    struct bytes key = BYTES_ABSENT;
    struct bytes value;
    bool found = false;
    put_keys(t, store, keys, ARRAY_SIZE(keys));
    assert_ok(t, view_open(t, store, &view));
    struct scan x = {.view = view, .prefix = BYTES_LITERAL("X")};
    struct scan y = {.view = view, .prefix = BYTES_LITERAL("Y")};
    assert_ok(t, scan_next(t, &x, &key, &value, &found));
    assert_bytes_equal(t, key, BYTES_LITERAL("Xa"));
    assert_ok(t, scan_next(t, &y, &key, &value, &found));
    assert_bytes_equal(t, key, BYTES_LITERAL("Ya"));
    assert_ok(t, scan_next(t, &x, &key, &value, &found));
    assert_bytes_equal(t, key, BYTES_LITERAL("Xb"));
    assert_ok(t, scan_next(t, &x, &key, &value, &found));
    assert_false(found);
    struct scan again = {.view = view, .prefix = BYTES_LITERAL("X")}; /* takes over x's cursor */
    assert_ok(t, scan_next(t, &again, &key, &value, &found));
    assert_bytes_equal(t, key, BYTES_LITERAL("Xa"));
    assert_ok(t, scan_next(t, &y, &key, &value, &found));
    assert_bytes_equal(t, key, BYTES_LITERAL("Yb"));
    view_close(view);
    store_close(store);
}

/* ---- Limits and damage ---- */

static bool put_big(struct task *t, struct tx *tx, void *arg)
{
    const int *number = arg;
    return tx_put(t, tx, bytes_of_text(arena_printf(t->arena, "Xbig%d", *number)),
                  bytes_of_text(bytes_to_hex(t->arena, bytes_random(t->arena, 10000))));
}

static void full_map_refuses_and_recovers(void **state)
{
    struct task *t = test_task(state);
    struct store_options options = store_fixture_options(state);
    struct store *store = NULL;
    int number = 0;
    options.size = 1024UL * 1024;
    assert_ok(t, store_open(t, &options, &store));
    assert_false(store_alarm(store));
    while (number < 1000 && store_update(t, store, put_big, &number))
        number++;
    assert_ptr_equal(t->problem, E_STORE_FULL);
    assert_in_range(number, 20, 60);
    sleep_ms(1100); /* the alarm is looked at once a second */
    assert_true(store_alarm(store));
    assert_non_null(store_fixture_get(t, store, "Xbig0"));
    for (int i = 0; i < number; i++)
        store_fixture_delete(t, store, arena_printf(t->arena, "Xbig%d", i));
    sleep_ms(1100);
    assert_false(store_alarm(store));
    number = 0;
    assert_ok(t, store_update(t, store, put_big, &number));
    store_close(store);
}

static void second_writer_is_refused(void **state)
{
    struct task *t = test_task(state);
    const struct store_options options = store_fixture_options(state);
    struct store *store = store_fixture_open(state);
    struct store *second = NULL;
    assert_fails(t, store_open(t, &options, &second), E_STORE);
    assert_detail(t, "another process");
    store_close(store);
    assert_ok(t, store_open(t, &options, &second));
    store_close(second);
}

static void missing_store_is_not_made_unasked(void **state)
{
    struct task *t = test_task(state);
    struct store_options options = store_fixture_options(state);
    struct store *store = NULL;
    options.create = false;
    assert_fails(t, store_open(t, &options, &store), E_STORE);
    assert_detail(t, options.path);
    options.read_only = true;
    assert_fails(t, store_open(t, &options, &store), E_STORE);
    options.create = true; /* reading makes nothing either */
    assert_fails(t, store_open(t, &options, &store), E_STORE);
    assert_int_not_equal(access(options.path, F_OK), 0);
}

static void read_only_store_takes_no_updates(void **state)
{
    struct task *t = test_task(state);
    struct store_options options = store_fixture_options(state);
    struct store *store = store_fixture_open(state);
    store_fixture_put(t, store, "Xa", "1");
    store_close(store);
    options.read_only = true;
    assert_ok(t, store_open(t, &options, &store));
    assert_string_equal(store_fixture_get(t, store, "Xa"), "1");
    assert_fails(t, store_update(t, store, put_own_key, (void *)"Xb"), E_STORE);
    store_close(store);
}

static const char *data_file(void **state)
{
    return arena_printf(test_task(state)->arena, "%s/data.mdb", store_fixture_options(state).path);
}

static void foreign_file_is_damage(void **state)
{
    struct task *t = test_task(state);
    const struct store_options options = store_fixture_options(state);
    struct store *store = NULL;
    store_close(store_fixture_open(state));
    assert_ok(t, file_write(t, data_file(state), bytes_random(t->arena, 64UL * 1024), 0600));
    assert_fails(t, store_open(t, &options, &store), E_STORE_DAMAGED);
}

static void file_cut_short_is_damage_and_no_crash(void **state)
{
    struct task *t = test_task(state);
    const struct store_options options = store_fixture_options(state);
    struct store *store = store_fixture_open(state);
    for (int i = 0; i < 20; i++)
        assert_ok(t, store_update(t, store, put_big, &i));
    store_close(store);
    assert_int_equal(truncate(data_file(state), 16384), 0);
    assert_fails(t, store_open(t, &options, &store), E_STORE_DAMAGED);
}

static void committer_beats_when_idle(void **state)
{
    struct store *store = store_fixture_open(state);
    int64_t first = store_figures(store).last_beat;
    sleep_ms(1300);
    assert_true(store_figures(store).last_beat > first);
    store_close(store);
}

/* Random updates, every third failing half-way, against a model in memory. */
#define MODEL_KEYS 64

struct model_step {
    int keys[8];
    int values[8]; /* 0: delete */
    bool fails;
};

static bool apply_step(struct task *t, struct tx *tx, void *arg)
{
    const struct model_step *step = arg;
    for (size_t i = 0; i < ARRAY_SIZE(step->keys); i++) {
        struct bytes key = bytes_of_text(arena_printf(t->arena, "X%02d", step->keys[i]));
        uint8_t *value = arena_alloc(t->arena, (size_t)step->values[i] * 37);
        memset(value, step->values[i], (size_t)step->values[i] * 37);
        if (step->values[i] == 0)
            TRY(tx_delete(t, tx, key));
        else
            TRY(tx_put(t, tx, key, bytes_make(value, (size_t)step->values[i] * 37)));
        if (step->fails && i == 5)
            return fail(t, E_DENIED, "half-way");
    }
    return true;
}

static void random_updates_match_a_model(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    int model[MODEL_KEYS] = {0};
    unsigned seed = 20240607;
    for (int round = 0; round < 300; round++) {
        struct model_step step = {.fails = rand_r(&seed) % 3 == 0};
        for (size_t i = 0; i < ARRAY_SIZE(step.keys); i++) {
            step.keys[i] = rand_r(&seed) % MODEL_KEYS;
            step.values[i] = rand_r(&seed) % 4 == 0 ? 0 : rand_r(&seed) % 200;
        }
        assert_int_equal(store_update(t, store, apply_step, &step), !step.fails);
        for (size_t i = 0; i < ARRAY_SIZE(step.keys) && !step.fails; i++)
            model[step.keys[i]] = step.values[i];
    }
    store_close(store);
    store = store_fixture_open(state);
    for (int i = 0; i < MODEL_KEYS; i++) {
        const char *value = store_fixture_get(t, store, arena_printf(t->arena, "X%02d", i));
        assert_int_equal(value == NULL ? 0 : strlen(value), (size_t)model[i] * 37);
        assert_int_equal(value == NULL ? 0 : (unsigned char)value[0], model[i]);
    }
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(committed_values_outlive_reopening),
        UNIT_TEST(files_are_for_their_owner_only),
        UNIT_TEST(failed_update_leaves_nothing_and_its_own_problem),
        UNIT_TEST(key_lengths_are_bounded),
        UNIT_TEST(views_are_consistent_while_writes_go_on),
        UNIT_TEST(view_shows_what_was_committed_when_it_was_opened),
        UNIT_TEST(views_beyond_the_limit_are_refused_and_named),
        UNIT_TEST(scans_go_both_ways_within_their_prefix),
        UNIT_TEST(scans_of_one_view_do_not_disturb_one_another),
        UNIT_TEST(full_map_refuses_and_recovers),
        UNIT_TEST(second_writer_is_refused),
        UNIT_TEST(missing_store_is_not_made_unasked),
        UNIT_TEST(read_only_store_takes_no_updates),
        UNIT_TEST(foreign_file_is_damage),
        UNIT_TEST(file_cut_short_is_damage_and_no_crash),
        UNIT_TEST(committer_beats_when_idle),
        UNIT_TEST(random_updates_match_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
