#include "core/base/config.h"

#include "core/base/field_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 96

struct example {
    FILE *out;
    struct task *t;
};

static const char *const kind_words[] = {
    [FIELD_BOOL] = "true or false",
    [FIELD_UINT] = "number",
    [FIELD_TIME] = "time, as 2030-12-31T23:59:59Z",
    [FIELD_DURATION] = "duration: ms, s, min, h, d",
    [FIELD_SIZE] = "size: B, KiB, MiB, GiB, TiB",
    [FIELD_TEXT] = "text",
    [FIELD_OCTETS] = "octets in base64",
    [FIELD_HEX] = "octets in hexadecimal",
    [FIELD_ENUM] = "one of",
    [FIELD_TEXTS] = "list of texts",
    [FIELD_OCTETS_LIST] = "list of octets in base64",
    [FIELD_RECORD] = "items of its own",
    [FIELD_RECORDS] = "list of items of their own",
};

/* "# " and the words of `text`, broken into lines. */
static void write_comment(struct example *e, const char *prefix, const char *text)
{
    size_t column = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        if (column == 0 || column + 1 + len > COLUMNS) {
            (void)fprintf(e->out, "%s%s# %.*s", column == 0 ? "" : "\n", prefix, (int)len, text);
            column = strlen(prefix) + 2 + len;
        } else {
            (void)fprintf(e->out, " %.*s", (int)len, text);
            column += 1 + len;
        }
        text += len + strspn(text + len, " ");
    }
    (void)fputc('\n', e->out);
}

static const char *enum_words(struct arena *arena, const struct field *f)
{
    const char *words = kind_words[FIELD_ENUM];
    for (size_t i = 0; f->names[i] != NULL; i++)
        words =
            arena_printf(arena, "%s %s%s", words, f->names[i], f->names[i + 1] == NULL ? "" : ",");
    return words;
}

static bool is_number(const struct field *f)
{
    return f->kind == FIELD_UINT || f->kind == FIELD_SIZE || f->kind == FIELD_DURATION ||
           f->kind == FIELD_TIME;
}

static const char *bound_words(struct arena *arena, const struct field *f, int64_t bound)
{
    union scalar scalar = {.millis = bound};
    if (is_number(f))
        return scalar_to_text(arena, f, &scalar);
    return arena_printf(arena, "%lld %s", (long long)bound,
                        field_is_list(f) ? "elements" : "octets");
}

/* "(duration: ms, s, min, h, d; at least 1 s; at most 1 h; required)" */
static void write_rules(struct example *e, const char *prefix, const struct field *f)
{
    struct arena *arena = e->t->arena;
    const char *rules = f->kind == FIELD_ENUM ? enum_words(arena, f) : kind_words[f->kind];
    if (f->min != 0)
        rules = arena_printf(arena, "%s; at least %s", rules, bound_words(arena, f, f->min));
    if (f->max != 0)
        rules = arena_printf(arena, "%s; at most %s", rules, bound_words(arena, f, f->max));
    if ((f->flags & FIELD_REQUIRED) != 0)
        rules = arena_printf(arena, "%s; required", rules);
    if ((f->flags & FIELD_LIVE) != 0)
        rules = arena_printf(arena, "%s; a change takes effect without a restart", rules);
    write_comment(e, prefix, arena_printf(arena, "(%s)", rules));
}

static bool is_plain(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    static const char marks[] = " ._/+=-";
    size_t len = strlen(text);
    if (len == 0 || strchr(letters, text[0]) == NULL || text[len - 1] == ' ' ||
        strcmp(text, "null") == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (strchr(letters, text[i]) == NULL && strchr(marks, text[i]) == NULL)
            return false;
    }
    return true;
}

static void write_scalar(FILE *out, const char *text)
{
    if (is_plain(text)) {
        (void)fputs(text, out);
        return;
    }
    (void)fputc('"', out);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            (void)fprintf(out, "\\%c", c);
        else if (c < ' ' || c == 0x7F)
            (void)fprintf(out, "\\x%02x", c);
        else
            (void)fputc(c, out);
    }
    (void)fputc('"', out);
}

static void write_value(struct example *e, const struct field *f, const void *value)
{
    if (!field_is_list(f)) {
        write_scalar(e->out, scalar_to_text(e->t->arena, f, value));
        return;
    }
    struct field element = list_element(f);
    (void)fputc('[', e->out);
    for (size_t i = 0; i < list_count(f, value); i++) {
        (void)fputs(i == 0 ? "" : ", ", e->out);
        write_scalar(e->out, scalar_to_text(e->t->arena, &element, list_at(f, value, i)));
    }
    (void)fputc(']', e->out);
}

static bool has_visible_preset(const struct record_type *type);

/* What has a preset that may be shown stands as it is; everything else is commented out. */
static bool is_visible(const struct field *f)
{
    if (f->kind == FIELD_RECORD)
        return has_visible_preset(f->sub);
    return f->preset != NULL && (f->flags & FIELD_SECRET) == 0;
}

static bool has_visible_preset(const struct record_type *type)
{
    for (size_t i = 0; i < type->count; i++) {
        if (is_visible(&type->fields[i]))
            return true;
    }
    return false;
}

static void write_members(struct example *e, const char *prefix, const struct record_type *type,
                          const void *record);

static void write_item(struct example *e, const char *prefix, const struct field *f,
                       const void *value)
{
    struct arena *arena = e->t->arena;
    if (!is_visible(f))
        prefix = arena_printf(arena, "%s# ", prefix);
    (void)fprintf(e->out, "%s%s:", prefix, f->name);
    if (is_visible(f) && f->kind != FIELD_RECORD) {
        (void)fputc(' ', e->out);
        write_value(e, f, value);
    }
    (void)fputc('\n', e->out);
    if (f->kind == FIELD_RECORD) {
        write_members(e, arena_printf(arena, "%s  ", prefix), f->sub, value);
    } else if (f->kind == FIELD_RECORDS) {
        void *one = arena_alloc(arena, f->sub->size);
        record_init(e->t, f->sub, one);
        (void)fprintf(e->out, "%s  -\n", prefix);
        write_members(e, arena_printf(arena, "%s    ", prefix), f->sub, one);
    }
}

static void write_members(struct example *e, const char *prefix, const struct record_type *type,
                          const void *record)
{
    bool is_first = true;
    for (size_t i = 0; i < type->count; i++) {
        const struct field *f = &type->fields[i];
        if ((f->flags & FIELD_READ_ONLY) != 0)
            continue;
        if (!is_first) /* a blank line, which in a comment is one, too */
            (void)fputs(strchr(prefix, '#') == NULL ? "\n" : "#\n", e->out);
        is_first = false;
        if (f->help != NULL)
            write_comment(e, prefix, f->help);
        write_rules(e, prefix, f);
        write_item(e, prefix, f, field_value(f, record));
    }
}

char *config_example(struct task *t, const struct record_type *type)
{
    char *text = NULL;
    size_t len = 0;
    void *record = arena_alloc(t->arena, type->size);
    struct example e = {.out = open_memstream(&text, &len), .t = t};
    if (e.out == NULL)
        abort();
    record_init(t, type, record);
    write_members(&e, "", type, record);
    if (fclose(e.out) != 0)
        abort();
    char *example = arena_strndup(t->arena, text, len);
    free(text);
    return example;
}
