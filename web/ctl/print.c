#include "web/ctl/print.h"

#include <string.h>

#define INDENT_STEP 2
#define NAME_COLUMN 26

char *print_safe(struct arena *arena, const char *text)
{
    return bytes_to_printable(arena, bytes_of_text(text), SIZE_MAX);
}

/* How many columns the text takes: characters, wide ones counted as one. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((uint8_t)*text & 0xc0) != 0x80;
    return width;
}

static void pad(FILE *out, size_t columns)
{
    (void)fprintf(out, "%*s", (int)columns, "");
}

/* ---- Tables ---- */

struct print_table print_table_make(struct arena *arena, const char *const *headers, size_t columns)
{
    return (struct print_table){.arena = arena, .headers = headers, .columns = columns};
}

void print_table_add(struct print_table *table, const char *cell)
{
    if (table->count == table->room) {
        size_t room = table->room == 0 ? 64 : table->room * 2;
        const char **cells = arena_array(table->arena, room, sizeof(*cells));
        if (table->count > 0)
            memcpy(cells, table->cells, table->count * sizeof(*cells));
        table->cells = cells;
        table->room = room;
    }
    table->cells[table->count++] = cell == NULL ? "-" : print_safe(table->arena, cell);
}

static void print_row(FILE *out, const char *const *cells, const size_t *widths, size_t columns)
{
    for (size_t i = 0; i < columns; i++) {
        (void)fputs(cells[i], out);
        if (i + 1 < columns)
            pad(out, widths[i] - width_of(cells[i]) + 2);
    }
    (void)fputc('\n', out);
}

void print_table_end(FILE *out, const struct print_table *table, const char *empty)
{
    if (table->count == 0) {
        (void)fprintf(out, "%s\n", empty);
        return;
    }
    size_t *widths = arena_array(table->arena, table->columns, sizeof(*widths));
    for (size_t i = 0; i < table->columns; i++)
        widths[i] = width_of(table->headers[i]);
    for (size_t i = 0; i < table->count; i++) {
        size_t width = width_of(table->cells[i]);
        size_t *widest = &widths[i % table->columns];
        *widest = width > *widest ? width : *widest;
    }
    print_row(out, table->headers, widths, table->columns);
    for (size_t i = 0; i < table->count; i += table->columns)
        print_row(out, table->cells + i, widths, table->columns);
}

/* ---- JSON ---- */

void print_json(FILE *out, const json_t *value)
{
    (void)json_dumpf(value, out, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
    (void)fputc('\n', out);
}

static const char *scalar_text(struct arena *arena, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return json_string_value(value);
    case JSON_INTEGER:
        return arena_printf(arena, "%lld", (long long)json_integer_value(value));
    case JSON_REAL:
        return arena_printf(arena, "%g", json_real_value(value));
    case JSON_TRUE:
        return "yes";
    case JSON_FALSE:
        return "no";
    default:
        return "-";
    }
}

const char *print_member(struct arena *arena, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return value == NULL ? NULL : scalar_text(arena, value);
}

/* What a table shows of a member: a list in one line. */
static const char *cell_text(struct arena *arena, const json_t *object, const char *name)
{
    const json_t *list = json_object_get(object, name);
    const char *text = NULL;
    if (!json_is_array(list))
        return print_member(arena, object, name);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *item = scalar_text(arena, json_array_get(list, i));
        text = text == NULL ? item : arena_printf(arena, "%s, %s", text, item);
    }
    return text;
}

void print_objects(FILE *out, struct arena *arena, const json_t *list,
                   const struct print_column *columns, size_t count, const char *empty)
{
    const char **headers = arena_array(arena, count, sizeof(*headers));
    for (size_t i = 0; i < count; i++)
        headers[i] = columns[i].header;
    struct print_table table = print_table_make(arena, headers, count);
    for (size_t i = 0; i < json_array_size(list); i++) {
        for (size_t j = 0; j < count; j++)
            print_table_add(&table, cell_text(arena, json_array_get(list, i), columns[j].member));
    }
    print_table_end(out, &table, empty);
}

static void print_list(FILE *out, struct arena *arena, const json_t *list, unsigned indent)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        pad(out, indent);
        if (json_is_object(item) || json_is_array(item)) {
            (void)fprintf(out, "[%zu]\n", i + 1);
            print_tree(out, arena, item, indent + INDENT_STEP);
        } else {
            (void)fprintf(out, "%s\n", print_safe(arena, scalar_text(arena, item)));
        }
    }
}

static void print_entry(FILE *out, struct arena *arena, const char *name, const json_t *value,
                        unsigned indent)
{
    pad(out, indent);
    if (json_is_object(value) || json_is_array(value)) {
        (void)fprintf(out, "%s%s\n", print_safe(arena, name),
                      json_is_array(value) && json_array_size(value) == 0 ? ": none" : ":");
        print_tree(out, arena, value, indent + INDENT_STEP);
        return;
    }
    const char *label = print_safe(arena, name);
    size_t column = indent + width_of(label);
    (void)fputs(label, out);
    pad(out, column < NAME_COLUMN ? NAME_COLUMN - column : 2);
    (void)fprintf(out, "%s\n", print_safe(arena, scalar_text(arena, value)));
}

void print_tree(FILE *out, struct arena *arena, const json_t *value, unsigned indent)
{
    const char *name;
    json_t *member;
    if (json_is_array(value)) {
        print_list(out, arena, value, indent);
        return;
    }
    /* jansson's iteration takes no const object, and changes nothing. */
    json_object_foreach((json_t *)value, name, member)
        print_entry(out, arena, name, member, indent);
}

/* ---- Lines ---- */

void print_wrapped(FILE *out, struct arena *arena, const char *text, unsigned indent,
                   unsigned width)
{
    const char *rest = print_safe(arena, text);
    size_t column = indent;
    while (*rest != '\0') {
        size_t len = strcspn(rest, " ");
        size_t columns = width_of(arena_strndup(arena, rest, len));
        if (column > indent && column + 1 + columns > width) {
            (void)fputc('\n', out);
            pad(out, indent);
            column = indent;
        } else if (column > indent) {
            (void)fputc(' ', out);
            column++;
        }
        (void)fprintf(out, "%.*s", (int)len, rest);
        column += columns;
        rest += len;
        rest += strspn(rest, " ");
    }
    (void)fputc('\n', out);
}

void print_fact(FILE *out, struct arena *arena, const char *name, const char *value)
{
    if (value != NULL)
        (void)fprintf(out, "  %-*s%s\n", NAME_COLUMN - 2, name, print_safe(arena, value));
}
