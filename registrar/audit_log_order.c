#include "registrar/audit_log_order.h"

#include "core/base/cbor.h"
#include "core/base/clock.h"
#include "core/base/failpoint.h"
#include "core/base/record.h"
#include "core/pledge/order_events.h"
#include "core/pledge/trust.h"
#include "core/store/records/stored_voucher.h"
#include "registrar/audit_log_verdict.h"
#include "registrar/masa.h"
#include "registrar/onboarding.h"
#include "registrar/voucher_order.h"

/* What the order's runner is to do; kept in the order. */
struct log_job {
    struct bytes voucher_order; /* whose request octets are sent again; absent: our own work */
    const char *manufacturer;
    const char *masa_url;
    const char *serial;
    const char *media_type;
    struct record_rest rest;
};

static const struct field log_job_fields[] = {
    FIELD(1, struct log_job, voucher_order, "voucher-order", FIELD_HEX, .min = ID_LEN,
          .max = ID_LEN, .help = "Order of the voucher; absent: there is none of ours."),
    FIELD(2, struct log_job, manufacturer, "manufacturer", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .help = "Whose device it is."),
    FIELD(3, struct log_job, masa_url, "masa-url", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .help = "Base of the MASA's resources."),
    FIELD(4, struct log_job, serial, "serial-number", FIELD_TEXT, .help = "The device's."),
    FIELD(5, struct log_job, media_type, "media-type", FIELD_TEXT,
          .help = "Form of our request, where there is no voucher's order."),
};
static const struct record_type log_job_type =
    RECORD_TYPE("audit-log-job", 1, struct log_job, log_job_fields);

/* One log for each voucher's order, or arrival. */
static struct bytes identity_of(struct task *t, struct bytes id)
{
    struct cbor_writer w = cbor_writer_make(t->arena);
    cbor_write_array(&w, 2);
    cbor_write_text(&w, "audit-log");
    cbor_write_octets(&w, id);
    return bytes_sha256(t->arena, cbor_written(&w));
}

static struct log_job job_of(struct task *t, const struct log_order *what)
{
    struct log_job job;
    record_init(t, &log_job_type, &job);
    job.manufacturer = what->manufacturer;
    job.masa_url = what->masa_url;
    job.serial = what->serial;
    return job;
}

static bool submit(struct task *t, struct tx *tx, struct orders *orders, const struct log_job *job,
                   struct order_request *request, struct bytes *ret_order)
{
    enum order_join join;
    request->kind = &audit_log_order;
    TRY(record_encode(t, &log_job_type, job, &request->request));
    return order_submit_in(t, tx, orders, request, ret_order, &join);
}

bool audit_log_order_submit(struct task *t, struct tx *tx, struct orders *orders,
                            const struct order *voucher, const struct log_order *what,
                            struct bytes *ret_order)
{
    struct log_job job = job_of(t, what);
    struct order_request request = {
        .identity = identity_of(t, voucher->id),
        .device = voucher->device,
        .episode = voucher->episode,
        .peer = voucher->peer,
        .due = clock_wall() + AUDIT_LOG_GRACE,
        .follows = true,
    };
    job.voucher_order = voucher->id;
    return submit(t, tx, orders, &job, &request, ret_order);
}

bool audit_log_order_arrive(struct task *t, struct tx *tx, struct orders *orders,
                            const struct log_arrival *arrival, const struct log_order *what,
                            struct bytes *ret_order)
{
    struct log_job job = job_of(t, what);
    struct order_request request = {
        .identity = identity_of(t, arrival->episode),
        .device = arrival->device,
        .episode = arrival->episode,
        .peer = masa_peer(t, what->masa_url),
        .work = arrival->request,
    };
    job.media_type = arrival->media_type;
    return submit(t, tx, orders, &job, &request, ret_order);
}

struct log_run {
    struct order_run *run;
    const struct registrar *registrar;
    struct log_job job;
    const struct trusted_maker *maker;
    struct episode episode;
    struct log_errand errand;
    struct fetched_log fetched;
    bool ahead; /* the log that came with the stored voucher speaks for the device */
    int64_t ahead_at;
};

/* The verdict on what was fetched together with the voucher that this onboarding has. */
static bool look_ahead(struct task *t, struct reader *r, struct log_run *lr)
{
    struct stored_voucher stored;
    bool found = false;
    if (!lr->episode.voucher_stored || lr->job.serial == NULL)
        return true;
    TRY(stored_voucher_find(t, r, lr->job.manufacturer, lr->job.serial, &stored, &found));
    lr->ahead = found && stored.log == VERDICT_ACCEPTED &&
                bytes_equal(stored.sha256, lr->episode.voucher_sha256);
    lr->ahead_at = found ? stored.log_at : 0;
    return true;
}

/* RFC 8995 5.8: the request that was sent for the voucher; later ones may be made anew. */
static bool read_request(struct task *t, struct reader *r, struct log_run *lr)
{
    struct order voucher;
    lr->errand.request = lr->run->work;
    lr->errand.media_type = lr->job.media_type;
    if (!bytes_present(lr->job.voucher_order))
        return true;
    TRY(table_get(t, r, &order_table, lr->job.voucher_order, &voucher));
    TRY(blob_get(t, r, &order_table, voucher.id, ORDER_BLOB_WORK, &lr->errand.request));
    return voucher_order_request_type(t, r, voucher.id, &lr->errand.media_type);
}

static bool read_job(struct task *t, struct log_run *lr)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    TRY(record_decode(t, &log_job_type, lr->run->request, &lr->job));
    TRY(view_open(t, lr->registrar->store, &view));
    struct reader *r = view_reader(view);
    TRY(read_request(t, r, lr));
    TRY(onboarding_open(t, r, lr->run->order->episode, &lr->episode));
    TRY(look_ahead(t, r, lr));
    TRY(callers_maker(t, lr->registrar->callers, lr->job.manufacturer, &lr->maker));
    lr->errand.maker = &lr->maker->record;
    lr->errand.masa_url = lr->job.masa_url;
    return true;
}

static bool fetch_and_judge(struct task *t, struct log_run *lr)
{
    struct log_subject subject = {
        .maker = &lr->maker->record,
        .device = lr->run->order->device,
        .serial = lr->job.serial == NULL ? "" : lr->job.serial,
        .nonce = lr->episode.voucher_nonceless ? NULL : lr->episode.nonce,
        .arrived = lr->episode.begun_by == EPISODE_BY_EST_DOMAIN,
    };
    return audit_log_fetch(t, lr->registrar, &lr->errand, &lr->fetched) &&
           audit_log_hold(t, lr->registrar, &subject, &lr->fetched);
}

static struct onboarding_verdict verdict_of(struct task *t, const struct log_run *lr)
{
    return (struct onboarding_verdict){
        .registrar = lr->registrar,
        .maker = &lr->maker->record,
        .order = lr->run->order,
        .media_type = lr->errand.media_type,
        .due = audit_log_next(t, &lr->maker->record, lr->episode.opened),
    };
}

static bool record(struct task *t, struct log_run *lr, struct onboarding_verdict *verdict)
{
    TRY(onboarding_verdict_prepare(t, verdict));
    TRY(order_done(t, lr->run, NULL, BYTES_ABSENT, onboarding_verdict_note, verdict));
    failpoint(FP_LOG_AFTER_STORED);
    onboarding_verdict_alarm(t, verdict);
    return true;
}

/* A log that is no verdict: what was seen is kept, and it is fetched again. */
struct postponed {
    struct order_trouble trouble;
    struct log_news news;
};

static bool note_postponed(struct task *t, struct tx *tx, void *arg)
{
    struct postponed *postponed = arg;
    bool new;
    TRY(audit_log_note(t, tx, &postponed->news, &new));
    return order_trouble_note(t, tx, &postponed->trouble);
}

static bool postpone(struct task *t, struct log_run *lr)
{
    const struct log_verdict *v = &lr->fetched.verdict;
    (void)fail(t, v->problem, "%s", v->detail);
    struct postponed postponed = {
        .trouble = order_trouble_of(t, lr->run->order, "audit-log-not-received"),
        .news = {.device = lr->run->order->device,
                 .order = lr->run->order->id,
                 .media_type = lr->errand.media_type,
                 .fetched = &lr->fetched,
                 .problem = v->problem,
                 .detail = v->detail},
    };
    return order_retry(t, lr->run, 0, note_postponed, &postponed);
}

/* RFC 8995 5.8.3: a log that breaks the policy ends the onboarding. */
static bool conclude(struct task *t, struct log_run *lr)
{
    const struct log_verdict *v = &lr->fetched.verdict;
    bool enforced = lr->maker->record.audit_log == AUDIT_LOG_ENFORCE;
    if (v->problem != NULL && !v->final && enforced)
        return postpone(t, lr);
    struct onboarding_verdict verdict = verdict_of(t, lr);
    verdict.verdict = v->problem != NULL && enforced ? VERDICT_REFUSED : VERDICT_ACCEPTED;
    verdict.fetched = &lr->fetched;
    verdict.problem = v->problem;
    verdict.detail = v->detail;
    return record(t, lr, &verdict);
}

/* The MASA has none to give just now, and that need not be waited for. */
static bool conclude_without(struct task *t, struct log_run *lr, bool *ret_done)
{
    struct onboarding_verdict verdict = verdict_of(t, lr);
    bool ahead = lr->ahead && masa_is_away(t);
    *ret_done = ahead || lr->maker->record.audit_log == AUDIT_LOG_WARN;
    if (!*ret_done)
        return true;
    verdict.verdict = VERDICT_ACCEPTED;
    verdict.problem = t->problem;
    verdict.detail = t->detail;
    verdict.ahead_at = ahead ? lr->ahead_at : 0;
    verdict.due = clock_wall() + AUDIT_LOG_SOON;
    task_forgive(t);
    return record(t, lr, &verdict);
}

static bool record_not_asked(struct task *t, struct log_run *lr)
{
    struct onboarding_verdict verdict = verdict_of(t, lr);
    verdict.verdict = VERDICT_NOT_ASKED;
    return record(t, lr, &verdict);
}

/*
 * An arrival's request, in a form that the MASA does not read: these octets will never do.  The
 * round makes another (audit_log_again.c), in the form that the manufacturer's record says then.
 */
static bool leave_to_the_round(struct task *t, struct log_run *lr)
{
    struct postponed postponed = {
        .trouble = order_trouble_of(t, lr->run->order, "audit-log-not-received"),
        .news = {.device = lr->run->order->device,
                 .order = lr->run->order->id,
                 .problem = t->problem,
                 .detail = t->detail,
                 .due = clock_wall() + AUDIT_LOG_SOON},
    };
    return order_refuse(t, lr->run, false, note_postponed, &postponed);
}

/* What is no verdict (no answer, no log, a log without our entry) is tried again. */
static bool try_again(struct task *t, struct log_run *lr)
{
    if (task_failed_with(t, E_REQUEST_STALE)) /* closed: nobody asks for the verdict any more */
        return order_refuse(t, lr->run, false, NULL, NULL);
    if (task_failed_with(t, E_LOG_REQUEST_FORM) && !bytes_present(lr->job.voucher_order))
        return leave_to_the_round(t, lr);
    struct masa_trouble trouble = {order_trouble_of(t, lr->run->order, "audit-log-not-received"),
                                   lr->job.manufacturer};
    return order_retry(t, lr->run, masa_wait(&lr->fetched.answer), masa_trouble_note, &trouble);
}

static bool run_audit_log(struct task *t, struct order_run *run)
{
    struct log_run lr = {.run = run, .registrar = run->context};
    bool done = false;
    if (!read_job(t, &lr))
        return try_again(t, &lr);
    if (lr.maker->record.audit_log == AUDIT_LOG_OFF)
        return record_not_asked(t, &lr) || try_again(t, &lr);
    if (fetch_and_judge(t, &lr))
        return conclude(t, &lr) || try_again(t, &lr);
    return (conclude_without(t, &lr, &done) && done) || try_again(t, &lr);
}

static bool note_given_up(struct task *t, struct tx *tx, const struct order *order)
{
    return order_given_up_note(t, tx, order, "audit-log-given-up");
}

const struct order_kind audit_log_order = {
    .name = "audit-log",
    .run = run_audit_log,
    .given_up = note_given_up,
};
