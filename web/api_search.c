/*
 * GET devices?serial= and ?search=: found by the beginning of a serial number, of a name, or of a
 * subject, through indexes; never by looking at all devices.
 */
#include "core/store/records/certificate.h"
#include "core/store/records/device.h"
#include "core/store/records/device_name.h"
#include "web/api_internal.h"

#include <string.h>

#define SEARCH_MAX 200 /* octets */

static bool starts_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* What was found, and by which of its words; `search` is in lower case for all but serial numbers.
 */
struct search {
    struct device_filter *filter;
    const char *typed;
    const char *upper;
    const char *lower;
};

static char *upper_case(struct arena *arena, const char *text)
{
    char *upper = arena_strdup(arena, text);
    for (char *c = upper; *c != '\0'; c++) {
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
    }
    return upper;
}

static bool has_serial(const struct search *s, const struct device *device)
{
    return starts_with(device->serial, s->typed) || starts_with(device->serial, s->upper);
}

static bool has_subject(struct task *t, const struct search *s, const struct device *device)
{
    return device->subject != NULL &&
           starts_with(device_search_text(t->arena, device->subject), s->lower);
}

/* A device has several names: it is shown once on a page. */
static bool is_on_page(struct task *t, const struct page *page, const struct device *device)
{
    const char *id = bytes_to_hex(t->arena, device->id);
    for (size_t i = 0; i < json_array_size(page->items); i++) {
        const char *other =
            json_string_value(json_object_get(json_array_get(page->items, i), "id"));
        if (other != NULL && strcmp(id, other) == 0)
            return true;
    }
    return false;
}

static bool add_by_serial(struct task *t, struct page *page, const void *record, void *arg)
{
    const struct search *s = arg;
    return api_add_device(t, page, record, s->filter);
}

static bool add_by_subject(struct task *t, struct page *page, const void *record, void *arg)
{
    const struct search *s = arg;
    return has_serial(s, record) || api_add_device(t, page, record, s->filter);
}

static bool add_named(struct task *t, struct page *page, const struct search *s, struct bytes id)
{
    struct device device;
    bool found = false;
    if (bytes_present(id))
        TRY(table_find(t, view_reader(s->filter->view), &devices, id, &device, &found));
    if (!found || has_serial(s, &device) || has_subject(t, s, &device) ||
        is_on_page(t, page, &device))
        return true;
    return api_add_device(t, page, &device, s->filter);
}

static bool add_by_name(struct task *t, struct page *page, const void *record, void *arg)
{
    return add_named(t, page, arg, ((const struct device_name *)record)->device);
}

static bool add_by_certificate(struct task *t, struct page *page, const void *record, void *arg)
{
    const struct search *s = arg;
    const struct certificate_name *name = record;
    struct certificate certificate;
    bool found;
    TRY(table_find(t, view_reader(s->filter->view), &certificates, name->certificate, &certificate,
                   &found));
    return !found || add_named(t, page, s, certificate.device);
}

static bool add_open_place(struct task *t, struct page *page, const void *record, void *arg)
{
    const struct search *s = arg;
    return api_add_place(t, page, record, s->filter);
}

static bool search(struct task *t, struct device_filter *filter, struct page *page)
{
    struct search s = {
        .filter = filter,
        .typed = filter->search,
        .upper = upper_case(t->arena, filter->search),
        .lower = device_search_text(t->arena, filter->search),
    };
    const struct bytes typed = bytes_of_text(s.typed);
    const struct bytes upper = bytes_of_text(s.upper);
    const struct bytes lower = bytes_of_text(s.lower);
    const struct page_source sources[] = {
        {'s', &devices, &devices_by_serial, typed, add_by_serial, &s},
        {'u', &devices, &devices_by_serial, upper, add_by_serial, &s},
        {'x', &devices, &devices_by_subject, lower, add_by_subject, &s},
        {'n', &device_names, NULL, lower, add_by_name, &s},
        {'c', &certificate_names, NULL, lower, add_by_certificate, &s},
        {'e', &expected_devices, &expected_by_serial, typed, add_open_place, &s},
        {'f', &expected_devices, &expected_by_serial, upper, add_open_place, &s},
    };
    struct page_source different[ARRAY_SIZE(sources)];
    size_t count = 0;
    ENSURE(t, typed.len >= 1 && typed.len <= SEARCH_MAX, E_INVALID,
           "search: must have 1 to %d octets", SEARCH_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
        bool again = sources[i].prefix.data == upper.data && strcmp(s.typed, s.upper) == 0;
        if (!again)
            different[count++] = sources[i];
    }
    return page_fill(t, filter->view, page, different, count);
}

/* ---- One serial number: few, and all of them at once ---- */

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
        TRY(api_add_device(t, page, device, filter));
    }
    return true;
}

static bool add_places_with_serial(struct task *t, struct page *page, struct device_filter *filter)
{
    const struct bytes parts[] = {bytes_of_text(filter->serial), BYTES_LITERAL("\0")};
    struct table_scan scan =
        table_scan_index(t, filter->view, &expected_devices, &expected_by_serial,
                         bytes_concat(t->arena, parts, ARRAY_SIZE(parts)), false);
    while (!page_full(page)) {
        struct expected expected;
        bool found;
        TRY(table_scan_next(t, &scan, &expected, &found));
        if (!found)
            break;
        page->looked++;
        TRY(api_add_place(t, page, &expected, filter));
    }
    return true;
}

bool api_search_devices(struct task *t, struct device_filter *filter, struct page *page)
{
    if (filter->search != NULL)
        return search(t, filter, page);
    TRY(add_seen_with_serial(t, page, filter));
    return add_places_with_serial(t, page, filter);
}
