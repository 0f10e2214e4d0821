/* The order that fetches a voucher without nonce, and the audit log with it (RFC 8995 5.5). */
#include "registrar/stored_voucher.h"

#include "core/base/clock.h"
#include "core/base/record.h"
#include "core/pledge/order_events.h"
#include "core/pledge/trust.h"
#include "core/store/records/device.h"
#include "core/store/records/episode.h"
#include "core/store/records/event.h"
#include "registrar/audit_log_fetch.h"
#include "registrar/masa.h"
#include "registrar/voucher_ask.h"

static const struct field job_fields[] = {
    FIELD(1, struct stored_voucher_job, manufacturer, "manufacturer", FIELD_TEXT,
          .flags = FIELD_REQUIRED, .help = "Whose device it is for."),
    FIELD(2, struct stored_voucher_job, serial, "serial-number", FIELD_TEXT,
          .flags = FIELD_REQUIRED, .help = "The device's."),
    FIELD(3, struct stored_voucher_job, masa_url, "masa-url", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .help = "Base of the MASA's resources."),
    FIELD(4, struct stored_voucher_job, media_type, "media-type", FIELD_TEXT,
          .flags = FIELD_REQUIRED, .help = "Form of our request, and of the voucher."),
    FIELD(5, struct stored_voucher_job, idevid_issuer, "idevid-issuer", FIELD_OCTETS,
          .flags = FIELD_REQUIRED, .help = "Whose serial number it is."),
};
const struct record_type stored_voucher_job_type =
    RECORD_TYPE("stored-voucher-job", 1, struct stored_voucher_job, job_fields);

struct stored_run {
    struct order_run *run;
    const struct registrar *registrar;
    struct stored_voucher_job job;
    const struct voucher_form *form;
    const struct trusted_maker *maker;
    struct stored_voucher stored;
    struct fetched_log fetched;
};

/* The record, while it is this order that it waits for. */
static bool get_stored(struct task *t, struct reader *r, const struct stored_run *sr,
                       struct stored_voucher *ret)
{
    bool found;
    TRY(stored_voucher_find(t, r, sr->job.manufacturer, sr->job.serial, ret, &found));
    ENSURE(t, found && bytes_equal(ret->order, sr->run->order->id), E_REQUEST_STALE,
           "nobody wants this voucher any more");
    return true;
}

static bool read_job(struct task *t, struct stored_run *sr)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    TRY(record_decode(t, &stored_voucher_job_type, sr->run->request, &sr->job));
    sr->form = voucher_form_of(sr->job.media_type);
    ENSURE(t, sr->form != NULL, E_VOUCHER_FORM, "%s", sr->job.media_type);
    TRY(view_open(t, sr->registrar->store, &view));
    TRY(get_stored(t, view_reader(view), sr, &sr->stored));
    TRY(callers_maker(t, sr->registrar->callers, sr->job.manufacturer, &sr->maker));
    ENSURE(t, sr->maker->record.stored_vouchers != STORED_VOUCHERS_NEVER, E_STORED_VOUCHERS_OFF,
           "manufacturer %s", sr->job.manufacturer);
    return true;
}

/* ---- The voucher ---- */

/* RFC 8366bis 10.1: the next one is fetched while a third of its life is left. */
static int64_t renewal_time(const struct voucher *voucher)
{
    int64_t now = clock_wall();
    if (voucher->expires_on == 0)
        return 0;
    int64_t left = voucher->expires_on - now;
    return now + (left > 3 * MINUTE_MS ? left - left / 3 : MINUTE_MS);
}

/* Whether it will still be good when our own certificate is replaced by another of the same CA. */
static bool pins_ca(struct task *t, const struct registrar *r, const struct voucher *voucher)
{
    const struct cert *own = identity_current(r->identities)->cert;
    return !bytes_equal(voucher->pinned_domain_cert, own->der) &&
           !bytes_equal(voucher->pinned_domain_pubk, cert_spki(t, own)) &&
           !bytes_equal(voucher->pinned_domain_pubk_sha256, cert_spki_sha256(t, own));
}

struct arrival {
    const struct stored_run *sr;
    const struct voucher *voucher;
    struct bytes octets;
    struct stored_voucher stored; /* as it became */
};

static bool add_event(struct task *t, struct tx *tx, const struct stored_run *sr, const char *name,
                      enum event_severity severity, const char *detail)
{
    struct event event;
    record_init(t, &event_type, &event);
    event.name = name;
    event.severity = severity;
    event.actor = "masa";
    event.device = sr->stored.device;
    event.detail =
        arena_printf(t->arena, "%s of %s: %s", sr->job.serial, sr->job.manufacturer, detail);
    return event_add(t, tx, &event);
}

static const char *words_about(struct task *t, const struct stored_voucher *stored)
{
    return arena_printf(t->arena, "a voucher without nonce, %s%s; it pins %s",
                        stored->expires_on == 0 ? "without end" : "good until ",
                        stored->expires_on == 0 ? "" : time_to_text(t->arena, stored->expires_on),
                        stored->pins_ca ? "our CA" : "our own certificate, and ends with it");
}

static bool store_voucher(struct task *t, struct tx *tx, void *arg)
{
    struct arrival *a = arg;
    struct stored_voucher *stored = &a->stored;
    TRY(get_stored(t, tx_reader(tx), a->sr, stored));
    stored->state = STORED_VOUCHER_HELD;
    stored->sha256 = bytes_sha256(t->arena, a->octets);
    stored->fetched = clock_wall();
    stored->created_on = a->voucher->created_on;
    stored->expires_on = a->voucher->expires_on;
    stored->assertion = a->voucher->assertion;
    stored->pins_ca = pins_ca(t, a->sr->registrar, a->voucher);
    stored->due = renewal_time(a->voucher);
    stored->voucher_order = a->sr->run->order->id;
    stored->log = VERDICT_PENDING;
    stored->problem = NULL;
    stored->detail = NULL;
    TRY(table_put(t, tx, &stored_vouchers, stored));
    TRY(blob_put(t, tx, &stored_vouchers,
                 expected_key(t->arena, stored->manufacturer, stored->serial),
                 STORED_VOUCHER_BLOB_VOUCHER, a->octets));
    return add_event(t, tx, a->sr, "stored-voucher-received", EVENT_INFO, words_about(t, stored));
}

/* Kept before anything else is done; asking again would get the same. */
static bool get_voucher(struct task *t, struct stored_run *sr, struct http_answer *answer)
{
    const struct registrar_identity *own = identity_current(sr->registrar->identities);
    const struct voucher_question question = {
        .maker = &sr->maker->record,
        .masa_url = sr->job.masa_url,
        .form = sr->form,
        .accept = sr->form->media_type, /* and no other: nobody knows what the device takes */
        .request = sr->run->work,
    };
    const struct voucher_wanted wanted = {
        .serial = sr->job.serial,
        .idevid_issuer = sr->job.idevid_issuer,
        .request_form = sr->form,
        .voucher_anchors = sr->maker->voucher_anchors,
        .voucher_certs = &sr->maker->voucher_certs,
        .tls_chain = &own->tls_chain,
    };
    const struct voucher_form *form;
    struct voucher voucher;
    unsigned used = 0;
    if (bytes_equal(sr->stored.voucher_order, sr->run->order->id))
        return true;
    TRY(voucher_ask(t, sr->registrar, &question, &used, answer, &form));
    TRY(voucher_check(t, form, answer->body, &wanted, &voucher));
    struct arrival arrival = {.sr = sr, .voucher = &voucher, .octets = answer->body};
    TRY(order_save_work(t, sr->run, sr->run->work, store_voucher, &arrival));
    sr->stored = arrival.stored;
    return true;
}

/* ---- The log that goes with it ---- */

struct log_outcome {
    const struct stored_run *sr;
    enum episode_verdict verdict;
    const struct fetched_log *fetched; /* NULL: none came */
    const struct problem_kind *problem;
    const char *detail;
};

static bool note_log(struct task *t, struct tx *tx, void *arg)
{
    const struct log_outcome *o = arg;
    struct stored_voucher stored;
    TRY(get_stored(t, tx_reader(tx), o->sr, &stored));
    struct bytes key = expected_key(t->arena, stored.manufacturer, stored.serial);
    stored.log = o->verdict;
    stored.log_at = clock_wall();
    stored.problem = o->problem == NULL ? NULL : o->problem->name;
    stored.detail = o->detail;
    if (o->fetched != NULL) {
        stored.log_sha256 = bytes_sha256(t->arena, o->fetched->answer.body);
        TRY(blob_put(t, tx, &stored_vouchers, key, STORED_VOUCHER_BLOB_LOG,
                     o->fetched->answer.body));
    }
    TRY(table_put(t, tx, &stored_vouchers, &stored));
    if (o->problem == NULL)
        return true;
    struct event event;
    record_init(t, &event_type, &event);
    event.name =
        o->verdict == VERDICT_REFUSED ? "stored-voucher-log-refused" : "audit-log-let-pass";
    event.severity = o->verdict == VERDICT_REFUSED ? EVENT_ERROR : EVENT_WARNING;
    event.actor = "gatehouse";
    event.device = stored.device;
    event.problem = o->problem->name;
    event.detail =
        arena_printf(t->arena, "%s of %s: %s", stored.serial, stored.manufacturer, o->detail);
    return event_add(t, tx, &event);
}

static bool finish(struct task *t, struct stored_run *sr, struct log_outcome *outcome)
{
    outcome->sr = sr;
    return order_done(t, sr->run, NULL, BYTES_ABSENT, note_log, outcome);
}

/*
 * RFC 8995 5.8: while the MASA is away nobody can be asked for the log, so it is fetched with the
 * voucher, and what it shows counts then.
 */
static bool get_log(struct task *t, struct stored_run *sr)
{
    const struct log_errand errand = {
        .maker = &sr->maker->record,
        .masa_url = sr->job.masa_url,
        .media_type = sr->job.media_type,
        .request = sr->run->work,
    };
    struct log_subject subject = {
        .maker = &sr->maker->record,
        .device = sr->stored.device,
        .serial = sr->job.serial,
    };
    const struct log_verdict *v = &sr->fetched.verdict;
    bool enforced = sr->maker->record.audit_log == AUDIT_LOG_ENFORCE;
    TRY(audit_log_fetch(t, sr->registrar, &errand, &sr->fetched));
    TRY(audit_log_hold(t, sr->registrar, &subject, &sr->fetched));
    if (v->problem != NULL && !v->final && enforced)
        return fail(t, v->problem, "%s", v->detail);
    struct log_outcome outcome = {
        .verdict = v->problem != NULL && enforced ? VERDICT_REFUSED : VERDICT_ACCEPTED,
        .fetched = &sr->fetched,
        .problem = v->problem,
        .detail = v->detail,
    };
    return finish(t, sr, &outcome);
}

/* ---- What goes wrong ---- */

struct stored_trouble {
    const struct stored_run *sr;
    struct masa_trouble trouble;
    bool refused;
};

static bool note_trouble(struct task *t, struct tx *tx, void *arg)
{
    struct stored_trouble *s = arg;
    struct stored_voucher stored;
    TRY(get_stored(t, tx_reader(tx), s->sr, &stored));
    stored.problem = s->trouble.trouble.problem->name;
    stored.detail =
        event_foreign_text(t->arena, bytes_of_text(s->trouble.trouble.detail), EVENT_DETAIL_MAX);
    if (s->refused && !bytes_present(stored.sha256))
        stored.state = STORED_VOUCHER_REFUSED;
    if (s->refused && bytes_present(stored.sha256) && stored.expires_on != 0)
        stored.due = clock_wall() + DAY_MS; /* the old one is still good: it is tried again */
    TRY(table_put(t, tx, &stored_vouchers, &stored));
    return masa_trouble_note(t, tx, &s->trouble);
}

static bool give_up_or_wait(struct task *t, struct stored_run *sr, const struct http_answer *answer)
{
    static const struct problem_kind *const logs[] = {E_LOG_STALE, E_LOG_HELD, E_LOG_MALFORMED,
                                                      E_LOG_REGISTRAR_ID, NULL};
    if (task_failed_with(t, E_REQUEST_STALE))
        return order_refuse(t, sr->run, false, NULL, NULL);
    bool waits = masa_problem_passes(t) || task_failed_with_any(t, logs);
    struct stored_trouble trouble = {
        .sr = sr,
        .trouble = {order_trouble_of(t, sr->run->order,
                                     waits ? "masa-not-reached" : "stored-voucher-refused"),
                    sr->job.manufacturer},
        .refused = !waits,
    };
    if (waits)
        return order_retry(t, sr->run, masa_wait(answer), note_trouble, &trouble);
    return order_refuse(t, sr->run, false, note_trouble, &trouble);
}

static bool run_stored(struct task *t, struct order_run *run)
{
    struct stored_run sr = {.run = run, .registrar = run->context};
    struct http_answer answer = {0};
    if (!read_job(t, &sr) || !get_voucher(t, &sr, &answer))
        return give_up_or_wait(t, &sr, &answer);
    if (sr.maker->record.audit_log == AUDIT_LOG_OFF) {
        struct log_outcome outcome = {.verdict = VERDICT_NOT_ASKED};
        return finish(t, &sr, &outcome) || give_up_or_wait(t, &sr, &answer);
    }
    return get_log(t, &sr) || give_up_or_wait(t, &sr, &sr.fetched.answer);
}

static bool note_given_up(struct task *t, struct tx *tx, const struct order *order)
{
    struct stored_voucher_job job;
    struct stored_voucher stored;
    struct bytes request;
    bool found;
    TRY(blob_get(t, tx_reader(tx), &order_table, order->id, ORDER_BLOB_REQUEST, &request));
    TRY(record_decode(t, &stored_voucher_job_type, request, &job));
    TRY(stored_voucher_find(t, tx_reader(tx), job.manufacturer, job.serial, &stored, &found));
    if (!found || !bytes_equal(stored.order, order->id))
        return true;
    stored.problem = order->problem;
    stored.detail = order->detail;
    if (bytes_present(stored.sha256))
        stored.due = stored.expires_on == 0 ? 0 : clock_wall() + DAY_MS;
    else
        stored.state = STORED_VOUCHER_REFUSED;
    TRY(table_put(t, tx, &stored_vouchers, &stored));
    return order_given_up_note(t, tx, order, "stored-voucher-given-up");
}

const struct order_kind stored_voucher_order = {
    .name = "stored-voucher",
    .run = run_stored,
    .given_up = note_given_up,
};
