#include "est/csr_shelf.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* One request, in an arena of its own.  Nobody changes it, so that threads may share it. */
struct shelved {
    struct csr_shelf *shelf;
    struct arena *arena; /* holds this */
    struct bytes sha256;
    struct csr csr;
    unsigned references; /* the shelf's own, and one for each task that has it */
};

struct csr_shelf {
    struct csr_reader *reader;
    pthread_mutex_t lock;                     /* for what follows */
    struct shelved *places[CSR_SHELF_PLACES]; /* NULL: free */
    size_t next;                              /* the place that is taken next */
};

struct csr_shelf *csr_shelf_make(void)
{
    struct csr_shelf *shelf = calloc(1, sizeof(*shelf));
    if (shelf == NULL || pthread_mutex_init(&shelf->lock, NULL) != 0)
        abort();
    shelf->reader = csr_reader_make();
    return shelf;
}

static void give_back(struct csr_shelf *shelf, struct shelved *shelved)
{
    if (shelved == NULL)
        return;
    (void)pthread_mutex_lock(&shelf->lock);
    bool last = --shelved->references == 0;
    (void)pthread_mutex_unlock(&shelf->lock);
    if (last)
        arena_destroy(shelved->arena);
}

static void give_back_taken(void *object)
{
    struct shelved *shelved = object;
    give_back(shelved->shelf, shelved);
}

void csr_shelf_free(struct csr_shelf *shelf)
{
    if (shelf == NULL)
        return;
    for (size_t i = 0; i < CSR_SHELF_PLACES; i++)
        give_back(shelf, shelf->places[i]);
    csr_reader_free(shelf->reader);
    (void)pthread_mutex_destroy(&shelf->lock);
    free(shelf);
}

/* With a reference more; NULL: it is not there. */
static struct shelved *take(struct csr_shelf *shelf, struct bytes sha256)
{
    struct shelved *found = NULL;
    (void)pthread_mutex_lock(&shelf->lock);
    for (size_t i = 0; i < CSR_SHELF_PLACES && found == NULL; i++) {
        struct shelved *shelved = shelf->places[i];
        if (shelved != NULL && bytes_equal(shelved->sha256, sha256))
            found = shelved;
    }
    if (found != NULL)
        found->references++;
    (void)pthread_mutex_unlock(&shelf->lock);
    return found;
}

/* Two threads may put the same request there: either serves. */
static void put(struct csr_shelf *shelf, struct shelved *shelved)
{
    (void)pthread_mutex_lock(&shelf->lock);
    struct shelved *before = shelf->places[shelf->next];
    shelf->places[shelf->next] = shelved;
    shelf->next = (shelf->next + 1) % CSR_SHELF_PLACES;
    shelved->references++;
    (void)pthread_mutex_unlock(&shelf->lock);
    give_back(shelf, before);
}

/* Reads it into an arena that outlives the task's. */
static bool read_lasting(struct task *t, struct csr_shelf *shelf, struct bytes der,
                         struct bytes sha256, struct shelved **ret)
{
    struct arena *arena = arena_create();
    struct task own = *t;
    own.arena = arena;
    struct shelved *shelved = arena_alloc(arena, sizeof(*shelved));
    *shelved = (struct shelved){
        .shelf = shelf, .arena = arena, .sha256 = bytes_copy(arena, sha256), .references = 1};
    if (!csr_parse_by(&own, shelf->reader, der, &shelved->csr)) {
        (void)fail(t, own.problem, "%s", own.detail);
        arena_destroy(arena);
        return false;
    }
    *ret = shelved;
    return true;
}

bool csr_shelf_read(struct task *t, struct csr_shelf *shelf, struct bytes der, struct csr *ret)
{
    struct bytes sha256 = bytes_sha256(t->arena, der);
    struct shelved *shelved = take(shelf, sha256);
    if (shelved == NULL) {
        TRY(read_lasting(t, shelf, der, sha256, &shelved));
        /* A password is kept no longer than the task. */
        if (shelved->csr.challenge_password == NULL)
            put(shelf, shelved);
    }
    arena_defer(t->arena, give_back_taken, shelved);
    *ret = shelved->csr;
    return true;
}
