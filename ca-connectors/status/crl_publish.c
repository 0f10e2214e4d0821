/* A CA's revocation list (RFC 5280 section 5), made from the store and kept there. */
#include "ca-connectors/status/status_private.h"

#include "core/base/clock.h"
#include "core/pki/crl_issue.h"
#include "core/store/records/certificate.h"
#include "core/store/records/crl.h"

#include <string.h>

#define ENTRIES_MAX 10000000 /* of one list: what a client can be expected to read */

struct entries {
    struct crl_entry *items;
    size_t count;
    size_t room;
};

static struct crl_entry *next_entry(struct task *t, struct entries *entries)
{
    if (entries->count == entries->room) {
        entries->room = entries->room == 0 ? 64 : entries->room * 2;
        struct crl_entry *more = arena_array(t->arena, entries->room, sizeof(*more));
        if (entries->count > 0)
            memcpy(more, entries->items, entries->count * sizeof(*more));
        entries->items = more;
    }
    return &entries->items[entries->count++];
}

/*
 * RFC 5280 3.3: an entry stays until it has been on one list made after the certificate's end.
 */
static bool belongs_there(const struct certificate *certificate, int64_t last_update)
{
    return certificate->not_after >= last_update;
}

/* What is read of each record is given back at once: a list may be long. */
static bool collect(struct task *t, struct view *view, struct bytes issuer_key, int64_t last_update,
                    struct entries *ret)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task scratch = *t;
    scratch.arena = arena;
    struct table_scan scan =
        table_scan_index(&scratch, view, &certificates, &certificates_revoked, issuer_key, false);
    for (;;) {
        struct arena_mark mark = arena_mark(arena);
        struct certificate certificate;
        bool found;
        if (!table_scan_next(&scratch, &scan, &certificate, &found))
            return fail(t, scratch.problem, "%s", scratch.detail);
        if (!found)
            return true;
        ENSURE(t, ret->count < ENTRIES_MAX, E_TOO_LARGE, "more than %d revoked certificates",
               ENTRIES_MAX);
        if (belongs_there(&certificate, last_update))
            *next_entry(t, ret) = (struct crl_entry){
                .serial = bytes_copy(t->arena, certificate.serial),
                .revoked = certificate.revoked,
                .reason = (int)certificate.reason,
            };
        arena_rewind(arena, mark);
    }
}

/* The list before, and what has happened since. */
struct standing {
    struct crl before; /* when `there` */
    bool there;
    uint64_t generation;
};

static bool look(struct task *t, struct view *view, const struct status_ca *ca,
                 struct standing *ret)
{
    TRY(table_find(t, view_reader(view), &crls, ca->key_sha256, &ret->before, &ret->there));
    return revocations_generation(t, view_reader(view), &ret->generation);
}

static int64_t due_at(const struct status_options *options, const struct standing *standing)
{
    if (!standing->there)
        return 0;
    int64_t wait = standing->before.generation == standing->generation ? options->crl_interval
                                                                       : options->crl_gap;
    return standing->before.this_update + wait;
}

struct publication {
    struct crl record;
    struct bytes der;
};

static bool put_list(struct task *t, struct tx *tx, void *arg)
{
    const struct publication *p = arg;
    TRY(table_put(t, tx, &crls, &p->record));
    return blob_put(t, tx, &crls, p->record.issuer_key, CRL_BLOB_DER, p->der);
}

static bool publish(struct task *t, const struct status_service *service,
                    const struct status_ca *ca, const struct standing *standing,
                    const struct entries *entries)
{
    struct publication p;
    int64_t now = clock_wall() / SECOND_MS * SECOND_MS;
    record_init(t, &crl_type, &p.record);
    if (standing->there)
        p.record.rest = standing->before.rest;
    p.record.issuer_key = ca->key_sha256;
    p.record.authority = ca->name;
    p.record.number = standing->there ? standing->before.number + 1 : 1;
    p.record.this_update = now;
    p.record.next_update = now + service->options.crl_lifetime;
    p.record.entries = entries->count;
    p.record.generation = standing->generation;
    const struct crl_issue issue = {
        .issuer = ca->cert,
        .issuer_key = keystore_key_evp(ca->key),
        .number = p.record.number,
        .this_update = p.record.this_update,
        .next_update = p.record.next_update,
        .entries = entries->items,
        .count = entries->count,
    };
    TRY(crl_issue(t, &issue, &p.der));
    return store_update(t, service->options.store, put_list, &p);
}

bool crl_tend(struct task *t, const struct status_service *service, const struct status_ca *ca)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct standing standing = {.there = false};
    struct entries entries = {.count = 0};
    TRY(view_open(t, service->options.store, &view));
    TRY(look(t, view, ca, &standing));
    int64_t due = due_at(&service->options, &standing);
    /* A clock set back must not keep a list from being made. */
    bool later = due > clock_wall() && standing.before.this_update <= clock_wall();
    if (standing.there && later)
        return true;
    TRY(collect(t, view, ca->key_sha256, standing.there ? standing.before.this_update : 0,
                &entries));
    view_close(view);
    view = NULL;
    return publish(t, service, ca, &standing, &entries);
}
