#include "est/enrol_order.h"

#include "core/base/clock.h"
#include "core/base/failpoint.h"
#include "core/pki/cms.h"
#include "core/pledge/order_events.h"
#include "core/store/records/event.h"
#include "est/csr_shelf.h"
#include "est/enrolment.h"
#include "est/gate.h"
#include "est/server_key.h"

/* The certificate as it is recorded before anybody gets it. */
struct issued {
    const struct est *est;
    struct certificate record;
    const struct cert *cert;
    const char *address;
};

static const char *words_about(struct task *t, const struct certificate *record)
{
    return arena_printf(t->arena, "subject %s, serial %s, valid until %s, CA %s", record->subject,
                        bytes_to_hex(t->arena, record->serial),
                        time_to_text(t->arena, record->not_after), record->ca);
}

/* What the gate asks must hold to the last: only then is anything handed out, or asked of a CA. */
static bool still_holds(struct task *t, struct reader *r, const struct est *est,
                        const struct certificate *who, struct episode *ret)
{
    struct certificate before;
    struct est_label label;
    bool found;
    if (bytes_present(who->renews)) {
        TRY(table_get(t, r, &certificates, who->renews, &before));
        ENSURE(t, before.state == CERTIFICATE_ISSUED, E_REVOKED_CERTIFICATE,
               "the certificate to be renewed was revoked meanwhile");
    }
    if (bytes_present(who->device) && bytes_present(who->renews))
        return gate_renews(t, r, who->device, who->episode, ret);
    if (bytes_present(who->device))
        return gate_holds(t, r, est, who->device, who->episode, ret);
    TRY(est_label_get(t, r, who->label, &label, &found));
    ENSURE(t, found, E_NO_LABEL, "the label %s is gone", who->label);
    return true;
}

static bool note_enrolled(struct task *t, struct tx *tx, const struct certificate *record,
                          struct episode *e)
{
    e->certificate = record->id;
    if (e->stage < EPISODE_ENROLLED)
        e->stage = EPISODE_ENROLLED;
    return table_put(t, tx, &episodes, e);
}

static bool note_issued(struct task *t, struct tx *tx, void *arg)
{
    struct issued *issued = arg;
    const struct certificate *record = &issued->record;
    struct episode e = {.id = BYTES_ABSENT};
    struct event event;
    TRY(still_holds(t, tx_reader(tx), issued->est, record, &e));
    TRY(certificate_put(t, tx, record, issued->cert->der));
    if (bytes_present(record->device))
        TRY(note_enrolled(t, tx, record, &e));
    record_init(t, &event_type, &event);
    event.name = bytes_present(record->renews) ? "renewed" : "enrolled";
    event.actor = "gatehouse";
    event.device = record->device;
    event.episode = record->episode;
    event.address = issued->address;
    event.detail = words_about(t, &issued->record);
    return event_add(t, tx, &event);
}

/* An onboarding that ended while the CA was at work: the certificate is known, and good for
 * nothing. */
struct orphan {
    struct issued *issued;
    struct order_trouble trouble;
};

static bool note_orphan(struct task *t, struct tx *tx, void *arg)
{
    struct orphan *orphan = arg;
    const struct certificate *record = &orphan->issued->record;
    bool changed;
    TRY(certificate_put(t, tx, record, orphan->issued->cert->der));
    TRY(server_key_drop(t, tx, record->order));
    TRY(certificate_revoke(t, tx, record->id, REVOKED_CESSATION_OF_OPERATION,
                           "its onboarding ended before it was handed out", NULL, &changed));
    return order_trouble_note(t, tx, &orphan->trouble);
}

static bool describe(struct task *t, const struct order *order, const struct enrolment *enrolment,
                     const struct ca_result *result, const char *ca, struct issued *ret)
{
    struct certificate *record = &ret->record;
    const struct cert *cert = result->certificate;
    record_init(t, &certificate_type, record);
    record->id = bytes_sha256(t->arena, cert->der);
    record->device = order->device;
    record->episode = order->episode;
    record->order = order->id;
    record->ca = ca;
    record->serial = cert_serial(t, cert);
    record->subject = cert_subject(t, cert);
    record->spki_sha256 = cert_spki_sha256(t, cert);
    record->not_before = cert_not_before(cert);
    record->not_after = cert_not_after(cert);
    record->issued = clock_wall();
    record->profile = enrolment->profile;
    record->label = enrolment->label;
    record->client = enrolment->client;
    record->renews = enrolment->renews;
    if (result->issuer != NULL)
        record->issuer_key = cert_spki_sha256(t, result->issuer);
    ret->cert = cert;
    ret->address = enrolment->address;
    return cert_alt_names(t, cert, &record->names);
}

/* What the CA is asked for, and what of its connector's is kept. */
struct asking {
    struct order_run *run;
    const struct enrolment *enrolment;
    struct server_key_work key; /* where the key is made here */
};

static bool save_state(struct task *t, void *arg, struct bytes state)
{
    struct asking *asking = arg;
    if (!asking->enrolment->server_key)
        return order_save_work(t, asking->run, state, NULL, NULL);
    asking->key.state = state;
    return server_key_save(t, asking->run, &asking->key);
}

/* What the order is to do, and how the gate stands to it now. */
struct job {
    struct enrolment enrolment;
    struct profile profile;
    const struct problem_kind *shut; /* why nobody wants the certificate any more; NULL: open */
    const char *detail;
};

/* What the gate says: the device must begin anew. */
static const struct problem_kind *const gate_kinds[] = {
    E_NOT_ONBOARDED,      E_DEVICE_GONE,         E_ONBOARDING_OVER, E_PLEDGE_DECLINED,
    E_LOG_SPEAKS_AGAINST, E_REVOKED_CERTIFICATE, E_NO_LABEL,        NULL};

/* Nothing is asked of a CA behind the gate's back; what was asked before it shut is looked after.
 */
static bool look_at_gate(struct task *t, struct reader *r, const struct order_run *run,
                         struct job *job)
{
    const struct certificate who = {
        .device = run->order->device,
        .episode = run->order->episode,
        .label = job->enrolment.label,
        .renews = job->enrolment.renews,
    };
    struct episode e;
    if (still_holds(t, r, run->context, &who, &e))
        return true;
    if (!task_failed_with_any(t, gate_kinds) || !bytes_present(run->work))
        return false;
    job->shut = t->problem;
    job->detail = t->detail;
    task_forgive(t);
    return true;
}

static bool read_job(struct task *t, const struct order_run *run, struct job *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    const struct est *est = run->context;
    struct job job = {.shut = NULL};
    bool found;
    TRY(record_decode(t, &enrolment_type, run->request, &job.enrolment));
    TRY(view_open(t, est->store, &view));
    struct reader *r = view_reader(view);
    TRY(look_at_gate(t, r, run, &job));
    TRY(table_find(t, r, &profiles, bytes_of_text(job.enrolment.profile), &job.profile, &found));
    ENSURE(t, found, E_PROFILE_MISSING, "profile %s", job.enrolment.profile);
    *ret = job;
    return true;
}

static bool ask_ca(struct task *t, struct order_run *run, const struct job *job,
                   struct ca_result *ret)
{
    const struct est *est = run->context;
    const struct enrolment *enrolment = &job->enrolment;
    struct asking asking = {.run = run, .enrolment = enrolment};
    struct csr csr;
    const struct ca *ca;
    if (enrolment->server_key)
        TRY(server_key_make(t, run, enrolment, &job->profile, &asking.key));
    struct bytes state = enrolment->server_key ? asking.key.state : run->work;
    if (job->shut != NULL && !bytes_present(state)) /* nothing was asked of the CA */
        return fail(t, job->shut, "%s", job->detail);
    TRY(csr_shelf_read(t, est->csrs, enrolment->server_key ? asking.key.csr : enrolment->csr,
                       &csr));
    TRY(ca_find(t, est->cas, job->profile.ca, &ca));
    struct ca_request request = {
        .csr = &csr,
        .profile = &job->profile,
        .abandoned = job->shut != NULL,
        .serial = enrolment->serial,
        .state = state,
        .save = save_state,
        .save_arg = &asking,
    };
    return ca_enrol(t, ca, &request, ret);
}

/* What asking again does not change, but an administrator may. */
static const struct problem_kind *const refusals[] = {
    E_CA_REFUSED, E_CA_FORBIDDEN_EKU, E_LINT, E_INVALID, E_EXISTS, E_KEY_WISH, NULL};

bool enrol_order_told(const struct task *t)
{
    return task_failed_with(t, E_CA_REFUSED) || task_failed_with(t, E_CA_FORBIDDEN_EKU);
}

/* With the gate's word in the task. */
static bool put_away(struct task *t, struct order_run *run, struct issued *issued)
{
    struct orphan orphan = {issued, order_trouble_of(t, run->order, "certificate-not-handed-out")};
    return order_refuse(t, run, false, note_orphan, &orphan);
}

/* RFC 7030 4.2.3: the answer holds the issued certificate and nothing else. */
static bool hand_out(struct task *t, struct order_run *run, const struct job *job,
                     const struct ca_result *result)
{
    struct issued issued = {.est = run->context};
    const struct cert *cert = result->certificate;
    struct cert_list one = {&cert, 1};
    struct bytes p7;
    TRY(describe(t, run->order, &job->enrolment, result, job->profile.ca, &issued));
    if (job->shut != NULL) {
        (void)fail(t, job->shut, "%s", job->detail);
        return put_away(t, run, &issued);
    }
    TRY(cms_certs_only(t, &one, &p7));
    if (order_done(t, run, EST_CERTS_ONLY, p7, note_issued, &issued)) {
        failpoint(FP_ENROL_AFTER_DONE);
        return true;
    }
    return task_failed_with_any(t, gate_kinds) && put_away(t, run, &issued);
}

/* It is not run again: what it has kept for that goes, a key that was made above all. */
static bool note_refused(struct task *t, struct tx *tx, void *arg)
{
    const struct order_trouble *trouble = arg;
    TRY(server_key_drop(t, tx, trouble->order->id));
    return order_trouble_note(t, tx, arg);
}

static bool give_up_or_wait(struct task *t, struct order_run *run)
{
    struct order_trouble trouble = order_trouble_of(t, run->order, "certificate-refused");
    if (task_failed_with_any(t, gate_kinds))
        return order_refuse(t, run, false, note_refused, &trouble);
    if (task_failed_with_any(t, refusals))
        return order_refuse(t, run, true, order_trouble_note, &trouble);
    trouble.event = "ca-not-reached";
    return order_retry(t, run, 0, order_trouble_note, &trouble);
}

/* The CA will not issue what nobody wants: what is left is the gate's word. */
static bool ask_about(struct task *t, struct order_run *run, const struct job *job,
                      struct ca_result *ret)
{
    if (ask_ca(t, run, job, ret))
        return true;
    if (job->shut != NULL && task_failed_with_any(t, refusals)) {
        task_forgive(t);
        (void)fail(t, job->shut, "%s", job->detail);
    }
    return false;
}

static bool run_enrolment(struct task *t, struct order_run *run)
{
    struct job job;
    struct ca_result result;
    if (!read_job(t, run, &job) || !ask_about(t, run, &job, &result))
        return give_up_or_wait(t, run);
    if (result.outcome == CA_WAITING) {
        (void)fail(t, E_CA_FAILED, "the CA is working on it%s",
                   job.shut == NULL ? "" : ", though nobody wants it any more");
        return order_retry(t, run, result.retry_after, NULL, NULL);
    }
    return hand_out(t, run, &job, &result) || give_up_or_wait(t, run);
}

/* The order's own certificate, while it is good and the onboarding goes on. */
static bool may_replay(struct task *t, struct reader *r, const struct order *order, bool *ret)
{
    struct episode e = {.closed = 0};
    struct certificate certificate;
    bool open = true;
    bool found;
    if (bytes_present(order->episode))
        TRY(table_find(t, r, &episodes, order->episode, &e, &open));
    TRY(table_find_by(t, r, &certificates, &certificates_by_order, order->id, &certificate,
                      &found));
    *ret = open && e.closed == 0 && found && certificate.state == CERTIFICATE_ISSUED;
    return true;
}

static bool note_given_up(struct task *t, struct tx *tx, const struct order *order)
{
    TRY(server_key_drop(t, tx, order->id));
    return order_given_up_note(t, tx, order, "certificate-given-up");
}

const struct order_kind enrol_order = {
    .name = "enrol",
    .ends_itself = true,
    .run = run_enrolment,
    .replayable = may_replay,
    .given_up = note_given_up,
};
