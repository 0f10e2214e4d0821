#include "lab/fault.h"

#include "core/base/near_miss.h"
#include "lab/problems.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define FAULT_COUNT_MAX 1000000
#define FAULT_FOREVER   UINT_MAX

static bool unknown_fault(struct task *t, const struct fault_kind *kinds, size_t count,
                          const char *name)
{
    const char **names = arena_array(t->arena, count, sizeof(*names));
    for (size_t i = 1; i < count; i++)
        names[i - 1] = kinds[i].name;
    const char *near = near_miss(t->arena, name, names, count - 1);
    return fail(t, E_USAGE, "--fault: there is no \"%s\"%s%s", name,
                near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
}

static bool read_count(struct task *t, const char *text, unsigned *ret)
{
    char *end;
    unsigned long count = strtoul(text, &end, 10);
    ENSURE(t, *text >= '0' && *text <= '9' && *end == '\0' && count > 0 && count <= FAULT_COUNT_MAX,
           E_USAGE, "--fault: a count from 1 to %d follows the colon", FAULT_COUNT_MAX);
    *ret = (unsigned)count;
    return true;
}

static bool read_fault(struct task *t, const struct fault_kind *kinds, size_t count,
                       const char *text, struct armed_fault *ret)
{
    size_t len = strcspn(text, ":");
    unsigned left = FAULT_FOREVER;
    unsigned kind = 1;
    while (kind < count &&
           (strlen(kinds[kind].name) != len || strncmp(kinds[kind].name, text, len) != 0))
        kind++;
    if (kind == count)
        return unknown_fault(t, kinds, count, arena_strndup(t->arena, text, len));
    if (text[len] == ':')
        TRY(read_count(t, text + len + 1, &left));
    ret->kind = kind;
    ret->fits = kinds[kind].fits;
    atomic_init(&ret->left, left);
    return true;
}

bool faults_read(struct task *t, const struct fault_kind *kinds, size_t count,
                 const struct text_list *texts, struct faults *ret)
{
    struct faults faults = {
        .items = arena_array(t->arena, texts->count, sizeof(*faults.items)),
        .count = texts->count,
    };
    for (size_t i = 0; i < texts->count; i++)
        TRY(read_fault(t, kinds, count, texts->items[i], &faults.items[i]));
    *ret = faults;
    return true;
}

/* Uses one up; false when none is left. */
static bool use_up(struct armed_fault *armed)
{
    unsigned left = atomic_load(&armed->left);
    while (left > 0) {
        unsigned after = left == FAULT_FOREVER ? FAULT_FOREVER : left - 1;
        if (atomic_compare_exchange_weak(&armed->left, &left, after))
            return true;
    }
    return false;
}

unsigned fault_take(struct faults *faults, unsigned operation)
{
    for (size_t i = 0; i < faults->count; i++) {
        struct armed_fault *armed = &faults->items[i];
        if ((armed->fits & 1U << operation) != 0 && use_up(armed))
            return armed->kind;
    }
    return 0;
}
