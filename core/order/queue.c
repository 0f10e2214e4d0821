#include "core/order/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_LEAST 64
#define HEAP_LEAST    64

static void *or_die(void *memory)
{
    if (memory == NULL) {
        (void)fputs("out of memory\n", stderr);
        abort();
    }
    return memory;
}

void queue_init(struct queue *q, unsigned share, size_t expected)
{
    *q = (struct queue){.share = share, .bucket_count = BUCKETS_LEAST};
    while (q->bucket_count < expected)
        q->bucket_count *= 2;
    q->buckets = or_die(calloc(q->bucket_count, sizeof(struct entry *)));
}

void queue_clear(struct queue *q)
{
    for (size_t i = 0; i < q->bucket_count; i++) {
        while (q->buckets[i] != NULL) {
            struct entry *e = q->buckets[i];
            q->buckets[i] = e->sibling;
            free(e);
        }
    }
    while (q->peers != NULL) {
        struct peer *peer = q->peers;
        q->peers = peer->next;
        free(peer->name);
        free(peer);
    }
    free((void *)q->buckets);
    free((void *)q->heap);
}

/* ---- Finding entries ---- */

/* Ids end in random octets: they spread by themselves. */
static struct entry **bucket_of(const struct queue *q, const uint8_t *id)
{
    uint64_t random;
    memcpy(&random, id + ID_LEN - sizeof(random), sizeof(random));
    return &q->buckets[random & (q->bucket_count - 1)];
}

struct entry *queue_find(const struct queue *q, struct bytes id)
{
    struct entry *e = id.len == ID_LEN ? *bucket_of(q, id.data) : NULL;
    while (e != NULL && memcmp(e->id, id.data, ID_LEN) != 0)
        e = e->sibling;
    return e;
}

static void unlink_entry(struct queue *q, struct entry *e)
{
    struct entry **at = bucket_of(q, e->id);
    while (*at != e)
        at = &(*at)->sibling;
    *at = e->sibling;
    q->count--;
}

static struct peer *peer_named(struct queue *q, const char *name)
{
    struct peer *peer = q->peers;
    while (peer != NULL && strcmp(peer->name, name) != 0)
        peer = peer->next;
    if (peer != NULL)
        return peer;
    peer = or_die(calloc(1, sizeof(*peer)));
    peer->name = or_die(strdup(name));
    peer->next = q->peers;
    q->peers = peer;
    return peer;
}

static void leave_peer(struct queue *q, struct peer *peer)
{
    if (--peer->entries > 0)
        return;
    struct peer **at = &q->peers;
    while (*at != peer)
        at = &(*at)->next;
    *at = peer->next;
    free(peer->name);
    free(peer);
}

/* ---- The heap ---- */

static void place_in_heap(struct queue *q, size_t at, struct entry *e)
{
    q->heap[at] = e;
    e->heap_at = at;
}

static void sift_up(struct queue *q, size_t at)
{
    struct entry *e = q->heap[at];
    for (; at > 0 && q->heap[(at - 1) / 2]->when > e->when; at = (at - 1) / 2)
        place_in_heap(q, at, q->heap[(at - 1) / 2]);
    place_in_heap(q, at, e);
}

static void sift_down(struct queue *q, size_t at)
{
    struct entry *e = q->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < q->heap_count && q->heap[child + 1]->when < q->heap[child]->when)
            child++;
        if (child >= q->heap_count || q->heap[child]->when >= e->when)
            break;
        place_in_heap(q, at, q->heap[child]);
        at = child;
    }
    place_in_heap(q, at, e);
}

static void heap_add(struct queue *q, struct entry *e)
{
    if (q->heap_count == q->heap_room) {
        q->heap_room = q->heap_room == 0 ? HEAP_LEAST : q->heap_room * 2;
        q->heap = or_die(reallocarray((void *)q->heap, q->heap_room, sizeof(struct entry *)));
    }
    e->place = ENTRY_LATER;
    place_in_heap(q, q->heap_count++, e);
    sift_up(q, e->heap_at);
}

static void heap_remove(struct queue *q, struct entry *e)
{
    struct entry *last = q->heap[--q->heap_count];
    if (last == e)
        return;
    place_in_heap(q, e->heap_at, last);
    sift_up(q, last->heap_at);
    sift_down(q, last->heap_at);
}

/* ---- Lines and turns ---- */

static void join_round(struct queue *q, struct peer *peer)
{
    if (peer->in_round || peer->first == NULL || peer->running >= q->share)
        return;
    peer->in_round = true;
    peer->next_in_round = NULL;
    if (q->round_first == NULL)
        q->round_first = peer;
    else
        q->round_last->next_in_round = peer;
    q->round_last = peer;
}

static void line_up(struct queue *q, struct entry *e)
{
    struct peer *peer = e->peer;
    e->place = ENTRY_READY;
    e->behind = NULL;
    if (peer->first == NULL)
        peer->first = e;
    else
        peer->last->behind = e;
    peer->last = e;
    join_round(q, peer);
}

static void schedule(struct queue *q, struct entry *e, int64_t when, int64_t now)
{
    e->when = when;
    if (when <= now)
        line_up(q, e);
    else
        heap_add(q, e);
}

static struct entry *add_entry(struct queue *q, struct bytes id, const char *peer, int64_t when,
                               int64_t now)
{
    struct entry *e = or_die(calloc(1, sizeof(*e)));
    struct entry **bucket = bucket_of(q, id.data);
    memcpy(e->id, id.data, ID_LEN);
    e->sibling = *bucket;
    *bucket = e;
    q->count++;
    e->peer = peer_named(q, peer);
    e->peer->entries++;
    schedule(q, e, when, now);
    return e;
}

struct entry *queue_note(struct queue *q, struct bytes id, const char *peer, int64_t when,
                         int64_t now)
{
    struct entry *e = queue_find(q, id);
    if (e == NULL)
        return add_entry(q, id, peer, when, now);
    if (e->place == ENTRY_RUNNING) {
        e->again = true;
    } else if (e->place == ENTRY_LATER) {
        heap_remove(q, e);
        schedule(q, e, e->hastened && e->when < when ? e->when : when, now);
    }
    return e;
}

bool queue_hasten(struct queue *q, struct bytes id)
{
    struct entry *e = queue_find(q, id);
    if (e == NULL)
        return false;
    if (e->place == ENTRY_RUNNING) {
        e->hasten_again = true;
    } else if (e->place == ENTRY_LATER && !e->hastened) {
        heap_remove(q, e);
        e->hastened = true;
        line_up(q, e);
    }
    return true;
}

void queue_advance(struct queue *q, int64_t now)
{
    while (q->heap_count > 0 && q->heap[0]->when <= now) {
        struct entry *e = q->heap[0];
        heap_remove(q, e);
        line_up(q, e);
    }
}

int64_t queue_next(const struct queue *q)
{
    return q->heap_count == 0 ? INT64_MAX : q->heap[0]->when;
}

bool queue_has_work(const struct queue *q)
{
    return q->round_first != NULL;
}

struct entry *queue_take(struct queue *q)
{
    struct peer *peer = q->round_first;
    if (peer == NULL)
        return NULL;
    q->round_first = peer->next_in_round;
    peer->in_round = false;
    struct entry *e = peer->first;
    peer->first = e->behind;
    e->place = ENTRY_RUNNING;
    e->again = false;
    e->hasten_again = false;
    peer->running++;
    q->running++;
    join_round(q, peer);
    return e;
}

/* ---- After a run ---- */

static void stop_running(struct queue *q, struct entry *e)
{
    e->peer->running--;
    q->running--;
    join_round(q, e->peer);
}

void queue_return(struct queue *q, struct entry *e, int64_t when, bool hastened, int64_t now)
{
    stop_running(q, e);
    e->hastened = hastened || e->hasten_again;
    schedule(q, e, e->again || e->hasten_again ? now : when, now);
}

void queue_release(struct entry *e)
{
    for (struct waiter *w = e->waiters; w != NULL; w = w->next) {
        w->released = true;
        (void)pthread_cond_signal(&w->wake);
    }
    e->waiters = NULL;
}

static void forget(struct queue *q, struct entry *e)
{
    unlink_entry(q, e);
    leave_peer(q, e->peer);
    free(e);
}

void queue_finish(struct queue *q, struct entry *e, int64_t now)
{
    queue_release(e);
    if (e->again) {
        queue_return(q, e, now, false, now);
        return;
    }
    stop_running(q, e);
    forget(q, e);
}

/* One that is in line or running is seen to be finished when it is taken, or looked at again. */
void queue_drop(struct queue *q, struct entry *e)
{
    queue_release(e);
    e->again = true;
    if (e->place != ENTRY_LATER)
        return;
    heap_remove(q, e);
    forget(q, e);
}

int64_t queue_oldest(const struct queue *q)
{
    int64_t oldest = 0;
    for (const struct peer *peer = q->peers; peer != NULL; peer = peer->next) {
        if (peer->first != NULL && (oldest == 0 || peer->first->when < oldest))
            oldest = peer->first->when;
    }
    return oldest;
}
