/* What the committer needs from an engine.  lmdb.c is the embedded one, and the default. */
#ifndef GATEHOUSE_CORE_STORE_ENGINE_H
#define GATEHOUSE_CORE_STORE_ENGINE_H

#include "core/store/store.h"

struct engine_tx;     /* the engine's own: a transaction, nested or not */
struct engine_cursor; /* over a read transaction */

struct engine {
    const char *name;
    MUST_USE bool (*open)(struct task *t, const struct store_options *options, void **ret);
    void (*close)(void *engine);
    /* A write transaction, nested in `parent` when that is not NULL; one thread at a time. */
    MUST_USE bool (*begin)(struct task *t, void *engine, struct engine_tx *parent,
                           struct engine_tx **ret);
    /*
     * Durable when it returns (of a nested one: part of its parent).  Frees `tx` either way.  Fails
     * with E_BUSY when what it read has changed meanwhile: its function is run again.
     */
    MUST_USE bool (*commit)(struct task *t, struct engine_tx *tx);
    void (*abort)(struct engine_tx *tx);
    /* A read transaction, from any thread. */
    MUST_USE bool (*view)(struct task *t, void *engine, struct engine_tx **ret);
    /* `ret` is borrowed from the transaction until its next change; absent when not there. */
    MUST_USE bool (*get)(struct task *t, struct engine_tx *tx, struct bytes key, struct bytes *ret);
    MUST_USE bool (*put)(struct task *t, struct engine_tx *tx, struct bytes key,
                         struct bytes value);
    MUST_USE bool (*del)(struct task *t, struct engine_tx *tx, struct bytes key);
    MUST_USE bool (*cursor)(struct task *t, struct engine_tx *tx, struct engine_cursor **ret);
    void (*cursor_close)(struct engine_cursor *cursor);
    /* First key at or after `key` (backwards: at or before).  Absent key: none. */
    MUST_USE bool (*seek)(struct task *t, struct engine_cursor *cursor, struct bytes key,
                          bool backwards, struct bytes *ret_key, struct bytes *ret_value);
    MUST_USE bool (*step)(struct task *t, struct engine_cursor *cursor, bool backwards,
                          struct bytes *ret_key, struct bytes *ret_value);
    void (*figures)(void *engine, struct store_figures *ret);
    /* Something that changes when the store is copied elsewhere, and not otherwise. */
    MUST_USE bool (*home)(struct task *t, void *engine, struct bytes *ret);
};

extern const struct engine lmdb_engine;

/* As store_open(), with another engine than the embedded one. */
MUST_USE bool store_open_on(struct task *t, const struct engine *engine,
                            const struct store_options *options, struct store **ret);

#endif
