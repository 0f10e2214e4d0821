/* The CAs that the store's records name. */
#include "ca-connectors/ca_internal.h"

#include "core/store/records/authority.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CA_COUNT_MAX 64

static const struct ca_connector *const connectors[] = {&ca_local, NULL};

/* The CAs as they were opened at one time; kept to the end, because somebody may be using one. */
struct ca_set {
    struct arena *arena;
    struct ca *cas;
    size_t count;
    struct ca_set *before;
};

struct ca_registry {
    struct ca_environment env;
    pthread_mutex_t lock; /* for what follows */
    struct ca_set *current;
    uint64_t generation;
};

static const struct ca_connector *find_connector(const struct ca_environment *env, const char *name)
{
    const struct ca_connector *const *next = env->connectors == NULL ? connectors : env->connectors;
    while (*next != NULL && strcmp((*next)->name, name) != 0)
        next++;
    return *next;
}

static bool open_ca(struct task *t, const struct ca_environment *env,
                    const struct ca_record *record, struct ca *ret)
{
    const struct ca_connector *connector = find_connector(env, record->connector);
    void *handle;
    ENSURE(t, connector != NULL, E_CA_UNKNOWN, "there is no connector \"%s\"", record->connector);
    void *settings = arena_alloc(t->arena, connector->settings_size);
    record_init(t, connector->settings, settings);
    if (bytes_present(record->settings))
        TRY(record_decode(t, connector->settings, record->settings, settings));
    TRY(connector->open(t, env, settings, &handle));
    *ret = (struct ca){arena_strdup(t->arena, record->name), connector, handle};
    return true;
}

static bool read_records(struct task *t, struct store *store, struct ca_record *records,
                         size_t *ret_count)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    bool found;
    TRY(view_open(t, store, &view));
    struct table_scan scan = table_scan(t, view, &cas, BYTES_ABSENT);
    for (size_t count = 0;; count++) {
        struct ca_record record;
        TRY(table_scan_next(t, &scan, &record, &found));
        if (!found) {
            *ret_count = count;
            return true;
        }
        ENSURE(t, count < CA_COUNT_MAX, E_TOO_LARGE, "more than %d CAs", CA_COUNT_MAX);
        records[count] = record;
    }
}

/* `t` has the set's own arena. */
static bool open_all(struct task *t, const struct ca_environment *env, struct ca_set *set)
{
    struct ca_record *records = arena_array(t->arena, CA_COUNT_MAX, sizeof(*records));
    size_t count;
    TRY(read_records(t, env->store, records, &count));
    set->cas = arena_array(t->arena, count, sizeof(*set->cas));
    for (size_t i = 0; i < count; i++) {
        if (!open_ca(t, env, &records[i], &set->cas[i]))
            return fail_context(t, "CA %s", records[i].name);
        set->count++;
    }
    return true;
}

static void close_set(struct ca_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        set->cas[i].connector->close(set->cas[i].handle);
    arena_destroy(set->arena);
}

static bool open_set(struct task *t, const struct ca_environment *env, struct ca_set **ret)
{
    struct arena *arena = arena_create();
    struct ca_set *set = arena_alloc(arena, sizeof(*set));
    struct task own;
    set->arena = arena;
    task_init(&own, arena, t->log);
    if (!open_all(&own, env, set)) {
        (void)fail(t, own.problem, "%s", own.detail);
        close_set(set);
        return false;
    }
    *ret = set;
    return true;
}

bool ca_registry_open(struct task *t, const struct ca_environment *env, struct ca_registry **ret)
{
    struct ca_set *set;
    TRY(open_set(t, env, &set));
    struct ca_registry *registry = calloc(1, sizeof(*registry));
    if (registry == NULL || pthread_mutex_init(&registry->lock, NULL) != 0)
        abort();
    registry->env = *env;
    registry->current = set;
    *ret = registry;
    return true;
}

bool ca_registry_reopen(struct task *t, struct ca_registry *registry)
{
    struct ca_set *set;
    TRY(open_set(t, &registry->env, &set));
    (void)pthread_mutex_lock(&registry->lock);
    set->before = registry->current;
    registry->current = set;
    registry->generation++;
    (void)pthread_mutex_unlock(&registry->lock);
    return true;
}

uint64_t ca_registry_generation(struct ca_registry *registry)
{
    (void)pthread_mutex_lock(&registry->lock);
    uint64_t generation = registry->generation;
    (void)pthread_mutex_unlock(&registry->lock);
    return generation;
}

void ca_registry_close(struct ca_registry *registry)
{
    if (registry == NULL)
        return;
    for (struct ca_set *set = registry->current; set != NULL;) {
        struct ca_set *before = set->before;
        close_set(set);
        set = before;
    }
    (void)pthread_mutex_destroy(&registry->lock);
    free(registry);
}

bool ca_find(struct task *t, struct ca_registry *registry, const char *name, const struct ca **ret)
{
    (void)pthread_mutex_lock(&registry->lock);
    const struct ca_set *set = registry->current;
    (void)pthread_mutex_unlock(&registry->lock);
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->cas[i].name, name) == 0) {
            *ret = &set->cas[i];
            return true;
        }
    }
    return fail(t, E_CA_UNKNOWN, "there is no CA \"%s\"", name);
}

bool ca_chain(struct task *t, const struct ca *ca, struct cert_list *ret)
{
    return ca->connector->chain(t, ca->handle, ret) || fail_context(t, "CA %s", ca->name);
}

bool ca_others(struct task *t, const struct ca *ca, struct cert_list *ret)
{
    *ret = (struct cert_list){NULL, 0};
    return ca->connector->others == NULL || ca->connector->others(t, ca->handle, ret) ||
           fail_context(t, "CA %s", ca->name);
}
