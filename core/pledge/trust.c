#include "core/pledge/trust.h"

#include "core/base/log.h"
#include "core/store/records/allowance.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct trust {
    struct store *store;
    pthread_mutex_t building; /* one snapshot is made at a time: others wait for it */
    pthread_mutex_t lock;
    struct trust_snapshot *current; /* NULL: none made yet */
};

/* A reference that an arena gives back. */
struct held {
    struct trust *trust;
    struct trust_snapshot *snapshot;
};

struct trust *trust_make(struct store *store)
{
    struct trust *trust = calloc(1, sizeof(*trust));
    if (trust == NULL || pthread_mutex_init(&trust->lock, NULL) != 0 ||
        pthread_mutex_init(&trust->building, NULL) != 0)
        abort();
    trust->store = store;
    return trust;
}

static void give_back(struct trust *trust, struct trust_snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    (void)pthread_mutex_lock(&trust->lock);
    bool last = --snapshot->references == 0;
    (void)pthread_mutex_unlock(&trust->lock);
    if (last)
        arena_destroy(snapshot->arena);
}

static void give_back_held(void *object)
{
    struct held *held = object;
    give_back(held->trust, held->snapshot);
}

void trust_free(struct trust *trust)
{
    if (trust == NULL)
        return;
    give_back(trust, trust->current);
    (void)pthread_mutex_destroy(&trust->building);
    (void)pthread_mutex_destroy(&trust->lock);
    free(trust);
}

static void append_all(struct task *t, struct cert_list *all, const struct cert_list *more)
{
    const struct cert **items =
        arena_array(t->arena, all->count + more->count, sizeof(struct cert *));
    for (size_t i = 0; i < all->count; i++)
        items[i] = all->items[i];
    for (size_t i = 0; i < more->count; i++)
        items[all->count + i] = more->items[i];
    *all = (struct cert_list){items, all->count + more->count};
}

struct serial_rule maker_serial_rule(const struct manufacturer *m)
{
    return (struct serial_rule){m->serial_from, m->serial_pattern};
}

static bool read_crls(struct task *t, struct view *view, struct trusted_maker *maker)
{
    struct bytes_list lists;
    TRY(manufacturer_crls_get(t, view_reader(view), maker->record.name, &lists));
    maker->crls = arena_array(t->arena, lists.count, sizeof(*maker->crls));
    maker->crl_count = lists.count;
    for (size_t i = 0; i < lists.count; i++) {
        const struct cert *signer;
        TRY(crl_parse(t, lists.items[i], &maker->crls[i].crl));
        TRY(crl_verify(t, maker->crls[i].crl, &maker->idevid_anchors, &signer));
        maker->crls[i].issuer_spki_sha256 = cert_spki_sha256(t, signer);
    }
    return true;
}

static bool read_maker(struct task *t, struct view *view, struct trusted_maker *maker)
{
    maker->allowed = allowances_of(&maker->record.allow);
    maker->serial_rule = maker_serial_rule(&maker->record);
    TRY(certs_parse(t, &maker->record.idevid_anchors, &maker->idevid_anchors));
    TRY(read_crls(t, view, maker));
    if (maker->record.voucher_anchors.count == 0)
        return true;
    TRY(certs_parse(t, &maker->record.voucher_anchors, &maker->voucher_certs));
    return anchors_make(t, &maker->voucher_certs, &maker->voucher_anchors);
}

/* One more maker; the array doubles. */
static struct trusted_maker *add_maker(struct task *t, struct trust_snapshot *snapshot,
                                       size_t *room)
{
    if (snapshot->maker_count == *room) {
        *room = *room == 0 ? 8 : *room * 2;
        struct trusted_maker *more = arena_array(t->arena, *room, sizeof(*more));
        if (snapshot->maker_count > 0)
            memcpy(more, snapshot->makers, snapshot->maker_count * sizeof(*more));
        snapshot->makers = more;
    }
    return &snapshot->makers[snapshot->maker_count];
}

/* What is wrong with one record and no other. */
static const struct problem_kind *const damages[] = {E_STORE_DAMAGED, E_CERT_MALFORMED, E_CRYPTO,
                                                     E_CRL_MALFORMED, E_CRL_UNTRUSTED,  NULL};

/*
 * A record that cannot be read is left out, and said so: one damaged manufacturer must not lock
 * all others' devices out, and none of its own devices is let in.
 */
static bool read_makers(struct task *t, struct view *view, struct trust_snapshot *snapshot)
{
    struct table_scan scan = table_scan(t, view, &manufacturers, BYTES_ABSENT);
    struct cert_list all = {NULL, 0};
    size_t room = 0;
    for (bool found = true; found;) {
        struct trusted_maker *maker = add_maker(t, snapshot, &room);
        memset(maker, 0, sizeof(*maker));
        if (table_scan_next(t, &scan, &maker->record, &found) &&
            (!found || read_maker(t, view, maker))) {
            append_all(t, &all, &maker->idevid_anchors);
            snapshot->maker_count += found;
            continue;
        }
        if (!task_failed_with_any(t, damages))
            return false;
        log_problem(t, "manufacturer left out: its record cannot be read");
        task_forgive(t);
    }
    return all.count == 0 || anchors_make(t, &all, &snapshot->idevid_anchors);
}

/* Reads all records into an arena of the snapshot's own. */
static bool make_snapshot(struct task *t, struct view *view, uint64_t generation,
                          struct trust_snapshot **ret)
{
    struct arena *arena = arena_create();
    struct task own = *t;
    own.arena = arena;
    struct trust_snapshot *snapshot = arena_alloc(arena, sizeof(*snapshot));
    snapshot->generation = generation;
    snapshot->arena = arena;
    snapshot->references = 1; /* the holder's */
    if (!read_makers(&own, view, snapshot)) {
        (void)fail(t, own.problem, "%s", own.detail);
        arena_destroy(arena);
        return false;
    }
    *ret = snapshot;
    return true;
}

/* The current snapshot with one reference more, when it is of this generation. */
static struct trust_snapshot *take_current(struct trust *trust, uint64_t generation)
{
    (void)pthread_mutex_lock(&trust->lock);
    struct trust_snapshot *snapshot = trust->current;
    if (snapshot != NULL && snapshot->generation >= generation)
        snapshot->references++;
    else
        snapshot = NULL;
    (void)pthread_mutex_unlock(&trust->lock);
    return snapshot;
}

/* Puts a fresh snapshot in the current one's place; a reference more to it. */
static struct trust_snapshot *put_current(struct trust *trust, struct trust_snapshot *fresh)
{
    (void)pthread_mutex_lock(&trust->lock);
    struct trust_snapshot *before = trust->current;
    trust->current = fresh;
    fresh->references++;
    (void)pthread_mutex_unlock(&trust->lock);
    give_back(trust, before);
    return fresh;
}

/* Made anew, unless somebody else has done so while this thread waited for its turn. */
static bool renew(struct task *t, struct trust *trust, struct view *view, uint64_t generation,
                  struct trust_snapshot **ret)
{
    bool ok = true;
    (void)pthread_mutex_lock(&trust->building);
    struct trust_snapshot *snapshot = take_current(trust, generation);
    struct trust_snapshot *fresh;
    if (snapshot == NULL) {
        ok = make_snapshot(t, view, generation, &fresh);
        snapshot = ok ? put_current(trust, fresh) : NULL;
    }
    (void)pthread_mutex_unlock(&trust->building);
    if (ok)
        *ret = snapshot;
    return ok;
}

bool trust_get(struct task *t, struct trust *trust, struct arena *owner,
               const struct trust_snapshot **ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    uint64_t generation;
    TRY(view_open(t, trust->store, &view));
    TRY(manufacturers_generation(t, view_reader(view), &generation));
    struct trust_snapshot *snapshot = take_current(trust, generation);
    if (snapshot == NULL)
        TRY(renew(t, trust, view, generation, &snapshot));
    struct held *held = arena_alloc(owner, sizeof(*held));
    *held = (struct held){trust, snapshot};
    arena_defer(owner, give_back_held, held);
    *ret = snapshot;
    return true;
}

const struct trusted_maker *trust_maker_of(const struct trust_snapshot *snapshot,
                                           const struct cert *anchor)
{
    for (size_t i = 0; i < snapshot->maker_count; i++) {
        const struct cert_list *anchors = &snapshot->makers[i].idevid_anchors;
        for (size_t k = 0; k < anchors->count; k++) {
            if (bytes_equal(anchors->items[k]->der, anchor->der))
                return &snapshot->makers[i];
        }
    }
    return NULL;
}

const struct trusted_maker *trust_maker_named(const struct trust_snapshot *snapshot,
                                              const char *name)
{
    for (size_t i = 0; i < snapshot->maker_count; i++) {
        if (strcmp(snapshot->makers[i].record.name, name) == 0)
            return &snapshot->makers[i];
    }
    return NULL;
}
