#include "web/api_internal.h"

/* Octets are counted: nobody knows certificates by their base64. */
static const char *describe(struct task *t, const struct field *f, const json_t *value,
                            const void *record)
{
    if (f->kind == FIELD_OCTETS_LIST)
        return arena_printf(t->arena, "%zu", json_array_size(value));
    const char *text = field_to_text(t, f, record);
    return text == NULL ? "none" : text;
}

bool api_changes(struct task *t, const struct record_type *type, const void *before,
                 const void *after, const char **ret)
{
    const char *changes = NULL;
    json_t *old;
    json_t *new;
    TRY(record_to_json(t, type, before, &old));
    TRY(record_to_json(t, type, after, &new));
    for (size_t i = 0; i < type->count; i++) {
        const struct field *f = &type->fields[i];
        const json_t *was = json_object_get(old, f->name);
        const json_t *is = json_object_get(new, f->name);
        if (was == is || json_equal(was, is))
            continue;
        changes = arena_printf(t->arena, "%s%s%s: %s (was: %s)", changes == NULL ? "" : changes,
                               changes == NULL ? "" : "; ", f->name, describe(t, f, is, after),
                               describe(t, f, was, before));
    }
    *ret = changes;
    return true;
}
