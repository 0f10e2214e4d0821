#include "core/store/records/belonging.h"

#include "core/store/records/configuration.h"
#include "core/store/records/device_name.h"
#include "core/store/records/log_watch.h"
#include "core/store/records/stored_voucher.h"

static struct bytes by_id(struct arena *arena, const struct device *device)
{
    (void)arena;
    return device->id;
}

static struct bytes configuration_prefix(struct arena *arena, const struct device *device)
{
    return configuration_key_of_device(arena, device->manufacturer, device->serial, "");
}

static struct bytes place_key(struct arena *arena, const struct device *device)
{
    return expected_key(arena, device->manufacturer, device->serial);
}

const struct device_belonging device_belongings[] = {
    {.table = &device_names, .index = &device_names_by_device, .prefix = by_id},
    {.table = &configurations, .prefix = configuration_prefix},
    {.table = &log_watches, .prefix = by_id, .whole = true},
    {.table = &stored_vouchers, .prefix = place_key, .whole = true},
    {.table = NULL},
};

static bool find_of(struct task *t, struct view *view, const struct device_belonging *kind,
                    const struct device *device, struct belonging_list *list)
{
    struct bytes prefix = kind->prefix(t->arena, device);
    struct table_scan scan =
        kind->index == NULL ? table_scan_prefix(t, view, kind->table, prefix)
                            : table_scan_index(t, view, kind->table, kind->index, prefix, false);
    while (list->count < BELONGINGS_MAX) {
        void *record = arena_alloc(t->arena, kind->table->type->size);
        bool found;
        TRY(table_scan_next(t, &scan, record, &found));
        if (!found)
            break;
        struct bytes key = kind->table->key_of(t->arena, record);
        if (!kind->whole || bytes_equal(key, prefix))
            list->items[list->count++] = (struct belonging){kind->table, key};
        else
            break;
    }
    return true;
}

bool belongings_find(struct task *t, struct view *view, const struct device *device,
                     struct belonging_list *ret)
{
    struct belonging_list list = {arena_array(t->arena, BELONGINGS_MAX, sizeof(*list.items)), 0};
    for (const struct device_belonging *kind = device_belongings; kind->table != NULL; kind++)
        TRY(find_of(t, view, kind, device, &list));
    *ret = list;
    return true;
}

bool belongings_delete(struct task *t, struct tx *tx, const struct belonging_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        TRY(table_delete(t, tx, list->items[i].table, list->items[i].key));
    return true;
}
