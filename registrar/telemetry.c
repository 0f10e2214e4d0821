/* POST voucher_status (RFC 8995 5.7) and enrollstatus (RFC 8995 5.9.4). */
#include "registrar/registrar.h"

#include "core/base/clock.h"
#include "core/base/failpoint.h"
#include "core/pledge/failures.h"
#include "core/store/records/episode.h"
#include "core/store/records/event.h"
#include "registrar/status_report.h"

struct reporting {
    struct status_report report;
    struct bytes device;
    struct bytes certificate; /* id of the LDevID it came with; absent: the IDevID */
    const char *address;
    struct bytes log_order;
};

static bool current_episode(struct task *t, struct tx *tx, const struct reporting *rp,
                            struct episode *ret)
{
    struct device device;
    bool found;
    TRY(table_find(t, tx_reader(tx), &devices, rp->device, &device, &found));
    ENSURE(t, found && bytes_present(device.episode), E_NO_EPISODE,
           "the device has never been onboarded");
    return table_get(t, tx_reader(tx), &episodes, device.episode, ret);
}

static bool note_report(struct task *t, struct tx *tx, const struct reporting *rp,
                        const struct episode *e, const char *name, const char *circumstance)
{
    const struct status_report *report = &rp->report;
    struct event event;
    record_init(t, &event_type, &event);
    event.name = name;
    event.severity = report->success ? EVENT_INFO : EVENT_ERROR;
    event.actor = "pledge";
    event.device = e->device;
    event.episode = e->id;
    event.address = rp->address;
    event.detail = arena_printf(
        t->arena, "%s%s%s%s%s%s%s", report->success ? "success" : "failure",
        report->reason == NULL ? "" : ": ", report->reason == NULL ? "" : report->reason,
        report->context == NULL ? "" : ", context ", report->context == NULL ? "" : report->context,
        circumstance,
        report->version > 1 ? "; the report has a version that is not known here" : "");
    return event_add(t, tx, &event);
}

static bool store_voucher_status(struct task *t, struct tx *tx, void *arg)
{
    struct reporting *rp = arg;
    struct episode e;
    TRY(current_episode(t, tx, rp, &e));
    e.voucher_report = rp->report.success ? REPORT_SUCCESS : REPORT_FAILURE;
    e.voucher_report_at = clock_wall();
    e.voucher_report_reason = rp->report.reason;
    if (!rp->report.success && e.closed == 0) {
        e.stage = EPISODE_PLEDGE_REFUSED;
        e.closed = e.voucher_report_at;
        e.closed_because = "the pledge did not accept the voucher";
    } else if (e.stage == EPISODE_VOUCHER) {
        e.stage = EPISODE_IMPRINTED;
    }
    rp->log_order = e.log_order;
    TRY(table_put(t, tx, &episodes, &e));
    return note_report(t, tx, rp, &e, "voucher-status", "");
}

static struct reporting reporting_of(struct http_request *rq)
{
    return (struct reporting){.address = http_connection_address(rq->connection)};
}

/* RFC 8995 5.7: the pledge says whether it takes the voucher.  It does not read our answer. */
bool registrar_voucher_status(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct registrar *r = rq->context;
    const struct idevid *idevid;
    struct reporting rp = reporting_of(rq);
    TRY(caller_idevid(t, r->callers, rq, &idevid));
    TRY(status_report_read(t, rq->body, &rp.report));
    rp.device = idevid->device;
    failpoint(FP_STATUS_BEFORE_STORED);
    TRY(store_update(t, r->store, store_voucher_status, &rp));
    failpoint(FP_STATUS_AFTER_STORED);
    /* RFC 8995 5.8: after the voucher was accepted, the registrar asks for the log. */
    if (rp.report.success && bytes_present(rp.log_order))
        order_hasten(r->orders, rp.log_order);
    reply->status = 200;
    return true;
}

static bool store_enrollstatus(struct task *t, struct tx *tx, void *arg)
{
    const struct reporting *rp = arg;
    struct episode e;
    TRY(current_episode(t, tx, rp, &e));
    /* RFC 8995 5.9.4: whether it came with the certificate just issued is to be recorded. */
    bool matches = bytes_present(rp->certificate) && bytes_equal(rp->certificate, e.certificate);
    e.enrol_report = rp->report.success ? REPORT_SUCCESS : REPORT_FAILURE;
    e.enrol_report_at = clock_wall();
    e.enrol_report_reason = rp->report.reason;
    e.enrol_report_matches = matches;
    if (e.closed == 0 && bytes_present(e.certificate))
        e.stage = rp->report.success ? EPISODE_CONFIRMED : EPISODE_ENROL_FAILED;
    TRY(table_put(t, tx, &episodes, &e));
    return note_report(t, tx, rp, &e, "enroll-status",
                       matches ? "; with the certificate just issued"
                       : bytes_present(rp->certificate)
                           ? "; with another certificate than the one just issued"
                           : "; with the IDevID");
}

/* RFC 8995 5.9.4: over a new connection with the new certificate, or the old one on failure. */
bool registrar_enrollstatus(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct registrar *r = rq->context;
    const struct idevid *idevid;
    const struct ldevid *ldevid;
    struct reporting rp = reporting_of(rq);
    TRY(caller_either(t, r->callers, rq, &idevid, &ldevid));
    TRY(status_report_read(t, rq->body, &rp.report));
    rp.device = ldevid == NULL ? idevid->device : ldevid->record.device;
    rp.certificate = ldevid == NULL ? BYTES_ABSENT : ldevid->record.id;
    failpoint(FP_ENROLSTATUS_BEFORE_STORED);
    TRY(store_update(t, r->store, store_enrollstatus, &rp));
    failpoint(FP_ENROLSTATUS_AFTER_STORED);
    reply->status = 200;
    return true;
}

void registrar_telemetry_failed(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct registrar *r = rq->context;
    if (reply->status == 503)
        reply->retry_after = r->answer.retry_after;
    failure_note(t, r->callers, rq, "status-report-refused");
}
