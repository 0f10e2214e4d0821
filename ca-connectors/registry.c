/* The CAs that the store's records name. */
#include "ca-connectors/ca_internal.h"

#include "core/store/records/authority.h"

#include <string.h>

#define CA_COUNT_MAX 64

static const struct ca_connector *const connectors[] = {&ca_local};

struct ca_registry {
    struct arena *arena;
    struct ca *cas;
    size_t count;
};

static const struct ca_connector *find_connector(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(connectors); i++) {
        if (strcmp(connectors[i]->name, name) == 0)
            return connectors[i];
    }
    return NULL;
}

static bool open_ca(struct task *t, const struct ca_environment *env,
                    const struct ca_record *record, struct ca *ret)
{
    const struct ca_connector *connector = find_connector(record->connector);
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

/* `t` has the registry's own arena. */
static bool open_all(struct task *t, const struct ca_environment *env, struct ca_registry *registry)
{
    struct ca_record *records = arena_array(t->arena, CA_COUNT_MAX, sizeof(*records));
    size_t count;
    TRY(read_records(t, env->store, records, &count));
    registry->cas = arena_array(t->arena, count, sizeof(*registry->cas));
    for (size_t i = 0; i < count; i++) {
        if (!open_ca(t, env, &records[i], &registry->cas[i]))
            return fail_context(t, "CA %s", records[i].name);
        registry->count++;
    }
    return true;
}

bool ca_registry_open(struct task *t, const struct ca_environment *env, struct ca_registry **ret)
{
    struct arena *arena = arena_create();
    struct ca_registry *registry = arena_alloc(arena, sizeof(*registry));
    struct task own;
    registry->arena = arena;
    task_init(&own, arena, t->log);
    if (!open_all(&own, env, registry)) {
        (void)fail(t, own.problem, "%s", own.detail);
        ca_registry_close(registry);
        return false;
    }
    *ret = registry;
    return true;
}

void ca_registry_close(struct ca_registry *registry)
{
    if (registry == NULL)
        return;
    for (size_t i = 0; i < registry->count; i++)
        registry->cas[i].connector->close(registry->cas[i].handle);
    arena_destroy(registry->arena);
}

bool ca_find(struct task *t, struct ca_registry *registry, const char *name, const struct ca **ret)
{
    for (size_t i = 0; i < registry->count; i++) {
        if (strcmp(registry->cas[i].name, name) == 0) {
            *ret = &registry->cas[i];
            return true;
        }
    }
    return fail(t, E_CA_UNKNOWN, "there is no CA \"%s\"", name);
}

const char *ca_name(const struct ca *ca)
{
    return ca->name;
}

bool ca_chain(struct task *t, const struct ca *ca, struct cert_list *ret)
{
    return ca->connector->chain(t, ca->handle, ret) || fail_context(t, "CA %s", ca->name);
}
