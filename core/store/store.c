#include "core/store/store.h"

#include "core/base/clock.h"
#include "core/store/internal.h"

#include <stdatomic.h>
#include <string.h>

/* The free pages are counted anew at most this often. */
#define ALARM_CHECK_MS SECOND_MS

DEFINE_PROBLEMS(store_problems, STORE_PROBLEMS)

struct store {
    struct arena *arena; /* holds this */
    const struct engine *engine;
    void *handle;
    struct committer *committer; /* NULL: read-only */
    unsigned alarm_percent;
    atomic_int_least64_t alarm_checked; /* clock_monotonic(); 0: never */
    atomic_bool alarm;
};

/* A cursor of a view: in use by one scan, or idle. */
struct view_cursor {
    struct engine_cursor *cursor;
    struct view_cursor *next_idle;
};

/* Lives in an arena of its own; closing that closes the cursors and the transaction. */
struct view {
    struct arena *arena;
    struct reader reader;
    struct view_cursor *idle;
};

static bool check_options(struct task *t, const struct store_options *options)
{
    ENSURE(t, options->readers > 0, E_INVALID, "store.readers must be at least 1");
    ENSURE(t, options->read_only || options->size > 0, E_INVALID, "store.size must not be 0");
    ENSURE(t, options->read_only || options->batch > 0, E_INVALID,
           "store.batch must be at least 1");
    return true;
}

bool store_open_on(struct task *t, const struct engine *engine, const struct store_options *options,
                   struct store **ret)
{
    void *handle;
    struct committer *committer = NULL;
    TRY(check_options(t, options));
    TRY(engine->open(t, options, &handle));
    if (!options->read_only && !committer_start(t, engine, handle, options, &committer)) {
        engine->close(handle);
        return false;
    }
    struct arena *arena = arena_create();
    struct store *store = arena_alloc(arena, sizeof(*store));
    store->arena = arena;
    store->engine = engine;
    store->handle = handle;
    store->committer = committer;
    store->alarm_percent = options->alarm_percent;
    *ret = store;
    return true;
}

bool store_open(struct task *t, const struct store_options *options, struct store **ret)
{
    return store_open_on(t, &lmdb_engine, options, ret);
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    committer_stop(store->committer);
    store->engine->close(store->handle);
    arena_destroy(store->arena);
}

bool store_update(struct task *t, struct store *store, store_fn fn, void *arg)
{
    ENSURE(t, store->committer != NULL, E_STORE, "the store was opened for reading only");
    return committer_update(t, store->committer, fn, arg);
}

struct bytes key_join(struct arena *arena, uint8_t prefix, struct bytes first, struct bytes second)
{
    const struct bytes parts[] = {bytes_make(&prefix, 1), first, second};
    return bytes_concat(arena, parts, ARRAY_SIZE(parts));
}

static bool check_key(struct task *t, struct bytes key)
{
    ENSURE(t, key.len > 0 && key.len <= STORE_KEY_MAX, E_INVALID,
           "a key of %zu octets; the store takes 1 to %d", key.len, STORE_KEY_MAX);
    return true;
}

struct reader *tx_reader(struct tx *tx)
{
    return &tx->reader;
}

bool tx_put(struct task *t, struct tx *tx, struct bytes key, struct bytes value)
{
    TRY(check_key(t, key));
    ENSURE(t, bytes_present(value), E_INTERNAL, "an absent value cannot be stored");
    return tx->reader.engine->put(t, tx->reader.tx, key, value);
}

bool tx_delete(struct task *t, struct tx *tx, struct bytes key)
{
    TRY(check_key(t, key));
    return tx->reader.engine->del(t, tx->reader.tx, key);
}

bool tx_audit(struct task *t, struct tx *tx, struct bytes subject, struct bytes payload)
{
    ENSURE(t, !bytes_present(subject) || subject.len == SUBJECT_LEN, E_INTERNAL,
           "an audit subject of %zu octets", subject.len);
    ENSURE(t, bytes_present(payload), E_INTERNAL, "an audit entry without payload");
    struct audit_draft *draft = arena_alloc(t->arena, sizeof(*draft));
    *draft =
        (struct audit_draft){bytes_copy(t->arena, subject), bytes_copy(t->arena, payload), NULL};
    *tx->last_draft = draft;
    tx->last_draft = &draft->next;
    return true;
}

bool reader_get(struct task *t, struct reader *r, struct bytes key, struct bytes *ret)
{
    struct bytes value;
    TRY(check_key(t, key));
    TRY(r->engine->get(t, r->tx, key, &value));
    *ret = bytes_present(value) ? bytes_copy(t->arena, value) : BYTES_ABSENT;
    return true;
}

bool view_open(struct task *t, struct store *store, struct view **ret)
{
    struct engine_tx *tx;
    TRY(store->engine->view(t, store->handle, &tx));
    struct arena *arena = arena_create();
    struct view *view = arena_alloc(arena, sizeof(*view));
    *view = (struct view){.arena = arena, .reader = {store->engine, tx}};
    ARENA_DEFER(arena, store->engine->abort, tx);
    *ret = view;
    return true;
}

void view_close(struct view *view)
{
    if (view != NULL)
        arena_destroy(view->arena);
}

void view_cleanup(struct view **view)
{
    view_close(*view);
    *view = NULL;
}

struct reader *view_reader(struct view *view)
{
    return &view->reader;
}

static bool take_cursor(struct task *t, struct view *view, struct view_cursor **ret)
{
    struct engine_cursor *cursor;
    if (view->idle != NULL) {
        *ret = view->idle;
        view->idle = (*ret)->next_idle;
        return true;
    }
    TRY(view->reader.engine->cursor(t, view->reader.tx, &cursor));
    ARENA_DEFER(view->arena, view->reader.engine->cursor_close, cursor);
    *ret = arena_alloc(view->arena, sizeof(**ret));
    (*ret)->cursor = cursor;
    return true;
}

/* At or after every key of the scan. */
static struct bytes last_place(struct arena *arena, struct bytes prefix)
{
    uint8_t *place = arena_alloc(arena, STORE_KEY_MAX);
    memset(place, 0xFF, STORE_KEY_MAX);
    if (prefix.len > 0)
        memcpy(place, prefix.data, prefix.len);
    return bytes_make(place, STORE_KEY_MAX);
}

/* Where to start: `from`, but not outside of what the prefix covers. */
static struct bytes first_place(struct arena *arena, const struct scan *scan)
{
    struct bytes begin = bytes_present(scan->prefix) ? scan->prefix : BYTES_LITERAL("");
    struct bytes end = last_place(arena, begin);
    if (!bytes_present(scan->from))
        return scan->backwards ? end : begin;
    if (bytes_compare(scan->from, begin) < 0)
        return begin;
    return bytes_compare(scan->from, end) > 0 ? end : scan->from;
}

static bool scan_step(struct task *t, struct scan *scan, struct bytes *ret_key,
                      struct bytes *ret_value)
{
    const struct engine *engine = scan->view->reader.engine;
    if (scan->cursor != NULL) {
        struct view_cursor *at = scan->cursor;
        return engine->step(t, at->cursor, scan->backwards, ret_key, ret_value);
    }
    struct view_cursor *at;
    TRY(take_cursor(t, scan->view, &at));
    scan->cursor = at;
    return engine->seek(t, at->cursor, first_place(t->arena, scan), scan->backwards, ret_key,
                        ret_value);
}

/* The cursor is another scan's from now on; a scan without view is at its end. */
static void scan_end(struct scan *scan)
{
    struct view_cursor *at = scan->cursor;
    at->next_idle = scan->view->idle;
    scan->view->idle = at;
    scan->cursor = NULL;
    scan->view = NULL;
}

bool scan_next(struct task *t, struct scan *scan, struct bytes *ret_key, struct bytes *ret_value,
               bool *ret_found)
{
    struct bytes key = BYTES_ABSENT;
    struct bytes value = BYTES_ABSENT;
    if (scan->view != NULL)
        TRY(scan_step(t, scan, &key, &value));
    *ret_found = bytes_present(key) && bytes_start_with(key, scan->prefix);
    if (!*ret_found) {
        if (scan->view != NULL)
            scan_end(scan);
        return true;
    }
    *ret_key = bytes_copy(t->arena, key);
    *ret_value = bytes_copy(t->arena, value);
    return true;
}

struct store_figures store_figures(struct store *store)
{
    struct store_figures figures = {0};
    store->engine->figures(store->handle, &figures);
    if (store->committer != NULL)
        committer_figures(store->committer, &figures);
    return figures;
}

bool store_alarm(struct store *store)
{
    int64_t now = clock_monotonic();
    int64_t checked = atomic_load(&store->alarm_checked);
    if ((checked == 0 || now - checked >= ALARM_CHECK_MS) &&
        atomic_compare_exchange_strong(&store->alarm_checked, &checked, now)) {
        struct store_figures figures = {0};
        store->engine->figures(store->handle, &figures);
        atomic_store(&store->alarm, figures.used > figures.size / 100 * store->alarm_percent);
    }
    return atomic_load(&store->alarm);
}
