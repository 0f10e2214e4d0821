#include "core/base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

/*
 * Memory comes in chunks that form a stack.  In sanitizer builds each allocation is a chunk of its
 * own, so that ASan sees every overrun and every use after a rewind.
 */
struct chunk {
    struct chunk *below;
    size_t size;
    size_t used;
    alignas(max_align_t) uint8_t data[];
};

struct deferred {
    struct deferred *below;
    void (*release)(void *);
    void *object;
};

struct arena {
    struct chunk *top;
    struct deferred *deferred;
};

#ifdef GATEHOUSE_ARENA_MALLOC
static const bool each_alone = true;
#else
static const bool each_alone = false;
#endif
static const size_t chunk_size = (size_t)16 * 1024 - sizeof(struct chunk);

static void *alloc_or_die(size_t size)
{
    void *memory = malloc(size);
    if (memory == NULL) {
        (void)fputs("out of memory\n", stderr);
        abort();
    }
    return memory;
}

struct arena *arena_create(void)
{
    struct arena *arena = alloc_or_die(sizeof(*arena));
    *arena = (struct arena){NULL, NULL};
    return arena;
}

void arena_destroy(struct arena *arena)
{
    if (arena == NULL)
        return;
    arena_rewind(arena, (struct arena_mark){NULL, 0, NULL});
    free(arena);
}

void arena_cleanup(struct arena **arena)
{
    arena_destroy(*arena);
    *arena = NULL;
}

static void add_chunk(struct arena *arena, size_t size)
{
    struct chunk *chunk = alloc_or_die(sizeof(*chunk) + size);
    chunk->below = arena->top;
    chunk->size = size;
    chunk->used = 0;
    arena->top = chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    if (size > SIZE_MAX / 2)
        abort();
    size_t needed = size == 0 ? 1 : size;
    if (!each_alone)
        needed = (needed + align - 1) / align * align;
    if (each_alone || arena->top == NULL || arena->top->size - arena->top->used < needed)
        add_chunk(arena, each_alone || needed > chunk_size ? needed : chunk_size);
    void *memory = arena->top->data + arena->top->used;
    arena->top->used += needed;
    memset(memory, 0, size);
    return memory;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t product;
    if (__builtin_mul_overflow(count, size, &product))
        abort();
    return arena_alloc(arena, product);
}

/* The wiping must know the size: it is kept in front of the secret. */
struct secret {
    size_t size;
    alignas(max_align_t) uint8_t data[];
};

static void wipe_secret(void *object)
{
    struct secret *secret = object;
    sodium_memzero(secret->data, secret->size);
}

void *arena_secret(struct arena *arena, size_t size)
{
    size_t whole;
    if (__builtin_add_overflow(sizeof(struct secret), size, &whole))
        abort();
    struct secret *secret = arena_alloc(arena, whole);
    secret->size = size;
    arena_defer(arena, wipe_secret, secret);
    return secret->data;
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);
    memcpy(copy, text, len);
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    if (len < 0)
        abort();
    char *text = arena_alloc(arena, (size_t)len + 1);
    (void)vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}

void arena_defer(struct arena *arena, void (*release)(void *), void *object)
{
    struct deferred *deferred = arena_alloc(arena, sizeof(*deferred));
    *deferred = (struct deferred){arena->deferred, release, object};
    arena->deferred = deferred;
}

struct arena_mark arena_mark(struct arena *arena)
{
    return (struct arena_mark){arena->top, arena->top == NULL ? 0 : arena->top->used,
                               arena->deferred};
}

void arena_rewind(struct arena *arena, struct arena_mark mark)
{
    while (arena->deferred != mark.deferred) {
        struct deferred *last = arena->deferred;
        arena->deferred = last->below;
        last->release(last->object);
    }
    while (arena->top != mark.chunk) {
        struct chunk *last = arena->top;
        arena->top = last->below;
        free(last);
    }
    if (arena->top != NULL)
        arena->top->used = mark.used;
}
