#include "tests/bench/fill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCH   1024 /* in one update */
#define GIB     (1024UL * 1024 * 1024)
#define READERS 16

/*
 * Nobody depends on the store before this is through, so what LMDB would wait for after each batch
 * is put off to the end: its call finds this function instead of the C library's.
 */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the library's is reserved */
__attribute__((visibility("default"))) int fdatasync(int fd)
{
    (void)fd;
    return 0;
}

static bool sync_all(struct task *t, const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && syncfs(fd) == 0;
    if (!ok)
        (void)fail_errno(t, E_IO, errno, "cannot sync %s", folder);
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

struct filling {
    fill_one one;
    const char *whose;
    unsigned long at; /* the first of the batch */
    unsigned long end;
};

static bool add_batch(struct task *t, struct tx *tx, void *arg)
{
    const struct filling *f = arg;
    for (unsigned long number = f->at; number < f->end; number++)
        TRY(f->one(t, tx, f->whose, number));
    return true;
}

static bool fill(struct task *t, struct store *store, fill_one one, const char *whose,
                 unsigned long count)
{
    struct arena_mark mark = arena_mark(t->arena);
    for (unsigned long at = 0; at < count; at += BATCH) {
        struct filling f = {one, whose, at, at + BATCH < count ? at + BATCH : count};
        TRY(store_update(t, store, add_batch, &f));
        arena_rewind(t->arena, mark);
    }
    return true;
}

int fill_main(int argc, char **argv, const char *what, fill_one one)
{
    struct arena *arena CLEANUP(arena_cleanup) = arena_create();
    struct task t;
    struct store *store = NULL;
    task_init(&t, arena, NULL);
    if (argc != 5) {
        (void)fprintf(stderr, "usage: %s STORE-FOLDER MAP-GIB %s COUNT\n", argv[0], what);
        return 2;
    }
    const struct store_options options = {
        .path = argv[1],
        .size = strtoul(argv[2], NULL, 10) * GIB,
        .readers = READERS,
        .batch = 1,
        .alarm_percent = 100,
    };
    bool ok = store_open(&t, &options, &store) &&
              fill(&t, store, one, argv[3], strtoul(argv[4], NULL, 10));
    if (ok)
        (void)printf("used %llu\n", (unsigned long long)store_figures(store).used);
    store_close(store);
    ok = ok && sync_all(&t, argv[1]);
    if (!ok)
        (void)fprintf(stderr, "%s: %s\n", t.problem->name, t.detail);
    return ok ? 0 : 1;
}
