#include "registrar/admission.h"

#include "core/base/clock.h"
#include "core/store/records/episode.h"
#include "core/store/records/event.h"
#include "registrar/voucher_order.h"

struct admission {
    const struct registrar *registrar;
    const struct knock *knock;
    struct bytes order;
};

/* The device's place on the list; it is claimed by the first that comes, and by no other. */
static bool claim_place(struct task *t, struct tx *tx, const struct idevid *idevid)
{
    struct expected place;
    bool found;
    struct bytes key = expected_key(t->arena, idevid->manufacturer->name, idevid->serial);
    TRY(table_find(t, tx_reader(tx), &expected_devices, key, &place, &found));
    ENSURE(t, found, E_DEVICE_UNEXPECTED, "serial number %s of manufacturer %s is on no list",
           idevid->serial, idevid->manufacturer->name);
    if (bytes_present(place.device)) {
        ENSURE(t, bytes_equal(place.device, idevid->device), E_DEVICE_OTHER_KEY,
               "serial number %s was claimed by device %s", idevid->serial,
               bytes_to_hex(t->arena, place.device));
        return true;
    }
    place.device = idevid->device;
    return table_put(t, tx, &expected_devices, &place);
}

/* The record of the admitted device; the same serial number under another key is another matter. */
static bool admitted_device(struct task *t, struct tx *tx, const struct admission *a,
                            struct device *ret)
{
    const struct idevid *idevid = a->knock->idevid;
    TRY(claim_place(t, tx, idevid));
    TRY(caller_device(t, tx, a->registrar->callers, idevid, a->knock->address, true, ret));
    ENSURE(t, bytes_equal(ret->idevid_spki_sha256, cert_spki_sha256(t, idevid->cert)),
           E_DEVICE_OTHER_KEY, "serial number %s first came with the key %s", idevid->serial,
           bytes_to_hex(t->arena, ret->idevid_spki_sha256));
    return true;
}

/* Fresh requests are counted by the hour: one looping device must not fill the store. */
static bool count_attempt(struct task *t, const struct admission *a, struct device *device)
{
    int64_t now = clock_wall();
    if (now - device->attempts_since >= HOUR_MS || now < device->attempts_since) {
        device->attempts_since = now;
        device->attempts = 0;
    }
    ENSURE(t, device->attempts < a->registrar->attempts_per_hour, E_TOO_MANY_ATTEMPTS,
           "%llu fresh voucher requests in the hour since %s", (unsigned long long)device->attempts,
           time_to_text(t->arena, device->attempts_since));
    device->attempts++;
    return true;
}

static bool supersede(struct task *t, struct tx *tx, struct bytes id)
{
    struct episode before;
    bool found;
    if (!bytes_present(id))
        return true;
    TRY(table_find(t, tx_reader(tx), &episodes, id, &before, &found));
    if (!found || before.closed != 0)
        return true;
    before.closed = clock_wall();
    before.closed_because = "the device began anew with a fresh voucher request";
    return table_put(t, tx, &episodes, &before);
}

static bool note_request(struct task *t, struct tx *tx, const struct knock *knock,
                         const struct episode *e)
{
    struct event event;
    record_init(t, &event_type, &event);
    event.name = "voucher-requested";
    event.actor = "pledge";
    event.device = e->device;
    event.episode = e->id;
    event.address = knock->address;
    int64_t created = knock->request->signed_request.voucher.created_on;
    event.detail = arena_printf(t->arena, "MASA %s, created-on %s", e->masa_url,
                                created == 0 ? "not stated" : time_to_text(t->arena, created));
    return event_add(t, tx, &event);
}

/* RFC 8995 2.6: the nonce is this device's, this request's, and never another's again. */
static bool keep_nonce(struct task *t, struct tx *tx, const struct knock *knock,
                       const struct episode *e)
{
    struct used_nonce used;
    record_init(t, &used_nonce_type, &used);
    used.device = e->device;
    used.nonce_sha256 = bytes_sha256(t->arena, bytes_of_text(e->nonce));
    used.request_sha256 = knock->request->sha256;
    used.episode = e->id;
    return table_put(t, tx, &used_nonces, &used);
}

static bool begin_episode(struct task *t, struct tx *tx, struct admission *a, struct device *device)
{
    const struct knock *knock = a->knock;
    struct episode e;
    TRY(count_attempt(t, a, device));
    TRY(supersede(t, tx, device->episode));
    record_init(t, &episode_type, &e);
    e.id = id_make(t->arena);
    e.device = device->id;
    e.stage = EPISODE_REQUESTED;
    e.opened = clock_wall();
    e.nonce = knock->request->signed_request.voucher.nonce;
    e.request_sha256 = knock->request->sha256;
    e.our_certificate_sha256 = bytes_sha256(t->arena, knock->ours);
    e.address = knock->address;
    e.masa_url = knock->masa_url;
    device->episode = e.id;
    TRY(voucher_order_submit(t, tx, a->registrar, knock, e.id, &a->order));
    e.voucher_order = a->order;
    TRY(keep_nonce(t, tx, knock, &e));
    TRY(table_put(t, tx, &episodes, &e));
    TRY(table_put(t, tx, &devices, device));
    return note_request(t, tx, knock, &e);
}

/*
 * A nonce that was seen before: the very same request joins its order while its episode is the
 * device's current one; anything else is stale or a replay.
 */
static bool join_episode(struct task *t, struct tx *tx, struct admission *a,
                         const struct device *device, const struct used_nonce *used)
{
    struct episode e;
    ENSURE(t, bytes_equal(used->request_sha256, a->knock->request->sha256), E_NONCE_REUSED,
           "nonce %s came before in the request with SHA-256 %s",
           a->knock->request->signed_request.voucher.nonce,
           bytes_to_hex(t->arena, used->request_sha256));
    ENSURE(t, bytes_equal(used->episode, device->episode), E_REQUEST_STALE,
           "the device has sent a newer request since");
    TRY(table_get(t, tx_reader(tx), &episodes, used->episode, &e));
    ENSURE(t, e.closed == 0, E_REQUEST_STALE, "its onboarding was closed: %s",
           e.closed_because == NULL ? "no reason kept" : e.closed_because);
    TRY(voucher_order_submit(t, tx, a->registrar, a->knock, e.id, &a->order));
    if (!bytes_equal(e.voucher_order, a->order)) {
        e.voucher_order = a->order;
        TRY(table_put(t, tx, &episodes, &e));
    }
    return table_put(t, tx, &devices, device);
}

static bool admit_in(struct task *t, struct tx *tx, void *arg)
{
    struct admission *a = arg;
    struct device device;
    struct used_nonce used;
    bool seen;
    TRY(admitted_device(t, tx, a, &device));
    struct bytes key =
        used_nonce_key(t->arena, device.id, a->knock->request->signed_request.voucher.nonce);
    TRY(table_find(t, tx_reader(tx), &used_nonces, key, &used, &seen));
    if (seen)
        return join_episode(t, tx, a, &device, &used);
    return begin_episode(t, tx, a, &device);
}

bool admit(struct task *t, const struct registrar *r, const struct knock *knock,
           struct bytes *ret_order)
{
    struct admission a = {.registrar = r, .knock = knock};
    TRY(store_update(t, r->store, admit_in, &a));
    orders_wake(r->orders, a.order);
    *ret_order = a.order;
    return true;
}
