#include "core/http/server_private.h"

#include <stdlib.h>
#include <string.h>

/*
 * One entry for each group of addresses that has a connection, found through a table of chains.
 * There are never more groups than connections, so all of it is allocated at the start.
 */
struct entry {
    struct entry *next;
    struct address_group group;
    unsigned count;
};

struct turnstile {
    pthread_mutex_t lock;
    unsigned all;
    unsigned per_group;
    unsigned inside;
    size_t chain_count;
    uint64_t seed;
    struct entry **chains;
    struct entry *unused;
};

struct turnstile *turnstile_make(struct arena *arena, unsigned all, unsigned per_group)
{
    struct turnstile *turnstile = arena_alloc(arena, sizeof(*turnstile));
    struct entry *entries = arena_array(arena, all, sizeof(*entries));
    struct bytes random = bytes_random(arena, sizeof(turnstile->seed));
    (void)pthread_mutex_init(&turnstile->lock, NULL);
    turnstile->all = all;
    turnstile->per_group = per_group;
    turnstile->chain_count = (size_t)all + 1;
    memcpy(&turnstile->seed, random.data, sizeof(turnstile->seed));
    turnstile->chains = arena_array(arena, turnstile->chain_count, sizeof(struct entry *));
    for (unsigned i = 0; i < all; i++) {
        entries[i].next = turnstile->unused;
        turnstile->unused = &entries[i];
    }
    return turnstile;
}

void turnstile_free(struct turnstile *turnstile)
{
    if (turnstile != NULL)
        (void)pthread_mutex_destroy(&turnstile->lock);
}

/* Seeded, so that nobody can choose addresses that all meet in one chain. */
static struct entry **chain_of(struct turnstile *turnstile, const struct address_group *group)
{
    uint64_t hash = turnstile->seed;
    for (size_t i = 0; i < sizeof(group->octets); i++) {
        hash = (hash ^ group->octets[i]) * 0x9E3779B97F4A7C15U;
        hash ^= hash >> 32;
    }
    return &turnstile->chains[hash % turnstile->chain_count];
}

static struct entry **find(struct turnstile *turnstile, const struct address_group *group)
{
    struct entry **link = chain_of(turnstile, group);
    while (*link != NULL && memcmp(&(*link)->group, group, sizeof(*group)) != 0)
        link = &(*link)->next;
    return link;
}

static bool enter(struct turnstile *turnstile, const struct address_group *group)
{
    if (turnstile->inside >= turnstile->all)
        return false;
    struct entry **link = find(turnstile, group);
    if ((*link == NULL ? 0 : (*link)->count) >= turnstile->per_group)
        return false;
    if (*link == NULL) {
        struct entry *entry = turnstile->unused;
        turnstile->unused = entry->next;
        *entry = (struct entry){.group = *group};
        *link = entry;
    }
    (*link)->count++;
    turnstile->inside++;
    return true;
}

bool turnstile_enter(struct turnstile *turnstile, const struct address_group *group)
{
    (void)pthread_mutex_lock(&turnstile->lock);
    bool entered = enter(turnstile, group);
    (void)pthread_mutex_unlock(&turnstile->lock);
    return entered;
}

void turnstile_leave(struct turnstile *turnstile, const struct address_group *group)
{
    (void)pthread_mutex_lock(&turnstile->lock);
    struct entry **link = find(turnstile, group);
    struct entry *entry = *link;
    if (entry == NULL)
        abort(); /* nobody leaves who has not entered */
    turnstile->inside--;
    entry->count--;
    if (entry->count == 0) {
        *link = entry->next;
        entry->next = turnstile->unused;
        turnstile->unused = entry;
    }
    (void)pthread_mutex_unlock(&turnstile->lock);
}
