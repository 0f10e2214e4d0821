#include "registrar/admission.h"

#include "core/base/clock.h"
#include "core/store/records/episode.h"
#include "core/store/records/event.h"
#include "registrar/registrar_request.h"
#include "registrar/voucher_order.h"

struct admission {
    const struct registrar *registrar;
    const struct knock *knock;
    struct bytes rvr; /* signed before the update; absent: the request was seen before */
    struct bytes order;
    struct bytes episode;
};

/* What the store says to a knock. */
struct look {
    struct expected place; /* on the list */
    struct device device;  /* when `known` */
    bool known;
    bool seen; /* this very request began the device's current episode */
    struct episode episode;
};

static const char *nonce_of(const struct admission *a)
{
    return a->knock->request->signed_request.voucher.nonce;
}

/* The device's place on the list; it is claimed by the first that comes, and by no other. */
static bool look_at_list(struct task *t, struct reader *r, const struct idevid *idevid,
                         struct look *look)
{
    bool found;
    struct bytes key = expected_key(t->arena, idevid->manufacturer->name, idevid->serial);
    TRY(table_find(t, r, &expected_devices, key, &look->place, &found));
    ENSURE(t, found, E_DEVICE_UNEXPECTED, "serial number %s of manufacturer %s is on no list",
           idevid->serial, idevid->manufacturer->name);
    ENSURE(t, !bytes_present(look->place.device) || bytes_equal(look->place.device, idevid->device),
           E_DEVICE_OTHER_KEY, "serial number %s was claimed by device %s", idevid->serial,
           bytes_to_hex(t->arena, look->place.device));
    TRY(table_find(t, r, &devices, idevid->device, &look->device, &look->known));
    return !look->known || caller_check_key(t, &look->device, idevid);
}

/*
 * A nonce that was seen before: the very same request joins its order while its episode is the
 * device's current one; anything else is stale or a replay.
 */
static bool look_at_nonce(struct task *t, struct reader *r, const struct admission *a,
                          struct look *look)
{
    struct used_nonce used;
    struct bytes key = used_nonce_key(t->arena, a->knock->idevid->device, nonce_of(a));
    TRY(table_find(t, r, &used_nonces, key, &used, &look->seen));
    if (!look->seen)
        return true;
    ENSURE(t, bytes_equal(used.request_sha256, a->knock->request->sha256), E_NONCE_REUSED,
           "nonce %s came before in the request with SHA-256 %s", nonce_of(a),
           bytes_to_hex(t->arena, used.request_sha256));
    ENSURE(t, look->known && bytes_equal(used.episode, look->device.episode), E_REQUEST_STALE,
           "the device has sent a newer request since");
    TRY(table_get(t, r, &episodes, used.episode, &look->episode));
    ENSURE(t, look->episode.closed == 0, E_REQUEST_STALE, "its onboarding was closed: %s",
           look->episode.closed_because == NULL ? "no reason kept" : look->episode.closed_because);
    return true;
}

static bool hour_is_over(const struct device *device)
{
    int64_t now = clock_wall();
    return now - device->attempts_since >= HOUR_MS || now < device->attempts_since;
}

/* Fresh requests are counted by the hour: one looping device must not fill the store. */
static bool look_at_attempts(struct task *t, const struct admission *a, const struct look *look)
{
    ENSURE(t,
           look->seen || !look->known || hour_is_over(&look->device) ||
               look->device.attempts < a->registrar->attempts_per_hour,
           E_TOO_MANY_ATTEMPTS, "%llu fresh voucher requests in the hour since %s",
           (unsigned long long)look->device.attempts,
           time_to_text(t->arena, look->device.attempts_since));
    return true;
}

static bool look_around(struct task *t, struct reader *r, const struct admission *a,
                        struct look *ret)
{
    *ret = (struct look){.known = false};
    TRY(look_at_list(t, r, a->knock->idevid, ret));
    TRY(look_at_nonce(t, r, a, ret));
    return look_at_attempts(t, a, ret);
}

static bool claim_place(struct task *t, struct tx *tx, const struct admission *a, struct look *look)
{
    if (bytes_present(look->place.device))
        return true;
    look->place.device = a->knock->idevid->device;
    return table_put(t, tx, &expected_devices, &look->place);
}

static void count_attempt(struct device *device)
{
    if (hour_is_over(device)) {
        device->attempts_since = clock_wall();
        device->attempts = 0;
    }
    device->attempts++;
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

/* The nonce is this device's, this request's, and never another's again. */
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
    TRY(supersede(t, tx, device->episode));
    record_init(t, &episode_type, &e);
    e.id = id_make(t->arena);
    e.device = device->id;
    e.stage = EPISODE_REQUESTED;
    e.opened = clock_wall();
    e.nonce = nonce_of(a);
    e.request_sha256 = knock->request->sha256;
    e.our_certificate_sha256 = bytes_sha256(t->arena, knock->ours);
    e.address = knock->address;
    e.masa_url = knock->masa_url;
    device->episode = e.id;
    count_attempt(device);
    TRY(voucher_order_submit(t, tx, a->registrar, knock, e.id, a->rvr, &a->order));
    e.voucher_order = a->order;
    a->episode = e.id;
    TRY(keep_nonce(t, tx, knock, &e));
    TRY(table_put(t, tx, &episodes, &e));
    TRY(table_put(t, tx, &devices, device));
    return note_request(t, tx, knock, &e);
}

static bool join_episode(struct task *t, struct tx *tx, struct admission *a, struct episode *e)
{
    TRY(voucher_order_submit(t, tx, a->registrar, a->knock, e->id, BYTES_ABSENT, &a->order));
    a->episode = e->id;
    if (bytes_equal(e->voucher_order, a->order))
        return true;
    TRY(table_get(t, tx_reader(tx), &episodes, e->id, e)); /* the order before it may have said */
    e->voucher_order = a->order;
    return table_put(t, tx, &episodes, e);
}

static bool admit_in(struct task *t, struct tx *tx, void *arg)
{
    struct admission *a = arg;
    struct look look;
    struct device device;
    TRY(look_around(t, tx_reader(tx), a, &look));
    if (look.seen)
        return join_episode(t, tx, a, &look.episode);
    ENSURE(t, bytes_present(a->rvr), E_REQUEST_STALE, "a newer request came at the same time");
    TRY(claim_place(t, tx, a, &look));
    TRY(caller_device(t, tx, a->registrar->callers, a->knock->idevid, a->knock->address, true,
                      &device));
    return begin_episode(t, tx, a, &device);
}

/* A look before the update: whoever is not let in costs no signature, nor does asking again. */
static bool prepare(struct task *t, const struct registrar *r, struct admission *a)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct look look;
    TRY(view_open(t, r->store, &view));
    TRY(look_around(t, view_reader(view), a, &look));
    if (look.seen)
        return true;
    return registrar_request_make(t, r, a->knock->idevid, &a->knock->request->signed_request,
                                  &a->rvr);
}

bool admit(struct task *t, const struct registrar *r, const struct knock *knock,
           struct bytes *ret_order, struct bytes *ret_episode)
{
    struct admission a = {.registrar = r, .knock = knock};
    TRY(prepare(t, r, &a));
    TRY(store_update(t, r->store, admit_in, &a));
    orders_wake(r->orders, a.order);
    *ret_order = a.order;
    *ret_episode = a.episode;
    return true;
}
