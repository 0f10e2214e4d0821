#include "core/store/records/restoration.h"

#include "core/store/audit.h"
#include "core/store/prefixes.h"
#include "core/store/records/event.h"
#include "core/store/records/setting.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_BACK_MAX 64 /* entries: some may be forgotten, or be of another chain's beginning */

/* The time of the last event before the sequence number; `otherwise` when it is not known. */
static bool last_event(struct task *t, struct reader *r, uint64_t before, int64_t otherwise,
                       int64_t *ret)
{
    uint64_t least = before > LOOK_BACK_MAX ? before - LOOK_BACK_MAX : 1;
    *ret = otherwise;
    for (uint64_t sequence = before - 1; sequence >= least; sequence--) {
        struct audit_entry entry;
        struct event event;
        TRY(audit_get(t, r, sequence, &entry));
        if (!bytes_present(entry.payload))
            continue;
        TRY(event_decode(t, entry.payload, &event));
        *ret = event.at;
        return true;
    }
    return true;
}

static bool read_restoration(struct task *t, struct reader *r, const struct setting *setting,
                             struct restoration *ret)
{
    const char *digits = setting->name + strlen(SETTING_AUDIT_LEFT);
    uint64_t sequence = strtoull(digits, NULL, 10);
    ENSURE(t, sequence > 0, E_STORE_DAMAGED, "the setting %s names no audit entry", setting->name);
    ret->to = (int64_t)setting->number;
    return last_event(t, r, sequence, ret->to, &ret->from);
}

bool restorations_read(struct task *t, struct view *view, struct restoration_list *ret)
{
    const char *key = arena_printf(t->arena, "%c%s", PREFIX_SETTING, SETTING_AUDIT_LEFT);
    struct table_scan scan = table_scan(t, view, &settings, BYTES_ABSENT);
    struct restoration *items = arena_array(t->arena, RESTORATIONS_MAX, sizeof(*items));
    struct restoration_list list = {items, 0};
    scan.scan.prefix = bytes_of_text(key);
    scan.scan.backwards = true;
    while (list.count < RESTORATIONS_MAX) {
        struct setting setting;
        bool found;
        TRY(table_scan_next(t, &scan, &setting, &found));
        if (!found)
            break;
        TRY(read_restoration(t, view_reader(view), &setting, &items[list.count]));
        list.count++;
    }
    *ret = list;
    return true;
}
