/* Which device a path means: one that was seen, or a place on the list. */
#include "core/store/records/device.h"
#include "web/api_internal.h"

#include <string.h>

static bool find_by_id(struct task *t, struct view *view, const char *text, struct device *ret,
                       bool *ret_found)
{
    struct bytes id;
    *ret_found = false;
    if (!bytes_from_hex(t->arena, text, &id) || id.len != DEVICE_ID_LEN)
        return true;
    return table_find(t, view_reader(view), &devices, id, ret, ret_found);
}

struct table_scan api_scan_serial(struct task *t, struct view *view, const char *serial)
{
    const struct bytes parts[] = {bytes_of_text(serial), BYTES_LITERAL("\0")};
    struct bytes prefix = bytes_concat(t->arena, parts, ARRAY_SIZE(parts));
    return table_scan_index(t, view, &devices, &devices_by_serial, prefix, false);
}

static bool is_of(const char *wanted, const char *manufacturer)
{
    return wanted == NULL || strcmp(wanted, manufacturer) == 0;
}

static bool find_by_serial(struct task *t, struct view *view, const char *serial,
                           const char *manufacturer, struct device *ret, bool *ret_found)
{
    struct table_scan scan = api_scan_serial(t, view, serial);
    bool found = false;
    for (;;) {
        struct device device;
        bool more;
        TRY(table_scan_next(t, &scan, &device, &more));
        if (!more)
            break;
        if (!is_of(manufacturer, device.manufacturer))
            continue;
        ENSURE(t, !found, E_AMBIGUOUS, "more than one device has the serial number %s",
               api_quote(t, serial));
        *ret = device;
        found = true;
    }
    *ret_found = found;
    return true;
}

bool api_find_device(struct task *t, struct view *view, const char *text, const char *manufacturer,
                     struct device *ret, bool *ret_found)
{
    bool found;
    TRY(find_by_id(t, view, text, ret, &found));
    if (!found)
        TRY(find_by_serial(t, view, text, manufacturer, ret, &found));
    *ret_found = found;
    return true;
}

bool api_find_seen(struct task *t, struct http_request *rq, const char *manufacturer,
                   struct bytes *ret)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    struct device device;
    bool found;
    TRY(view_open(t, api_of(rq)->store, &view));
    TRY(api_find_device(t, view, rq->parameter, manufacturer, &device, &found));
    ENSURE(t, found, E_NOT_FOUND, "no device with the id or serial number %s has come yet",
           api_quote(t, rq->parameter));
    *ret = device.id;
    return true;
}

bool api_find_place(struct task *t, struct view *view, const char *serial, struct expected *ret,
                    bool *ret_found)
{
    const struct bytes parts[] = {bytes_of_text(serial), BYTES_LITERAL("\0")};
    struct bytes prefix = bytes_concat(t->arena, parts, ARRAY_SIZE(parts));
    struct table_scan scan =
        table_scan_index(t, view, &expected_devices, &expected_by_serial, prefix, false);
    struct expected another;
    bool found;
    bool more = false;
    TRY(table_scan_next(t, &scan, ret, &found));
    if (found)
        TRY(table_scan_next(t, &scan, &another, &more));
    ENSURE(t, !more, E_AMBIGUOUS, "%s is expected from %s and from %s: name the one that is meant",
           api_quote(t, serial), ret->manufacturer, another.manufacturer);
    *ret_found = found;
    return true;
}

bool api_find_turned_away(struct task *t, struct view *view, const struct expected *place,
                          struct bytes *ret)
{
    struct table_scan scan = api_scan_serial(t, view, place->serial);
    struct bytes id = BYTES_ABSENT;
    size_t matches = 0;
    bool found = true;
    while (found && matches < 2) {
        struct device device;
        TRY(table_scan_next(t, &scan, &device, &found));
        if (found && is_of(place->manufacturer, device.manufacturer)) {
            id = device.id;
            matches++;
        }
    }
    *ret = matches == 1 ? id : BYTES_ABSENT;
    return true;
}
