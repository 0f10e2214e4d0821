#include "ca-connectors/status/status_private.h"

#include "ca-connectors/ca_urls.h"
#include "core/base/log.h"
#include "core/store/records/authority.h"

#define CAS_MAX 256 /* AUTHORITY_ROLLOVERS_MAX and the few that there are from the start, twice */

/* A reference that an arena gives back. */
struct held {
    struct status_service *service;
    struct status_snapshot *snapshot;
};

static void give_back(struct status_service *service, struct status_snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    (void)pthread_mutex_lock(&service->lock);
    bool last = --snapshot->references == 0;
    (void)pthread_mutex_unlock(&service->lock);
    if (last)
        arena_destroy(snapshot->arena);
}

static void give_back_held(void *object)
{
    struct held *held = object;
    give_back(held->service, held->snapshot);
}

const struct status_snapshot *snapshot_get(struct task *t, struct status_service *service)
{
    struct held *held = arena_alloc(t->arena, sizeof(*held));
    (void)pthread_mutex_lock(&service->lock);
    struct status_snapshot *snapshot = service->current;
    snapshot->references++;
    (void)pthread_mutex_unlock(&service->lock);
    *held = (struct held){service, snapshot};
    arena_defer(t->arena, give_back_held, held);
    return snapshot;
}

void snapshot_release(struct status_service *service)
{
    give_back(service, service->current);
    service->current = NULL;
}

/* Who signs OCSP responses for the CA, when somebody does. */
static bool find_responder(struct task *t, struct reader *r, struct keystore *keys,
                           struct status_ca *ca)
{
    struct authority authority;
    struct keystore_key *key;
    const struct cert *cert;
    bool found;
    const char *name = responder_name(t->arena, ca->name);
    TRY(table_find(t, r, &authorities, bytes_of_text(name), &authority, &found));
    if (!found)
        return true;
    TRY(cert_parse(t, authority.certificate, &cert));
    if (!cert_is_issued_by(cert, ca->cert)) /* by the key before a roll-over */
        return true;
    TRY(keystore_find(t, keys, authority.key_label, &key));
    ca->responder = cert;
    ca->responder_key = keystore_key_evp(key);
    return true;
}

/* An owner may keep a root's key elsewhere: then nothing is signed with it here. */
static bool find_key(struct task *t, struct keystore *keys, const struct authority *authority,
                     struct keystore_key **ret)
{
    struct keystore_key *key = NULL;
    if (!keystore_find(t, keys, authority->key_label, &key)) {
        if (!task_failed_with(t, E_TOKEN_KEY))
            return false;
        log_warning(t, "no status for a CA whose key is not in the token",
                    LOG_TEXT("authority", authority->name));
        task_forgive(t);
        key = NULL;
    }
    *ret = key;
    return true;
}

static bool add_ca(struct task *t, struct reader *r, struct keystore *keys,
                   const struct authority *authority, const struct cert *cert,
                   struct status_snapshot *snapshot)
{
    struct status_ca *ca = &snapshot->cas[snapshot->count];
    ca->name = authority->name;
    ca->cert = cert;
    ca->key_sha256 = cert_spki_sha256(t, cert);
    TRY(ca_key_id(t, cert, &ca->key_id));
    TRY(find_key(t, keys, authority, &ca->key));
    TRY(find_responder(t, r, keys, ca));
    snapshot->count++;
    return true;
}

/* `t` has the snapshot's own arena. */
static bool read_authorities(struct task *t, const struct status_service *service,
                             struct status_snapshot *snapshot)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    const struct cert **own = arena_array(t->arena, CAS_MAX, sizeof(struct cert *));
    TRY(view_open(t, service->options.store, &view));
    struct table_scan scan = table_scan(t, view, &authorities, BYTES_ABSENT);
    snapshot->cas = arena_array(t->arena, CAS_MAX, sizeof(*snapshot->cas));
    for (size_t count = 0;; count++) {
        struct authority authority;
        bool found;
        TRY(table_scan_next(t, &scan, &authority, &found));
        snapshot->own = (struct cert_list){own, count};
        if (!found)
            return true;
        ENSURE(t, count < CAS_MAX, E_TOO_LARGE, "more than %d authorities", CAS_MAX);
        TRY(cert_parse(t, authority.certificate, &own[count]));
        if (cert_is_ca(own[count]) &&
            !add_ca(t, view_reader(view), service->options.keys, &authority, own[count], snapshot))
            return fail_context(t, "authority %s", authority.name);
    }
}

bool snapshot_renew(struct task *t, struct status_service *service)
{
    struct arena *arena = arena_create();
    struct status_snapshot *snapshot = arena_alloc(arena, sizeof(*snapshot));
    struct task own = *t;
    own.arena = arena;
    *snapshot = (struct status_snapshot){.arena = arena, .references = 1};
    if (!read_authorities(&own, service, snapshot)) {
        (void)fail(t, own.problem, "%s", own.detail);
        arena_destroy(arena);
        return false;
    }
    (void)pthread_mutex_lock(&service->lock);
    struct status_snapshot *before = service->current;
    service->current = snapshot;
    (void)pthread_mutex_unlock(&service->lock);
    give_back(service, before);
    return true;
}
