/*
 * An arena: memory and library objects that live exactly as long as one piece of work.
 *
 * Allocation cannot fail (the process ends when memory does).  What comes from outside is bounded
 * before it reaches an arena.  An arena belongs to one thread at a time.
 */
#ifndef GATEHOUSE_CORE_BASE_ARENA_H
#define GATEHOUSE_CORE_BASE_ARENA_H

#include "core/base/compiler.h"

#include <stdarg.h>

struct arena;

struct arena *arena_create(void);
/* Runs what was deferred, latest first, and frees everything.  Accepts NULL. */
void arena_destroy(struct arena *arena);
/* For CLEANUP(). */
void arena_cleanup(struct arena **arena);

/* Zeroed memory, aligned for any type.  `size` may be 0. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
/* Zeroed memory for an array; the product is checked. */
void *arena_array(struct arena *arena, size_t count, size_t size) __attribute__((returns_nonnull));
/* Memory that is wiped before it is given back: for PINs, passwords and keys. */
void *arena_secret(struct arena *arena, size_t size) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t len);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
char *arena_vprintf(struct arena *arena, const char *format, va_list args) PRINTF_LIKE(2, 0);

/* Calls `release(object)` when the arena is destroyed or rewound past this point. */
void arena_defer(struct arena *arena, void (*release)(void *), void *object);
/* The same for library destructors with their own pointer type: ARENA_DEFER(a, X509_free, cert). */
#define ARENA_DEFER(arena, release, object)                                                        \
    arena_defer((arena), (void (*)(void *))(void (*)(void))(release), (object))

/* A point to rewind to: everything allocated or deferred since is given back. */
struct arena_mark {
    void *chunk;
    size_t used;
    void *deferred;
};
struct arena_mark arena_mark(struct arena *arena);
void arena_rewind(struct arena *arena, struct arena_mark mark);

#endif
