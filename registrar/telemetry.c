/* POST voucher_status (RFC 8995 5.7) and enrollstatus (RFC 8995 5.9.4). */
#include "registrar/registrar.h"

#include "core/base/clock.h"
#include "core/base/failpoint.h"
#include "core/base/log.h"
#include "core/pledge/failures.h"
#include "core/store/records/device_certificates.h"
#include "core/store/records/episode.h"
#include "core/store/records/event.h"
#include "registrar/onboarding.h"
#include "registrar/status_report.h"

#include <string.h>

struct reporting {
    struct callers *callers;
    struct status_report report;
    struct bytes device;
    const struct idevid *idevid; /* NULL: it came with an LDevID */
    struct bytes certificate;    /* id of the LDevID */
    struct bytes episode;        /* that it is about; absent: the device's current one */
    const char *address;
    struct bytes log_order;
};

/* What a report is about: the device, and one of its onboardings. */
struct subject {
    struct device device;
    struct episode episode;
};

/*
 * A report over the connection that asked for the voucher, or with a certificate, speaks of that
 * onboarding, even when the device has begun a newer one since.
 */
static bool find_subject(struct task *t, struct tx *tx, const struct reporting *rp,
                         struct subject *ret)
{
    bool found;
    TRY(table_find(t, tx_reader(tx), &devices, rp->device, &ret->device, &found));
    ENSURE(t, found, E_NO_EPISODE, "the device has never been onboarded");
    if (rp->idevid != NULL)
        TRY(caller_check_key(t, &ret->device, rp->idevid));
    struct bytes id = bytes_present(rp->episode) ? rp->episode : ret->device.episode;
    ENSURE(t, bytes_present(id), E_NO_EPISODE, "the device has never been onboarded");
    TRY(table_get(t, tx_reader(tx), &episodes, id, &ret->episode));
    ENSURE(t, episode_has_voucher(&ret->episode), E_NO_EPISODE,
           "no voucher was handed out in this onboarding");
    return true;
}

static bool is_idevid_key(struct task *t, const struct device *device, const struct cert *signer)
{
    return bytes_equal(cert_spki_sha256(t, signer), device->idevid_spki_sha256);
}

/* brski-prm 7.9: the signature is the device's, by its IDevID; whoever brings it is another matter.
 */
static bool check_signed_by_idevid(struct task *t, const struct reporting *rp,
                                   const struct device *device)
{
    const struct cert *signer = rp->report.signer;
    ENSURE(t, signer == NULL || is_idevid_key(t, device, signer), E_REPORT_SIGNER, "signed by %s",
           cert_subject(t, signer));
    return true;
}

/*
 * brski-prm 7.10: what was issued to the device speaks of its success, its IDevID of its failure.
 * *ret is the id of the certificate of ours that has signed; absent: its IDevID has.
 */
static bool find_signer(struct task *t, struct tx *tx, const struct reporting *rp,
                        const struct device *device, struct bytes *ret)
{
    const struct cert *signer = rp->report.signer;
    struct certificate own;
    bool found;
    *ret = BYTES_ABSENT;
    if (is_idevid_key(t, device, signer))
        return true;
    struct bytes id = bytes_sha256(t->arena, signer->der);
    TRY(table_find(t, tx_reader(tx), &certificates, id, &own, &found));
    ENSURE(t, found && bytes_equal(own.device, device->id), E_REPORT_SIGNER, "signed by %s",
           cert_subject(t, signer));
    *ret = id;
    return caller_check_issued(t, &own, 0);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static unsigned int report_of(const struct status_report *report)
{
    return report->success ? REPORT_SUCCESS : REPORT_FAILURE;
}

/* RFC 8995 5.7: a version that is not known is brought to somebody's notice. */
static enum event_severity severity_of(const struct status_report *report)
{
    if (!report->success)
        return EVENT_ERROR;
    return report->version > STATUS_VERSION ? EVENT_WARNING : EVENT_INFO;
}

static const char *said(struct task *t, const struct status_report *report)
{
    const char *text = report->success ? "success" : "failure";
    if (report->reason != NULL)
        text = arena_printf(t->arena, "%s: %s", text, report->reason);
    else if (!report->success)
        text = "failure, and no reason given";
    if (report->context != NULL)
        text = arena_printf(t->arena, "%s, context %s", text, report->context);
    return text;
}

/* What in the report is not of RFC 8995 5.7; "" when all is. */
static const char *strangeness(struct task *t, const struct status_report *report)
{
    const char *text = "";
    if (report->version > STATUS_VERSION)
        text = arena_printf(t->arena, "; the report has version %llu, which is not known here",
                            (unsigned long long)report->version);
    for (size_t i = 0; i < report->unknown.count; i++)
        text = arena_printf(t->arena, "%s%s%s", text, i == 0 ? "; unknown members: " : ", ",
                            report->unknown.items[i]);
    return text;
}

/* RFC 8995 5.7: what is not known is logged, and otherwise passed over. */
static void log_strangeness(const struct task *t, const struct reporting *rp)
{
    const struct status_report *report = &rp->report;
    if (report->version > STATUS_VERSION)
        log_warning(t, "a status report has a version that is not known here",
                    LOG_TEXT("device", bytes_to_hex(t->arena, rp->device)),
                    LOG_NUMBER("version", report->version));
    for (size_t i = 0; i < report->unknown.count; i++)
        log_info(t, "a status report has a member that is not known here",
                 LOG_TEXT("device", bytes_to_hex(t->arena, rp->device)),
                 LOG_TEXT("member", report->unknown.items[i]));
}

/* An event, as long as the device's timeline has room for what it says of itself. */
static bool note_report(struct task *t, struct tx *tx, const struct reporting *rp,
                        struct subject *s, const char *name, const char *circumstance)
{
    const struct status_report *report = &rp->report;
    struct event event;
    bool room;
    bool changed;
    TRY(timeline_room(t, tx, rp->callers, &s->device, rp->address, &room, &changed));
    if (changed)
        TRY(table_put(t, tx, &devices, &s->device));
    if (!room)
        return true;
    record_init(t, &event_type, &event);
    event.name = name;
    event.severity = severity_of(report);
    event.actor = "pledge";
    event.device = s->device.id;
    event.episode = s->episode.id;
    event.address = rp->address;
    event.detail =
        arena_printf(t->arena, "%s%s%s", said(t, report), circumstance, strangeness(t, report));
    return event_add(t, tx, &event);
}

static bool store_voucher_status(struct task *t, struct tx *tx, void *arg)
{
    struct reporting *rp = arg;
    struct subject s;
    struct episode *e = &s.episode;
    TRY(find_subject(t, tx, rp, &s));
    TRY(check_signed_by_idevid(t, rp, &s.device));
    rp->log_order = e->log_order;
    if (e->voucher_report == report_of(&rp->report) &&
        same_text(e->voucher_report_reason, rp->report.reason))
        return true;
    e->voucher_report = report_of(&rp->report);
    e->voucher_report_at = clock_wall();
    e->voucher_report_reason = rp->report.reason;
    if (!rp->report.success && e->closed == 0) {
        e->stage = EPISODE_PLEDGE_REFUSED;
        e->closed = e->voucher_report_at;
        e->closed_because = "the pledge did not accept the voucher";
    } else if (e->stage == EPISODE_VOUCHER) {
        e->stage = EPISODE_IMPRINTED;
    }
    TRY(table_put(t, tx, &episodes, e));
    return note_report(t, tx, rp, &s, "voucher-status",
                       rp->report.signer == NULL ? "" : "; signed with the IDevID");
}

/* RFC 8995 5.7: the pledge says whether it takes the voucher.  It does not read our answer. */
bool registrar_voucher_status(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct registrar *r = rq->context;
    struct reporting rp = {
        .callers = r->callers,
        .address = http_connection_address(rq->connection),
        .episode = onboarding_remembered(rq->connection),
    };
    TRY(caller_idevid(t, r->callers, rq, &rp.idevid));
    TRY(status_report_read(t, rq->media_type, rq->body, &rp.report));
    rp.device = rp.idevid->device;
    log_strangeness(t, &rp);
    failpoint(FP_STATUS_BEFORE_STORED);
    TRY(store_update(t, r->store, store_voucher_status, &rp));
    failpoint(FP_STATUS_AFTER_STORED);
    /* RFC 8995 5.8: after the voucher was accepted, the registrar asks for the log. */
    if (rp.report.success && bytes_present(rp.log_order))
        order_hasten(r->orders, rp.log_order);
    reply->status = 200;
    return true;
}

/* RFC 8995 5.9.4: whether it came with the certificate just issued is to be recorded. */
static const char *circumstance_of(const struct reporting *rp, struct bytes by, bool matches)
{
    static const char *const words[2][3] = {
        {"; with the IDevID", "; with another certificate than the one just issued",
         "; with the certificate just issued"},
        {"; signed with the IDevID", "; signed with another certificate than the one just issued",
         "; signed with the certificate just issued"},
    };
    return words[rp->report.signer != NULL][matches ? 2 : bytes_present(by)];
}

/*
 * brski-prm 7.10: the device says, with its IDevID, that it cannot use its certificate: so nobody
 * is to.  A report that is not signed takes nothing away.
 */
static bool revoke_unused(struct task *t, struct tx *tx, const struct reporting *rp,
                          struct bytes by, struct episode *e)
{
    const struct device_revocation revocation = {
        .certificates = {&e->certificate, 1},
        .reason = REVOKED_CESSATION_OF_OPERATION,
        .because = "the device reports, signed with its IDevID, that it cannot use it",
        .actor = "gatehouse",
    };
    if (rp->report.success || rp->report.signer == NULL || bytes_present(by) ||
        !bytes_present(e->certificate))
        return true;
    return device_certificates_revoke(t, tx, &revocation);
}

static bool store_enrollstatus(struct task *t, struct tx *tx, void *arg)
{
    const struct reporting *rp = arg;
    struct subject s;
    struct episode *e = &s.episode;
    TRY(find_subject(t, tx, rp, &s));
    struct bytes by = rp->certificate; /* what it came with; or, better, what has signed it */
    if (rp->report.signer != NULL)
        TRY(find_signer(t, tx, rp, &s.device, &by));
    /* Of the onboarding that counts: a device that has begun anew since has an older one. */
    bool matches = bytes_present(by) && bytes_equal(by, e->certificate) &&
                   bytes_equal(e->id, s.device.episode);
    TRY(revoke_unused(t, tx, rp, by, e));
    if (e->enrol_report == report_of(&rp->report) && e->enrol_report_matches == matches &&
        same_text(e->enrol_report_reason, rp->report.reason))
        return true;
    e->enrol_report = report_of(&rp->report);
    e->enrol_report_at = clock_wall();
    e->enrol_report_reason = rp->report.reason;
    e->enrol_report_matches = matches;
    if (e->closed == 0 && !rp->report.success)
        e->stage = EPISODE_ENROL_FAILED;
    else if (e->closed == 0 && matches)
        e->stage = EPISODE_CONFIRMED;
    TRY(table_put(t, tx, &episodes, e));
    return note_report(t, tx, rp, &s, "enroll-status", circumstance_of(rp, by, matches));
}

/* RFC 8995 5.9.4: over a new connection with the new certificate, or the old one on failure. */
bool registrar_enrollstatus(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct registrar *r = rq->context;
    const struct ldevid *ldevid;
    struct reporting rp = {
        .callers = r->callers,
        .address = http_connection_address(rq->connection),
        .episode = onboarding_remembered(rq->connection),
    };
    TRY(caller_either(t, r->callers, rq, &rp.idevid, &ldevid));
    TRY(status_report_read(t, rq->media_type, rq->body, &rp.report));
    if (ldevid != NULL) {
        rp.device = ldevid->record.device;
        rp.certificate = ldevid->record.id;
        rp.episode = ldevid->record.episode;
    } else {
        rp.device = rp.idevid->device;
    }
    log_strangeness(t, &rp);
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
