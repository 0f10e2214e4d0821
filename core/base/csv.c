#include "core/base/csv.h"

#include <string.h>

/* The field at hand, as it is read. */
struct cell {
    char text[CSV_FIELD_MAX + 1];
    size_t len;
};

static bool at_end(const struct csv *csv)
{
    return csv->at >= csv->octets.len;
}

static char here(const struct csv *csv)
{
    return (char)csv->octets.data[csv->at];
}

static bool at_line_end(const struct csv *csv)
{
    return at_end(csv) || here(csv) == '\n' || here(csv) == '\r';
}

/* CR LF is one end of a line. */
static void pass_line_end(struct csv *csv)
{
    if (at_end(csv))
        return;
    bool cr = here(csv) == '\r';
    csv->at++;
    csv->line++;
    if (cr && !at_end(csv) && here(csv) == '\n')
        csv->at++;
}

static void pass_line(struct csv *csv)
{
    while (!at_line_end(csv))
        csv->at++;
    pass_line_end(csv);
}

struct csv csv_open(struct bytes octets)
{
    struct csv csv = {.octets = octets, .line = 1, .delimiter = ','};
    bool semicolon = false;
    bool tab = false;
    if (bytes_start_with(octets, BYTES_LITERAL("\xEF\xBB\xBF")))
        csv.at = 3;
    for (struct csv look = csv; !at_line_end(&look); look.at++) {
        if (here(&look) == ',')
            return csv;
        semicolon = semicolon || here(&look) == ';';
        tab = tab || here(&look) == '\t';
    }
    if (semicolon || tab)
        csv.delimiter = semicolon ? ';' : '\t';
    return csv;
}

static bool add(struct task *t, struct cell *cell, char c)
{
    ENSURE(t, c != '\0', E_MALFORMED, "there is a NUL");
    ENSURE(t, cell->len < CSV_FIELD_MAX, E_TOO_LARGE, "a field of more than %d octets",
           CSV_FIELD_MAX);
    cell->text[cell->len++] = c;
    return true;
}

/* Behind the opening quote, up to and with the closing one; two stand for one. */
static bool read_quoted(struct task *t, struct csv *csv, struct cell *cell)
{
    for (;;) {
        ENSURE(t, !at_end(csv), E_MALFORMED, "a quote is not closed");
        char c = here(csv);
        if (at_line_end(csv)) {
            TRY(add(t, cell, '\n'));
            pass_line_end(csv);
            continue;
        }
        csv->at++;
        if (c == '"' && (at_end(csv) || here(csv) != '"'))
            return true;
        csv->at += c == '"';
        TRY(add(t, cell, c));
    }
}

static bool read_field(struct task *t, struct csv *csv, const char **ret)
{
    struct cell cell = {.len = 0};
    bool quoted = !at_end(csv) && here(csv) == '"';
    if (quoted) {
        csv->at++;
        TRY(read_quoted(t, csv, &cell));
        ENSURE(t, at_line_end(csv) || here(csv) == csv->delimiter, E_MALFORMED,
               "something stands behind a closing quote");
    }
    for (; !quoted && !at_line_end(csv) && here(csv) != csv->delimiter; csv->at++) {
        ENSURE(t, here(csv) != '"', E_MALFORMED, "a quote stands inside a field without quotes");
        TRY(add(t, &cell, here(csv)));
    }
    ENSURE(t, bytes_are_utf8(bytes_make(cell.text, cell.len)), E_MALFORMED, "not UTF-8");
    *ret = arena_strndup(t->arena, cell.text, cell.len);
    return true;
}

static bool read_row(struct task *t, struct csv *csv, struct csv_row *row)
{
    for (;;) {
        ENSURE(t, row->count < CSV_FIELDS_MAX, E_TOO_LARGE, "more than %d fields", CSV_FIELDS_MAX);
        TRY(read_field(t, csv, &row->fields[row->count++]));
        if (at_line_end(csv))
            break;
        csv->at++;
    }
    pass_line_end(csv);
    return true;
}

bool csv_next(struct task *t, struct csv *csv, struct csv_row *ret, bool *ret_found)
{
    while (!at_end(csv) && at_line_end(csv))
        pass_line_end(csv);
    ret->at = csv->at;
    ret->line = csv->line;
    ret->count = 0;
    *ret_found = !at_end(csv);
    if (at_end(csv) || read_row(t, csv, ret))
        return true;
    csv->at = ret->at;
    csv->line = ret->line;
    pass_line(csv);
    return false;
}
