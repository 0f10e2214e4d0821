#include "core/base/field_value.h"

#include "core/base/clock.h"
#include "core/base/near_miss.h"
#include "core/base/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef field_fail

static const char *path_text(struct arena *arena, const struct field_path *path)
{
    const char *text = "";
    for (const struct field_path *p = path; p != NULL; p = p->within) {
        if (p->name == NULL)
            text = arena_printf(arena, "[%zu]%s", p->index, text);
        else
            text = arena_printf(arena, "%s%s%s", p->within == NULL ? "" : ".", p->name, text);
    }
    return text;
}

bool field_fail(struct task *t, const struct field_path *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *what = arena_vprintf(t->arena, format, args);
    va_end(args);
    return fail(t, E_INVALID, "%s: %s", path_text(t->arena, path), what);
}

const char *field_did_you_mean(struct arena *arena, const struct record_type *type,
                               const char *name)
{
    const char **names = arena_array(arena, type->count, sizeof(*names));
    for (size_t i = 0; i < type->count; i++)
        names[i] = type->fields[i].name;
    const char *near = near_miss(arena, name, names, type->count);
    return near == NULL ? "" : arena_printf(arena, "; did you mean \"%s\"?", near);
}

void *field_place(const struct field *f, void *record)
{
    return (char *)record + f->offset;
}

const void *field_value(const struct field *f, const void *record)
{
    return (const char *)record + f->offset;
}

bool field_is_list(const struct field *f)
{
    return f->kind == FIELD_TEXTS || f->kind == FIELD_OCTETS_LIST || f->kind == FIELD_RECORDS;
}

/* An empty text or certificate in a list says nothing: elements are required to be there. */
struct field list_element(const struct field *f)
{
    enum field_kind kind = f->kind == FIELD_TEXTS         ? FIELD_TEXT
                           : f->kind == FIELD_OCTETS_LIST ? FIELD_OCTETS
                                                          : FIELD_RECORD;
    return (struct field){.name = f->name,
                          .kind = kind,
                          .flags = f->flags | FIELD_REQUIRED,
                          .sub = f->sub,
                          .help = f->help};
}

size_t list_count(const struct field *f, const void *list)
{
    switch (f->kind) {
    case FIELD_TEXTS:
        return ((const struct text_list *)list)->count;
    case FIELD_OCTETS_LIST:
        return ((const struct bytes_list *)list)->count;
    case FIELD_RECORDS:
        return ((const struct record_list *)list)->count;
    default:
        return 0;
    }
}

const void *list_at(const struct field *f, const void *list, size_t index)
{
    switch (f->kind) {
    case FIELD_TEXTS:
        return &((const struct text_list *)list)->items[index];
    case FIELD_OCTETS_LIST:
        return &((const struct bytes_list *)list)->items[index];
    default:
        return (const char *)((const struct record_list *)list)->items + index * f->sub->size;
    }
}

/* The items with room for one more: the room doubles whenever the count is a power of two. */
static void *grow(struct arena *arena, void *items, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return items;
    void *more = arena_array(arena, count == 0 ? 1 : count * 2, size);
    if (count > 0)
        memcpy(more, items, count * size);
    return more;
}

void *list_append(struct arena *arena, const struct field *f, void *list)
{
    if (f->kind == FIELD_TEXTS) {
        struct text_list *texts = list;
        texts->items = grow(arena, (void *)texts->items, texts->count, sizeof(*texts->items));
        return (void *)&texts->items[texts->count++];
    }
    if (f->kind == FIELD_OCTETS_LIST) {
        struct bytes_list *octets = list;
        octets->items = grow(arena, octets->items, octets->count, sizeof(*octets->items));
        return &octets->items[octets->count++];
    }
    struct record_list *records = list;
    records->items = grow(arena, records->items, records->count, f->sub->size);
    return (char *)records->items + records->count++ * f->sub->size;
}

bool value_is_absent(const struct field *f, const void *value)
{
    switch (f->kind) {
    case FIELD_TIME:
        return *(const int64_t *)value == 0;
    case FIELD_TEXT:
        return *(const char *const *)value == NULL;
    case FIELD_OCTETS:
    case FIELD_HEX:
        return !bytes_present(*(const struct bytes *)value);
    default:
        return field_is_list(f) && list_count(f, value) == 0;
    }
}

static size_t value_size(const struct field *f)
{
    switch (f->kind) {
    case FIELD_TEXTS:
        return sizeof(struct text_list);
    case FIELD_OCTETS_LIST:
        return sizeof(struct bytes_list);
    case FIELD_RECORDS:
        return sizeof(struct record_list);
    case FIELD_RECORD:
        return f->sub->size;
    default:
        return scalar_size(f->kind);
    }
}

void value_clear(const struct field *f, void *value)
{
    memset(value, 0, value_size(f));
}

void value_init(struct task *t, const struct field *f, void *value)
{
    if (f->kind == FIELD_RECORD) {
        record_init(t, f->sub, value);
        return;
    }
    value_clear(f, value);
    if (f->preset == NULL)
        return;
    struct field here = *f;
    here.offset = 0;
    if (!field_from_text(t, &here, f->preset, value)) {
        (void)fprintf(stderr, "preset of %s\n", t->detail);
        abort();
    }
}

/* Bounds are written as the values they bound. */
static const char *bound_text(struct arena *arena, const struct field *f, int64_t bound)
{
    union scalar scalar = {.millis = bound};
    if (f->kind == FIELD_UINT || f->kind == FIELD_SIZE)
        scalar.number = (uint64_t)bound;
    return scalar_to_text(arena, f, &scalar);
}

static bool check_number(struct task *t, const struct field_path *path, const struct field *f,
                         uint64_t number)
{
    uint64_t least = f->min > 0 ? (uint64_t)f->min : 0;
    /* JSON and the bounds of the table are signed. */
    uint64_t most = f->max > 0 ? (uint64_t)f->max : INT64_MAX;
    if (number < least)
        return field_fail(t, path, "must be at least %s", bound_text(t->arena, f, (int64_t)least));
    if (number > most)
        return field_fail(t, path, "must be at most %s", bound_text(t->arena, f, (int64_t)most));
    return true;
}

static bool check_duration(struct task *t, const struct field_path *path, const struct field *f,
                           int64_t duration)
{
    if (duration < f->min)
        return field_fail(t, path, "must be at least %s", bound_text(t->arena, f, f->min));
    if (f->max != 0 && duration > f->max)
        return field_fail(t, path, "must be at most %s", bound_text(t->arena, f, f->max));
    return true;
}

/* A least time of 0 is no bound: 1970 is nothing special. */
static bool check_time(struct task *t, const struct field_path *path, const struct field *f,
                       int64_t time)
{
    int64_t least = f->min != 0 ? f->min : TIME_LEAST;
    int64_t most = f->max != 0 ? f->max : TIME_GREATEST;
    if (time < least)
        return field_fail(t, path, "must not be before %s", bound_text(t->arena, f, least));
    if (time > most)
        return field_fail(t, path, "must not be after %s", bound_text(t->arena, f, most));
    return true;
}

static bool check_length(struct task *t, const struct field_path *path, const struct field *f,
                         size_t len, const char *unit)
{
    if ((f->flags & FIELD_REQUIRED) != 0 && len == 0)
        return field_fail(t, path, "must not be empty");
    if (f->min > 0 && len < (uint64_t)f->min)
        return field_fail(t, path, "must have at least %lld %s, has %zu", (long long)f->min, unit,
                          len);
    if (f->max > 0 && len > (uint64_t)f->max)
        return field_fail(t, path, "must have at most %lld %s, has %zu", (long long)f->max, unit,
                          len);
    return true;
}

static bool check_enum(struct task *t, const struct field_path *path, const struct field *f,
                       unsigned choice)
{
    for (unsigned i = 0; f->names[i] != NULL; i++) {
        if (i == choice)
            return true;
    }
    return field_fail(t, path, "has no name for value %u", choice);
}

static bool check_list(struct task *t, const struct field_path *path, const struct field *f,
                       const void *list)
{
    size_t count = list_count(f, list);
    TRY(check_length(t, path, f, count, "elements"));
    struct field element = list_element(f);
    for (size_t i = 0; i < count; i++) {
        struct field_path at = {.within = path, .index = i};
        TRY(value_check(t, &at, &element, list_at(f, list, i)));
    }
    return true;
}

static bool check_record(struct task *t, const struct field_path *path, const struct field *f,
                         const void *record)
{
    for (size_t i = 0; i < f->sub->count; i++) {
        const struct field *member = &f->sub->fields[i];
        struct field_path at = {.within = path, .name = member->name};
        TRY(value_check(t, &at, member, field_value(member, record)));
    }
    return true;
}

static bool check_present(struct task *t, const struct field_path *path, const struct field *f,
                          const void *value)
{
    switch (f->kind) {
    case FIELD_BOOL:
        return true;
    case FIELD_UINT:
    case FIELD_SIZE:
        return check_number(t, path, f, *(const uint64_t *)value);
    case FIELD_TIME:
        return check_time(t, path, f, *(const int64_t *)value);
    case FIELD_DURATION:
        return check_duration(t, path, f, *(const int64_t *)value);
    case FIELD_TEXT: {
        struct bytes text = bytes_of_text(*(const char *const *)value);
        TRY(check_length(t, path, f, text.len, "octets"));
        return bytes_are_utf8(text) || field_fail(t, path, "not UTF-8");
    }
    case FIELD_OCTETS:
    case FIELD_HEX:
        return check_length(t, path, f, ((const struct bytes *)value)->len, "octets");
    case FIELD_ENUM:
        return check_enum(t, path, f, *(const unsigned *)value);
    case FIELD_TEXTS:
    case FIELD_OCTETS_LIST:
    case FIELD_RECORDS:
        return check_list(t, path, f, value);
    case FIELD_RECORD:
        return check_record(t, path, f, value);
    }
    return fail(t, E_INTERNAL, "field %s is of no known kind", f->name);
}

bool value_check(struct task *t, const struct field_path *path, const struct field *f,
                 const void *value)
{
    if (!value_is_absent(f, value))
        return check_present(t, path, f, value);
    if ((f->flags & FIELD_REQUIRED) != 0)
        return field_fail(t, path, "is required");
    return true;
}
