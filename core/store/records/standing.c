#include "core/store/records/standing.h"

#include "core/base/clock.h"
#include "core/store/records/setting.h"

#include <string.h>

static bool get_counter(struct task *t, struct reader *r, const char *manufacturer,
                        unsigned admission, struct setting *ret)
{
    struct setting counter;
    bool found;
    const char *name = arena_printf(t->arena, SETTING_DEVICES "%s/%s",
                                    device_admission_names[admission], manufacturer);
    TRY(table_find(t, r, &settings, bytes_of_text(name), &counter, &found));
    if (!found) {
        record_init(t, &setting_type, &counter);
        counter.name = name;
    }
    *ret = counter;
    return true;
}

static bool count(struct task *t, struct tx *tx, const char *manufacturer, unsigned admission,
                  bool more)
{
    struct setting counter;
    TRY(get_counter(t, tx_reader(tx), manufacturer, admission, &counter));
    if (more)
        counter.number++;
    else if (counter.number > 0)
        counter.number--;
    return table_put(t, tx, &settings, &counter);
}

bool standing_set(struct task *t, struct tx *tx, struct device *device, const char *manufacturer,
                  enum device_admission admission, const struct decided *decided)
{
    bool known = device->manufacturer != NULL;
    bool same =
        known && device->admission == admission && strcmp(device->manufacturer, manufacturer) == 0;
    if (known && !same)
        TRY(count(t, tx, device->manufacturer, device->admission, false));
    if (!same)
        TRY(count(t, tx, manufacturer, admission, true));
    if (!known || device->admission != admission)
        device->admission_since = clock_wall();
    device->manufacturer = manufacturer;
    device->admission = admission;
    device->decided_by = decided->by;
    device->decided_because = decided->because;
    device->sold_to = NULL;
    return true;
}

bool standing_count(struct task *t, struct reader *r, const char *manufacturer,
                    enum device_admission admission, uint64_t *ret)
{
    struct setting counter;
    TRY(get_counter(t, r, manufacturer, admission, &counter));
    *ret = counter.number;
    return true;
}

bool standing_total(struct task *t, struct view *view, enum device_admission admission,
                    uint64_t *ret)
{
    const char *prefix =
        arena_printf(t->arena, SETTING_DEVICES "%s/", device_admission_names[admission]);
    struct table_scan scan = table_scan_prefix(t, view, &settings, bytes_of_text(prefix));
    uint64_t total = 0;
    for (;;) {
        struct setting counter;
        bool found;
        TRY(table_scan_next(t, &scan, &counter, &found));
        if (!found)
            break;
        total += counter.number;
    }
    *ret = total;
    return true;
}

bool standing_forget(struct task *t, struct tx *tx, const char *manufacturer)
{
    for (unsigned i = 0; device_admission_names[i] != NULL; i++) {
        struct setting counter;
        TRY(get_counter(t, tx_reader(tx), manufacturer, i, &counter));
        TRY(table_delete(t, tx, &settings, bytes_of_text(counter.name)));
    }
    return true;
}

bool standing_outweighed(const struct device *device, const struct expected *place)
{
    bool turned_away = device->admission == DEVICE_DECLINED ||
                       device->admission == DEVICE_DECOMMISSIONED ||
                       device->admission == DEVICE_SOLD;
    bool by_itself = place->source != NULL && strncmp(place->source, EXPECTED_SOURCE_CLOUD,
                                                      strlen(EXPECTED_SOURCE_CLOUD)) == 0;
    return !turned_away || (!by_itself && place->added >= device->admission_since);
}
