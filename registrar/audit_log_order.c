#include "registrar/audit_log_order.h"

#include "core/base/cbor.h"
#include "core/base/clock.h"
#include "core/base/failpoint.h"
#include "core/base/record.h"
#include "core/pledge/order_events.h"
#include "core/pledge/trust.h"
#include "core/store/records/authority.h"
#include "registrar/audit_log.h"
#include "registrar/masa.h"
#include "registrar/onboarding.h"

#include <string.h>

/* What the order's runner is to do; kept in the order. */
struct log_job {
    struct bytes voucher_order; /* whose request octets are sent again */
    const char *manufacturer;
    const char *masa_url;
    struct record_rest rest;
};

static const struct field log_job_fields[] = {
    FIELD(1, struct log_job, voucher_order, "voucher-order", FIELD_HEX, .flags = FIELD_REQUIRED,
          .min = ID_LEN, .max = ID_LEN, .help = "Order of the voucher."),
    FIELD(2, struct log_job, manufacturer, "manufacturer", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .help = "Whose device it is."),
    FIELD(3, struct log_job, masa_url, "masa-url", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .help = "Base of the MASA's resources."),
};
static const struct record_type log_job_type =
    RECORD_TYPE("audit-log-job", 1, struct log_job, log_job_fields);

bool audit_log_order_submit(struct task *t, struct tx *tx, struct orders *orders,
                            const struct order *voucher, const char *manufacturer,
                            const char *masa_url, struct bytes *ret_order)
{
    struct log_job job;
    record_init(t, &log_job_type, &job);
    job.voucher_order = voucher->id;
    job.manufacturer = manufacturer;
    job.masa_url = masa_url;

    struct cbor_writer identity = cbor_writer_make(t->arena);
    cbor_write_array(&identity, 2);
    cbor_write_text(&identity, "audit-log");
    cbor_write_octets(&identity, voucher->id);
    struct order_request request = {
        .kind = &audit_log_order,
        .identity = bytes_sha256(t->arena, cbor_written(&identity)),
        .device = voucher->device,
        .episode = voucher->episode,
        .peer = voucher->peer,
        .due = clock_wall() + AUDIT_LOG_GRACE,
        .follows = true,
    };
    enum order_join join;
    TRY(record_encode(t, &log_job_type, &job, &request.request));
    return order_submit_in(t, tx, orders, &request, ret_order, &join);
}

struct log_run {
    struct order_run *run;
    const struct registrar *registrar;
    struct log_job job;
    const struct trusted_maker *maker;
    struct bytes_list own; /* domainIDs, those of the past included */
    struct episode episode;
    struct bytes rvr;
    const char *media_type;    /* of the registrar voucher request: that of the voucher */
    struct http_answer answer; /* with the log as received */
    struct audit_log log;
};

static bool read_job(struct task *t, struct log_run *lr)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct order voucher;
    TRY(record_decode(t, &log_job_type, lr->run->request, &lr->job));
    TRY(view_open(t, lr->registrar->store, &view));
    struct reader *r = view_reader(view);
    TRY(table_get(t, r, &order_table, lr->job.voucher_order, &voucher));
    TRY(blob_get(t, r, &order_table, voucher.id, ORDER_BLOB_WORK, &lr->rvr));
    TRY(onboarding_open(t, r, lr->run->order->episode, &lr->episode));
    TRY(own_domains_read(t, view, &lr->own));
    lr->media_type = voucher.result_type;
    return callers_maker(t, lr->registrar->callers, lr->job.manufacturer, &lr->maker);
}

/* RFC 8995 5.8: what the MASA's status means; nothing but a log is a verdict. */
static bool judge_status(struct task *t, const struct http_answer *answer)
{
    /* 404 says that we never owned the device, which the voucher in hand belies. */
    ENSURE(t, answer->status != 404, E_LOG_STALE, "%s", masa_words(t, answer));
    ENSURE(t, answer->status != 401, E_MASA_CREDENTIALS, "%s", masa_words(t, answer));
    ENSURE(t, answer->status < 500, E_MASA_FAILED, "%s", masa_words(t, answer));
    ENSURE(t, answer->status == 200, E_MASA_ANSWER, "%s", masa_words(t, answer));
    return true;
}

/* RFC 8995 5.8: the same request octets; the log at once, or 201 and where it is. */
static bool fetch(struct task *t, struct log_run *lr)
{
    const struct manufacturer *maker = &lr->maker->record;
    struct http_answer *answer = &lr->answer;
    failpoint(FP_LOG_BEFORE_FETCH);
    TRY(masa_post(t, lr->registrar, maker, lr->job.masa_url, "requestauditlog", lr->media_type,
                  "application/json", lr->rvr, answer));
    if (answer->status == 201 && answer->location != NULL)
        TRY(masa_get(t, lr->registrar, maker, lr->job.masa_url, answer->location, answer));
    failpoint(FP_LOG_AFTER_ANSWER);
    TRY(judge_status(t, answer));
    return audit_log_read(t, answer->body, &lr->log);
}

static bool judge(struct task *t, const struct log_run *lr)
{
    struct audit_log_policy policy = {
        .own = lr->own,
        .allowed = lr->maker->record.allowed_domain_ids,
        .nonce = lr->episode.nonce,
    };
    return audit_log_judge(t, &lr->log, &policy);
}

struct verdict {
    const struct log_run *lr;
    const struct problem_kind *problem; /* NULL: accepted */
    const char *detail;
};

static bool note_verdict(struct task *t, struct tx *tx, void *arg)
{
    const struct verdict *v = arg;
    const struct order *order = v->lr->run->order;
    struct episode e;
    TRY(onboarding_open(t, tx_reader(tx), order->episode, &e));
    e.log_verdict = v->problem == NULL ? VERDICT_ACCEPTED : VERDICT_REFUSED;
    e.log_at = clock_wall();
    e.log_sha256 = bytes_sha256(t->arena, v->lr->answer.body);
    e.log_entries = v->lr->log.count;
    if (v->problem != NULL) {
        e.stage = EPISODE_LOG_REFUSED;
        e.closed = e.log_at;
        e.closed_because = "the MASA's audit log was refused";
    }
    TRY(table_put(t, tx, &episodes, &e));
    TRY(blob_put(t, tx, &episodes, e.id, EPISODE_BLOB_LOG, v->lr->answer.body));
    if (v->problem == NULL)
        return order_event(t, tx, order, "audit-log-accepted", "gatehouse",
                           arena_printf(t->arena, "%zu entries", v->lr->log.count));
    struct order_trouble trouble = {order, "audit-log-refused", v->problem, v->detail};
    return order_trouble_note(t, tx, &trouble);
}

static const struct problem_kind *const verdicts[] = {E_LOG_FOREIGN, E_LOG_NONCELESS,
                                                      E_LOG_TRUNCATED, NULL};

static bool record_verdict(struct task *t, struct log_run *lr)
{
    struct verdict verdict = {lr, t->problem, t->detail};
    task_forgive(t);
    TRY(order_done(t, lr->run, "application/json", lr->answer.body, note_verdict, &verdict));
    failpoint(FP_LOG_AFTER_STORED);
    return true;
}

/*
 * RFC 8995 5.8.3: a log that breaks the policy ends the onboarding.  What is no verdict (no
 * answer, no log, a log without our entry) is tried again, and the pledge's enrolment waits.
 */
static bool run_audit_log(struct task *t, struct order_run *run)
{
    struct log_run lr = {.run = run, .registrar = run->context};
    bool judged = read_job(t, &lr) && fetch(t, &lr) && judge(t, &lr);
    if ((judged || task_failed_with_any(t, verdicts)) && record_verdict(t, &lr))
        return true;
    if (task_failed_with(t, E_REQUEST_STALE)) /* closed: nobody asks for the verdict any more */
        return order_refuse(t, run, false, NULL, NULL);
    struct masa_trouble trouble = {order_trouble_of(t, run->order, "audit-log-not-received"),
                                   lr.job.manufacturer};
    return order_retry(t, run, masa_wait(&lr.answer), masa_trouble_note, &trouble);
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
