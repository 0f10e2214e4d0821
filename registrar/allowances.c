#include "registrar/allowances.h"

#include "core/store/records/event.h"

const char *allowance_detail(struct task *t, enum allowance allowance)
{
    return arena_printf(t->arena, "%s: %s", allowance_names[allowance], allowance_texts[allowance]);
}

static bool note(struct task *t, struct tx *tx, const struct episode *e, enum allowance allowance)
{
    struct event event;
    record_init(t, &event_type, &event);
    event.name = ALLOWANCE_EVENT;
    event.severity = EVENT_WARNING;
    event.actor = "gatehouse";
    event.device = e->device;
    event.episode = e->id;
    event.detail = allowance_detail(t, allowance);
    return event_add(t, tx, &event);
}

bool allowances_note(struct task *t, struct tx *tx, struct episode *e, unsigned used)
{
    unsigned before = allowances_of(&e->allowances);
    for (unsigned i = 0; i < ALLOWANCE_COUNT; i++) {
        if ((used & ~before & ALLOWANCE(i)) != 0)
            TRY(note(t, tx, e, (enum allowance)i));
    }
    e->allowances = allowances_to_list(t->arena, before | used);
    return true;
}
