#include "core/base/record.h"

#include "core/base/field_value.h"

#include <stdlib.h>
#include <string.h>

/* ---- Writing ---- */

static bool value_to_json(struct task *t, const struct field_path *path, const struct field *f,
                          const void *value, json_t **ret);

/* jansson makes nothing only when memory is gone. */
static json_t *made(json_t *value)
{
    if (value == NULL)
        abort();
    return value;
}

static bool number_to_json(struct task *t, const struct field_path *path, uint64_t number,
                           json_t **ret)
{
    if (number > INT64_MAX)
        return field_fail(t, path, "must be at most %lld", (long long)INT64_MAX);
    *ret = made(json_integer((json_int_t)number));
    return true;
}

static bool text_to_json(struct task *t, const struct field_path *path, const char *text,
                         json_t **ret)
{
    if (!bytes_are_utf8(bytes_of_text(text)))
        return field_fail(t, path, "not UTF-8");
    *ret = made(json_string(text));
    return true;
}

static bool list_to_json(struct task *t, const struct field_path *path, const struct field *f,
                         const void *list, json_t **ret)
{
    json_auto_t *array = made(json_array());
    struct field element = list_element(f);
    for (size_t i = 0; i < list_count(f, list); i++) {
        struct field_path at = {.within = path, .index = i};
        json_t *item;
        TRY(value_to_json(t, &at, &element, list_at(f, list, i), &item));
        (void)json_array_append_new(array, item);
    }
    *ret = json_incref(array);
    return true;
}

/* Lists are there even when they are empty: a program reading them need not ask first. */
static bool object_to_json(struct task *t, const struct field_path *path,
                           const struct record_type *type, const void *record, json_t **ret)
{
    json_auto_t *object = made(json_object());
    for (size_t i = 0; i < type->count; i++) {
        const struct field *f = &type->fields[i];
        const void *value = field_value(f, record);
        struct field_path at = {.within = path, .name = f->name};
        json_t *member;
        if ((f->flags & FIELD_SECRET) != 0 || (value_is_absent(f, value) && !field_is_list(f)))
            continue;
        TRY(value_to_json(t, &at, f, value, &member));
        (void)json_object_set_new(object, f->name, member);
    }
    *ret = json_incref(object);
    return true;
}

static bool value_to_json(struct task *t, const struct field_path *path, const struct field *f,
                          const void *value, json_t **ret)
{
    switch (f->kind) {
    case FIELD_BOOL:
        *ret = json_boolean(*(const bool *)value);
        return true;
    case FIELD_UINT:
        return number_to_json(t, path, *(const uint64_t *)value, ret);
    case FIELD_TEXTS:
    case FIELD_OCTETS_LIST:
    case FIELD_RECORDS:
        return list_to_json(t, path, f, value, ret);
    case FIELD_RECORD:
        return object_to_json(t, path, f->sub, value, ret);
    default:
        return text_to_json(t, path, scalar_to_text(t->arena, f, value), ret);
    }
}

bool record_to_json(struct task *t, const struct record_type *type, const void *record,
                    json_t **ret)
{
    json_t *object;
    TRY(object_to_json(t, NULL, type, record, &object));
    *ret = json_in_arena(t, object);
    return true;
}

/* ---- Reading ---- */

static bool value_from_json(struct task *t, const struct field_path *path, const struct field *f,
                            json_t *json, void *value);

static bool bool_from_json(struct task *t, const struct field_path *path, const json_t *json,
                           bool *ret)
{
    if (!json_is_boolean(json))
        return field_fail(t, path, "%s", scalar_form(FIELD_BOOL));
    *ret = json_is_true(json);
    return true;
}

static bool number_from_json(struct task *t, const struct field_path *path, const struct field *f,
                             const json_t *json, uint64_t *ret)
{
    if (!json_is_integer(json) || json_integer_value(json) < 0)
        return field_fail(t, path, "%s", scalar_form(f->kind));
    uint64_t number = (uint64_t)json_integer_value(json);
    TRY(value_check(t, path, f, &number));
    *ret = number;
    return true;
}

/* Durations and sizes too: a bare number would leave its unit to be guessed. */
static bool text_from_json(struct task *t, const struct field_path *path, const struct field *f,
                           const json_t *json, void *value)
{
    const char *text = json_string_value(json);
    if (text == NULL && (f->kind == FIELD_OCTETS || f->kind == FIELD_HEX))
        return field_fail(t, path, "must be text, in %s",
                          f->kind == FIELD_OCTETS ? "base64" : "hexadecimal");
    if (text == NULL)
        return field_fail(t, path, "%s", scalar_form(f->kind));
    if (strlen(text) != json_string_length(json))
        return field_fail(t, path, "holds a NUL");
    return scalar_from_text(t, path, f, text, value);
}

static bool list_from_json(struct task *t, const struct field_path *path, const struct field *f,
                           const json_t *json, void *list)
{
    if (!json_is_array(json))
        return field_fail(t, path, "must be an array");
    struct field element = list_element(f);
    value_clear(f, list);
    for (size_t i = 0; i < json_array_size(json); i++) {
        struct field_path at = {.within = path, .index = i};
        void *place = list_append(t->arena, f, list);
        value_init(t, &element, place);
        TRY(value_from_json(t, &at, &element, json_array_get(json, i), place));
    }
    return true;
}

static bool object_from_json(struct task *t, const struct field_path *path,
                             const struct record_type *type, json_t *object, void *record)
{
    const char *name;
    json_t *json;
    json_object_foreach(object, name, json)
    {
        const struct field *f = record_field(type, name);
        struct field_path at = {.within = path, .name = name};
        if (f == NULL)
            return field_fail(t, &at, "unknown member%s", field_did_you_mean(t->arena, type, name));
        if ((f->flags & FIELD_READ_ONLY) != 0)
            return field_fail(t, &at, "is read-only");
        if (json_is_null(json))
            value_init(t, f, field_place(f, record));
        else
            TRY(value_from_json(t, &at, f, json, field_place(f, record)));
    }
    return true;
}

static bool value_from_json(struct task *t, const struct field_path *path, const struct field *f,
                            json_t *json, void *value)
{
    switch (f->kind) {
    case FIELD_BOOL:
        return bool_from_json(t, path, json, value);
    case FIELD_UINT:
        return number_from_json(t, path, f, json, value);
    case FIELD_TEXTS:
    case FIELD_OCTETS_LIST:
    case FIELD_RECORDS:
        return list_from_json(t, path, f, json, value);
    case FIELD_RECORD:
        if (!json_is_object(json))
            return field_fail(t, path, "must be an object");
        return object_from_json(t, path, f->sub, json, value);
    default:
        return text_from_json(t, path, f, json, value);
    }
}

bool record_from_json(struct task *t, const struct record_type *type, json_t *object, void *record)
{
    ENSURE(t, json_is_object(object), E_INVALID, "%s must be an object", type->name);
    void *scratch = arena_alloc(t->arena, type->size);
    memcpy(scratch, record, type->size);
    TRY(object_from_json(t, NULL, type, object, scratch));
    TRY(record_check(t, type, scratch));
    memcpy(record, scratch, type->size);
    return true;
}
