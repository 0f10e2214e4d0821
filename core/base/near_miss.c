#include "core/base/near_miss.h"

#include <string.h>

#define NAME_MAX_LEN 64

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The cells that the next one is made from: optimal string alignment, three rows at a time. */
struct rows {
    size_t *before_last;
    size_t *last;
    size_t *row;
};

static size_t cell(const struct rows *rows, const char *a, const char *b, size_t i, size_t j)
{
    size_t replaced = rows->last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
    size_t value = least(replaced, least(rows->last[j], rows->row[j - 1]) + 1);
    if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        value = least(value, rows->before_last[j - 2] + 1);
    return value;
}

/* How many single mistakes lie between the two. */
static size_t distance(struct arena *arena, const char *a, const char *b)
{
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    size_t *cells = arena_array(arena, 3 * (b_len + 1), sizeof(*cells));
    struct rows rows = {cells, cells + b_len + 1, cells + 2 * (b_len + 1)};
    for (size_t j = 0; j <= b_len; j++)
        rows.last[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        rows.row[0] = i;
        for (size_t j = 1; j <= b_len; j++)
            rows.row[j] = cell(&rows, a, b, i, j);
        rows = (struct rows){rows.last, rows.row, rows.before_last};
    }
    return rows.last[b_len];
}

const char *near_miss(struct arena *arena, const char *text, const char *const *candidates,
                      size_t count)
{
    const char *nearest = NULL;
    size_t len = strlen(text);
    if (len > NAME_MAX_LEN)
        return NULL;
    /* A third of the letters may be wrong, and one of the shortest words. */
    size_t limit = len / 3 > 0 ? len / 3 : 1;
    for (size_t i = 0; i < count; i++) {
        size_t mistakes = distance(arena, text, candidates[i]);
        if (mistakes <= limit && mistakes < strlen(candidates[i])) {
            nearest = candidates[i];
            limit = mistakes == 0 ? 0 : mistakes - 1;
        }
    }
    return nearest;
}
