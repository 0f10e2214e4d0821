#include "est/enrol_order.h"

#include "core/base/cbor.h"
#include "core/base/clock.h"
#include "core/base/failpoint.h"
#include "core/pki/cms.h"
#include "core/pledge/order_events.h"
#include "core/store/records/event.h"
#include "est/profile.h"

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

/* Two requests are the same when all that the certificate depends on is the same. */
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
    struct bytes episode;
    struct bytes order;
    const char *address;
    const char *subject;
};

static bool note_submission(struct task *t, struct tx *tx, void *arg)
{
    const struct submission *s = arg;
    struct episode e;
    struct event event;
    TRY(table_get(t, tx_reader(tx), &episodes, s->episode, &e));
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

bool enrol_submit(struct task *t, const struct est *est, const struct episode *e,
                  const struct csr *csr, const char *address, struct bytes *ret_order)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct device device;
    struct profile profile;
    TRY(view_open(t, est->store, &view));
    TRY(table_get(t, view_reader(view), &devices, e->device, &device));
    TRY(profile_of_device(t, view_reader(view), &device, &profile));

    struct enrolment enrolment;
    record_init(t, &enrolment_type, &enrolment);
    enrolment.csr = csr->der;
    enrolment.profile = profile.name;
    enrolment.serial = device.serial;
    enrolment.address = address;
    struct submission s = {.episode = e->id, .address = address, .subject = csr_subject(t, csr)};
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
    struct certificate record;
    const struct cert *cert;
    const char *address;
};

static bool note_issued(struct task *t, struct tx *tx, void *arg)
{
    struct issued *issued = arg;
    struct episode e;
    struct event event;
    TRY(table_get(t, tx_reader(tx), &episodes, issued->record.episode, &e));
    TRY(table_put(t, tx, &certificates, &issued->record));
    TRY(blob_put(t, tx, &certificates, issued->record.id, CERTIFICATE_BLOB_DER, issued->cert->der));
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
    event.detail =
        arena_printf(t->arena, "subject %s, serial %s, valid until %s, CA %s",
                     issued->record.subject, bytes_to_hex(t->arena, issued->record.serial),
                     time_to_text(t->arena, issued->record.not_after), issued->record.ca);
    return event_add(t, tx, &event);
}

static bool describe(struct task *t, const struct order *order, const struct enrolment *enrolment,
                     const struct cert *cert, const char *ca, struct issued *ret)
{
    struct certificate *record = &ret->record;
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
    ret->cert = cert;
    ret->address = enrolment->address;
    return cert_alt_names(t, cert, &record->names);
}

static bool save_state(struct task *t, void *arg, struct bytes state)
{
    return order_save_work(t, arg, state, NULL, NULL);
}

static bool ask_ca(struct task *t, struct order_run *run, const struct est *est,
                   const struct enrolment *enrolment, struct profile *profile,
                   struct ca_result *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct csr csr;
    const struct ca *ca;
    TRY(view_open(t, est->store, &view));
    TRY(table_get(t, view_reader(view), &profiles, bytes_of_text(enrolment->profile), profile));
    view_close(view);
    view = NULL;
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

/* RFC 7030 4.2.3: the answer holds the issued certificate and nothing else. */
static bool hand_out(struct task *t, struct order_run *run, const struct enrolment *enrolment,
                     const struct cert *cert, const char *ca)
{
    struct issued issued;
    struct cert_list one = {&cert, 1};
    struct bytes p7;
    TRY(describe(t, run->order, enrolment, cert, ca, &issued));
    TRY(cms_certs_only(t, &one, &p7));
    TRY(order_done(t, run, EST_CERTS_ONLY, p7, note_issued, &issued));
    failpoint(FP_ENROL_AFTER_DONE);
    return true;
}

bool enrol_order_told(const struct task *t)
{
    static const struct problem_kind *const refusals[] = {E_CA_REFUSED, E_CA_FORBIDDEN_EKU, NULL};
    return task_failed_with_any(t, refusals);
}

static bool run_enrolment(struct task *t, struct order_run *run)
{
    const struct est *est = run->context;
    struct enrolment enrolment;
    struct profile profile;
    struct ca_result result;
    TRY(record_decode(t, &enrolment_type, run->request, &enrolment));
    if (!ask_ca(t, run, est, &enrolment, &profile, &result)) {
        struct order_trouble trouble = order_trouble_of(t, run->order, "certificate-refused");
        if (enrol_order_told(t))
            return order_refuse(t, run, true, order_trouble_note, &trouble);
        trouble.event = "ca-not-reached";
        return order_retry(t, run, 0, order_trouble_note, &trouble);
    }
    if (result.outcome == CA_WAITING) {
        (void)fail(t, E_CA_FAILED, "the CA is working on it");
        return order_retry(t, run, result.retry_after, NULL, NULL);
    }
    return hand_out(t, run, &enrolment, result.certificate, profile.ca);
}

/* A certificate that was revoked is not handed out again. */
static bool may_replay(struct task *t, struct reader *r, const struct order *order, bool *ret)
{
    struct episode e;
    struct certificate certificate;
    bool found;
    TRY(table_find(t, r, &episodes, order->episode, &e, &found));
    if (!found || e.closed != 0 || !bytes_equal(e.enrol_order, order->id)) {
        *ret = false;
        return true;
    }
    TRY(table_find(t, r, &certificates, e.certificate, &certificate, &found));
    *ret = found && certificate.state == CERTIFICATE_ISSUED;
    return true;
}

const struct order_kind enrol_order = {
    .name = "enrol",
    .run = run_enrolment,
    .replayable = may_replay,
};
