#include "registrar/audit_log_again.h"

#include "core/base/cbor.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/record.h"
#include "core/pledge/order_events.h"
#include "core/pledge/trust.h"
#include "core/store/records/allowance.h"
#include "core/store/records/event.h"
#include "registrar/audit_log_verdict.h"
#include "registrar/masa.h"
#include "registrar/onboarding.h"
#include "registrar/registrar_request.h"

#define WALK_MAX 8 /* devices in one walk */
/* When a log is fetched next that could not be fetched, or asked for, ms; and where none is. */
#define AGAIN_RETRY HOUR_MS
#define AGAIN_OFF   DAY_MS

/* What the order's runner is to do; our signed request is its work. */
struct again_job {
    const char *manufacturer;
    const char *masa_url;
    const char *serial;
    const char *media_type;
    bool container; /* of our request: the one that its MASA was allowed to want */
    struct record_rest rest;
};

static const struct field again_job_fields[] = {
    FIELD(1, struct again_job, manufacturer, "manufacturer", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .help = "Whose device it is."),
    FIELD(2, struct again_job, masa_url, "masa-url", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .help = "Base of the MASA's resources."),
    FIELD(3, struct again_job, serial, "serial-number", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .help = "The device's."),
    FIELD(4, struct again_job, media_type, "media-type", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .help = "Form of our request."),
    FIELD(5, struct again_job, container, "masa-container", FIELD_BOOL,
          .help = "Whether our request is in a voucher's container, as the MASA was allowed."),
};
static const struct record_type again_job_type =
    RECORD_TYPE("audit-log-again-job", 1, struct again_job, again_job_fields);

/* ---- The order ---- */

struct again_run {
    struct order_run *run;
    const struct registrar *registrar;
    struct again_job job;
    const struct trusted_maker *maker;
    struct episode episode;
    struct fetched_log fetched;
};

static bool read_job(struct task *t, struct again_run *ar)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    TRY(record_decode(t, &again_job_type, ar->run->request, &ar->job));
    TRY(view_open(t, ar->registrar->store, &view));
    TRY(onboarding_open(t, view_reader(view), ar->run->order->episode, &ar->episode));
    return callers_maker(t, ar->registrar->callers, ar->job.manufacturer, &ar->maker);
}

static bool fetch_and_judge(struct task *t, struct again_run *ar)
{
    const struct log_errand errand = {
        .maker = &ar->maker->record,
        .masa_url = ar->job.masa_url,
        .media_type = ar->job.media_type,
        .request = ar->run->work,
    };
    struct log_subject subject = {
        .maker = &ar->maker->record,
        .device = ar->run->order->device,
        .serial = ar->job.serial,
        .nonce = ar->episode.voucher_nonceless ? NULL : ar->episode.nonce,
        .arrived = ar->episode.begun_by == EPISODE_BY_EST_DOMAIN,
    };
    if (!audit_log_fetch(t, ar->registrar, &errand, &ar->fetched))
        return false;
    if (ar->job.container)
        ar->fetched.used |= ALLOWANCE(ALLOW_MASA_CONTAINER);
    return audit_log_hold(t, ar->registrar, &subject, &ar->fetched);
}

static bool conclude(struct task *t, struct again_run *ar)
{
    const struct log_verdict *v = &ar->fetched.verdict;
    bool enforced = ar->maker->record.audit_log == AUDIT_LOG_ENFORCE;
    if (v->problem != NULL && !v->final && enforced)
        return fail(t, v->problem, "%s", v->detail);
    struct onboarding_verdict verdict = {
        .registrar = ar->registrar,
        .maker = &ar->maker->record,
        .order = ar->run->order,
        .again = episode_log_passed(&ar->episode),
        .verdict = v->problem != NULL && enforced ? VERDICT_REFUSED : VERDICT_ACCEPTED,
        .fetched = &ar->fetched,
        .problem = v->problem,
        .detail = v->detail,
        .due = audit_log_next(t, &ar->maker->record, ar->episode.opened),
    };
    TRY(onboarding_verdict_prepare(t, &verdict));
    TRY(order_done(t, ar->run, NULL, BYTES_ABSENT, onboarding_verdict_note, &verdict));
    onboarding_verdict_alarm(t, &verdict);
    return true;
}

/* None came, or none that says anything: the device keeps what it has, and it is asked for anew. */
struct missed {
    struct order_trouble trouble;
    struct log_news news;
};

static bool note_missed(struct task *t, struct tx *tx, void *arg)
{
    struct missed *missed = arg;
    bool new;
    TRY(audit_log_note(t, tx, &missed->news, &new));
    return !new || order_trouble_note(t, tx, &missed->trouble);
}

static bool give_up(struct task *t, struct again_run *ar)
{
    if (task_failed_with(t, E_REQUEST_STALE)) /* closed: what the log says is nobody's concern */
        return order_refuse(t, ar->run, false, NULL, NULL);
    bool read = ar->fetched.verdict.entries != NULL;
    struct missed missed = {
        .trouble = order_trouble_of(t, ar->run->order, "audit-log-not-received"),
        .news = {.device = ar->run->order->device,
                 .order = ar->run->order->id,
                 .fetched = read ? &ar->fetched : NULL,
                 .problem = t->problem,
                 .detail = t->detail,
                 .due = clock_wall() + AGAIN_RETRY},
    };
    return order_refuse(t, ar->run, false, note_missed, &missed);
}

static bool run_again(struct task *t, struct order_run *run)
{
    struct again_run ar = {.run = run, .registrar = run->context};
    return (read_job(t, &ar) && fetch_and_judge(t, &ar) && conclude(t, &ar)) || give_up(t, &ar);
}

const struct order_kind audit_log_again_order = {
    .name = "audit-log-again",
    .run = run_again,
};

/* ---- The round ---- */

/* A device whose log is due, with what is needed to ask for it. */
struct due_log {
    struct log_watch watch; /* first: round_collect() */
    struct device device;
    struct episode episode;
    const struct trusted_maker *maker;
    struct bytes idevid;
    struct bytes prior;           /* the pledge's own request, when it is still there */
    struct cert_list prior_certs; /* that went along with it, and ours */
    bool ours;                    /* the device's onboarding goes on, with a verdict that lets it */
};

/* What our request for the voucher had in it. */
static bool read_prior(struct task *t, struct reader *r, const struct voucher_form *form,
                       struct due_log *due)
{
    struct order order;
    struct bytes request;
    bool found = false;
    struct signed_voucher sv;
    if (bytes_present(due->episode.voucher_order))
        TRY(table_find(t, r, &order_table, due->episode.voucher_order, &order, &found));
    if (!found)
        return true;
    TRY(blob_get(t, r, &order_table, order.id, ORDER_BLOB_WORK, &request));
    if (!bytes_present(request))
        return true;
    TRY(registrar_request_open(t, form, request, &sv));
    due->prior = sv.voucher.prior_signed_voucher_request;
    due->prior_certs = sv.certs;
    return true;
}

/*
 * Somebody still waits for what the log says, or it has let the onboarding go on; an order for the
 * first verdict that was given up leaves that to us.
 */
static bool is_ours_to_fetch(struct task *t, struct reader *r, const struct episode *e, bool *ret)
{
    struct order first;
    bool found = false;
    if (e->log_verdict == VERDICT_PENDING && bytes_present(e->log_order))
        TRY(table_find(t, r, &order_table, e->log_order, &first, &found));
    *ret = e->closed == 0 && episode_has_voucher(e) &&
           (episode_log_passed(e) ||
            (e->log_verdict == VERDICT_PENDING && !(found && order_is_open(&first))));
    return true;
}

static bool look_at_device(struct task *t, struct reader *r, struct due_log *due)
{
    struct device *device = &due->device;
    struct episode *e = &due->episode;
    bool found;
    due->ours = false;
    TRY(table_find(t, r, &devices, due->watch.device, device, &found));
    if (!found || device->admission != DEVICE_ADMITTED || !bytes_present(device->episode))
        return true;
    TRY(table_find(t, r, &episodes, device->episode, e, &found));
    if (found)
        TRY(is_ours_to_fetch(t, r, e, &due->ours));
    return blob_get(t, r, &devices, device->id, DEVICE_BLOB_IDEVID, &due->idevid);
}

/* That of the pledge's own request; of a device that has sent none, the manufacturer's. */
static const struct voucher_form *form_of(const struct due_log *due)
{
    const struct voucher_form *form = NULL;
    if (due->episode.begun_by != EPISODE_BY_EST_DOMAIN)
        form = voucher_form_of(due->watch.media_type);
    return form == NULL ? masa_form(&due->maker->record) : form;
}

static bool look(struct task *t, const struct registrar *r, struct due_log *due)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    TRY(view_open(t, r->store, &view));
    TRY(look_at_device(t, view_reader(view), due));
    if (!due->ours)
        return true;
    TRY(callers_maker(t, r->callers, due->device.manufacturer, &due->maker));
    return read_prior(t, view_reader(view), form_of(due), due);
}

/*
 * As whom the pledge has seen, with its own request; or, once we are nobody of that name any more,
 * as who we are now, and without it: a MASA compares the two (RFC 8995 5.5.5).
 */
static bool make_request(struct task *t, const struct registrar *r, const struct due_log *due,
                         struct bytes *ret)
{
    const struct bytes seen = due->episode.our_certificate_sha256;
    const struct registrar_identity *as = identity_shown(r->identities, seen);
    bool same = bytes_equal(bytes_sha256(t->arena, as->cert->der), seen);
    const struct cert *idevid;
    struct request_alone what = {
        .form = form_of(due),
        .maker = due->maker,
        .serial = due->device.serial,
        .nonce = due->episode.voucher_nonceless ? NULL : due->episode.nonce,
    };
    if (same) {
        what.prior = due->prior;
        what.prior_certs = due->prior_certs;
    }
    TRY(cert_parse(t, due->idevid, &idevid));
    TRY(cert_idevid_issuer(t, idevid, &what.idevid_issuer));
    return registrar_request_alone(t, as, &what, ret);
}

/* One order for each time that the log was due. */
static struct bytes identity_of(struct task *t, const struct log_watch *watch)
{
    struct cbor_writer w = cbor_writer_make(t->arena);
    cbor_write_array(&w, 3);
    cbor_write_text(&w, "audit-log-again");
    cbor_write_octets(&w, watch->device);
    cbor_write_int(&w, watch->due);
    return bytes_sha256(t->arena, cbor_written(&w));
}

struct placing {
    const struct registrar *registrar;
    const struct due_log *due;
    struct bytes request; /* absent: no order is placed */
    int64_t next;
    struct bytes order;
};

/* What the watch has meanwhile is not this round's. */
static bool place(struct task *t, struct tx *tx, void *arg)
{
    struct placing *p = arg;
    const struct due_log *due = p->due;
    struct log_watch watch;
    TRY(log_watch_get(t, tx_reader(tx), due->watch.device, &watch));
    p->order = BYTES_ABSENT;
    if (watch.due != due->watch.due)
        return true;
    if (bytes_present(p->request)) {
        struct again_job job;
        enum order_join join;
        record_init(t, &again_job_type, &job);
        job.manufacturer = due->device.manufacturer;
        job.masa_url = due->episode.masa_url;
        job.serial = due->device.serial;
        job.media_type = form_of(due)->media_type;
        job.container = registrar_request_departures(due->maker, form_of(due)) != 0;
        struct order_request request = {
            .kind = &audit_log_again_order,
            .identity = identity_of(t, &due->watch),
            .device = due->device.id,
            .episode = due->episode.id,
            .peer = masa_peer(t, due->episode.masa_url),
            .work = p->request,
        };
        TRY(record_encode(t, &again_job_type, &job, &request.request));
        TRY(order_submit_in(t, tx, p->registrar->orders, &request, &p->order, &join));
        watch.order = p->order;
    }
    watch.due = p->next;
    return table_put(t, tx, &log_watches, &watch);
}

/* The watch ends with the onboarding, rests while logs are off, and otherwise brings an order. */
static bool serve(struct task *t, struct audit_log_rounds *rounds, struct due_log *due)
{
    const struct registrar *r = rounds->registrar;
    struct placing p = {.registrar = r, .due = due};
    TRY(look(t, r, due));
    if (due->ours && due->maker->record.audit_log == AUDIT_LOG_OFF) {
        p.next = clock_wall() + AGAIN_OFF;
    } else if (due->ours) {
        p.next = clock_wall() + AGAIN_RETRY;
        TRY(make_request(t, r, due, &p.request));
    }
    TRY(store_update(t, r->store, place, &p));
    if (bytes_present(p.order)) {
        orders_wake(r->orders, p.order);
        round_orders_add(&rounds->orders, p.order);
    }
    return true;
}

/* One device's trouble is not the others'. */
static bool postpone(struct task *t, struct audit_log_rounds *rounds, const struct due_log *due)
{
    struct placing p = {
        .registrar = rounds->registrar, .due = due, .next = clock_wall() + AGAIN_RETRY};
    log_problem(t, "a device's audit log could not be asked for");
    task_forgive(t);
    return store_update(t, rounds->registrar->store, place, &p);
}

bool audit_log_walk(struct task *t, void *context, bool *ret_more)
{
    struct audit_log_rounds *rounds = context;
    struct due_log *due = arena_array(t->arena, WALK_MAX, sizeof(*due));
    size_t count = 0;
    TRY(round_collect(t, rounds->registrar->store, &rounds->orders, &log_watches,
                      &log_watches_by_due, due, sizeof(*due), WALK_MAX, &count));
    for (size_t i = 0; i < count; i++) {
        if (!serve(t, rounds, &due[i]))
            TRY(postpone(t, rounds, &due[i]));
    }
    *ret_more = count == WALK_MAX;
    return true;
}
