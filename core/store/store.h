/*
 * The store: octets under keys, durable before acknowledged.
 *
 * One committer thread stands above the engine.  store_update() queues a function; the committer
 * runs many of them in one engine transaction, each in a nested one of its own so that one can
 * fail alone, and syncs once for all.  The function gets, puts and deletes named keys, and does
 * nothing else: no ranges, no I/O, no locks, no waiting.  It may be run more than once; each time
 * the task's arena is rewound and its problem forgotten first.  The contract fits an embedded
 * engine and a clustered one (one compare-and-swap per function) alike.
 */
#ifndef GATEHOUSE_CORE_STORE_STORE_H
#define GATEHOUSE_CORE_STORE_STORE_H

#include "core/base/task.h"
#include "core/store/problems.h"

#define STORE_KEY_MAX 480 /* octets; the engine's own bound is a little higher */

struct store;
struct engine; /* see engine.h */

/* What can be read from, inside an update and in a view. */
struct reader;
struct tx;
struct view;

struct store_options {
    const char *path;       /* folder; made when `create` */
    uint64_t size;          /* octets of the sparse map */
    unsigned readers;       /* views open at once, in all threads */
    unsigned batch;         /* most updates in one commit */
    int64_t gather;         /* ms that a commit waits for more updates, when there were several */
    unsigned alarm_percent; /* fill at which store_alarm() turns true */
    bool create;
    bool read_only; /* no committer; another process may be writing */
};

/* Opens with the embedded engine; starts the committer.  Fails with E_STORE, E_STORE_DAMAGED. */
MUST_USE bool store_open(struct task *t, const struct store_options *options, struct store **ret);
/* Finishes what is queued, syncs and closes.  Accepts NULL. */
void store_close(struct store *store);

typedef bool (*store_fn)(struct task *t, struct tx *tx, void *arg);
/*
 * Runs `fn` and returns when its effects are durable, or false when it failed (its own problem)
 * or could not be made durable (E_STORE, E_STORE_FULL); then nothing of it is there.  The caller
 * waits, so `fn` may use the caller's task, arena and `arg`; it runs on the committer's thread.
 */
MUST_USE bool store_update(struct task *t, struct store *store, store_fn fn, void *arg);

struct reader *tx_reader(struct tx *tx);
/* `value` may be empty, not absent. */
MUST_USE bool tx_put(struct task *t, struct tx *tx, struct bytes key, struct bytes value);
/* Deleting what is not there is no failure. */
MUST_USE bool tx_delete(struct task *t, struct tx *tx, struct bytes key);

/* A copy in the task's arena; absent when there is no such key. */
MUST_USE bool reader_get(struct task *t, struct reader *r, struct bytes key, struct bytes *ret);

/* A consistent look at what is committed.  Close it soon: old pages are kept while it is open. */
MUST_USE bool view_open(struct task *t, struct store *store, struct view **ret);
/* Accepts NULL. */
void view_close(struct view *view);
void view_cleanup(struct view **view);
struct reader *view_reader(struct view *view);

/* Keys that start with a prefix, in octet order, or backwards. */
struct scan {
    struct view *view;
    struct bytes prefix;
    struct bytes from; /* start here (inclusive) rather than at the prefix; absent: all of it */
    bool backwards;
    void *cursor; /* the engine's; closed with the view */
};
/* False in *ret_found at the end; key and value are copies in the task's arena. */
MUST_USE bool scan_next(struct task *t, struct scan *scan, struct bytes *ret_key,
                        struct bytes *ret_value, bool *ret_found);

/*
 * The audit trail, append-only: `payload` is kept under the next sequence number and linked by the
 * committer to what came before, over a digest of the payload, so that a payload can be forgotten
 * without breaking the chain.  `subject` (may be absent; SUBJECT_LEN octets otherwise) files it in
 * that subject's timeline.  See audit.h for reading.
 */
#define SUBJECT_LEN 16
MUST_USE bool tx_audit(struct task *t, struct tx *tx, struct bytes subject, struct bytes payload);

struct store_figures {
    uint64_t commits;  /* engine transactions made durable */
    uint64_t updates;  /* functions that took effect */
    uint64_t used;     /* octets in use */
    uint64_t size;     /* octets of the map */
    int64_t last_beat; /* clock_monotonic() when the committer last came round: for the watchdog */
};
struct store_figures store_figures(struct store *store);
/* True when the store has filled beyond its alarm mark. */
bool store_alarm(struct store *store);

#endif
