/* Printing for people: foreign text made harmless, tables, trees and wrapped lines. */
#ifndef GATEHOUSE_WEB_CTL_PRINT_H
#define GATEHOUSE_WEB_CTL_PRINT_H

#include "core/base/json.h"

#include <stdio.h>

/* Foreign text that a terminal can do nothing with but show; see bytes_to_printable(). */
char *print_safe(struct arena *arena, const char *text);

/* Columns as wide as they must be; cells are made safe here.  NULL cells are shown as "-". */
struct print_table {
    struct arena *arena;
    const char *const *headers;
    size_t columns;
    const char **cells; /* row by row */
    size_t count;       /* of cells */
    size_t room;
};
struct print_table print_table_make(struct arena *arena, const char *const *headers,
                                    size_t columns);
void print_table_add(struct print_table *table, const char *cell);
/* Prints `empty` when there are no rows. */
void print_table_end(FILE *out, const struct print_table *table, const char *empty);

struct print_column {
    const char *header;
    const char *member; /* of each object */
};
/* A list of objects as a table. */
void print_objects(FILE *out, struct arena *arena, const json_t *list,
                   const struct print_column *columns, size_t count, const char *empty);

/* Indented, ASCII only: harmless on a terminal too. */
void print_json(FILE *out, const json_t *value);
/* The same as names and values, one a line, nested ones indented.  Values are made safe. */
void print_tree(FILE *out, struct arena *arena, const json_t *value, unsigned indent);
/* Words, broken between `indent` and `width`; the cursor stands at `indent` already. */
void print_wrapped(FILE *out, struct arena *arena, const char *text, unsigned indent,
                   unsigned width);
/* "name      value"; nothing when the value is NULL.  Made safe. */
void print_fact(FILE *out, struct arena *arena, const char *name, const char *value);
/* The text of a member of an object, numbers and truths included; NULL: not there. */
const char *print_member(struct arena *arena, const json_t *object, const char *name);

#endif
