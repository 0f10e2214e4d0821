/* A line of a table as a place on the list. */
#include "web/import.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

/* Column names: without blanks around them, in lower case. */
static char *column_name(struct arena *arena, const char *text)
{
    while (is_blank(*text))
        text++;
    size_t len = strlen(text);
    while (len > 0 && is_blank(text[len - 1]))
        len--;
    char *name = arena_strndup(arena, text, len);
    for (char *c = name; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    }
    return name;
}

static enum import_column column_of(const char *name)
{
    static const struct {
        const char *name;
        enum import_column column;
    } known[] = {
        {"", IMPORT_NAMELESS},
        {"serial", IMPORT_SERIAL},
        {"serial-number", IMPORT_SERIAL},
        {"serial number", IMPORT_SERIAL},
        {"manufacturer", IMPORT_MANUFACTURER},
        {"note", IMPORT_NOTE},
    };
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (strcmp(name, known[i].name) == 0)
            return known[i].column;
    }
    return IMPORT_OTHER;
}

/* Each column once; of the nameless there may be several, and they say nothing. */
static bool add_column(struct task *t, struct import_header *header, const char *name)
{
    enum import_column column = column_of(name);
    for (size_t i = 0; i < header->count; i++) {
        bool same = column == IMPORT_OTHER ? strcmp(header->names[i], name) == 0
                                           : header->columns[i] == column;
        ENSURE(t, !same || column == IMPORT_NAMELESS, E_INVALID, "there are two columns %s",
               bytes_to_printable(t->arena, bytes_of_text(name), EXPECTED_COLUMN_NAME_MAX));
    }
    header->columns[header->count] = column;
    header->names[header->count++] = name;
    return true;
}

bool import_header_read(struct task *t, const struct csv_row *row, struct import_header *ret)
{
    struct import_header header = {.count = 0};
    bool has_serial = false;
    size_t others = 0;
    for (size_t i = 0; i < row->count; i++) {
        const char *name = column_name(t->arena, row->fields[i]);
        ENSURE(t, strlen(name) <= EXPECTED_COLUMN_NAME_MAX, E_INVALID,
               "the name of column %zu is longer than %d octets", i + 1, EXPECTED_COLUMN_NAME_MAX);
        TRY(add_column(t, &header, name));
        has_serial = has_serial || header.columns[i] == IMPORT_SERIAL;
        others += header.columns[i] == IMPORT_OTHER;
    }
    ENSURE(t, has_serial, E_INVALID,
           "line %u names no column \"serial\"; the first line says what the columns are",
           row->line);
    ENSURE(t, others <= EXPECTED_COLUMNS_MAX, E_INVALID, "more than %d columns of your own",
           EXPECTED_COLUMNS_MAX);
    *ret = header;
    return true;
}

static void add_value(struct expected *place, const char *name, const char *value)
{
    struct expected_column *columns = place->columns.items;
    columns[place->columns.count++] = (struct expected_column){.name = name, .value = value};
}

static bool check_serial(struct task *t, const char *serial)
{
    size_t len = serial == NULL ? 0 : strlen(serial);
    ENSURE(t, len > 0, E_INVALID, "there is no serial number");
    ENSURE(t, !is_blank(serial[0]) && !is_blank(serial[len - 1]), E_INVALID,
           "the serial number has blanks around it");
    return true;
}

/* Of a list that is one manufacturer's, a row need not say so, and may say no other. */
static bool set_manufacturer(struct task *t, const struct import_options *options,
                             struct expected *place)
{
    if (place->manufacturer == NULL)
        place->manufacturer = options->manufacturer;
    ENSURE(t, place->manufacturer != NULL, E_INVALID, "there is no manufacturer");
    return options->manufacturer == NULL || expected_check_list(t, place, options->manufacturer);
}

bool import_row_read(struct task *t, const struct import_header *header,
                     const struct import_options *options, const struct csv_row *row,
                     struct expected *ret)
{
    struct expected place;
    record_init(t, &expected_type, &place);
    place.columns.items =
        arena_array(t->arena, EXPECTED_COLUMNS_MAX, sizeof(struct expected_column));
    for (size_t i = 0; i < row->count; i++) {
        const char *value = row->fields[i];
        enum import_column column = i < header->count ? header->columns[i] : IMPORT_NAMELESS;
        if (*value == '\0')
            continue;
        ENSURE(t, column != IMPORT_NAMELESS, E_INVALID, "field %zu is in a column without a name",
               i + 1);
        if (column == IMPORT_SERIAL)
            place.serial = value;
        else if (column == IMPORT_MANUFACTURER)
            place.manufacturer = value;
        else if (column == IMPORT_NOTE)
            place.note = value;
        else
            add_value(&place, header->names[i], value);
    }
    TRY(check_serial(t, place.serial));
    TRY(set_manufacturer(t, options, &place));
    TRY(record_check(t, &expected_type, &place));
    *ret = place;
    return true;
}
