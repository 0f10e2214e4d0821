/*
 * Orders: the one mechanism behind retries, slow MASAs and CAs, human approval and crashes.
 *
 * A handler checks, submits and waits; it never touches the network itself.  A runner thread
 * executes the order from its record, so that the normal way and recovery after a crash are one
 * way.  Anyone who asks the same joins the same order.
 */
#ifndef GATEHOUSE_CORE_ORDER_ORDER_H
#define GATEHOUSE_CORE_ORDER_ORDER_H

#include "core/order/problems.h"
#include "core/store/table.h"

enum order_state {
    ORDER_WAITING, /* for an administrator's approval */
    ORDER_READY,   /* to be run when due */
    ORDER_RUNNING, /* a runner has it; after a crash: to be run again */
    ORDER_DONE,    /* the result is there */
    ORDER_REFUSED, /* with a problem; may be lifted or final */
};

struct order {
    struct bytes id;       /* id_make(); the key */
    const char *kind;      /* name of an order_kind */
    struct bytes identity; /* SHA-256; two live orders never share one */
    unsigned int state;    /* enum order_state */
    struct bytes device;
    struct bytes episode;
    const char *peer; /* whose share of the runners it takes: "masa:host:port", "ca:local" */
    int64_t created;
    int64_t updated;
    int64_t due;      /* wall clock: not to be run before */
    int64_t expires;  /* wall clock: given up then */
    int64_t finished; /* done or refused; 0: not yet */
    uint64_t attempts;
    const char *problem; /* refused: why; ready: why the last attempt did not get there */
    const char *detail;
    bool liftable; /* refused, but an administrator can change that: asking again runs it again */
    const char *result_type; /* media type of the result */
    const char *decided_by;
    struct record_rest rest;
};
enum {
    ORDER_BLOB_REQUEST = 1, /* what is to be done, for the kind to read */
    ORDER_BLOB_WORK = 2,    /* the kind's own state between steps, opaque to all others */
    ORDER_BLOB_RESULT = 3,
};

extern const struct record_type order_type;
extern const struct table order_table;
extern const struct table_index order_table_by_device; /* device id; then in order of time */
extern const char *const order_state_names[];

/* Neither done nor refused. */
bool order_is_open(const struct order *order);

struct orders; /* the queue and its runners */

/* One run of one order. */
struct order_run {
    const struct order *order;
    struct bytes request;
    struct bytes work; /* what order_save_work() stored last; absent: nothing yet */
    void *context;     /* the kind's, from order_kinds */
    struct orders *orders;
    int outcome; /* the engine's: which outcome was recorded */
};

struct order_kind {
    const char *name;
    /*
     * Carries the order out as far as it gets, in an arena of its own, and records exactly one
     * outcome: order_done(), order_refuse() or order_retry().  Returning false without one is a
     * defect or a failing store: the order is tried again later, and the problem logged.
     */
    bool (*run)(struct task *t, struct order_run *run);
    /* Whether a finished order's result may still be handed out; NULL: yes, within the window. */
    MUST_USE bool (*replayable)(struct task *t, struct reader *r, const struct order *order,
                                bool *ret);
    /*
     * Written in the update that gives an order up, after its time; NULL: nothing.  The order is as
     * it became: its problem and detail say why nothing came of it.
     */
    MUST_USE bool (*given_up)(struct task *t, struct tx *tx, const struct order *order);
    /*
     * Its runs look for themselves whether they are still wanted, before each step and at the end,
     * and record what the peer has done meanwhile (a certificate that nobody gets): such an order
     * is not cancelled, but left to its own end.
     */
    bool ends_itself;
};

/*
 * Stores the kind's state, and whatever `also` writes, before what it says is sent: after a crash
 * the next run finds it in `run->work`.  `also` may be NULL.
 */
MUST_USE bool order_save_work(struct task *t, struct order_run *run, struct bytes work,
                              store_fn also, void *arg);
MUST_USE bool order_done(struct task *t, struct order_run *run, const char *media_type,
                         struct bytes result, store_fn also, void *arg);
/* Refuses with the task's problem, which is forgotten. */
MUST_USE bool order_refuse(struct task *t, struct order_run *run, bool liftable, store_fn also,
                           void *arg);
/*
 * Tries again later because of the task's problem, which is forgotten: after `after` ms, or when
 * that is 0 after a time that doubles from orders.retry_first to orders.retry_most.
 */
MUST_USE bool order_retry(struct task *t, struct order_run *run, int64_t after, store_fn also,
                          void *arg);

struct order_options {
    unsigned runners;          /* threads in all */
    unsigned runners_per_peer; /* one peer's share */
    unsigned pending;          /* open orders in all: beyond, E_ORDERS_FULL */
    int64_t lifetime;          /* ms an order is tried before it is given up */
    int64_t replay;            /* ms a result is handed out again */
    int64_t retention;         /* ms a finished order is kept */
    int64_t retry_first;
    int64_t retry_most;
    int64_t run_limit; /* ms one run may take: the run's task deadline */
};

/* `kinds` and their contexts (same order; ends with a NULL kind) are borrowed. */
struct order_kind_entry {
    const struct order_kind *kind;
    void *context;
};
/* Queues what the store holds unfinished, and starts the runners. */
MUST_USE bool orders_start(struct task *t, struct store *store, const struct order_options *options,
                           const struct order_kind_entry *kinds, struct orders **ret);
/*
 * Stops: no new runs begin, waiters are released, running ones get until `deadline`
 * (clock_monotonic ms; their tasks' deadlines are cut to a little less, so that they can record
 * what came of them).  False when some were left running: then nothing is freed, and the process
 * should end.
 */
bool orders_stop(struct orders *orders, int64_t deadline);

struct order_request {
    const struct order_kind *kind;
    struct bytes identity;
    struct bytes device;
    struct bytes episode;
    const char *peer;
    struct bytes request;
    struct bytes work;   /* the kind's state to begin with; absent: none */
    int64_t due;         /* 0: now */
    int64_t changed;     /* wall clock: when that on which a refusal may hang was last changed */
    bool needs_approval; /* begins as ORDER_WAITING */
    bool follows;        /* placed by the outcome of an open order, whose place it takes */
    /*
     * Written in the same update when a new order is made (not when one is joined); called with
     * `arg`, which may hold a place for the order's id: see order_submit().
     */
    store_fn also;
    void *arg;
};
enum order_join { ORDER_NEW, ORDER_JOINED };
/*
 * Durable when it returns.  Joins a live order of the same identity, or one that is finished and
 * may be replayed or stays refused.  One with a refusal that may be lifted is run again, with the
 * work it has, though not sooner than any order that failed is tried again, unless `changed` is
 * later than the refusal; one that has outlived its time makes way for a new record.  `ret_id` is
 * set before `also` runs.
 */
MUST_USE bool order_submit(struct task *t, struct orders *orders,
                           const struct order_request *request, struct bytes *ret_id,
                           enum order_join *ret_join);
/*
 * The same inside somebody else's update, so that one order's outcome can bring the next.  After
 * the update has succeeded call orders_wake(): the queue reads it from the store.
 */
MUST_USE bool order_submit_in(struct task *t, struct tx *tx, struct orders *orders,
                              const struct order_request *request, struct bytes *ret_id,
                              enum order_join *ret_join);
void orders_wake(struct orders *orders, struct bytes id);

/*
 * Somebody needs the order now: a ready one is run before it is due, but not sooner than
 * `retry_first` after an attempt that failed.  Nothing is written; any other order is left alone.
 */
void order_hasten(struct orders *orders, struct bytes id);

#define ORDER_WAITERS_MAX 4 /* for one order; one device must not keep every request busy */
/*
 * The order as it stands when it is finished, or after `wait` ms (bounded by the deadline); at once
 * when ORDER_WAITERS_MAX others wait for it.
 */
MUST_USE bool order_wait(struct task *t, struct orders *orders, struct bytes id, int64_t wait,
                         struct order *ret, struct bytes *ret_result);

/*
 * An administrator's word on a waiting order, or (approve only) on a liftable refusal, and whatever
 * `also` (may be NULL) writes about it.
 */
MUST_USE bool order_decide(struct task *t, struct orders *orders, struct bytes id, bool approve,
                           const char *by, store_fn also, void *arg);

/* The same inside somebody else's update; call orders_wake() when it is through. */
MUST_USE bool order_decide_in(struct task *t, struct tx *tx, struct orders *orders, struct bytes id,
                              bool approve, const char *by);
/*
 * Inside an update: nobody needs the order any more.  It is refused for good with this problem,
 * and what a runner is about to record of it is not recorded.  An order that is finished, not
 * there, or of a kind that ends itself, stays as it is: order_hasten() brings that one to its end.
 * Call orders_wake() when the update is through.
 */
MUST_USE bool order_cancel_in(struct task *t, struct tx *tx, struct orders *orders, struct bytes id,
                              const struct problem_kind *kind, const char *detail);
/* Whether the order is of such a kind. */
bool order_ends_itself(const struct orders *orders, const struct order *order);

struct order_figures {
    unsigned open; /* ready, running or waiting */
    unsigned running;
    unsigned threads;
    int64_t oldest_due; /* wall clock of the longest overdue; 0: none */
    int64_t last_beat;  /* clock_monotonic() of the dispatcher: for the watchdog */
};
struct order_figures order_figures(struct orders *orders);

#endif
