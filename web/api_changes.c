#include "web/api_internal.h"

#define CHANGE_MAX 512 /* octets of a list in a description */

/* Secrets take the same time to compare, whatever they are. */
static bool is_same_secret(struct task *t, const struct field *f, const void *before,
                           const void *after)
{
    return bytes_equal_secret(bytes_of_text(field_to_text(t, f, before)),
                              bytes_of_text(field_to_text(t, f, after)));
}

/* What has members of its own, as it was sent; too much of it is cut. */
static const char *describe_records(struct task *t, json_t *value)
{
    struct bytes json;
    if (json_array_size(value) == 0)
        return "none";
    if (!json_write(t, value, &json)) {
        task_forgive(t);
        return "others";
    }
    return bytes_to_printable(t->arena, json, CHANGE_MAX);
}

/* Octets are counted: nobody knows certificates by their base64. */
static const char *describe(struct task *t, const struct field *f, json_t *value,
                            const void *record)
{
    if (f->kind == FIELD_OCTETS_LIST)
        return arena_printf(t->arena, "%zu", json_array_size(value));
    if (f->kind == FIELD_RECORDS)
        return describe_records(t, value);
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
        json_t *was = json_object_get(old, f->name);
        json_t *is = json_object_get(new, f->name);
        const char *sep = changes == NULL ? "" : "; ";
        if ((f->flags & FIELD_READ_ONLY) != 0)
            continue;
        if ((f->flags & FIELD_SECRET) != 0) {
            if (!is_same_secret(t, f, before, after))
                changes = arena_printf(t->arena, "%s%s%s: another", changes == NULL ? "" : changes,
                                       sep, f->name);
            continue;
        }
        if (was == is || json_equal(was, is))
            continue;
        changes =
            arena_printf(t->arena, "%s%s%s: %s (was: %s)", changes == NULL ? "" : changes, sep,
                         f->name, describe(t, f, is, after), describe(t, f, was, before));
    }
    *ret = changes;
    return true;
}

bool api_keep_secrets(struct task *t, const struct http_request *rq, const struct record_type *type,
                      const void *before, void *after)
{
    json_t *json;
    TRY(json_parse(t, rq->body, &json));
    for (size_t i = 0; i < type->count; i++) {
        const struct field *f = &type->fields[i];
        if ((f->flags & FIELD_SECRET) == 0 || json_object_get(json, f->name) != NULL)
            continue;
        const char *text = field_to_text(t, f, before);
        if (text != NULL)
            TRY(field_from_text(t, f, text, after));
    }
    return true;
}
