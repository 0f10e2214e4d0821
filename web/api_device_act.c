/*
 * POST devices/{}: what is to become of a device.  Here: its place on the list of expected devices
 * is taken away or vacated.
 */
#include "core/asking/wishes.h"
#include "core/store/records/device.h"
#include "core/store/records/device_name.h"
#include "core/store/records/event.h"
#include "core/store/records/manufacturer.h"
#include "core/store/records/standing.h"
#include "core/store/records/stored_voucher.h"
#include "web/api_internal.h"

#include <string.h>

#define SAME_SERIAL_MAX 64 /* devices of one manufacturer with one serial number */

/* The place, and every device that has come with its serial number, whatever the issuer. */
struct act {
    const char *manufacturer;
    const char *serial;
    struct bytes ids[SAME_SERIAL_MAX];
    size_t count;
    const char *actor;
    struct expected place; /* as it is afterwards, or was before it was removed */
};

/* ---- Which place ---- */

static bool find_by_id(struct task *t, struct view *view, const char *text, struct act *act,
                       bool *ret_found)
{
    struct device device;
    struct bytes id;
    *ret_found = false;
    if (!bytes_from_hex(t->arena, text, &id) || id.len != DEVICE_ID_LEN)
        return true;
    TRY(table_find(t, view_reader(view), &devices, id, &device, ret_found));
    if (*ret_found) {
        act->manufacturer = device.manufacturer;
        act->serial = device.serial;
    }
    return true;
}

static bool find_by_serial(struct task *t, struct view *view, const char *serial, struct act *act)
{
    struct table_scan scan = table_scan(t, view, &manufacturers, BYTES_ABSENT);
    for (;;) {
        struct manufacturer m;
        struct expected place;
        bool found;
        TRY(table_scan_next(t, &scan, &m, &found));
        if (!found)
            break;
        TRY(table_find(t, view_reader(view), &expected_devices,
                       expected_key(t->arena, m.name, serial), &place, &found));
        if (!found)
            continue;
        ENSURE(t, act->manufacturer == NULL, E_AMBIGUOUS,
               "%s is expected from %s and from %s: name the one that is meant",
               api_quote(t, serial), act->manufacturer, m.name);
        act->manufacturer = m.name;
    }
    ENSURE(t, act->manufacturer != NULL, E_NOT_FOUND, "no device with the id %s, and none expected",
           api_quote(t, serial));
    act->serial = serial;
    return true;
}

static bool find_devices(struct task *t, struct view *view, struct act *act)
{
    struct table_scan scan = api_scan_serial(t, view, act->serial);
    for (;;) {
        struct device device;
        bool found;
        TRY(table_scan_next(t, &scan, &device, &found));
        if (!found)
            return true;
        if (strcmp(device.manufacturer, act->manufacturer) != 0)
            continue;
        ENSURE(t, act->count < SAME_SERIAL_MAX, E_TOO_LARGE,
               "more than %d devices have the serial number %s", SAME_SERIAL_MAX,
               api_quote(t, act->serial));
        act->ids[act->count++] = device.id;
    }
}

/* With a manufacturer the path names a serial number, otherwise an id or a serial number. */
static bool find(struct task *t, struct store *store, const char *text, struct act *act)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    bool found = false;
    TRY(view_open(t, store, &view));
    if (act->manufacturer == NULL)
        TRY(find_by_id(t, view, text, act, &found));
    if (act->manufacturer == NULL)
        TRY(find_by_serial(t, view, text, act));
    else if (!found)
        act->serial = text;
    return find_devices(t, view, act);
}

/* ---- What is done ---- */

static const char *name_of(struct task *t, const struct act *act)
{
    return arena_printf(t->arena, "%s of %s", api_quote(t, act->serial), act->manufacturer);
}

static bool get_place(struct task *t, struct tx *tx, struct act *act)
{
    bool found;
    struct bytes key = expected_key(t->arena, act->manufacturer, act->serial);
    TRY(table_find(t, tx_reader(tx), &expected_devices, key, &act->place, &found));
    ENSURE(t, found, E_NOT_FOUND, "%s is not on the list of expected devices", name_of(t, act));
    return true;
}

/* Whoever has come with the serial number, and whoever holds the place. */
static struct bytes_list concerned(struct task *t, const struct act *act)
{
    struct bytes *ids = arena_array(t->arena, act->count + 1, sizeof(*ids));
    struct bytes holder = act->place.device;
    size_t count = 0;
    for (size_t i = 0; i < act->count; i++) {
        if (!bytes_equal(act->ids[i], holder))
            ids[count++] = act->ids[i];
    }
    if (bytes_present(holder))
        ids[count++] = holder;
    return (struct bytes_list){ids, count};
}

/* A device is admitted as long as it holds its place. */
static bool dismiss(struct task *t, struct tx *tx, struct device *device)
{
    static const struct decided nobody = {NULL, NULL};
    if (device->admission != DEVICE_ADMITTED)
        return true;
    return standing_set(t, tx, device, device->manufacturer, DEVICE_UNEXPECTED, &nobody);
}

static bool note(struct task *t, struct tx *tx, const struct act *act, const char *event,
                 enum event_severity severity, struct bytes device, const char *detail)
{
    const struct event e = {
        .name = event,
        .severity = severity,
        .actor = act->actor,
        .device = device,
        .detail = arena_printf(t->arena, "%s: %s", name_of(t, act), detail),
    };
    return event_add(t, tx, &e);
}

static bool remove_place(struct task *t, struct tx *tx, void *arg)
{
    struct act *act = arg;
    struct device device;
    bool found = false;
    TRY(get_place(t, tx, act));
    const struct bytes holder = act->place.device;
    if (bytes_present(holder))
        TRY(table_find(t, tx_reader(tx), &devices, holder, &device, &found));
    if (found) {
        TRY(dismiss(t, tx, &device));
        TRY(table_put(t, tx, &devices, &device));
    }
    TRY(table_delete(t, tx, &expected_devices,
                     expected_key(t->arena, act->manufacturer, act->serial)));
    /* Whoever holds a voucher without nonce can have the device taken over. */
    TRY(stored_voucher_remove(t, tx, act->manufacturer, act->serial));
    /* As when it was expected: a device that knocks in vain learns of it, when there is one. */
    return note(t, tx, act, "device-no-longer-expected", EVENT_INFO,
                bytes_present(holder) || act->count != 1 ? holder : act->ids[0],
                bytes_present(holder) ? "it is not let in any more"
                                      : "nobody had claimed the place");
}

/*
 * The names that the manufacturer's profile makes of what is the device's own go to whoever is
 * admitted next.
 */
static bool release_names(struct task *t, struct tx *tx, const struct profile *profile,
                          struct bytes id)
{
    struct device device;
    struct asking_device own;
    struct wishes wishes;
    bool found;
    TRY(table_find(t, tx_reader(tx), &devices, id, &device, &found));
    if (!found)
        return true;
    TRY(asking_device(t, tx_reader(tx), &device, &own));
    if (!wishes_compile(t, profile, &own, false, &wishes)) {
        task_forgive(t); /* then nobody has got them */
        return true;
    }
    for (size_t i = 0; i < wishes.claims.count; i++) {
        struct bytes key = bytes_of_text(wishes.claims.items[i]);
        struct device_name name;
        TRY(table_find(t, tx_reader(tx), &device_names, key, &name, &found));
        if (found && bytes_equal(name.device, id))
            TRY(table_delete(t, tx, &device_names, key));
    }
    return true;
}

static bool release_all_names(struct task *t, struct tx *tx, const struct act *act,
                              const struct bytes_list *ids)
{
    struct profile profile;
    if (!asking_profile(t, tx_reader(tx), act->manufacturer, &profile)) {
        if (!task_failed_with(t, E_PROFILE_MISSING))
            return false;
        task_forgive(t);
        return true;
    }
    for (size_t i = 0; i < ids->count; i++)
        TRY(release_names(t, tx, &profile, ids->items[i]));
    return true;
}

static bool forget_key(struct task *t, struct tx *tx, const struct act *act, struct bytes id)
{
    struct device device;
    bool found;
    TRY(table_find(t, tx_reader(tx), &devices, id, &device, &found));
    if (!found)
        return true;
    TRY(dismiss(t, tx, &device));
    device.idevid_spki_sha256 = BYTES_ABSENT;
    TRY(table_put(t, tx, &devices, &device));
    return note(t, tx, act, "readmitted", EVENT_WARNING, id,
                "the next that comes with this serial number is admitted, whatever its key and "
                "issuer; until then nobody is");
}

static bool vacate_place(struct task *t, struct tx *tx, void *arg)
{
    struct act *act = arg;
    TRY(get_place(t, tx, act));
    const struct bytes_list ids = concerned(t, act);
    ENSURE(t, ids.count > 0, E_INVALID,
           "%s has never come: the first that does is admitted, whatever its key", name_of(t, act));
    for (size_t i = 0; i < ids.count; i++)
        TRY(forget_key(t, tx, act, ids.items[i]));
    TRY(release_all_names(t, tx, act, &ids));
    act->place.device = BYTES_ABSENT;
    return table_put(t, tx, &expected_devices, &act->place);
}

static bool change_place(struct task *t, struct http_request *rq,
                         const struct device_action *action, struct http_reply *reply)
{
    struct act act = {.manufacturer = action->manufacturer, .actor = api_actor(t, rq)};
    bool removes = strcmp(action->action, "remove") == 0;
    json_t *json;
    TRY(find(t, api_of(rq)->store, rq->parameter, &act));
    TRY(store_update(t, api_of(rq)->store, removes ? remove_place : vacate_place, &act));
    TRY(record_to_json(t, &expected_type, &act.place, &json));
    return api_reply(t, reply, 200, json);
}

bool api_device_act(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    static const char *const actions[] = {"remove", "readmit",      "approve", "decline",
                                          "revoke", "decommission", "sell",    NULL};
    static const api_device_word words[] = {change_place,      change_place,     api_device_decide,
                                            api_device_decide, api_device_leave, api_device_leave,
                                            api_device_leave};
    struct device_action action;
    unsigned which;
    TRY(api_read_record(t, rq, &device_action_type, &action));
    TRY(api_choice(t, "action", action.action, actions, &which));
    return words[which](t, rq, &action, reply);
}
