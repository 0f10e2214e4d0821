/* The devices that a cloud attributes to us: expected here, or given up there. */
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/store/records/device.h"
#include "core/store/records/event.h"
#include "core/store/records/manufacturer.h"
#include "registrar/cloud/internal.h"

#include <stdlib.h>
#include <string.h>

#define PAGES_MAX 100000 /* of one list */

/* ---- The list ---- */

/* A device of the list that is to become expected. */
struct arrival {
    const char *serial;
    struct bytes device; /* it has knocked already; absent: it has not */
};

struct page {
    const struct cloud *cloud;
    struct text_list listed;
    const char *from; /* the page before ended with this; NULL: there was none */
    bool last;
    struct arrival *arrivals;
    size_t arrival_count;
    struct text_list gone; /* places of this cloud's that are not listed and not claimed */
    bool prune;
    size_t added;
};

/* Devices that we have given up, or turned away, are not expected because a cloud says so. */
static bool may_come(const struct device *device)
{
    return device->admission == DEVICE_UNEXPECTED || device->admission == DEVICE_HELD ||
           device->admission == DEVICE_ADMITTED;
}

/* Whether it is to become expected, and the device that it is. */
static bool look_at(struct task *t, struct view *view, const struct cloud *cloud,
                    const char *serial, struct arrival *ret, bool *ret_wanted)
{
    struct expected place;
    bool found;
    struct bytes key = expected_key(t->arena, cloud->manufacturer, serial);
    TRY(table_find(t, view_reader(view), &expected_devices, key, &place, &found));
    *ret_wanted = !found;
    *ret = (struct arrival){.serial = serial};
    struct table_scan scan = table_scan_index(t, view, &devices, &devices_by_serial,
                                              bytes_make(serial, strlen(serial) + 1), false);
    while (*ret_wanted) {
        struct device device;
        TRY(table_scan_next(t, &scan, &device, &found));
        if (!found)
            break;
        if (strcmp(device.manufacturer, cloud->manufacturer) != 0)
            continue;
        *ret_wanted = may_come(&device);
        ret->device = device.id;
    }
    return true;
}

static bool find_arrivals(struct task *t, struct view *view, struct page *page)
{
    page->arrivals = arena_array(t->arena, page->listed.count, sizeof(*page->arrivals));
    for (size_t i = 0; i < page->listed.count; i++) {
        bool wanted;
        TRY(look_at(t, view, page->cloud, page->listed.items[i],
                    &page->arrivals[page->arrival_count], &wanted));
        page->arrival_count += wanted;
    }
    return true;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_listed(const struct page *page, const char *serial)
{
    return page->listed.count > 0 && bsearch(&serial, page->listed.items, page->listed.count,
                                             sizeof(*page->listed.items), by_text) != NULL;
}

static const char *source_of(struct task *t, const struct cloud *cloud)
{
    return arena_printf(t->arena, EXPECTED_SOURCE_CLOUD "%s", cloud->name);
}

/* Both lists are in the order of serial numbers, so that a page covers a stretch of ours. */
static bool find_gone(struct task *t, struct view *view, struct page *page)
{
    const char *source = source_of(t, page->cloud);
    const char *manufacturer = page->cloud->manufacturer;
    const char *end = page->last ? NULL : page->listed.items[page->listed.count - 1];
    const char **gone = arena_array(t->arena, CLOUD_PAGE_MAX, sizeof(*gone));
    struct table_scan scan =
        table_scan(t, view, &expected_devices,
                   expected_key(t->arena, manufacturer, page->from == NULL ? "" : page->from));
    while (page->gone.count < CLOUD_PAGE_MAX) {
        struct arena_mark mark = arena_mark(t->arena);
        struct expected place;
        bool found;
        TRY(table_scan_next(t, &scan, &place, &found));
        if (!found || strcmp(place.manufacturer, manufacturer) != 0 ||
            (end != NULL && strcmp(place.serial, end) > 0))
            break;
        bool past = page->from == NULL || strcmp(place.serial, page->from) > 0;
        if (past && place.source != NULL && strcmp(place.source, source) == 0 &&
            !bytes_present(place.device) && !is_listed(page, place.serial))
            gone[page->gone.count++] = place.serial;
        else
            arena_rewind(t->arena, mark);
    }
    page->gone.items = gone;
    return true;
}

static bool look_through(struct task *t, const struct cloud_agent *agent, struct page *page)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    TRY(view_open(t, agent->store, &view));
    TRY(find_arrivals(t, view, page));
    if (page->listed.count == 0 && !page->last)
        return true;
    return find_gone(t, view, page);
}

/* ---- Into the store ---- */

static bool expect(struct task *t, struct tx *tx, struct page *page, const struct arrival *arrival)
{
    const struct cloud *cloud = page->cloud;
    struct expected place;
    bool found;
    struct bytes key = expected_key(t->arena, cloud->manufacturer, arrival->serial);
    TRY(table_find(t, tx_reader(tx), &expected_devices, key, &place, &found));
    if (found)
        return true;
    record_init(t, &expected_type, &place);
    place.manufacturer = cloud->manufacturer;
    place.serial = arrival->serial;
    place.added = clock_wall();
    place.added_by = source_of(t, cloud);
    place.source = place.added_by;
    TRY(expected_check_list(t, &place, cloud->manufacturer));
    TRY(table_put(t, tx, &expected_devices, &place));
    page->added++;
    if (!bytes_present(arrival->device))
        return true;
    const struct event event = {
        .name = "device-expected",
        .actor = place.added_by,
        .device = arrival->device,
        .detail = arena_printf(t->arena, "%s of %s", arrival->serial, cloud->manufacturer),
    };
    return event_add(t, tx, &event);
}

/* Claimed meanwhile, or put there by somebody else: it stays. */
static bool take_away(struct task *t, struct tx *tx, const struct cloud *cloud, const char *serial)
{
    struct expected place;
    bool found;
    struct bytes key = expected_key(t->arena, cloud->manufacturer, serial);
    TRY(table_find(t, tx_reader(tx), &expected_devices, key, &place, &found));
    if (!found || bytes_present(place.device) || place.source == NULL ||
        strcmp(place.source, source_of(t, cloud)) != 0)
        return true;
    return table_delete(t, tx, &expected_devices, key);
}

/* The manufacturer may be gone, and the cloud too: then nothing comes of the list. */
static bool check_still_there(struct task *t, struct tx *tx, const struct cloud *cloud)
{
    struct manufacturer m;
    struct cloud now;
    TRY(table_get(t, tx_reader(tx), &clouds, bytes_of_text(cloud->name), &now));
    return table_get(t, tx_reader(tx), &manufacturers, bytes_of_text(cloud->manufacturer), &m);
}

static bool put_page(struct task *t, struct tx *tx, void *arg)
{
    struct page *page = arg;
    const struct cloud *cloud = page->cloud;
    page->added = 0;
    TRY(check_still_there(t, tx, cloud));
    for (size_t i = 0; i < page->arrival_count; i++)
        TRY(expect(t, tx, page, &page->arrivals[i]));
    for (size_t i = 0; page->prune && i < page->gone.count; i++)
        TRY(take_away(t, tx, cloud, page->gone.items[i]));
    if (page->added > 0)
        TRY(cloud_event(t, tx, cloud->name, "cloud-devices-expected",
                        arena_printf(t->arena, "%zu of %s: %s and so on", page->added,
                                     cloud->manufacturer, page->arrivals[0].serial)));
    if (page->prune && page->gone.count > 0)
        return cloud_event(t, tx, cloud->name, "cloud-devices-not-expected",
                           arena_printf(t->arena, "%zu of %s: %s and so on", page->gone.count,
                                        cloud->manufacturer, page->gone.items[0]));
    return true;
}

/* One page; `*at` moves on to where the next begins, NULL at the end. */
static bool import_page(struct task *t, const struct cloud_agent *agent, const struct cloud *cloud,
                        const char **at, struct cloud_import *import)
{
    struct cloud_listed listed;
    struct bytes answer;
    const struct cloud_call call = {.operation = CLOUD_OP_DEVICES, .after = *at};
    TRY(cloud_call(t, agent, cloud, &call, &answer));
    TRY(cloud_listed_read(t, answer, *at, &listed));
    struct page page = {
        .cloud = cloud,
        .listed = listed.serials,
        .from = *at,
        .last = listed.next == NULL,
        .prune = import->prune,
    };
    TRY(look_through(t, agent, &page));
    if (page.arrival_count > 0 || (page.prune && page.gone.count > 0))
        TRY(store_update(t, agent->store, put_page, &page));
    import->listed += listed.serials.count;
    import->added += page.added;
    import->gone += page.gone.count;
    *at = listed.next;
    return true;
}

bool cloud_import(struct task *t, const struct cloud_agent *agent, const struct cloud *cloud,
                  struct cloud_import *import)
{
    const char *at = NULL;
    char *kept = arena_alloc(t->arena, SERIAL_MAX + 1);
    for (size_t pages = 0; pages == 0 || at != NULL; pages++) {
        /* Where the next page begins outlives this one; nothing else does. */
        struct arena_mark mark = arena_mark(t->arena);
        ENSURE(t, pages < PAGES_MAX, E_CLOUD_ANSWER, "the list has more than %d pages", PAGES_MAX);
        TRY(import_page(t, agent, cloud, &at, import));
        if (at != NULL) {
            ENSURE(t, strlen(at) <= SERIAL_MAX, E_CLOUD_ANSWER, "next is no serial number");
            at = strcpy(kept, at); /* NOLINT: its length is checked */
        }
        arena_rewind(t->arena, mark);
    }
    return true;
}

/* ---- Giving up ---- */

#define LEAVING_MAX 1000000 /* at once */

struct leaving {
    const char **serials;
    size_t count;
    size_t room;
};

static void add_leaving(struct task *t, struct leaving *leaving, const char *serial)
{
    if (leaving->count == leaving->room) {
        size_t room = leaving->room == 0 ? 64 : leaving->room * 2;
        const char **more = arena_array(t->arena, room, sizeof(*more));
        for (size_t i = 0; i < leaving->count; i++)
            more[i] = leaving->serials[i];
        leaving->serials = more;
        leaving->room = room;
    }
    leaving->serials[leaving->count++] = serial;
}

/* Devices that left us as this since the last time. */
static bool find_leaving(struct task *t, struct view *view, const struct cloud *cloud,
                         enum device_admission admission, struct leaving *leaving)
{
    struct table_scan scan =
        table_scan_index(t, view, &devices, &devices_by_admission,
                         devices_admission_key(t->arena, admission, cloud->manufacturer), false);
    for (;;) {
        struct device device;
        bool found;
        TRY(table_scan_next(t, &scan, &device, &found));
        if (!found)
            return true;
        if (device.admission_since < cloud->released_until)
            continue;
        ENSURE(t, leaving->count < LEAVING_MAX, E_TOO_LARGE, "more than %d devices have left",
               LEAVING_MAX);
        add_leaving(t, leaving, device.serial);
    }
}

static bool release(struct task *t, const struct cloud_agent *agent, const struct cloud *cloud,
                    const char *const *serials, size_t count)
{
    struct bytes ignored;
    json_t *list = json_array();
    json_t *body = json_in_arena(t, json_pack("{s:o}", "serial-numbers", list));
    struct cloud_call call = {.operation = CLOUD_OP_RELEASE};
    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(list, json_string(serials[i]));
    if (cloud->backend == CLOUD_COMMAND)
        (void)json_object_set_new(body, "owner", json_string(cloud->owner));
    TRY(json_write(t, body, &call.body));
    return cloud_call(t, agent, cloud, &call, &ignored);
}

static bool collect(struct task *t, const struct cloud_agent *agent, const struct cloud *cloud,
                    struct leaving *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    TRY(view_open(t, agent->store, &view));
    TRY(find_leaving(t, view, cloud, DEVICE_SOLD, ret));
    return find_leaving(t, view, cloud, DEVICE_DECOMMISSIONED, ret);
}

bool cloud_release(struct task *t, const struct cloud_agent *agent, const struct cloud *cloud,
                   uint64_t *ret_count, int64_t *ret_until)
{
    int64_t now = clock_wall(); /* who leaves from here on is found the next time */
    struct leaving leaving = {0};
    TRY(collect(t, agent, cloud, &leaving));
    for (size_t at = 0; at < leaving.count; at += CLOUD_PAGE_MAX) {
        size_t left = leaving.count - at;
        TRY(release(t, agent, cloud, leaving.serials + at,
                    left < CLOUD_PAGE_MAX ? left : CLOUD_PAGE_MAX));
    }
    *ret_count = leaving.count;
    *ret_until = now;
    return true;
}
