#include "core/pledge/leaving.h"

#include "core/base/clock.h"
#include "core/pledge/erasure.h"
#include "core/pledge/problems.h"
#include "core/store/records/belonging.h"
#include "core/store/records/device_certificates.h"
#include "core/store/records/episode.h"
#include "core/store/records/event.h"
#include "core/store/records/standing.h"

#include <string.h>

/* Looks at what is left of a device's, until there is nothing; it cannot get more meanwhile. */
#define SWEEPS_MAX 64
/* Open orders that are cancelled in one go. */
#define ORDERS_MAX 256
/* A device's latest orders among which open ones are looked for. */
#define ORDERS_LOOK 1024

struct departure {
    struct orders *orders;
    const struct leaving *leaving;
    struct bytes episode; /* the one that ends; absent: not looked yet, or none */
    struct left left;
    /* As they were seen before the update. */
    struct bytes_list certificates;
    struct bytes_list open;
    struct bytes_list ending; /* orders that end themselves */
    struct belonging_list belongings;
};

static bool leaves(const struct leaving *leaving)
{
    return leaving->how != LEAVING_REVOKED;
}

/* ---- What there is ---- */

/* Of a device that stays, the next onboarding is none of this one's affair. */
static bool is_concerned(const struct departure *d, const struct order *order)
{
    return order->finished == 0 && strcmp(order->kind, leaving_erasure.name) != 0 &&
           (leaves(d->leaving) || bytes_equal(order->episode, d->episode));
}

static bool find_open_orders(struct task *t, struct view *view, struct departure *d)
{
    struct table_scan scan =
        table_scan_index(t, view, &order_table, &order_table_by_device, d->leaving->device, true);
    struct bytes *open = arena_array(t->arena, ORDERS_MAX, sizeof(*open));
    struct bytes *ending = arena_array(t->arena, ORDERS_MAX, sizeof(*ending));
    d->open = (struct bytes_list){open, 0};
    d->ending = (struct bytes_list){ending, 0};
    for (unsigned i = 0;
         i < ORDERS_LOOK && d->open.count < ORDERS_MAX && d->ending.count < ORDERS_MAX; i++) {
        struct order order;
        bool found;
        TRY(table_scan_next(t, &scan, &order, &found));
        if (!found)
            break;
        if (is_concerned(d, &order) && order_ends_itself(d->orders, &order))
            ending[d->ending.count++] = order.id;
        else if (is_concerned(d, &order))
            open[d->open.count++] = order.id;
    }
    return true;
}

static bool look(struct task *t, struct store *store, struct departure *d)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct device device;
    TRY(view_open(t, store, &view));
    TRY(table_get(t, view_reader(view), &devices, d->leaving->device, &device));
    TRY(device_certificates_live(t, view, device.id, &d->certificates));
    if (!bytes_present(d->episode))
        d->episode = device.episode;
    TRY(find_open_orders(t, view, d));
    d->belongings.count = 0;
    return !leaves(d->leaving) || belongings_find(t, view, &device, &d->belongings);
}

static bool nothing_is_left(const struct departure *d)
{
    return d->certificates.count == 0 && d->open.count == 0 && d->belongings.count == 0;
}

/* ---- What is done about it ---- */

static const char *words_about(struct task *t, const struct leaving *leaving)
{
    static const char *const what[] = {
        [LEAVING_REVOKED] = "revoked",
        [LEAVING_DECOMMISSIONED] = "decommissioned",
        [LEAVING_SOLD] = "sold",
    };
    return arena_printf(t->arena, "%s by %s%s%s%s%s", what[leaving->how], leaving->by,
                        leaving->to == NULL ? "" : " to ", leaving->to == NULL ? "" : leaving->to,
                        leaving->because == NULL ? "" : ": ",
                        leaving->because == NULL ? "" : leaving->because);
}

static bool take_away(struct task *t, struct tx *tx, struct departure *d)
{
    static const enum revocation_reason reasons[] = {
        [LEAVING_REVOKED] = REVOKED_PRIVILEGE_WITHDRAWN,
        [LEAVING_DECOMMISSIONED] = REVOKED_CESSATION_OF_OPERATION,
        [LEAVING_SOLD] = REVOKED_AFFILIATION_CHANGED,
    };
    const struct leaving *leaving = d->leaving;
    const char *words = words_about(t, leaving);
    const struct device_revocation revocation = {
        .certificates = d->certificates,
        .reason = reasons[leaving->how],
        .because = bytes_to_printable(t->arena, bytes_of_text(words), CERTIFICATE_REASON_MAX),
        .actor = leaving->by,
    };
    TRY(device_certificates_revoke(t, tx, &revocation));
    for (size_t i = 0; i < d->open.count; i++)
        TRY(order_cancel_in(t, tx, d->orders, d->open.items[i],
                            leaves(leaving) ? E_DEVICE_GONE : E_ONBOARDING_ENDED, words));
    return belongings_delete(t, tx, &d->belongings);
}

/* The next step counts once it is durable. */
static void count(struct departure *d)
{
    for (size_t i = 0; i < d->open.count; i++)
        orders_wake(d->orders, d->open.items[i]);
    for (size_t i = 0; i < d->ending.count; i++)
        order_hasten(d->orders, d->ending.items[i]);
    d->left.certificates += d->certificates.count;
    d->left.orders += d->open.count;
    d->left.belongings += d->belongings.count;
}

static bool close_episode(struct task *t, struct tx *tx, const struct departure *d)
{
    struct episode e;
    bool found = false;
    if (bytes_present(d->left.device.episode))
        TRY(table_find(t, tx_reader(tx), &episodes, d->left.device.episode, &e, &found));
    if (!found || e.closed != 0)
        return true;
    e.closed = clock_wall();
    e.closed_because = words_about(t, d->leaving);
    return table_put(t, tx, &episodes, &e);
}

/* Its place, or one that it might claim; another device's stays. */
static bool delete_place(struct task *t, struct tx *tx, const struct device *device)
{
    struct expected place;
    bool found;
    struct bytes key = expected_key(t->arena, device->manufacturer, device->serial);
    TRY(table_find(t, tx_reader(tx), &expected_devices, key, &place, &found));
    if (!found || (bytes_present(place.device) && !bytes_equal(place.device, device->id)))
        return true;
    return table_delete(t, tx, &expected_devices, key);
}

static bool mark(struct task *t, struct tx *tx, struct departure *d)
{
    const struct leaving *leaving = d->leaving;
    struct device *device = &d->left.device;
    const struct decided decided = {leaving->by, leaving->because};
    TRY(standing_set(t, tx, device, device->manufacturer,
                     leaving->how == LEAVING_SOLD ? DEVICE_SOLD : DEVICE_DECOMMISSIONED, &decided));
    device->sold_to = leaving->to;
    TRY(delete_place(t, tx, device));
    return table_put(t, tx, &devices, device);
}

static bool note(struct task *t, struct tx *tx, const struct departure *d)
{
    static const char *const names[] = {
        [LEAVING_REVOKED] = "device-revoked",
        [LEAVING_DECOMMISSIONED] = EVENT_DECOMMISSIONED,
        [LEAVING_SOLD] = EVENT_SOLD,
    };
    const struct leaving *leaving = d->leaving;
    struct event event;
    record_init(t, &event_type, &event);
    event.name = names[leaving->how];
    event.severity = EVENT_WARNING;
    event.actor = leaving->by;
    event.device = d->left.device.id;
    event.episode = d->left.device.episode;
    event.detail = arena_printf(t->arena, "%s of %s, %s", d->left.device.serial,
                                d->left.device.manufacturer, words_about(t, leaving));
    return event_add(t, tx, &event);
}

static bool check_here(struct task *t, const struct leaving *leaving, const struct device *device)
{
    bool gone = device->admission == DEVICE_DECOMMISSIONED || device->admission == DEVICE_SOLD;
    bool again = leaving->how == LEAVING_SOLD && device->admission == DEVICE_DECOMMISSIONED;
    ENSURE(t, !gone || again, E_INVALID, "the device is %s already",
           device_admission_names[device->admission]);
    return true;
}

/* First of all: from here on nothing is granted to it. */
static bool depart(struct task *t, struct tx *tx, void *arg)
{
    struct departure *d = arg;
    TRY(table_get(t, tx_reader(tx), &devices, d->leaving->device, &d->left.device));
    TRY(check_here(t, d->leaving, &d->left.device));
    TRY(close_episode(t, tx, d));
    TRY(take_away(t, tx, d));
    if (leaves(d->leaving)) {
        TRY(mark(t, tx, d));
        TRY(erasure_submit(t, tx, d->orders, d->leaving, &d->left.device, &d->left.erasure));
    }
    return note(t, tx, d);
}

static bool sweep(struct task *t, struct tx *tx, void *arg)
{
    return take_away(t, tx, arg);
}

/* What came between the look and the update; nothing can come any more. */
static bool sweep_all(struct task *t, struct store *store, struct departure *d)
{
    for (unsigned i = 0; i < SWEEPS_MAX; i++) {
        TRY(look(t, store, d));
        if (nothing_is_left(d))
            break;
        TRY(store_update(t, store, sweep, d));
        count(d);
    }
    return true;
}

bool device_leave(struct task *t, struct store *store, struct orders *orders,
                  const struct leaving *leaving, struct left *ret)
{
    struct departure d = {.orders = orders, .leaving = leaving};
    TRY(look(t, store, &d));
    TRY(store_update(t, store, depart, &d));
    count(&d);
    TRY(sweep_all(t, store, &d));
    if (bytes_present(d.left.erasure))
        orders_wake(orders, d.left.erasure);
    *ret = d.left;
    return true;
}

bool device_sweep(struct task *t, struct store *store, struct orders *orders,
                  const struct device *device, bool *ret_busy)
{
    const struct leaving leaving = {
        .device = device->id,
        .how = device->admission == DEVICE_SOLD ? LEAVING_SOLD : LEAVING_DECOMMISSIONED,
        .by = device->decided_by == NULL ? "gatehouse" : device->decided_by,
        .because = device->decided_because,
        .to = device->sold_to,
    };
    struct departure d = {.orders = orders, .leaving = &leaving};
    TRY(sweep_all(t, store, &d));
    *ret_busy = d.ending.count > 0;
    return true;
}
