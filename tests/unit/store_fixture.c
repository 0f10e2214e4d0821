#include "tests/unit/store_fixture.h"

#include <time.h>

struct store_options store_fixture_options(void **state)
{
    return (struct store_options){
        .path = arena_printf(test_task(state)->arena, "%s/store", test_folder(state)),
        .size = 16UL * 1024 * 1024,
        .readers = 32,
        .batch = 64,
        .alarm_percent = 80,
        .create = true,
    };
}

struct store *store_fixture_open(void **state)
{
    struct task *t = test_task(state);
    const struct store_options options = store_fixture_options(state);
    struct store *store = NULL;
    assert_ok(t, store_open(t, &options, &store));
    return store;
}

struct pair {
    struct bytes key;
    struct bytes value;
};

static bool put_pair(struct task *t, struct tx *tx, void *arg)
{
    const struct pair *pair = arg;
    if (!bytes_present(pair->value))
        return tx_delete(t, tx, pair->key);
    return tx_put(t, tx, pair->key, pair->value);
}

void store_fixture_put(struct task *t, struct store *store, const char *key, const char *value)
{
    struct pair pair = {bytes_of_text(key), bytes_of_text(value)};
    assert_ok(t, store_update(t, store, put_pair, &pair));
}

void store_fixture_delete(struct task *t, struct store *store, const char *key)
{
    store_fixture_put(t, store, key, NULL);
}

const char *store_fixture_get(struct task *t, struct store *store, const char *key)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct bytes value = BYTES_ABSENT;
    assert_ok(t, view_open(t, store, &view));
    assert_ok(t, reader_get(t, view_reader(view), bytes_of_text(key), &value));
    return bytes_present(value) ? bytes_to_text(t->arena, value) : NULL;
}

void store_fixture_damage(void **state, struct bytes key, struct bytes value)
{
    struct task *t = test_task(state);
    const struct store_options options = store_fixture_options(state);
    void *handle = NULL;
    struct engine_tx *tx = NULL;
    assert_ok(t, lmdb_engine.open(t, &options, &handle));
    assert_ok(t, lmdb_engine.begin(t, handle, NULL, &tx));
    if (bytes_present(value))
        assert_ok(t, lmdb_engine.put(t, tx, key, value));
    else
        assert_ok(t, lmdb_engine.del(t, tx, key));
    assert_ok(t, lmdb_engine.commit(t, tx));
    lmdb_engine.close(handle);
}

void sleep_ms(long ms)
{
    const struct timespec span = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&span, NULL);
}
