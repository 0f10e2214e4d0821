#include "core/store/records/reduction.h"

#include "core/store/records/admission_rule.h"
#include "core/store/records/manufacturer.h"

#include <string.h>

const char *const reduction_names[] = {
#define REDUCTION_NAME(id, name, text) name,
    REDUCTIONS(REDUCTION_NAME)
#undef REDUCTION_NAME
        NULL,
};
const char *const reduction_texts[] = {
#define REDUCTION_TEXT(id, name, text) text,
    REDUCTIONS(REDUCTION_TEXT)
#undef REDUCTION_TEXT
        NULL,
};

bool reduction_is_the_nodes(const char *name)
{
    return strcmp(name, reduction_names[REDUCTION_UNAUTHENTICATED]) == 0;
}

struct list {
    struct reduction_in_force *items; /* REDUCTIONS_MAX places */
    size_t count;
};

static void note(struct list *list, bool in_force, enum reduction which, const char *about,
                 int64_t since)
{
    if (in_force && list->count < REDUCTIONS_MAX)
        list->items[list->count++] = (struct reduction_in_force){which, about, since};
}

static bool look_at_rules(struct task *t, struct view *view, struct list *list)
{
    struct table_scan scan = table_scan(t, view, &admission_rules, BYTES_ABSENT);
    for (;;) {
        struct admission_rule rule;
        bool found;
        TRY(table_scan_next(t, &scan, &rule, &found));
        if (!found)
            return true;
        note(list, rule.unverified, REDUCTION_UNVERIFIED,
             arena_printf(t->arena, "rule %s", rule.name), rule.created);
    }
}

static bool look_at_manufacturers(struct task *t, struct view *view, bool unauthenticated,
                                  struct list *list)
{
    struct table_scan scan = table_scan(t, view, &manufacturers, BYTES_ABSENT);
    for (;;) {
        struct manufacturer m;
        bool found;
        TRY(table_scan_next(t, &scan, &m, &found));
        if (!found)
            return true;
        const char *about = arena_printf(t->arena, "manufacturer %s", m.name);
        int64_t since = m.changed != 0 ? m.changed : m.created;
        note(list, m.unauthenticated && unauthenticated, REDUCTION_UNAUTHENTICATED, about, since);
        note(list, m.nonceless, REDUCTION_NONCELESS, about, since);
        note(list, m.audit_log != AUDIT_LOG_ENFORCE, REDUCTION_AUDIT_LOG, about, since);
        note(list, m.relay_unreadable, REDUCTION_UNREADABLE, about, since);
    }
}

bool reductions_read(struct task *t, struct view *view, bool unauthenticated,
                     struct reduction_in_force **ret, size_t *ret_count)
{
    struct list list = {arena_array(t->arena, REDUCTIONS_MAX, sizeof(*list.items)), 0};
    TRY(look_at_rules(t, view, &list));
    TRY(look_at_manufacturers(t, view, unauthenticated, &list));
    *ret = list.items;
    *ret_count = list.count;
    return true;
}
