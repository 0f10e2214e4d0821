#include "registrar/arrival.h"

#include "core/base/clock.h"
#include "core/base/failpoint.h"
#include "core/store/records/episode.h"
#include "core/store/records/event.h"
#include "registrar/allowances.h"
#include "registrar/audit_log_order.h"
#include "registrar/masa.h"
#include "registrar/opening.h"
#include "registrar/reduced_security.h"
#include "registrar/registrar_request.h"

struct arriving {
    const struct registrar *registrar;
    const struct arrival *arrival;
    const char *rule;                /* that speaks of the device; NULL: none does */
    const char *masa_url;            /* that has the device's audit log; NULL: nobody knows it */
    const struct voucher_form *form; /* of the request */
    bool log_asked;         /* for this onboarding; by the record it may be asked for later only */
    unsigned used;          /* allowances: a set of enum allowance */
    struct bytes request;   /* for the audit log */
    struct bytes log_order; /* absent: none was placed */
};

/* What the store says to an arrival. */
struct look {
    struct device device; /* when `known` */
    bool known;
    struct ground ground;
    bool begun; /* another request of the device has just begun the onboarding */
};

static bool check_ground(struct task *t, const struct ground *ground)
{
    switch (ground->kind) {
    case GROUND_LIST:
        return true;
    case GROUND_HOLD:
        return fail(t, E_DEVICE_UNEXPECTED,
                    "it is on no list; only a voucher request to us could be held");
    case GROUND_RULE:
        /* RFC 8366 5.3: "verified" is in a voucher that nobody here has seen. */
        ENSURE(t, !ground_needs_verified(ground), E_DEVICE_UNEXPECTED,
               "it is on no list, and rule %s asks what its voucher asserts, which only a voucher "
               "request to us would show",
               ground->rule.name);
        return true;
    }
    return false;
}

static bool look_at_current(struct task *t, struct reader *r, const struct arriving *a,
                            struct look *look)
{
    struct episode e;
    look->begun = false;
    if (!look->known || !bytes_present(look->device.episode) ||
        bytes_equal(look->device.episode, a->arrival->current))
        return true;
    TRY(table_get(t, r, &episodes, look->device.episode, &e));
    look->begun = e.closed == 0 && e.begun_by == EPISODE_BY_EST_DOMAIN;
    return true;
}

static bool look_around(struct task *t, struct reader *r, const struct arriving *a,
                        struct look *ret)
{
    const struct idevid *idevid = a->arrival->idevid;
    /* No MASA has seen a request with its signature: nothing at all would prove who it is. */
    ENSURE(t, !idevid->unauthenticated, E_DEVICE_UNEXPECTED,
           "nobody vouches for its IDevID, and it comes without a voucher request to us");
    const struct ground_hints hints = {.rule = a->rule};
    TRY(table_find(t, r, &devices, idevid->device, &ret->device, &ret->known));
    const struct device *device = ret->known ? &ret->device : NULL;
    if (device != NULL)
        TRY(caller_check_key(t, device, idevid));
    TRY(ground_find(t, r, idevid, device, &hints, &ret->ground));
    TRY(check_ground(t, &ret->ground));
    TRY(look_at_current(t, r, a, ret));
    return ret->begun || opening_allowed(t, a->registrar, device);
}

static const char *log_source(struct task *t, const struct arriving *a)
{
    return a->log_asked ? arena_printf(t->arena, "audit log of %s", a->masa_url)
                        : "no audit log is asked for";
}

/* Nobody here has seen the voucher: what stands in for that must be seen by the administrator. */
static bool note_arrival(struct task *t, struct tx *tx, const struct arriving *a,
                         const struct ground *ground, const struct episode *e)
{
    struct event event;
    bool by_rule = ground->kind == GROUND_RULE;
    record_init(t, &event_type, &event);
    event.name = "arrived-with-voucher";
    event.severity = by_rule || !a->log_asked ? EVENT_WARNING : EVENT_INFO;
    event.actor = "pledge";
    event.device = e->device;
    event.episode = e->id;
    event.address = e->address;
    event.detail = arena_printf(
        t->arena,
        "to enrol, without a voucher request to us: its manufacturer's cloud gives out "
        "vouchers for us; let in %s%s; %s",
        by_rule ? "by rule " : "from the list", by_rule ? ground->rule.name : "", log_source(t, a));
    return event_add(t, tx, &event);
}

/* RFC 8995 5.8: the log decides here as it does on a voucher of ours. */
static bool order_log(struct task *t, struct tx *tx, struct arriving *a, struct episode *e)
{
    const struct log_arrival arrival = {
        .device = e->device,
        .episode = e->id,
        .media_type = a->form->media_type,
        .request = a->request,
    };
    const struct log_order what = {
        .manufacturer = a->arrival->idevid->manufacturer->name,
        .masa_url = a->masa_url,
        .serial = a->arrival->idevid->serial,
    };
    if (a->masa_url == NULL) {
        e->log_verdict = VERDICT_NOT_ASKED;
        return true;
    }
    e->masa_url = a->masa_url;
    TRY(audit_log_order_arrive(t, tx, a->registrar->orders, &arrival, &what, &a->log_order));
    e->log_order = a->log_order;
    return true;
}

static bool begin_episode(struct task *t, struct tx *tx, struct arriving *a, struct look *look,
                          struct device *device)
{
    const struct arrival *arrival = a->arrival;
    struct episode e;
    TRY(opening_supersede(t, tx, a->registrar->orders, device->episode,
                          "the device began anew with a voucher of its manufacturer's cloud"));
    record_init(t, &episode_type, &e);
    e.id = id_make(t->arena);
    e.device = device->id;
    e.begun_by = EPISODE_BY_EST_DOMAIN;
    e.stage = EPISODE_VOUCHER;
    e.opened = clock_wall();
    e.our_certificate_sha256 = bytes_sha256(t->arena, arrival->ours);
    e.address = arrival->address;
    e.rule = look->ground.kind == GROUND_RULE ? look->ground.rule.name : NULL;
    TRY(order_log(t, tx, a, &e));
    TRY(note_arrival(t, tx, a, &look->ground, &e));
    TRY(reduced_security_begin(t, tx, arrival->idevid, &look->ground, &e));
    if (!a->log_asked)
        TRY(reduced_security_note(t, tx, &e, REDUCTION_AUDIT_LOG, log_source(t, a)));
    TRY(allowances_note(t, tx, &e, a->used));
    device->episode = e.id;
    opening_count(device);
    TRY(table_put(t, tx, &episodes, &e));
    return table_put(t, tx, &devices, device);
}

static bool arrive_in(struct task *t, struct tx *tx, void *arg)
{
    struct arriving *a = arg;
    const struct arrival *arrival = a->arrival;
    struct look look;
    struct device device;
    a->log_order = BYTES_ABSENT;
    TRY(look_around(t, tx_reader(tx), a, &look));
    if (look.begun)
        return true;
    TRY(opening_claim(t, tx, arrival->idevid, &look.ground));
    TRY(caller_device_as(t, tx, a->registrar->callers, arrival->idevid, arrival->address,
                         DEVICE_ADMITTED, &device));
    return begin_episode(t, tx, a, &look, &device);
}

/*
 * RFC 8995 5.8: who has the device's log.  A record that demands it lets nobody in without;
 * otherwise a device of which nobody knows its MASA is let in, and that is seen.
 */
static bool find_masa(struct task *t, struct arriving *a)
{
    const struct idevid *idevid = a->arrival->idevid;
    const unsigned audit_log = idevid->manufacturer->audit_log;
    bool found = masa_base(t, idevid, &a->used, &a->masa_url);
    a->log_asked = found && audit_log != AUDIT_LOG_OFF;
    if (found)
        return true;
    const char *why = t->detail;
    task_forgive(t);
    ENSURE(t, audit_log != AUDIT_LOG_ENFORCE, E_LOG_NOT_TO_BE_HAD, "%s", why);
    return true;
}

/*
 * RFC 8995 5.8: there is no request of ours to send again, so one is made anew: without nonce,
 * which the device and the cloud alone know, and without the pledge's own request.  Its form is the
 * manufacturer's: nobody has shown us another.
 */
static bool make_request(struct task *t, struct arriving *a)
{
    const struct arrival *arrival = a->arrival;
    struct request_alone what = {
        .form = a->form,
        .maker = arrival->idevid->maker,
        .serial = arrival->idevid->serial,
    };
    if (registrar_request_departures(what.maker, what.form) != 0)
        a->used |= ALLOWANCE(ALLOW_MASA_CONTAINER);
    TRY(cert_idevid_issuer(t, arrival->idevid->cert, &what.idevid_issuer));
    return registrar_request_alone(
        t, identity_shown(a->registrar->identities, bytes_sha256(t->arena, arrival->ours)), &what,
        &a->request);
}

/* A look before the update: whoever is not let in costs none, and no signature. */
static bool look_first(struct task *t, struct arriving *a)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct look look;
    TRY(view_open(t, a->registrar->store, &view));
    TRY(ground_rule(t, view, a->arrival->idevid, &a->rule));
    return look_around(t, view_reader(view), a, &look);
}

static bool prepare(struct task *t, struct arriving *a)
{
    TRY(look_first(t, a));
    TRY(find_masa(t, a));
    return a->masa_url == NULL || make_request(t, a);
}

bool registrar_arrive(struct task *t, void *registrar, const struct arrival *arrival)
{
    struct arriving a = {
        .registrar = registrar,
        .arrival = arrival,
        .form = masa_form(arrival->idevid->manufacturer),
    };
    TRY(prepare(t, &a));
    failpoint(FP_ARRIVAL_BEFORE_STORED);
    TRY(store_update(t, a.registrar->store, arrive_in, &a));
    failpoint(FP_ARRIVAL_AFTER_STORED);
    if (bytes_present(a.log_order))
        orders_wake(a.registrar->orders, a.log_order);
    return true;
}
