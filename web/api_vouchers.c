/*
 * Vouchers without nonce, fetched ahead.  Asking for one writes what is wanted into the store, due
 * at once; the registrar's round makes an order of it, as it does when one is to be renewed.
 */
#include "core/base/clock.h"
#include "core/store/records/device.h"
#include "core/store/records/event.h"
#include "core/store/records/manufacturer.h"
#include "core/store/records/stored_voucher.h"
#include "web/api_internal.h"
#include "web/views.h"

#include <string.h>

#define PATH "/v1/vouchers"

/* By enum manufacturer_form. */
static const char *const media_types[] = {
    "application/voucher-cms+json", "application/voucher-jws+json", "application/voucher+cose"};

/* ---- GET, DELETE ---- */

static bool add_one(struct task *t, struct page *page, const void *record, void *arg)
{
    const struct stored_voucher *stored = record;
    (void)arg;
    return stored->state == STORED_VOUCHER_REMOVED ||
           page_add(t, page, &stored_voucher_type, stored);
}

bool api_vouchers(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    const struct page_source source = {.letter = 'v', .table = &stored_vouchers, .each = add_one};
    struct page page;
    TRY(page_read(t, rq, &page));
    TRY(view_open(t, api_of(rq)->store, &view));
    TRY(page_fill(t, view, &page, &source, 1));
    return page_reply(t, reply, &page);
}

/* "maker:SERIAL": a manufacturer's name has no colon. */
static bool split_name(struct task *t, const char *text, const char **ret_manufacturer,
                       const char **ret_serial)
{
    const char *colon = strchr(text, ':');
    ENSURE(t, colon != NULL && colon != text && colon[1] != '\0', E_NOT_FOUND,
           "a stored voucher is named MANUFACTURER:SERIAL, not %s", api_quote(t, text));
    *ret_manufacturer = arena_strndup(t->arena, text, (size_t)(colon - text));
    *ret_serial = colon + 1;
    return true;
}

static bool get(struct task *t, struct reader *r, const char *manufacturer, const char *serial,
                struct stored_voucher *ret)
{
    bool found;
    TRY(stored_voucher_find(t, r, manufacturer, serial, ret, &found));
    ENSURE(t, found, E_NOT_FOUND, "no voucher is stored for %s of %s", api_quote(t, serial),
           api_quote(t, manufacturer));
    return true;
}

static bool reply_with(struct task *t, const struct api *api, const struct stored_voucher *stored,
                       int status, struct http_reply *reply)
{
    json_t *json;
    TRY(record_to_json(t, &stored_voucher_type, stored, &json));
    api_set_hint(api, json, stored->problem);
    return api_reply(t, reply, status, json);
}

bool api_voucher(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    const struct api *api = api_of(rq);
    struct stored_voucher stored;
    const char *manufacturer;
    const char *serial;
    TRY(split_name(t, rq->parameter, &manufacturer, &serial));
    TRY(view_open(t, api->store, &view));
    TRY(get(t, view_reader(view), manufacturer, serial, &stored));
    return reply_with(t, api, &stored, 200, reply);
}

struct removal {
    const char *manufacturer;
    const char *serial;
    const char *actor;
    struct stored_voucher removed;
};

static bool note(struct task *t, struct tx *tx, const char *event, const char *actor,
                 const struct stored_voucher *stored)
{
    const struct event e = {
        .name = event,
        .severity = EVENT_WARNING,
        .actor = actor,
        .device = stored->device,
        .detail =
            arena_printf(t->arena, "%s of %s", api_quote(t, stored->serial), stored->manufacturer),
    };
    return event_add(t, tx, &e);
}

static bool remove_voucher(struct task *t, struct tx *tx, void *arg)
{
    struct removal *removal = arg;
    TRY(get(t, tx_reader(tx), removal->manufacturer, removal->serial, &removal->removed));
    TRY(stored_voucher_remove(t, tx, removal->manufacturer, removal->serial));
    return note(t, tx, "stored-voucher-removed", removal->actor, &removal->removed);
}

bool api_voucher_remove(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct removal removal = {.actor = api_actor(t, rq)};
    TRY(split_name(t, rq->parameter, &removal.manufacturer, &removal.serial));
    TRY(store_update(t, api_of(rq)->store, remove_voucher, &removal));
    return reply_with(t, api_of(rq), &removal.removed, 200, reply);
}

/* ---- POST ---- */

struct asking {
    const struct voucher_wish *wish;
    unsigned form; /* when the wish says one */
    struct bytes device;
    struct bytes idevid;
    const char *actor;
    struct stored_voucher stored; /* as it became */
};

/* The certificate that a device has shown when it came; absent when it has not. */
static bool find_idevid(struct task *t, struct store *store, struct asking *a)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    struct device device;
    bool found;
    if (bytes_present(a->idevid) || bytes_present(a->wish->idevid_issuer))
        return true;
    TRY(view_open(t, store, &view));
    TRY(api_find_device(t, view, a->wish->serial, a->wish->manufacturer, &device, &found));
    ENSURE(
        t, found, E_INVALID,
        "idevid, idevid-issuer: the device has never come, so one of these must say whose serial "
        "number it is");
    a->device = device.id;
    return blob_get(t, view_reader(view), &devices, device.id, DEVICE_BLOB_IDEVID, &a->idevid);
}

static bool check_wanted(struct task *t, struct tx *tx, const struct voucher_wish *wish,
                         unsigned *ret_form)
{
    struct manufacturer m;
    struct expected place;
    bool found;
    TRY(table_get(t, tx_reader(tx), &manufacturers, bytes_of_text(wish->manufacturer), &m));
    ENSURE(t, m.stored_vouchers != STORED_VOUCHERS_NEVER, E_INVALID,
           "manufacturer: the record of %s has stored-vouchers: never", m.name);
    TRY(table_find(t, tx_reader(tx), &expected_devices,
                   expected_key(t->arena, wish->manufacturer, wish->serial), &place, &found));
    ENSURE(t, found, E_INVALID, "serial-number: %s of %s is not on the list of expected devices",
           api_quote(t, wish->serial), m.name);
    *ret_form = m.voucher_form;
    return true;
}

/* What was asked for before is remembered; a voucher that is held stays until the next is there. */
static bool ask(struct task *t, struct tx *tx, void *arg)
{
    struct asking *a = arg;
    const struct voucher_wish *wish = a->wish;
    struct stored_voucher *stored = &a->stored;
    struct bytes key = expected_key(t->arena, wish->manufacturer, wish->serial);
    unsigned form;
    bool found;
    TRY(check_wanted(t, tx, wish, &form));
    TRY(table_find(t, tx_reader(tx), &stored_vouchers, key, stored, &found));
    if (!found)
        record_init(t, &stored_voucher_type, stored);
    stored->manufacturer = wish->manufacturer;
    stored->serial = wish->serial;
    stored->media_type = media_types[wish->form == NULL ? form : a->form];
    stored->state = bytes_present(stored->sha256) ? STORED_VOUCHER_HELD : STORED_VOUCHER_ASKED;
    stored->asked_by = a->actor;
    stored->asked = clock_wall();
    stored->due = stored->asked;
    stored->problem = NULL;
    stored->detail = NULL;
    if (bytes_present(a->device))
        stored->device = a->device;
    TRY(table_put(t, tx, &stored_vouchers, stored));
    TRY(blob_put(t, tx, &stored_vouchers, key, STORED_VOUCHER_BLOB_IDEVID, a->idevid));
    TRY(blob_put(t, tx, &stored_vouchers, key, STORED_VOUCHER_BLOB_ISSUER, wish->idevid_issuer));
    return note(t, tx, "stored-voucher-wanted", a->actor, stored);
}

bool api_voucher_fetch(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct voucher_wish wish;
    struct asking a = {.wish = &wish, .actor = api_actor(t, rq)};
    TRY(api_read_record(t, rq, &voucher_wish_type, &wish));
    if (wish.form != NULL)
        TRY(api_choice(t, "form", wish.form, manufacturer_form_names, &a.form));
    a.idevid = wish.idevid;
    TRY(find_idevid(t, api_of(rq)->store, &a));
    TRY(store_update(t, api_of(rq)->store, ask, &a));
    TRY(reply_with(t, api_of(rq), &a.stored, 202, reply));
    reply->location = arena_printf(t->arena, PATH "/%s:%s", wish.manufacturer, wish.serial);
    return true;
}
