#include "core/store/audit.h"
#include "core/store/records/device.h"
#include "core/store/records/episode.h"
#include "core/store/records/event.h"
#include "core/store/records/manufacturer.h"
#include "web/api_internal.h"
#include "web/views.h"

#include <string.h>

/* Latest events among which a device's last problem is looked for. */
#define LAST_PROBLEM_LOOK 16

/* ---- GET ---- */

struct device_filter {
    struct view *view;
    const char *serial; /* NULL: any */
    const char *manufacturer;
    const char *stage;
};

static bool same(const char *wanted, const char *text)
{
    return wanted == NULL || (text != NULL && strcmp(wanted, text) == 0);
}

static bool add_last_problem(struct task *t, struct view *view, struct device_line *line)
{
    struct scan scan = audit_timeline(t, view, line->id, true);
    for (unsigned i = 0; i < LAST_PROBLEM_LOOK; i++) {
        struct audit_entry entry;
        struct event event;
        bool found;
        TRY(audit_timeline_next(t, &scan, &entry, &found));
        if (!found)
            return true;
        if (!bytes_present(entry.payload))
            continue;
        TRY(event_decode(t, entry.payload, &event));
        if (event.problem == NULL)
            continue;
        line->last_problem = event.problem;
        line->last_problem_at = event.at;
        return true;
    }
    return true;
}

static bool add_waits_for(struct task *t, struct view *view, struct device_line *line)
{
    struct order latest;
    size_t count;
    TRY(api_open_orders(t, view, line->id, 1, &latest, &count));
    if (count > 0)
        line->waits_for = api_waits_for(t, &latest);
    return true;
}

static bool stage_of(struct task *t, struct view *view, const struct device *device,
                     const char **ret)
{
    struct episode episode;
    bool found = false;
    if (bytes_present(device->episode))
        TRY(table_find(t, view_reader(view), &episodes, device->episode, &episode, &found));
    *ret = found ? episode_stage_names[episode.stage] : NULL;
    return true;
}

/* A remark on the list of expected devices, when this is the device that claimed the place. */
static bool note_of(struct task *t, struct view *view, const struct device *device,
                    const char **ret)
{
    struct expected expected;
    bool found;
    struct bytes key = expected_key(t->arena, device->manufacturer, device->serial);
    TRY(table_find(t, view_reader(view), &expected_devices, key, &expected, &found));
    *ret = found && bytes_equal(expected.device, device->id) ? expected.note : NULL;
    return true;
}

static bool add_seen(struct task *t, struct page *page, const void *record, void *arg)
{
    const struct device_filter *filter = arg;
    const struct device *device = record;
    struct device_line line = {
        .id = device->id,
        .serial = device->serial,
        .manufacturer = device->manufacturer,
        .admission = LINE_SEEN + device->admission,
        .first_seen = device->first_seen,
        .last_seen = device->last_seen,
        .last_address = device->last_address,
    };
    if (!same(filter->manufacturer, device->manufacturer))
        return true;
    TRY(stage_of(t, filter->view, device, &line.stage));
    if (!same(filter->stage, line.stage))
        return true;
    TRY(note_of(t, filter->view, device, &line.note));
    TRY(add_last_problem(t, filter->view, &line));
    TRY(add_waits_for(t, filter->view, &line));
    return page_add(t, page, &device_line_type, &line);
}

static bool add_not_seen(struct task *t, struct page *page, const void *record, void *arg)
{
    const struct device_filter *filter = arg;
    const struct expected *expected = record;
    const struct device_line line = {
        .serial = expected->serial,
        .manufacturer = expected->manufacturer,
        .admission = LINE_EXPECTED,
        .note = expected->note,
    };
    if (bytes_present(expected->device) || filter->stage != NULL ||
        !same(filter->manufacturer, expected->manufacturer))
        return true;
    return page_add(t, page, &device_line_type, &line);
}

/* ---- One serial number: few, and found without looking at all others ---- */

struct table_scan api_scan_serial(struct task *t, struct view *view, const char *serial)
{
    const struct bytes parts[] = {bytes_of_text(serial), BYTES_LITERAL("\0")};
    struct bytes prefix = bytes_concat(t->arena, parts, ARRAY_SIZE(parts));
    return table_scan_index(t, view, &devices, &devices_by_serial, prefix, false);
}

static bool add_seen_with_serial(struct task *t, struct page *page, struct device_filter *filter)
{
    struct table_scan scan = api_scan_serial(t, filter->view, filter->serial);
    bool found = true;
    while (!page_full(page)) {
        struct device *device = arena_alloc(t->arena, sizeof(*device));
        TRY(table_scan_next(t, &scan, device, &found));
        if (!found)
            break;
        page->looked++;
        TRY(add_seen(t, page, device, filter));
    }
    return true;
}

static bool add_not_seen_with_serial(struct task *t, struct page *page,
                                     struct device_filter *filter)
{
    struct table_scan scan = table_scan(t, filter->view, &manufacturers, BYTES_ABSENT);
    while (!page_full(page)) {
        struct manufacturer m;
        struct expected expected;
        bool found;
        TRY(table_scan_next(t, &scan, &m, &found));
        if (!found)
            break;
        page->looked++;
        TRY(table_find(t, view_reader(filter->view), &expected_devices,
                       expected_key(t->arena, m.name, filter->serial), &expected, &found));
        if (found)
            TRY(add_not_seen(t, page, &expected, filter));
    }
    return true;
}

bool api_devices(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    struct device_filter filter = {
        .serial = http_query(t, rq, "serial"),
        .manufacturer = http_query(t, rq, "manufacturer"),
        .stage = http_query(t, rq, "stage"),
    };
    const struct page_source sources[] = {
        {'s', &devices, add_seen, &filter},
        {'e', &expected_devices, add_not_seen, &filter},
    };
    struct page page;
    unsigned stage;
    TRY(page_read(t, rq, &page));
    if (filter.stage != NULL)
        TRY(api_choice(t, "stage", filter.stage, episode_stage_names, &stage));
    TRY(view_open(t, api_of(rq)->store, &view));
    filter.view = view;
    if (filter.serial == NULL) {
        TRY(page_fill(t, view, &page, sources, ARRAY_SIZE(sources)));
    } else {
        TRY(add_seen_with_serial(t, &page, &filter));
        TRY(add_not_seen_with_serial(t, &page, &filter));
    }
    return page_reply(t, reply, &page);
}
