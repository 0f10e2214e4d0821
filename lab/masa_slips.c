#include "lab/masa_slips.h"

#include <pthread.h>
#include <string.h>

#define SLIPS_KEPT 256
#define NAME_LEN   16 /* octets */

struct masa_slips {
    pthread_mutex_t lock;
    size_t next;
    struct slip {
        struct arena *arena; /* NULL: free */
        const char *name;
        struct bytes octets;
    } items[SLIPS_KEPT];
};

static void release(void *object)
{
    struct masa_slips *slips = object;
    for (size_t i = 0; i < SLIPS_KEPT; i++)
        arena_destroy(slips->items[i].arena);
}

struct masa_slips *masa_slips_make(struct task *t)
{
    struct masa_slips *slips = arena_alloc(t->arena, sizeof(*slips));
    (void)pthread_mutex_init(&slips->lock, NULL);
    arena_defer(t->arena, release, slips);
    return slips;
}

const char *masa_slip_put(struct task *t, struct masa_slips *slips, struct bytes octets)
{
    const char *name = bytes_to_hex(t->arena, bytes_random(t->arena, NAME_LEN));
    (void)pthread_mutex_lock(&slips->lock);
    struct slip *slip = &slips->items[slips->next];
    slips->next = (slips->next + 1) % SLIPS_KEPT;
    arena_destroy(slip->arena);
    slip->arena = arena_create();
    slip->name = arena_strdup(slip->arena, name);
    slip->octets = bytes_copy(slip->arena, octets);
    (void)pthread_mutex_unlock(&slips->lock);
    return name;
}

bool masa_slip_get(struct task *t, struct masa_slips *slips, const char *name, struct bytes *ret)
{
    bool found = false;
    (void)pthread_mutex_lock(&slips->lock);
    for (size_t i = 0; i < SLIPS_KEPT && !found; i++) {
        const struct slip *slip = &slips->items[i];
        found = slip->arena != NULL &&
                bytes_equal_secret(bytes_of_text(slip->name), bytes_of_text(name));
        if (found)
            *ret = bytes_copy(t->arena, slip->octets);
    }
    (void)pthread_mutex_unlock(&slips->lock);
    return found;
}
