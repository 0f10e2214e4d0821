#include "core/store/records/allowance.h"

#include <string.h>

#define ALLOWANCE_NAME(id, name, help) name,
#define ALLOWANCE_TEXT(id, name, help) help,
const char *const allowance_names[] = {ALLOWANCES(ALLOWANCE_NAME) NULL};
const char *const allowance_texts[] = {ALLOWANCES(ALLOWANCE_TEXT) NULL};

/* ALLOWANCE_COUNT when there is none of that name. */
static unsigned find(const char *name)
{
    unsigned i = 0;
    while (i < ALLOWANCE_COUNT && strcmp(allowance_names[i], name) != 0)
        i++;
    return i;
}

unsigned allowances_of(const struct text_list *names)
{
    unsigned set = 0;
    for (size_t i = 0; i < names->count; i++) {
        unsigned found = find(names->items[i]);
        if (found < ALLOWANCE_COUNT)
            set |= ALLOWANCE(found);
    }
    return set;
}

bool allowances_check(struct task *t, const struct text_list *names)
{
    unsigned all = ALLOWANCE(ALLOWANCE_COUNT) - 1;
    for (size_t i = 0; i < names->count; i++)
        ENSURE(t, find(names->items[i]) < ALLOWANCE_COUNT, E_INVALID,
               "\"%s\" is nothing that can be allowed; what can is %s",
               bytes_to_printable(t->arena, bytes_of_text(names->items[i]), 64),
               allowances_to_text(t->arena, all));
    return true;
}

struct text_list allowances_to_list(struct arena *arena, unsigned set)
{
    struct text_list list = {arena_array(arena, ALLOWANCE_COUNT, sizeof(char *)), 0};
    for (unsigned i = 0; i < ALLOWANCE_COUNT; i++) {
        if ((set & ALLOWANCE(i)) != 0)
            list.items[list.count++] = allowance_names[i];
    }
    return list;
}

const char *allowances_to_text(struct arena *arena, unsigned set)
{
    const char *text = "";
    struct text_list list = allowances_to_list(arena, set);
    for (size_t i = 0; i < list.count; i++)
        text = arena_printf(arena, "%s%s%s", text, i == 0 ? "" : ", ", list.items[i]);
    return *text == '\0' ? "none" : text;
}
