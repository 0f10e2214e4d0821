/* GET /.well-known/est/cacerts (RFC 7030 4.1). */
#include "est/est.h"

#include "core/pki/cms.h"
#include "core/store/records/authority.h"
#include "est/client.h"
#include "est/csr_shelf.h"
#include "est/fullcmc.h"
#include "est/password.h"
#include "est/wire.h"

#include <pthread.h>
#include <stdlib.h>

static bool contains(const struct cert_list *list, const struct cert *cert)
{
    for (size_t i = 0; i < list->count; i++) {
        if (bytes_equal(list->items[i]->der, cert->der))
            return true;
    }
    return false;
}

/* The CA certificates of `more` that are not there yet. */
static void add_cas(struct task *t, struct cert_list *list, const struct cert_list *more)
{
    const struct cert **items =
        arena_array(t->arena, list->count + more->count, sizeof(struct cert *));
    for (size_t i = 0; i < list->count; i++)
        items[i] = list->items[i];
    list->items = items;
    for (size_t i = 0; i < more->count; i++) {
        if (cert_is_ca(more->items[i]) && !contains(list, more->items[i]))
            items[list->count++] = more->items[i];
    }
}

/* Of every CA that devices can be enrolled with: its chain, and what a roll-over has left. */
static bool add_all(struct task *t, const struct est *est, struct cert_list *all)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    TRY(view_open(t, est->store, &view));
    struct table_scan scan = table_scan(t, view, &cas, BYTES_ABSENT);
    for (;;) {
        struct ca_record record;
        const struct ca *ca;
        struct cert_list chain;
        struct cert_list others;
        bool found;
        TRY(table_scan_next(t, &scan, &record, &found));
        if (!found)
            return true;
        TRY(ca_find(t, est->cas, record.name, &ca));
        TRY(ca_chain(t, ca, &chain));
        TRY(ca_others(t, ca, &others));
        add_cas(t, all, &chain);
        add_cas(t, all, &others);
    }
}

/*
 * RFC 7030 4.1.3: the current root and every intermediate.  The anchor of our own TLS certificate
 * is always among them, whatever CA signs the devices: it is how they know us from now on.
 */
static bool make(struct task *t, const struct est *est, struct bytes *ret)
{
    struct cert_list all = {NULL, 0};
    TRY(add_all(t, est, &all));
    add_cas(t, &all, &est->own_chain);
    return cms_certs_only(t, &all, ret);
}

/* The answer as it was made for one generation of the CAs. */
struct cacerts {
    pthread_mutex_t lock; /* for what follows */
    struct arena *arena;
    struct bytes p7;
    uint64_t generation;
};

/* Under the lock. */
static bool renew(struct task *t, const struct est *est, struct cacerts *cacerts)
{
    struct bytes p7;
    uint64_t generation = ca_registry_generation(est->cas);
    if (cacerts->arena != NULL && cacerts->generation == generation)
        return true;
    TRY(make(t, est, &p7));
    arena_destroy(cacerts->arena);
    cacerts->arena = arena_create();
    cacerts->p7 = bytes_copy(cacerts->arena, p7);
    cacerts->generation = generation;
    return true;
}

static bool current(struct task *t, const struct est *est, struct bytes *ret)
{
    struct cacerts *cacerts = est->cacerts;
    (void)pthread_mutex_lock(&cacerts->lock);
    bool good = renew(t, est, cacerts);
    if (good)
        *ret = bytes_copy(t->arena, cacerts->p7);
    (void)pthread_mutex_unlock(&cacerts->lock);
    return good;
}

bool est_prepare(struct task *t, struct est *est)
{
    struct bytes ignored;
    struct cacerts *cacerts = calloc(1, sizeof(*cacerts));
    if (cacerts == NULL || pthread_mutex_init(&cacerts->lock, NULL) != 0)
        abort();
    est->cacerts = cacerts;
    est->passwords = passwords_make(t);
    est->csrs = csr_shelf_make();
    est->refusals = refusals_make();
    return current(t, est, &ignored);
}

void est_release(struct est *est)
{
    struct cacerts *cacerts = est->cacerts;
    passwords_free(est->passwords);
    est->passwords = NULL;
    csr_shelf_free(est->csrs);
    est->csrs = NULL;
    refusals_free(est->refusals);
    est->refusals = NULL;
    if (cacerts == NULL)
        return;
    arena_destroy(cacerts->arena);
    (void)pthread_mutex_destroy(&cacerts->lock);
    free(cacerts);
    est->cacerts = NULL;
}

/* RFC 7030 4.1.2: no client authentication is asked for. */
bool est_cacerts(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct est *est = rq->context;
    struct est_label label;
    struct bytes p7;
    TRY(est_client_label(t, est, rq, &label));
    TRY(current(t, est, &p7));
    est_write_lines(t, "application/pkcs7-mime", p7, label.line_length, reply);
    return true;
}
