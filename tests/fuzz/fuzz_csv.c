/*
 * Tables from spreadsheets: read to the end whatever they hold, within bounds; a row that is read
 * again from where it began is the same row; what was read and is written again by RFC 4180 comes
 * out as the same fields.
 *
 * Covers: core/base/csv.c
 */
#include "core/base/csv.h"
#include "tests/fuzz/support.h"

#include <string.h>

#define ROWS_MAX 64 /* that are looked at twice */

static bool same_row(const struct csv_row *a, const struct csv_row *b)
{
    if (a->count != b->count || a->line != b->line || a->at != b->at)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->fields[i], b->fields[i]) != 0)
            return false;
    }
    return true;
}

/* The row in quotes, with commas. */
static struct bytes written(struct arena *arena, const struct csv_row *row)
{
    const char *text = "";
    for (size_t i = 0; i < row->count; i++) {
        text = arena_printf(arena, "%s%s\"", text, i == 0 ? "" : ",");
        for (const char *c = row->fields[i]; *c != '\0'; c++)
            text = arena_printf(arena, "%s%s%c", text, *c == '"' ? "\"" : "", *c);
        text = arena_printf(arena, "%s\"", text);
    }
    return bytes_of_text(text);
}

static void check_row(struct task *t, const struct csv *csv, const struct csv_row *row)
{
    struct csv again = *csv;
    struct csv_row *other = arena_alloc(t->arena, sizeof(*other));
    bool found;
    again.at = row->at;
    again.line = row->line;
    MUST(csv_next(t, &again, other, &found) && found && same_row(row, other));
    struct csv copy = csv_open(written(t->arena, row));
    copy.delimiter = ',';
    MUST(csv_next(t, &copy, other, &found) && found && other->count == row->count);
    for (size_t i = 0; i < row->count; i++)
        MUST(strcmp(row->fields[i], other->fields[i]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct csv csv = csv_open(bytes_make(data, size));
    struct csv_row *row = arena_alloc(arena, sizeof(*row));
    size_t last = 0;
    task_init(&t, arena, NULL);
    for (unsigned rows = 0;; rows++) {
        struct arena_mark mark = arena_mark(arena);
        bool found = true;
        bool good = csv_next(&t, &csv, row, &found);
        MUST(csv.at <= size && (rows == 0 || !found || csv.at > last));
        last = csv.at;
        if (!found)
            return 0;
        MUST(row->count <= CSV_FIELDS_MAX);
        if (good && rows < ROWS_MAX && csv.at - row->at < 512)
            check_row(&t, &csv, row);
        arena_rewind(arena, mark);
    }
}
