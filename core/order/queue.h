/*
 * The queue: what is known in memory of every open order.  It is a shortcut to the store and never
 * more than that: an order that is taken from it is read again before anything is done.
 *
 * Not safe for several threads by itself; orders.c holds the lock.
 */
#ifndef GATEHOUSE_CORE_ORDER_QUEUE_H
#define GATEHOUSE_CORE_ORDER_QUEUE_H

#include "core/order/order.h"

#include <pthread.h>

/* Somebody who waits for an order to be finished; on their stack. */
struct waiter {
    pthread_cond_t wake;
    bool released;
    struct waiter *next;
};

enum entry_place {
    ENTRY_LATER,   /* in the heap, until its time comes */
    ENTRY_READY,   /* in its peer's line */
    ENTRY_RUNNING, /* with a runner */
};

struct entry {
    uint8_t id[ID_LEN];
    struct peer *peer;
    int64_t when; /* wall clock: to be looked at then */
    enum entry_place place;
    bool again;            /* running, and its record has changed meanwhile */
    bool hastened;         /* to be run before it is due */
    bool hasten_again;     /* running, and was hastened meanwhile */
    size_t heap_at;        /* later: where in the heap */
    struct entry *behind;  /* ready: the next in line */
    struct entry *sibling; /* in the same bucket */
    struct waiter *waiters;
};

/* Who is on the other side of some orders, and how many runners they keep busy. */
struct peer {
    char *name;
    unsigned running;
    size_t entries; /* of any place; the peer goes with the last one */
    struct entry *first;
    struct entry *last;
    bool in_round; /* has entries in line and room for one more runner */
    struct peer *next_in_round;
    struct peer *next;
};

struct queue {
    unsigned share; /* runners for one peer */
    struct entry **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
    size_t running;
    struct entry **heap; /* the earliest first */
    size_t heap_count;
    size_t heap_room;
    struct peer *peers;
    struct peer *round_first; /* peers take turns */
    struct peer *round_last;
};

/* `expected`: about how many entries there will be. */
void queue_init(struct queue *q, unsigned share, size_t expected);
/* Frees what is left.  Nobody waits any more. */
void queue_clear(struct queue *q);

/* NULL when the order is not known to be open. */
struct entry *queue_find(const struct queue *q, struct bytes id);
/*
 * Takes note of an open order, or of a change in it: at `when` it is to be looked at.  One that is
 * running is looked at again afterwards.
 */
struct entry *queue_note(struct queue *q, struct bytes id, const char *peer, int64_t when,
                         int64_t now);
/*
 * Puts an entry whose time has not come into its peer's line; one that is running is run again
 * afterwards.  False: there is no such entry.
 */
bool queue_hasten(struct queue *q, struct bytes id);
/* Moves what is due by `now` into its peer's line. */
void queue_advance(struct queue *q, int64_t now);
/* When the next entry is due that is not in line; INT64_MAX: none. */
int64_t queue_next(const struct queue *q);
/* Whether queue_take() has something. */
bool queue_has_work(const struct queue *q);
/* The next in line, of the peer whose turn it is; from now on it is running.  NULL: none. */
struct entry *queue_take(struct queue *q);
/* It has been run, and is to be looked at again at `when`; `hastened`: and run although not due. */
void queue_return(struct queue *q, struct entry *e, int64_t when, bool hastened, int64_t now);
/* It has been run and is finished: its waiters are released, and it is gone unless `again`. */
void queue_finish(struct queue *q, struct entry *e, int64_t now);
/* Somebody else than its runner has finished it: its waiters are released, and it goes soon. */
void queue_drop(struct queue *q, struct entry *e);
/* Releases an entry's waiters. */
void queue_release(struct entry *e);
/* When the longest overdue entry in line was due; 0: none. */
int64_t queue_oldest(const struct queue *q);

#endif
