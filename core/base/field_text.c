/* The text forms of scalars and fields: command lines, YAML, and the strings of JSON. */
#include "core/base/field_value.h"

#include "core/base/clock.h"
#include "core/base/near_miss.h"
#include "core/base/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct size_unit {
    const char *name;
    uint64_t octets;
} size_units[] = {
    {"TiB", 1ULL << 40}, {"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}, {"B", 1},
};

/* Decimal digits at the start of `text`; `ret_end` is what follows them. */
static bool read_number(const char *text, uint64_t *ret_number, const char **ret_end)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0)
        return false;
    *ret_number = number;
    *ret_end = end;
    return true;
}

bool size_from_text(const char *text, uint64_t *ret)
{
    uint64_t number;
    uint64_t octets;
    const char *unit;
    if (!read_number(text, &number, &unit))
        return false;
    while (*unit == ' ')
        unit++;
    for (size_t i = 0; i < ARRAY_SIZE(size_units); i++) {
        if (strcmp(unit, size_units[i].name) != 0)
            continue;
        if (__builtin_mul_overflow(number, size_units[i].octets, &octets))
            return false;
        *ret = octets;
        return true;
    }
    return false;
}

char *size_to_text(struct arena *arena, uint64_t size)
{
    const struct size_unit *unit = size_units;
    while (unit->octets > 1 && (size == 0 || size % unit->octets != 0))
        unit++;
    return arena_printf(arena, "%" PRIu64 " %s", size / unit->octets, unit->name);
}

size_t scalar_size(enum field_kind kind)
{
    switch (kind) {
    case FIELD_BOOL:
        return sizeof(bool);
    case FIELD_UINT:
    case FIELD_SIZE:
        return sizeof(uint64_t);
    case FIELD_TIME:
    case FIELD_DURATION:
        return sizeof(int64_t);
    case FIELD_TEXT:
        return sizeof(const char *);
    case FIELD_OCTETS:
    case FIELD_HEX:
        return sizeof(struct bytes);
    case FIELD_ENUM:
        return sizeof(unsigned);
    default:
        return 0;
    }
}

const char *scalar_form(enum field_kind kind)
{
    switch (kind) {
    case FIELD_BOOL:
        return "must be true or false";
    case FIELD_UINT:
        return "must be a whole number";
    case FIELD_TIME:
        return "must be a time such as \"2030-12-31T23:59:59Z\"";
    case FIELD_DURATION:
        return "must be a duration such as \"90 s\" (ms, s, min, h or d)";
    case FIELD_SIZE:
        return "must be a size such as \"64 KiB\" (B, KiB, MiB, GiB or TiB)";
    case FIELD_OCTETS:
        return "not base64";
    case FIELD_HEX:
        return "not hexadecimal";
    default:
        return "must be text";
    }
}

static bool bool_from_text(const char *text, bool *ret)
{
    bool value = strcmp(text, "true") == 0;
    if (!value && strcmp(text, "false") != 0)
        return false;
    *ret = value;
    return true;
}

static bool uint_from_text(const char *text, uint64_t *ret)
{
    uint64_t number;
    const char *end;
    if (!read_number(text, &number, &end) || *end != '\0')
        return false;
    *ret = number;
    return true;
}

static bool text_from_text(struct arena *arena, const char *text, const char **ret)
{
    *ret = arena_strdup(arena, text);
    return true;
}

/* Everything but FIELD_ENUM, whose errors are more helpful. */
static bool parse(struct arena *arena, enum field_kind kind, const char *text, union scalar *ret)
{
    switch (kind) {
    case FIELD_BOOL:
        return bool_from_text(text, &ret->truth);
    case FIELD_UINT:
        return uint_from_text(text, &ret->number);
    case FIELD_TIME:
        return time_from_text(text, &ret->millis);
    case FIELD_DURATION:
        return duration_from_text(text, &ret->millis);
    case FIELD_SIZE:
        return size_from_text(text, &ret->number);
    case FIELD_TEXT:
        return text_from_text(arena, text, &ret->text);
    case FIELD_OCTETS:
        return bytes_from_base64(arena, bytes_of_text(text), &ret->octets);
    case FIELD_HEX:
        return bytes_from_hex(arena, text, &ret->octets);
    default:
        return false;
    }
}

/* With ", " between. */
static char *joined(struct arena *arena, const char *const *texts, size_t count)
{
    struct bytes *parts = arena_array(arena, count * 2, sizeof(*parts));
    for (size_t i = 0; i < count; i++) {
        parts[2 * i] = i == 0 ? BYTES_ABSENT : BYTES_LITERAL(", ");
        parts[2 * i + 1] = bytes_of_text(texts[i]);
    }
    return bytes_to_text(arena, bytes_concat(arena, parts, count * 2));
}

static bool enum_from_text(struct task *t, const struct field_path *path, const struct field *f,
                           const char *text, unsigned *ret)
{
    size_t count = 0;
    for (; f->names[count] != NULL; count++) {
        if (strcmp(f->names[count], text) == 0) {
            *ret = (unsigned)count;
            return true;
        }
    }
    const char *near = near_miss(t->arena, text, f->names, count);
    return field_fail(t, path, "must be one of %s%s", joined(t->arena, f->names, count),
                      near == NULL ? "" : arena_printf(t->arena, "; did you mean \"%s\"?", near));
}

bool scalar_from_text(struct task *t, const struct field_path *path, const struct field *f,
                      const char *text, void *value)
{
    union scalar scalar = {0};
    if (f->kind == FIELD_ENUM)
        TRY(enum_from_text(t, path, f, text, &scalar.choice));
    else if (!parse(t->arena, f->kind, text, &scalar))
        return field_fail(t, path, "%s", scalar_form(f->kind));
    TRY(value_check(t, path, f, &scalar));
    memcpy(value, &scalar, scalar_size(f->kind));
    return true;
}

/* A value that no name stands for, which no check lets through, is shown as its number. */
static char *enum_to_text(struct arena *arena, const struct field *f, unsigned choice)
{
    for (unsigned i = 0; f->names[i] != NULL; i++) {
        if (i == choice)
            return arena_strdup(arena, f->names[i]);
    }
    return arena_printf(arena, "%u", choice);
}

char *scalar_to_text(struct arena *arena, const struct field *f, const void *value)
{
    switch (f->kind) {
    case FIELD_BOOL:
        return arena_strdup(arena, *(const bool *)value ? "true" : "false");
    case FIELD_UINT:
        return arena_printf(arena, "%" PRIu64, *(const uint64_t *)value);
    case FIELD_TIME:
        return time_to_text(arena, *(const int64_t *)value);
    case FIELD_DURATION:
        return duration_to_text(arena, *(const int64_t *)value);
    case FIELD_SIZE:
        return size_to_text(arena, *(const uint64_t *)value);
    case FIELD_TEXT:
        return arena_strdup(arena, *(const char *const *)value);
    case FIELD_OCTETS:
        return bytes_to_base64(arena, *(const struct bytes *)value);
    case FIELD_HEX:
        return bytes_to_hex(arena, *(const struct bytes *)value);
    case FIELD_ENUM:
        return enum_to_text(arena, f, *(const unsigned *)value);
    default:
        return arena_strdup(arena, "");
    }
}

/* Up to the next comma, without the blanks around; moves *at behind the comma, or to NULL. */
static char *next_part(struct arena *arena, const char **at)
{
    const char *start = *at + strspn(*at, " ");
    size_t len = strcspn(start, ",");
    *at = start[len] == ',' ? start + len + 1 : NULL;
    while (len > 0 && start[len - 1] == ' ')
        len--;
    return arena_strndup(arena, start, len);
}

static bool list_from_text(struct task *t, const struct field_path *path, const struct field *f,
                           const char *text, void *list)
{
    struct field element = list_element(f);
    const char *at = *text == '\0' ? NULL : text;
    for (size_t i = 0; at != NULL; i++) {
        struct field_path here = {.within = path, .index = i};
        char *part = next_part(t->arena, &at);
        TRY(scalar_from_text(t, &here, &element, part, list_append(t->arena, f, list)));
    }
    return value_check(t, path, f, list);
}

bool field_from_text(struct task *t, const struct field *f, const char *text, void *record)
{
    struct field_path path = {.name = f->name};
    if (f->kind == FIELD_RECORD || f->kind == FIELD_RECORDS)
        return field_fail(t, &path, "has members of its own and no text form");
    if (!field_is_list(f))
        return scalar_from_text(t, &path, f, text, field_place(f, record));
    union {
        struct text_list texts;
        struct bytes_list octets;
    } list = {.texts = {NULL, 0}};
    TRY(list_from_text(t, &path, f, text, &list));
    if (f->kind == FIELD_TEXTS)
        *(struct text_list *)field_place(f, record) = list.texts;
    else
        *(struct bytes_list *)field_place(f, record) = list.octets;
    return true;
}

char *field_to_text(struct task *t, const struct field *f, const void *record)
{
    const void *value = field_value(f, record);
    if (f->kind == FIELD_RECORD || f->kind == FIELD_RECORDS || value_is_absent(f, value))
        return NULL;
    if (!field_is_list(f))
        return scalar_to_text(t->arena, f, value);
    struct field element = list_element(f);
    size_t count = list_count(f, value);
    const char **texts = arena_array(t->arena, count, sizeof(*texts));
    for (size_t i = 0; i < count; i++)
        texts[i] = scalar_to_text(t->arena, &element, list_at(f, value, i));
    return joined(t->arena, texts, count);
}
