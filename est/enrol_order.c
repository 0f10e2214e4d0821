#include "est/enrol_order.h"

#include "core/base/cbor.h"
#include "core/base/clock.h"
#include "core/base/failpoint.h"
#include "core/pki/cms.h"
#include "core/pledge/order_events.h"
#include "core/store/records/event.h"
#include "est/gate.h"

/* What the order's runner is to do; kept in the order. */
struct enrolment {
    struct bytes csr;
    const char *profile;
    const char *serial;
    const char *address;
    struct record_rest rest;
};

static const struct field enrolment_fields[] = {
    FIELD(1, struct enrolment, csr, "csr", FIELD_OCTETS, .flags = FIELD_REQUIRED,
          .max = CSR_SIZE_MAX, .help = "PKCS#10 request, checked."),
    FIELD(2, struct enrolment, profile, "profile", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .help = "Enrolment profile."),
    FIELD(3, struct enrolment, serial, "serial-number", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = SERIAL_MAX, .help = "Of the device."),
    FIELD(4, struct enrolment, address, "address", FIELD_TEXT, .help = "Where it asked from."),
};
static const struct record_type enrolment_type =
    RECORD_TYPE("enrolment", 1, struct enrolment, enrolment_fields);

/* Two requests are the same when they ask the same CA for the same. */
static struct bytes enrolment_identity(struct task *t, const struct episode *e, const char *ca,
                                       const struct csr *csr)
{
    struct cbor_writer w = cbor_writer_make(t->arena);
    const X509_NAME *subject = X509_REQ_get_subject_name(csr->request);
    const unsigned char *name = NULL;
    size_t name_len = 0;
    (void)X509_NAME_get0_der(subject, &name, &name_len);
    cbor_write_array(&w, 6);
    cbor_write_text(&w, "enrol");
    cbor_write_octets(&w, e->device);
    cbor_write_octets(&w, e->id);
    cbor_write_text(&w, ca);
    cbor_write_octets(&w, csr->spki);
    cbor_write_array(&w, 1 + csr->extensions.count * 2);
    cbor_write_octets(&w, bytes_make(name, name_len));
    for (size_t i = 0; i < csr->extensions.count; i++) {
        cbor_write_text(&w, csr->extensions.items[i].oid);
        cbor_write_octets(&w, csr->extensions.items[i].value);
    }
    return bytes_sha256(t->arena, cbor_written(&w));
}

struct submission {
    const struct est *est;
    const struct episode *episode;
    const char *claim; /* a name the device was not told before; NULL: none */
    const char *address;
    const char *subject;
    struct bytes order;
};

static bool note_submission(struct task *t, struct tx *tx, void *arg)
{
    const struct submission *s = arg;
    struct episode e;
    struct event event;
    TRY(gate_holds(t, tx_reader(tx), s->est, s->episode->device, s->episode->id, &e));
    ENSURE(t, e.enrolments < s->est->enrolments, E_TOO_MANY_ENROLMENTS,
           "%llu different requests in this onboarding", (unsigned long long)e.enrolments);
    TRY(profile_claim_name(t, tx, s->claim, e.device));
    e.enrolments++;
    e.enrol_order = s->order;
    TRY(table_put(t, tx, &episodes, &e));
    record_init(t, &event_type, &event);
    event.name = "certificate-requested";
    event.actor = "pledge";
    event.device = e.device;
    event.episode = e.id;
    event.address = s->address;
    event.detail = s->subject;
    return event_add(t, tx, &event);
}

static bool read_profile(struct task *t, const struct est *est, struct bytes device_id,
                         struct device *ret_device, struct profile *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    TRY(view_open(t, est->store, &view));
    TRY(table_get(t, view_reader(view), &devices, device_id, ret_device));
    return profile_of_device(t, view_reader(view), ret_device, ret);
}

bool enrol_submit(struct task *t, const struct est *est, const struct episode *e,
                  const struct csr *csr, const struct asked *asked, const char *address,
                  struct bytes *ret_order)
{
    struct device device;
    struct profile profile;
    struct enrolment enrolment;
    TRY(read_profile(t, est, e->device, &device, &profile));
    record_init(t, &enrolment_type, &enrolment);
    enrolment.csr = csr->der;
    enrolment.profile = profile.name;
    enrolment.serial = device.serial;
    enrolment.address = address;
    struct submission s = {
        .est = est,
        .episode = e,
        .claim = bytes_present(asked->told) ? NULL : asked->name,
        .address = address,
        .subject = csr_subject(t, csr),
    };
    struct order_request request = {
        .kind = &enrol_order,
        .identity = enrolment_identity(t, e, profile.ca, csr),
        .device = e->device,
        .episode = e->id,
        .peer = arena_printf(t->arena, "ca:%s", profile.ca),
        .also = note_submission,
        .arg = &s,
    };
    enum order_join join;
    TRY(record_encode(t, &enrolment_type, &enrolment, &request.request));
    failpoint(FP_ENROL_BEFORE_SUBMIT);
    TRY(order_submit(t, est->orders, &request, &s.order, &join));
    failpoint(FP_ENROL_AFTER_SUBMIT);
    *ret_order = s.order;
    return true;
}

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

/* What the gate asks must hold to the last: only then is the certificate handed out. */
static bool note_issued(struct task *t, struct tx *tx, void *arg)
{
    struct issued *issued = arg;
    struct episode e;
    struct event event;
    TRY(gate_holds(t, tx_reader(tx), issued->est, issued->record.device, issued->record.episode,
                   &e));
    TRY(certificate_put(t, tx, &issued->record, issued->cert->der));
    e.certificate = issued->record.id;
    if (e.stage < EPISODE_ENROLLED)
        e.stage = EPISODE_ENROLLED;
    TRY(table_put(t, tx, &episodes, &e));
    record_init(t, &event_type, &event);
    event.name = "enrolled";
    event.actor = "gatehouse";
    event.device = e.device;
    event.episode = e.id;
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
    if (result->issuer != NULL)
        record->issuer_key = cert_spki_sha256(t, result->issuer);
    ret->cert = cert;
    ret->address = enrolment->address;
    return cert_alt_names(t, cert, &record->names);
}

static bool save_state(struct task *t, void *arg, struct bytes state)
{
    return order_save_work(t, arg, state, NULL, NULL);
}

/* The job, and what it is about as it stands now; nothing is asked of a CA behind the gate's back.
 */
static bool read_job(struct task *t, const struct order_run *run, struct enrolment *ret,
                     struct profile *ret_profile)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    const struct est *est = run->context;
    struct episode e;
    bool found;
    TRY(record_decode(t, &enrolment_type, run->request, ret));
    TRY(view_open(t, est->store, &view));
    struct reader *r = view_reader(view);
    TRY(gate_holds(t, r, est, run->order->device, run->order->episode, &e));
    TRY(table_find(t, r, &profiles, bytes_of_text(ret->profile), ret_profile, &found));
    ENSURE(t, found, E_PROFILE_MISSING, "profile %s", ret->profile);
    return true;
}

static bool ask_ca(struct task *t, struct order_run *run, const struct enrolment *enrolment,
                   const struct profile *profile, struct ca_result *ret)
{
    const struct est *est = run->context;
    struct csr csr;
    const struct ca *ca;
    TRY(csr_parse(t, enrolment->csr, &csr));
    TRY(ca_find(t, est->cas, profile->ca, &ca));
    struct ca_request request = {
        .csr = &csr,
        .profile = profile,
        .serial = enrolment->serial,
        .state = run->work,
        .save = save_state,
        .save_arg = run,
    };
    return ca_enrol(t, ca, &request, ret);
}

/* What the gate says: the device must begin anew. */
static const struct problem_kind *const gate_kinds[] = {
    E_NOT_ONBOARDED, E_ONBOARDING_OVER, E_PLEDGE_DECLINED, E_LOG_SPEAKS_AGAINST, NULL};
/* What asking again does not change, but an administrator may. */
static const struct problem_kind *const refusals[] = {E_CA_REFUSED, E_CA_FORBIDDEN_EKU, E_LINT,
                                                      E_INVALID,    E_EXISTS,           NULL};

bool enrol_order_told(const struct task *t)
{
    return task_failed_with(t, E_CA_REFUSED) || task_failed_with(t, E_CA_FORBIDDEN_EKU);
}

/* RFC 7030 4.2.3: the answer holds the issued certificate and nothing else. */
static bool hand_out(struct task *t, struct order_run *run, const struct enrolment *enrolment,
                     const struct ca_result *result, const char *ca)
{
    struct issued issued = {.est = run->context};
    const struct cert *cert = result->certificate;
    struct cert_list one = {&cert, 1};
    struct bytes p7;
    TRY(describe(t, run->order, enrolment, result, ca, &issued));
    TRY(cms_certs_only(t, &one, &p7));
    if (order_done(t, run, EST_CERTS_ONLY, p7, note_issued, &issued)) {
        failpoint(FP_ENROL_AFTER_DONE);
        return true;
    }
    if (!task_failed_with_any(t, gate_kinds))
        return false;
    struct orphan orphan = {&issued, order_trouble_of(t, run->order, "certificate-not-handed-out")};
    return order_refuse(t, run, false, note_orphan, &orphan);
}

static bool give_up_or_wait(struct task *t, struct order_run *run)
{
    struct order_trouble trouble = order_trouble_of(t, run->order, "certificate-refused");
    if (task_failed_with_any(t, gate_kinds))
        return order_refuse(t, run, false, order_trouble_note, &trouble);
    if (task_failed_with_any(t, refusals))
        return order_refuse(t, run, true, order_trouble_note, &trouble);
    trouble.event = "ca-not-reached";
    return order_retry(t, run, 0, order_trouble_note, &trouble);
}

static bool run_enrolment(struct task *t, struct order_run *run)
{
    struct enrolment enrolment;
    struct profile profile;
    struct ca_result result;
    if (!read_job(t, run, &enrolment, &profile) || !ask_ca(t, run, &enrolment, &profile, &result))
        return give_up_or_wait(t, run);
    if (result.outcome == CA_WAITING) {
        (void)fail(t, E_CA_FAILED, "the CA is working on it");
        return order_retry(t, run, result.retry_after, NULL, NULL);
    }
    return hand_out(t, run, &enrolment, &result, profile.ca) || give_up_or_wait(t, run);
}

/* The order's own certificate, while it is good and the onboarding goes on. */
static bool may_replay(struct task *t, struct reader *r, const struct order *order, bool *ret)
{
    struct episode e;
    struct certificate certificate;
    bool open;
    bool found;
    TRY(table_find(t, r, &episodes, order->episode, &e, &open));
    TRY(table_find_by(t, r, &certificates, &certificates_by_order, order->id, &certificate,
                      &found));
    *ret = open && e.closed == 0 && found && certificate.state == CERTIFICATE_ISSUED;
    return true;
}

static bool note_given_up(struct task *t, struct tx *tx, const struct order *order)
{
    return order_given_up_note(t, tx, order, "certificate-given-up");
}

const struct order_kind enrol_order = {
    .name = "enrol",
    .run = run_enrolment,
    .replayable = may_replay,
    .given_up = note_given_up,
};
