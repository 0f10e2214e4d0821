#include "registrar/admission.h"

#include "core/base/clock.h"
#include "core/store/records/episode.h"
#include "core/store/records/event.h"
#include "core/store/records/standing.h"
#include "registrar/allowances.h"
#include "registrar/opening.h"
#include "registrar/reduced_security.h"
#include "registrar/registrar_request.h"
#include "registrar/voucher_order.h"

struct admission {
    const struct registrar *registrar;
    const struct knock *knock;
    struct bytes rvr; /* signed before the update; absent: none is needed yet */
    bool prepared;    /* a new request was looked at before the update */
    const char *rule; /* that speaks of the device; NULL: none was found */
    struct admitted result;
    bool hasten; /* what the order waits for may have been set right */
};

/* What the store says to a knock. */
struct look {
    struct ground ground;
    struct device device; /* when `known` */
    bool known;
    bool seen; /* this very request began the device's current episode */
    struct episode episode;
};

static const char *nonce_of(const struct admission *a)
{
    return a->knock->request->signed_request.voucher.nonce;
}

static bool look_at_device(struct task *t, struct reader *r, const struct idevid *idevid,
                           struct look *look)
{
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

static bool look_around(struct task *t, struct reader *r, const struct admission *a,
                        struct look *ret)
{
    *ret = (struct look){.known = false};
    const struct idevid *idevid = a->knock->idevid;
    TRY(look_at_device(t, r, idevid, ret));
    TRY(look_at_nonce(t, r, a, ret));
    const struct ground_hints hints = {
        .rule = a->rule,
        .waits = ret->seen && ret->device.admission == DEVICE_HELD,
    };
    TRY(ground_find(t, r, idevid, ret->known ? &ret->device : NULL, &hints, &ret->ground));
    return ret->seen || opening_allowed(t, a->registrar, ret->known ? &ret->device : NULL);
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
    event.detail = arena_printf(t->arena, "%s, MASA %s, created-on %s",
                                knock->request->signed_request.form->name, e->masa_url,
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

/* Once for each onboarding: the administrator is to see why it is let in, or is not yet. */
static bool note_ground(struct task *t, struct tx *tx, const struct knock *knock,
                        const struct ground *ground, const struct episode *e)
{
    const struct admission_rule *rule = &ground->rule;
    struct event event;
    if (ground->kind == GROUND_LIST)
        return true;
    record_init(t, &event_type, &event);
    event.actor = "gatehouse";
    event.device = e->device;
    event.episode = e->id;
    event.address = knock->address;
    if (ground->kind == GROUND_HOLD) {
        event.name = "held";
        event.severity = EVENT_WARNING;
        event.problem = E_DEVICE_HELD->name;
        event.detail = arena_printf(t->arena, "serial number %s of manufacturer %s is on no list",
                                    knock->idevid->serial, knock->idevid->manufacturer->name);
    } else {
        event.name = "let-in-by-rule";
        event.severity = rule->unverified ? EVENT_WARNING : EVENT_INFO;
        event.detail = arena_printf(t->arena, "rule %s, %s%s", rule->name,
                                    rule->unverified ? "whatever its voucher asserts: "
                                                     : "when its voucher asserts \"verified\"",
                                    rule->unverified ? rule->reason : "");
    }
    return event_add(t, tx, &event);
}

/* The order of a request that is new, or of one that came before and has `begun` it. */
static bool submit(struct task *t, struct tx *tx, struct admission *a, const struct ground *ground,
                   bool begun)
{
    const struct voucher_submission submission = {
        .knock = a->knock,
        .episode = a->result.episode,
        .rvr = begun ? BYTES_ABSENT : a->rvr,
        .sign_later = ground->kind == GROUND_HOLD || (!begun && !bytes_present(a->rvr)),
        .held = ground->kind == GROUND_HOLD,
    };
    a->result.held = submission.held;
    return voucher_order_submit(t, tx, a->registrar, &submission, &a->result.order);
}

static bool begin_episode(struct task *t, struct tx *tx, struct admission *a,
                          const struct ground *ground, struct device *device)
{
    const struct knock *knock = a->knock;
    struct episode e;
    TRY(opening_supersede(t, tx, a->registrar->orders, device->episode,
                          "the device began anew with a fresh voucher request"));
    record_init(t, &episode_type, &e);
    e.id = id_make(t->arena);
    e.device = device->id;
    e.stage = ground->kind == GROUND_HOLD ? EPISODE_HELD : EPISODE_REQUESTED;
    e.opened = clock_wall();
    e.nonce = nonce_of(a);
    e.request_sha256 = knock->request->sha256;
    e.our_certificate_sha256 = bytes_sha256(t->arena, knock->ours);
    e.address = knock->address;
    e.masa_url = knock->masa_url;
    e.rule = ground->kind == GROUND_RULE ? ground->rule.name : NULL;
    e.needs_verified = ground_needs_verified(ground);
    device->episode = e.id;
    opening_count(device);
    a->result.episode = e.id;
    TRY(submit(t, tx, a, ground, false));
    e.voucher_order = a->result.order;
    TRY(keep_nonce(t, tx, knock, &e));
    TRY(table_put(t, tx, &devices, device));
    TRY(note_request(t, tx, knock, &e));
    TRY(note_ground(t, tx, knock, ground, &e));
    TRY(reduced_security_begin(t, tx, knock->idevid, ground, &e));
    TRY(allowances_note(t, tx, &e, knock->request->used));
    return table_put(t, tx, &episodes, &e);
}

/* Waiting has come to an end: the device was put on the list meanwhile, or a rule was made. */
static bool end_hold(struct task *t, struct tx *tx, struct admission *a, struct episode *e)
{
    if (e->stage != EPISODE_HELD)
        return true;
    e->stage = EPISODE_REQUESTED;
    return order_decide_in(t, tx, a->registrar->orders, e->voucher_order, true, "gatehouse");
}

/* What becomes of the device: only its voucher can tell of one that a rule alone speaks of. */
static enum device_admission admission_on(const struct look *look)
{
    bool admitted = look->known && look->device.admission == DEVICE_ADMITTED;
    if (look->ground.kind == GROUND_HOLD)
        return DEVICE_HELD;
    return ground_needs_verified(&look->ground) && !admitted ? DEVICE_UNEXPECTED : DEVICE_ADMITTED;
}

/* The device may come in on another ground than when it sent the request for the first time. */
static bool move_ground(struct task *t, struct tx *tx, struct admission *a, struct look *look)
{
    static const struct decided nobody = {NULL, NULL};
    struct device *device = &look->device;
    struct episode *e = &look->episode;
    const char *rule = look->ground.kind == GROUND_RULE ? look->ground.rule.name : NULL;
    if (look->ground.kind == GROUND_HOLD)
        return true;
    if (device->admission != admission_on(look)) {
        TRY(opening_claim(t, tx, a->knock->idevid, &look->ground));
        TRY(standing_set(t, tx, device, device->manufacturer, admission_on(look), &nobody));
        TRY(table_put(t, tx, &devices, device));
    }
    bool same = e->stage != EPISODE_HELD &&
                e->needs_verified == ground_needs_verified(&look->ground) &&
                bytes_equal(bytes_of_text(e->rule), bytes_of_text(rule));
    TRY(end_hold(t, tx, a, e));
    e->rule = rule;
    e->needs_verified = ground_needs_verified(&look->ground);
    return same || table_put(t, tx, &episodes, e);
}

/* The hold had its time, and the same request has come again. */
static bool hold_again(struct task *t, struct tx *tx, struct admission *a, struct episode *e)
{
    const struct knock *knock = a->knock;
    struct device device;
    TRY(caller_device_as(t, tx, a->registrar->callers, knock->idevid, knock->address, DEVICE_HELD,
                         &device));
    e->stage = EPISODE_HELD;
    e->closed = 0;
    e->closed_because = NULL;
    return table_put(t, tx, &devices, &device);
}

/* What the order waited for may have been set right in the manufacturer's record since. */
static bool look_at_order(struct task *t, struct tx *tx, struct admission *a)
{
    struct order order;
    TRY(table_get(t, tx_reader(tx), &order_table, a->result.order, &order));
    a->hasten = order.updated < a->knock->idevid->manufacturer->changed;
    return true;
}

static bool join_episode(struct task *t, struct tx *tx, struct admission *a, struct look *look)
{
    struct episode *e = &look->episode;
    TRY(move_ground(t, tx, a, look));
    a->result.episode = e->id;
    TRY(submit(t, tx, a, &look->ground, true));
    TRY(look_at_order(t, tx, a));
    if (bytes_equal(e->voucher_order, a->result.order))
        return true;
    TRY(table_get(t, tx_reader(tx), &episodes, e->id, e)); /* the order before it may have said */
    e->voucher_order = a->result.order;
    if (a->result.held)
        TRY(hold_again(t, tx, a, e));
    return table_put(t, tx, &episodes, e);
}

static bool let_in(struct task *t, struct tx *tx, struct admission *a, struct look *look,
                   struct device *ret)
{
    const struct knock *knock = a->knock;
    TRY(opening_claim(t, tx, a->knock->idevid, &look->ground));
    return caller_device_as(t, tx, a->registrar->callers, knock->idevid, knock->address,
                            admission_on(look), ret);
}

static bool admit_in(struct task *t, struct tx *tx, void *arg)
{
    struct admission *a = arg;
    struct look look;
    struct device device;
    TRY(look_around(t, tx_reader(tx), a, &look));
    if (look.seen)
        return join_episode(t, tx, a, &look);
    ENSURE(t, a->prepared, E_REQUEST_STALE, "a newer request came at the same time");
    TRY(let_in(t, tx, a, &look, &device));
    return begin_episode(t, tx, a, &look.ground, &device);
}

/*
 * A look before the update: whoever is not let in costs no signature, nor does asking again.  What
 * is held is signed when it has been approved: a MASA may find a request too old.
 */
static bool prepare(struct task *t, const struct registrar *r, struct admission *a)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct look look;
    TRY(view_open(t, r->store, &view));
    TRY(ground_rule(t, view, a->knock->idevid, &a->rule));
    TRY(look_around(t, view_reader(view), a, &look));
    if (look.seen)
        return true;
    a->prepared = true;
    if (look.ground.kind == GROUND_HOLD)
        return true;
    const struct registrar_identity *as =
        identity_shown(r->identities, bytes_sha256(t->arena, a->knock->ours));
    return registrar_request_make(t, as, a->knock->idevid, &a->knock->request->signed_request,
                                  &a->rvr);
}

bool admit(struct task *t, const struct registrar *r, const struct knock *knock,
           struct admitted *ret)
{
    struct admission a = {.registrar = r, .knock = knock};
    TRY(prepare(t, r, &a));
    TRY(store_update(t, r->store, admit_in, &a));
    orders_wake(r->orders, a.result.order);
    if (a.hasten)
        order_hasten(r->orders, a.result.order);
    *ret = a.result;
    return true;
}
