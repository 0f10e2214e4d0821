#include "core/pledge/decision.h"

#include "core/base/clock.h"
#include "core/store/records/episode.h"
#include "core/store/records/event.h"
#include "core/store/records/standing.h"

struct deciding {
    struct orders *orders;
    const struct device_decision *decision;
    struct device device; /* as it became */
    struct bytes order;   /* the one that waited; absent: none did */
};

static bool check_undecided(struct task *t, const struct device *device, bool approve)
{
    bool undecided = device->admission == DEVICE_UNEXPECTED || device->admission == DEVICE_HELD ||
                     (approve && device->admission == DEVICE_DECLINED);
    ENSURE(t, undecided, E_INVALID, "the device is %s: there is nothing to decide",
           device_admission_names[device->admission]);
    return true;
}

/* The place that is the device's from now on; a remark that is there stays. */
static bool claim_place(struct task *t, struct tx *tx, const struct deciding *d)
{
    const struct device *device = &d->device;
    struct expected place;
    bool found;
    struct bytes key = expected_key(t->arena, device->manufacturer, device->serial);
    TRY(table_find(t, tx_reader(tx), &expected_devices, key, &place, &found));
    ENSURE(t, !found || !bytes_present(place.device) || bytes_equal(place.device, device->id),
           E_EXISTS, "serial number %s was claimed by device %s", device->serial,
           bytes_to_hex(t->arena, place.device));
    if (!found) {
        record_init(t, &expected_type, &place);
        place.manufacturer = device->manufacturer;
        place.serial = device->serial;
        place.source = d->decision->by;
    }
    place.device = device->id;
    place.added = clock_wall();
    place.added_by = d->decision->by;
    return table_put(t, tx, &expected_devices, &place);
}

/* The onboarding that is held goes on, or has come to its end. */
static bool settle_episode(struct task *t, struct tx *tx, struct deciding *d)
{
    const struct device_decision *decision = d->decision;
    struct episode e;
    struct order order;
    bool found = false;
    if (bytes_present(d->device.episode))
        TRY(table_find(t, tx_reader(tx), &episodes, d->device.episode, &e, &found));
    if (!found || e.stage != EPISODE_HELD || e.closed != 0)
        return true;
    TRY(table_find(t, tx_reader(tx), &order_table, e.voucher_order, &order, &found));
    if (found && order.state == ORDER_WAITING) {
        d->order = order.id;
        TRY(order_decide_in(t, tx, d->orders, order.id, decision->approve, decision->by));
    }
    if (decision->approve) {
        e.stage = EPISODE_REQUESTED;
    } else {
        e.closed = clock_wall();
        e.closed_because = arena_printf(t->arena, "declined by %s", decision->by);
    }
    return table_put(t, tx, &episodes, &e);
}

static bool note(struct task *t, struct tx *tx, const struct deciding *d)
{
    const struct device_decision *decision = d->decision;
    struct event event;
    record_init(t, &event_type, &event);
    event.name = decision->approve ? "device-approved" : "device-declined";
    event.severity = decision->approve ? EVENT_INFO : EVENT_WARNING;
    event.actor = decision->by;
    event.device = d->device.id;
    event.episode = d->device.episode;
    event.detail = arena_printf(t->arena, "%s of %s%s%s", d->device.serial, d->device.manufacturer,
                                decision->because == NULL ? "" : ": ",
                                decision->because == NULL ? "" : decision->because);
    return event_add(t, tx, &event);
}

static bool decide(struct task *t, struct tx *tx, void *arg)
{
    struct deciding *d = arg;
    const struct device_decision *decision = d->decision;
    const struct decided decided = {decision->by, decision->because};
    d->order = BYTES_ABSENT;
    TRY(table_get(t, tx_reader(tx), &devices, decision->device, &d->device));
    TRY(check_undecided(t, &d->device, decision->approve));
    if (decision->approve)
        TRY(claim_place(t, tx, d));
    TRY(standing_set(t, tx, &d->device, d->device.manufacturer,
                     decision->approve ? DEVICE_ADMITTED : DEVICE_DECLINED, &decided));
    TRY(settle_episode(t, tx, d));
    TRY(table_put(t, tx, &devices, &d->device));
    return note(t, tx, d);
}

bool device_decide(struct task *t, struct store *store, struct orders *orders,
                   const struct device_decision *decision, struct device *ret)
{
    struct deciding d = {.orders = orders, .decision = decision};
    TRY(store_update(t, store, decide, &d));
    if (bytes_present(d.order))
        orders_wake(orders, d.order);
    *ret = d.device;
    return true;
}
