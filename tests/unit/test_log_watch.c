/* Records of what is watched and fetched ahead: logs that were seen, stored vouchers, restores. */
#include "core/base/clock.h"
#include "core/store/records/device.h"
#include "core/store/records/event.h"
#include "core/store/records/log_watch.h"
#include "core/store/records/restoration.h"
#include "core/store/records/stored_voucher.h"
#include "tests/unit/store_fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct scene {
    struct task *t;
    struct store *store;
};

static void close_store(void *object)
{
    store_close(object);
}

static struct scene scene_open(void **state)
{
    struct scene s = {.t = test_task(state), .store = store_fixture_open(state)};
    ARENA_DEFER(s.t->arena, close_store, s.store);
    return s;
}

static const struct bytes device = BYTES_LITERAL("0123456789abcdef");

/* ---- Logs that were seen ---- */

struct keeping {
    struct bytes octets;
    const char *problem;
    bool new;
};

static bool keep_fn(struct task *t, struct tx *tx, void *arg)
{
    struct keeping *keeping = arg;
    struct log_watch watch;
    struct seen_log seen;
    record_init(t, &seen_log_type, &seen);
    seen.problem = keeping->problem;
    TRY(log_watch_get(t, tx_reader(tx), device, &watch));
    TRY(log_watch_keep(t, tx, &watch, keeping->octets, &seen, &keeping->new));
    return table_put(t, tx, &log_watches, &watch);
}

/* True when it was not there before. */
static bool keep(const struct scene *s, struct bytes octets, const char *problem)
{
    struct keeping keeping = {octets, problem, false};
    assert_ok(s->t, store_update(s->t, s->store, keep_fn, &keeping));
    return keeping.new;
}

static struct log_watch watch_of(const struct scene *s)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct log_watch watch;
    assert_ok(s->t, view_open(s->t, s->store, &view));
    assert_ok(s->t, log_watch_get(s->t, view_reader(view), device, &watch));
    return watch;
}

/* The octets that are kept under the digest of these; absent when they are not. */
static struct bytes kept(const struct scene *s, struct bytes octets, struct seen_log *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct log_watch watch = watch_of(s);
    struct bytes found = BYTES_ABSENT;
    bool is = false;
    assert_ok(s->t, view_open(s->t, s->store, &view));
    assert_ok(s->t, log_watch_find(s->t, view_reader(view), &watch,
                                   bytes_sha256(s->t->arena, octets), ret, &found, &is));
    return is ? found : BYTES_ABSENT;
}

static void each_distinct_log_is_kept_once(void **state)
{
    struct scene s = scene_open(state);
    struct seen_log seen;
    const struct bytes one = BYTES_LITERAL("one");
    const struct bytes two = BYTES_LITERAL("two");
    assert_null(log_watch_latest(&(struct log_watch){.due = 0}));
    assert_true(keep(&s, one, "bad"));
    assert_true(keep(&s, two, NULL));
    assert_false(keep(&s, one, NULL));
    struct log_watch watch = watch_of(&s);
    assert_int_equal(watch.logs.count, 2);
    assert_bytes_equal(s.t, log_watch_latest(&watch)->sha256, bytes_sha256(s.t->arena, one));
    assert_bytes_equal(s.t, kept(&s, one, &seen), one);
    assert_int_equal(seen.times, 2);
    assert_null(seen.problem);
    assert_true(seen.first_seen <= seen.last_seen);
    assert_bytes_equal(s.t, kept(&s, two, &seen), two);
    assert_int_equal(seen.times, 1);
}

static struct bytes numbered(const struct scene *s, int number, size_t size)
{
    uint8_t *octets = arena_alloc(s->t->arena, size);
    memset(octets, number, size);
    return bytes_make(octets, size);
}

static void many_logs_make_the_oldest_go(void **state)
{
    enum { MANY = LOGS_KEPT_MAX + 5 };
    struct scene s = scene_open(state);
    struct seen_log seen;
    for (int i = 0; i < MANY; i++)
        assert_true(keep(&s, numbered(&s, i, 10), NULL));
    assert_int_equal(watch_of(&s).logs.count, LOGS_KEPT_MAX);
    for (int i = 0; i < MANY; i++) {
        struct bytes octets = kept(&s, numbered(&s, i, 10), &seen);
        assert_int_equal(bytes_present(octets), i >= MANY - LOGS_KEPT_MAX);
        if (bytes_present(octets))
            assert_bytes_equal(s.t, octets, numbered(&s, i, 10));
    }
}

static void big_logs_make_the_oldest_go(void **state)
{
    struct scene s = scene_open(state);
    struct seen_log seen;
    const size_t third = LOGS_KEPT_SIZE_MAX / 3;
    for (int i = 0; i < 5; i++)
        assert_true(keep(&s, numbered(&s, i, third), NULL));
    assert_int_equal(watch_of(&s).logs.count, 3);
    assert_false(bytes_present(kept(&s, numbered(&s, 1, third), &seen)));
    assert_int_equal(kept(&s, numbered(&s, 4, third), &seen).len, third);
}

static bool forget_fn(struct task *t, struct tx *tx, void *arg)
{
    (void)arg;
    return table_delete(t, tx, &log_watches, device);
}

static void forgotten_watch_leaves_nothing(void **state)
{
    struct scene s = scene_open(state);
    struct seen_log seen;
    assert_true(keep(&s, BYTES_LITERAL("one"), NULL));
    assert_ok(s.t, store_update(s.t, s.store, forget_fn, NULL));
    assert_int_equal(watch_of(&s).logs.count, 0);
    assert_false(bytes_present(kept(&s, BYTES_LITERAL("one"), &seen)));
}

/* ---- Stored vouchers ---- */

static bool store_fn_of(struct task *t, struct tx *tx, void *arg)
{
    (void)arg;
    struct stored_voucher stored;
    record_init(t, &stored_voucher_type, &stored);
    stored.manufacturer = "maker";
    stored.serial = "PHONE-1";
    stored.idevid_issuer = BYTES_LITERAL("issuer");
    stored.media_type = "application/voucher-cms+json";
    stored.state = STORED_VOUCHER_HELD;
    stored.due = 7;
    stored.requests = 3;
    TRY(table_put(t, tx, &stored_vouchers, &stored));
    return blob_put(t, tx, &stored_vouchers, expected_key(t->arena, "maker", "PHONE-1"),
                    STORED_VOUCHER_BLOB_VOUCHER, BYTES_LITERAL("voucher"));
}

static bool remove_fn(struct task *t, struct tx *tx, void *arg)
{
    (void)arg;
    return stored_voucher_remove(t, tx, "maker", "PHONE-1");
}

static bool destroy_fn(struct task *t, struct tx *tx, void *arg)
{
    (void)arg;
    return stored_voucher_destroy(t, tx, "maker", "PHONE-1");
}

static void assert_stored(const struct scene *s, bool there, uint64_t requests)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct stored_voucher stored;
    struct bytes voucher;
    uint64_t count = 99;
    bool found = !there;
    assert_ok(s->t, view_open(s->t, s->store, &view));
    struct reader *r = view_reader(view);
    assert_ok(s->t, stored_voucher_find(s->t, r, "maker", "PHONE-1", &stored, &found));
    assert_int_equal(found, there);
    assert_ok(s->t, stored_voucher_requests(s->t, r, "maker", "PHONE-1", &count));
    assert_int_equal(count, requests);
    assert_ok(s->t,
              blob_get(s->t, r, &stored_vouchers, expected_key(s->t->arena, "maker", "PHONE-1"),
                       STORED_VOUCHER_BLOB_VOUCHER, &voucher));
    assert_int_equal(bytes_present(voucher), there);
}

static void removed_voucher_is_remembered_as_asked_for(void **state)
{
    struct scene s = scene_open(state);
    assert_stored(&s, false, 0);
    assert_ok(s.t, store_update(s.t, s.store, store_fn_of, NULL));
    assert_stored(&s, true, 3);
    assert_ok(s.t, store_update(s.t, s.store, remove_fn, NULL));
    assert_stored(&s, false, 3);
    assert_ok(s.t, store_update(s.t, s.store, remove_fn, NULL)); /* no failure */
    assert_stored(&s, false, 3);
}

static void destroyed_voucher_leaves_nothing(void **state)
{
    struct scene s = scene_open(state);
    assert_ok(s.t, store_update(s.t, s.store, store_fn_of, NULL));
    assert_ok(s.t, store_update(s.t, s.store, destroy_fn, NULL));
    assert_stored(&s, false, 0);
    assert_ok(s.t, store_update(s.t, s.store, destroy_fn, NULL));
}

/* ---- Restores ---- */

static bool event_fn(struct task *t, struct tx *tx, void *arg)
{
    struct event event;
    record_init(t, &event_type, &event);
    event.name = "something";
    event.at = *(const int64_t *)arg;
    event.device = device;
    return event_add(t, tx, &event);
}

static struct restoration_list restorations_of(struct task *t, struct store *store)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct restoration_list list = {NULL, 99};
    assert_ok(t, view_open(t, store, &view));
    assert_ok(t, restorations_read(t, view, &list));
    return list;
}

/* As when a backup is put in its place: the same octets in another file. */
static void replace_file(struct task *t, void **state)
{
    const char *path = store_fixture_options(state).path;
    const char *old = arena_printf(t->arena, "%s/data.mdb", path);
    const char *aside = arena_printf(t->arena, "%s/aside", path);
    const char *copy = arena_printf(t->arena, "cp %s %s && rm %s && cp %s %s && rm %s", old, aside,
                                    old, aside, old, aside);
    assert_int_equal(system(copy), 0); /* NOLINT */
}

static void restored_store_tells_of_which_time_it_knows_nothing(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    int64_t early = clock_wall() - DAY_MS;
    int64_t late = clock_wall() - HOUR_MS;
    assert_ok(t, store_update(t, store, event_fn, &early));
    assert_ok(t, store_update(t, store, event_fn, &late));
    assert_int_equal(restorations_of(t, store).count, 0);
    store_close(store);
    replace_file(t, state);
    int64_t before = clock_wall();
    store = store_fixture_open(state);
    struct restoration_list list = restorations_of(t, store);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].from, late);
    assert_in_range(list.items[0].to, before, clock_wall());
    store_close(store);
    replace_file(t, state); /* nothing has happened since the first time */
    store = store_fixture_open(state);
    list = restorations_of(t, store);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.items[0].from, late);
    assert_true(list.items[0].to >= list.items[1].to);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(each_distinct_log_is_kept_once),
        UNIT_TEST(many_logs_make_the_oldest_go),
        UNIT_TEST(big_logs_make_the_oldest_go),
        UNIT_TEST(forgotten_watch_leaves_nothing),
        UNIT_TEST(removed_voucher_is_remembered_as_asked_for),
        UNIT_TEST(destroyed_voucher_leaves_nothing),
        UNIT_TEST(restored_store_tells_of_which_time_it_knows_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
