/* Files that devices get from us.  What is in them is shown only to who asks for just that. */
#include "core/base/clock.h"
#include "core/store/records/configuration.h"
#include "core/store/records/device.h"
#include "core/store/records/event.h"
#include "core/store/records/manufacturer.h"
#include "core/store/records/profile.h"
#include "web/api_internal.h"
#include "web/views.h"

#include <string.h>

#define PATH      "/v1/configurations"
#define FILES_MAX 32 /* of one device or profile */

/* ---- GET ---- */

/* Those of one device or profile: at most FILES_MAX, so there is no next page. */
static bool add_of(struct task *t, struct view *view, struct bytes key, struct page *page)
{
    struct table_scan scan = table_scan(t, view, &configurations, key);
    for (;;) {
        struct configuration c;
        bool found;
        TRY(table_scan_next(t, &scan, &c, &found));
        if (!found || !bytes_start_with(configurations.key_of(t->arena, &c), key))
            return true;
        TRY(page_add(t, page, &configuration_type, &c));
    }
}

static struct bytes key_of_query(struct task *t, struct http_request *rq)
{
    const char *manufacturer = http_query(t, rq, "manufacturer");
    const char *serial = http_query(t, rq, "serial");
    const char *profile = http_query(t, rq, "profile");
    if (profile != NULL)
        return configuration_key_of_profile(t->arena, profile, "");
    if (manufacturer != NULL && serial != NULL)
        return configuration_key_of_device(t->arena, manufacturer, serial, "");
    return BYTES_ABSENT;
}

bool api_configurations(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    struct page page = {.items = json_in_arena(t, json_array())};
    struct bytes key = key_of_query(t, rq);
    if (!bytes_present(key))
        return page_of_table(t, rq, reply, &configurations);
    TRY(view_open(t, api_of(rq)->store, &view));
    TRY(add_of(t, view, key, &page));
    return page_reply(t, reply, &page);
}

static bool find(struct task *t, struct reader *r, const char *text, struct configuration *ret)
{
    struct bytes id;
    bool found = false;
    if (bytes_from_hex(t->arena, text, &id) && id.len == CONFIGURATION_ID_LEN)
        TRY(table_find_by(t, r, &configurations, &configurations_by_id, id, ret, &found));
    ENSURE(t, found, E_NOT_FOUND, "there is no configuration %s", api_quote(t, text));
    return true;
}

static const char *words_about(struct task *t, const struct configuration *c)
{
    return c->scope == CONFIGURATION_OF_DEVICE
               ? arena_printf(t->arena, "file %s of %s of %s, %llu octets", c->file,
                              api_quote(t, c->serial), c->manufacturer, (unsigned long long)c->size)
               : arena_printf(t->arena, "file %s of profile %s, %llu octets", c->file, c->profile,
                              (unsigned long long)c->size);
}

struct doing {
    const char *id;
    const char *actor;
    const char *event;
    struct configuration configuration;
    struct bytes content;
    struct bytes device; /* that has the serial number; absent: none, or several */
};

static bool note(struct task *t, struct tx *tx, const struct doing *d)
{
    const struct event e = {
        .name = d->event,
        .severity = EVENT_INFO,
        .actor = d->actor,
        .device = d->device,
        .detail = words_about(t, &d->configuration),
    };
    return event_add(t, tx, &e);
}

/* The device that has come with the serial number; *ret_known: or one is expected to. */
static bool find_device(struct task *t, struct view *view, const struct configuration *c,
                        struct bytes *ret, bool *ret_known)
{
    struct table_scan scan = api_scan_serial(t, view, c->serial);
    struct expected place;
    size_t matches = 0;
    for (bool found = true; found;) {
        struct device device;
        TRY(table_scan_next(t, &scan, &device, &found));
        if (found && strcmp(device.manufacturer, c->manufacturer) == 0) {
            *ret = matches == 0 ? device.id : BYTES_ABSENT;
            matches++;
        }
    }
    TRY(table_find(t, view_reader(view), &expected_devices,
                   expected_key(t->arena, c->manufacturer, c->serial), &place, ret_known));
    *ret_known = *ret_known || matches > 0;
    return true;
}

/* In whose timeline it is to stand. */
static bool find_owner(struct task *t, struct store *store, struct doing *d)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    struct configuration c;
    bool known;
    TRY(view_open(t, store, &view));
    TRY(find(t, view_reader(view), d->id, &c));
    return c.scope != CONFIGURATION_OF_DEVICE || find_device(t, view, &c, &d->device, &known);
}

/* That somebody has looked at what may hold credentials is told. */
static bool read_content(struct task *t, struct tx *tx, void *arg)
{
    struct doing *d = arg;
    TRY(find(t, tx_reader(tx), d->id, &d->configuration));
    TRY(blob_get(t, tx_reader(tx), &configurations,
                 configurations.key_of(t->arena, &d->configuration), CONFIGURATION_BLOB_CONTENT,
                 &d->content));
    return note(t, tx, d);
}

bool api_configuration(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    struct doing d = {
        .id = rq->parameter, .actor = api_actor(t, rq), .event = "configuration-read"};
    uint64_t content;
    json_t *json;
    TRY(api_number(t, rq, "content", 0, 1, 0, &content));
    if (content == 1) {
        TRY(find_owner(t, api_of(rq)->store, &d));
        TRY(store_update(t, api_of(rq)->store, read_content, &d));
    } else {
        TRY(view_open(t, api_of(rq)->store, &view));
        TRY(find(t, view_reader(view), rq->parameter, &d.configuration));
    }
    TRY(record_to_json(t, &configuration_type, &d.configuration, &json));
    if (content == 1)
        (void)json_object_set_new(json, "content",
                                  json_string(bytes_to_base64(t->arena, d.content)));
    return api_reply(t, reply, 200, json);
}

/* ---- POST ---- */

static bool check_profile(struct task *t, struct reader *r, const char *name)
{
    struct profile profile;
    bool found;
    TRY(table_find(t, r, &profiles, bytes_of_text(name), &profile, &found));
    ENSURE(t, found, E_INVALID, "profile: there is no %s", api_quote(t, name));
    return true;
}

/* A slip of the pen must not give away a file to whoever comes with that number one day. */
static bool check_device(struct task *t, struct view *view, struct doing *d)
{
    const struct configuration *c = &d->configuration;
    bool known;
    TRY(find_device(t, view, c, &d->device, &known));
    ENSURE(t, known, E_INVALID,
           "serial-number: %s of %s is neither expected nor has it ever come: `gatehousectl "
           "devices add` first",
           api_quote(t, c->serial), api_quote(t, c->manufacturer));
    return true;
}

static bool check_room(struct task *t, struct view *view, const struct configuration *c)
{
    struct page page = {.items = json_in_arena(t, json_array())};
    struct configuration before;
    bool found;
    TRY(table_find_by(t, view_reader(view), &configurations, &configurations_by_id, c->id, &before,
                      &found));
    TRY(add_of(t, view,
               c->scope == CONFIGURATION_OF_DEVICE
                   ? configuration_key_of_device(t->arena, c->manufacturer, c->serial, "")
                   : configuration_key_of_profile(t->arena, c->profile, ""),
               &page));
    ENSURE(t, found || json_array_size(page.items) < FILES_MAX, E_INVALID,
           "file: there are %d already, and there can be no more", FILES_MAX);
    return true;
}

static bool check_against_store(struct task *t, struct store *store, struct doing *d)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    TRY(view_open(t, store, &view));
    TRY(d->configuration.scope == CONFIGURATION_OF_DEVICE
            ? check_device(t, view, d)
            : check_profile(t, view_reader(view), d->configuration.profile));
    return check_room(t, view, &d->configuration);
}

static bool put(struct task *t, struct tx *tx, void *arg)
{
    const struct doing *d = arg;
    TRY(table_put(t, tx, &configurations, &d->configuration));
    TRY(blob_put(t, tx, &configurations, configurations.key_of(t->arena, &d->configuration),
                 CONFIGURATION_BLOB_CONTENT, d->content));
    return note(t, tx, d);
}

static bool read_upload(struct task *t, struct http_request *rq, struct doing *d)
{
    struct configuration_upload upload;
    struct configuration *c = &d->configuration;
    TRY(api_read_record(t, rq, &configuration_upload_type, &upload));
    record_init(t, &configuration_type, c);
    c->scope = upload.profile == NULL ? CONFIGURATION_OF_DEVICE : CONFIGURATION_OF_PROFILE;
    c->manufacturer = upload.manufacturer;
    c->serial = upload.serial;
    c->profile = upload.profile;
    c->file = upload.file;
    c->media_type = upload.media_type;
    c->is_template = upload.is_template;
    c->size = upload.content.len;
    c->changed = clock_wall();
    c->changed_by = d->actor;
    d->content = upload.content;
    TRY(configuration_check(t, c, upload.content));
    c->id = configuration_id(t->arena, c);
    return true;
}

bool api_configuration_set(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct doing d = {.actor = api_actor(t, rq), .event = "configuration-set"};
    json_t *json;
    TRY(read_upload(t, rq, &d));
    TRY(check_against_store(t, api_of(rq)->store, &d));
    TRY(store_update(t, api_of(rq)->store, put, &d));
    TRY(record_to_json(t, &configuration_type, &d.configuration, &json));
    return api_reply_made(
        t, reply, arena_printf(t->arena, PATH "/%s", bytes_to_hex(t->arena, d.configuration.id)),
        json);
}

/* ---- DELETE ---- */

static bool remove_one(struct task *t, struct tx *tx, void *arg)
{
    struct doing *d = arg;
    TRY(find(t, tx_reader(tx), d->id, &d->configuration));
    TRY(table_delete(t, tx, &configurations, configurations.key_of(t->arena, &d->configuration)));
    return note(t, tx, d);
}

bool api_configuration_remove(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct doing d = {
        .id = rq->parameter, .actor = api_actor(t, rq), .event = "configuration-removed"};
    json_t *json;
    TRY(find_owner(t, api_of(rq)->store, &d));
    TRY(store_update(t, api_of(rq)->store, remove_one, &d));
    TRY(record_to_json(t, &configuration_type, &d.configuration, &json));
    return api_reply(t, reply, 200, json);
}
