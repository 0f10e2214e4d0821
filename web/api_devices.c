#include "core/store/audit.h"
#include "core/store/records/device.h"
#include "core/store/records/episode.h"
#include "core/store/records/event.h"
#include "web/api_internal.h"

#include <string.h>

/* Latest events among which a device's last problem is looked for. */
#define LAST_PROBLEM_LOOK 16

/* ---- GET ---- */

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

bool api_add_device(struct task *t, struct page *page, const void *record, void *arg)
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
    if (!same(filter->manufacturer, device->manufacturer) ||
        (filter->by_admission && filter->admission != line.admission))
        return true;
    TRY(stage_of(t, filter->view, device, &line.stage));
    if (!same(filter->stage, line.stage))
        return true;
    TRY(note_of(t, filter->view, device, &line.note));
    TRY(add_last_problem(t, filter->view, &line));
    TRY(add_waits_for(t, filter->view, &line));
    return page_add(t, page, &device_line_type, &line);
}

/* The device whose current onboarding this is. */
static bool add_onboarded(struct task *t, struct page *page, const void *record, void *arg)
{
    const struct device_filter *filter = arg;
    const struct episode *episode = record;
    struct device device;
    TRY(table_get(t, view_reader(filter->view), &devices, episode->device, &device));
    return !bytes_equal(device.episode, episode->id) || api_add_device(t, page, &device, arg);
}

bool api_add_place(struct task *t, struct page *page, const void *record, void *arg)
{
    const struct device_filter *filter = arg;
    const struct expected *expected = record;
    const struct device_line line = {
        .serial = expected->serial,
        .manufacturer = expected->manufacturer,
        .admission = LINE_EXPECTED,
        .note = expected->note,
    };
    if (filter->stage != NULL || !same(filter->manufacturer, expected->manufacturer) ||
        (filter->by_admission && filter->admission != LINE_EXPECTED))
        return true;
    return page_add(t, page, &device_line_type, &line);
}

/* ---- Where they are found: never by looking at all that are not wanted ---- */

/* Of the cursors within one admission each. */
static const char seen_letters[] = {'a', 'b', 'c', 'd', 'f', 'g'};

struct sources {
    struct page_source items[ARRAY_SIZE(seen_letters) + 1];
    size_t count;
};

static void add_source(struct sources *all, const struct page_source *source)
{
    all->items[all->count++] = *source;
}

static void add_admission(struct task *t, struct sources *all, struct device_filter *filter,
                          unsigned admission)
{
    const struct page_source source = {
        .letter = seen_letters[admission],
        .table = &devices,
        .index = &devices_by_admission,
        .prefix = devices_admission_key(t->arena, admission, filter->manufacturer),
        .each = api_add_device,
        .arg = filter,
    };
    add_source(all, &source);
}

static void add_seen(struct task *t, struct sources *all, struct device_filter *filter)
{
    const struct page_source every = {
        .letter = 's', .table = &devices, .each = api_add_device, .arg = filter};
    const uint8_t octet = (uint8_t)filter->stage_number;
    const struct page_source staged = {
        .letter = 't',
        .table = &episodes,
        .index = &episodes_by_stage,
        .prefix = bytes_copy(t->arena, bytes_make(&octet, 1)),
        .each = add_onboarded,
        .arg = filter,
    };
    if (filter->by_admission)
        add_admission(t, all, filter, filter->admission - LINE_SEEN);
    else if (filter->stage != NULL)
        add_source(all, &staged);
    else if (filter->manufacturer == NULL)
        add_source(all, &every);
    else
        for (unsigned i = 0; i < ARRAY_SIZE(seen_letters); i++)
            add_admission(t, all, filter, i);
}

static void add_places(struct task *t, struct sources *all, struct device_filter *filter)
{
    const struct page_source source = {
        .letter = 'e',
        .table = &expected_devices,
        .index = &expected_open,
        .prefix = filter->manufacturer == NULL ? BYTES_ABSENT
                                               : expected_key(t->arena, filter->manufacturer, ""),
        .each = api_add_place,
        .arg = filter,
    };
    add_source(all, &source);
}

static bool read_filter(struct task *t, struct http_request *rq, struct device_filter *ret)
{
    struct device_filter filter = {
        .serial = http_query(t, rq, "serial"),
        .search = http_query(t, rq, "search"),
        .manufacturer = http_query(t, rq, "manufacturer"),
        .stage = http_query(t, rq, "stage"),
    };
    const char *admission = http_query(t, rq, "admission");
    const struct field *f = record_field(&device_line_type, "admission");
    if (filter.stage != NULL)
        TRY(api_choice(t, "stage", filter.stage, episode_stage_names, &filter.stage_number));
    if (admission != NULL)
        TRY(api_choice(t, "admission", admission, f->names, &filter.admission));
    filter.by_admission = admission != NULL;
    ENSURE(t, filter.serial == NULL || filter.search == NULL, E_INVALID,
           "search: cannot be asked for together with serial");
    *ret = filter;
    return true;
}

static bool list(struct task *t, struct device_filter *filter, struct page *page)
{
    struct sources all = {.count = 0};
    if (!filter->by_admission || filter->admission != LINE_EXPECTED)
        add_seen(t, &all, filter);
    if (filter->stage == NULL && (!filter->by_admission || filter->admission == LINE_EXPECTED))
        add_places(t, &all, filter);
    return page_fill(t, filter->view, page, all.items, all.count);
}

bool api_devices(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    struct device_filter filter;
    struct page page;
    TRY(page_read(t, rq, &page));
    TRY(read_filter(t, rq, &filter));
    TRY(view_open(t, api_of(rq)->store, &view));
    filter.view = view;
    if (filter.serial != NULL || filter.search != NULL)
        TRY(api_search_devices(t, &filter, &page));
    else
        TRY(list(t, &filter, &page));
    return page_reply(t, reply, &page);
}
