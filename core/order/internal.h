/* What the sources of this room share with one another and with nobody else. */
#ifndef GATEHOUSE_CORE_ORDER_INTERNAL_H
#define GATEHOUSE_CORE_ORDER_INTERNAL_H

#include "core/base/condition.h"
#include "core/order/order.h"
#include "core/order/queue.h"

#include <stdatomic.h>

#define ORDER_DETAIL_MAX 1024 /* octets */

struct runner;

struct orders {
    struct store *store;
    struct order_options options;
    const struct order_kind_entry *kinds;
    const struct log *log;

    atomic_size_t open;     /* as many as the queue knows of */
    atomic_size_t promised; /* written or about to be, and not in the queue yet */

    pthread_mutex_t lock; /* for all that follows */
    struct queue queue;
    struct runner *runners; /* all of them */
    struct runner *idle;    /* the one that has waited least first */
    struct runner *gone;    /* to be joined */
    unsigned threads;
    unsigned visitors; /* threads inside order_wait() */
    bool stopping;
    int64_t run_deadline; /* while stopping: for the tasks of runs */
    int64_t last_beat;
    pthread_t dispatcher;
    pthread_cond_t tick;  /* the dispatcher has something to do */
    pthread_cond_t quiet; /* while stopping: a runner or visitor has left */
};

/* A thread that carries orders out, one at a time. */
struct runner {
    struct orders *orders;
    pthread_t thread;
    pthread_cond_t wake;
    struct entry *given; /* an order handed to it while it was idle */
    struct task *task;   /* of the run at hand */
    struct runner *next;
    struct runner *next_idle;
    struct runner *next_gone;
};

/* ---- record.c ---- */

extern const struct table_index order_table_by_identity;
extern const struct table_index order_table_active;
extern const struct table_index order_table_finished;

/* When the queue is to look at an open order: when it is due, or to give it up. */
int64_t order_when(const struct order *order);
/* Open -> refused; `detail` is made fit for a record. */
void order_close_refused(struct task *t, struct order *order, const struct problem_kind *kind,
                         const char *detail, int64_t now);

/*
 * Open and past its time -> refused and in the store, with what its kind has to say about it.
 * `kinds` ends with a NULL kind.
 */
bool order_give_up(struct task *t, struct tx *tx, const struct order_kind_entry *kinds,
                   struct order *order, const char *detail, int64_t now);

/* ---- submit.c ---- */

/* Makes the order ready to be run from now on, for as long as a new one would be. */
void order_revive(struct order *order, const struct order_options *options, int64_t now);
/* Takes up a place among `options.pending` orders until it is in the queue; false: none is left. */
bool orders_promise(struct orders *o);
void orders_unpromise(struct orders *o);

/* ---- run.c ---- */

/* NULL: nobody here carries out such orders. */
const struct order_kind_entry *order_kind_named(const struct order_kind_entry *kinds,
                                                const char *name);

/* How long to wait after so many attempts, ms: from retry_first, doubled up to retry_most. */
int64_t order_back_off(const struct order_options *options, uint64_t attempts);

/* How a run left its order. */
struct run_end {
    bool finished;
    int64_t when;  /* not finished: when to look at it again, wall clock */
    bool hastened; /* and to run it then, due or not */
};
/*
 * Reads the order and does what is to be done; `hastened`: even if it is not due yet.  Called
 * without the lock.
 */
struct run_end order_run(struct orders *o, struct runner *runner, struct bytes id, bool hastened);

/* ---- runners.c ---- */

/* Under the lock: hands what is in line to runners, as far as there may be any. */
void runners_hand_out(struct orders *o);
/* Joins those that have left.  Takes the lock. */
void runners_join(struct orders *o);
/* Under the lock: tells idle ones to go, and gives the others until the deadline. */
void runners_stop(struct orders *o);

/* ---- dispatcher.c ---- */

void *dispatcher_main(void *orders);

/* ---- orders.c ---- */

/* Puts an open order into the queue, or notes that it has changed. */
void orders_note(struct orders *o, const struct order *order);

#endif
