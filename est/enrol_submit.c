/* Placing the order that enrols. */
#include "core/base/cbor.h"
#include "core/base/clock.h"
#include "core/base/failpoint.h"
#include "core/store/records/event.h"
#include "est/enrol_order.h"
#include "est/enrolment.h"
#include "est/gate.h"
#include "est/server_key.h"

static const struct field enrolment_fields[] = {
    FIELD(1, struct enrolment, csr, "csr", FIELD_OCTETS, .flags = FIELD_REQUIRED,
          .max = CSR_SIZE_MAX, .help = "PKCS#10 request, checked."),
    FIELD(2, struct enrolment, profile, "profile", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .help = "Enrolment profile."),
    FIELD(3, struct enrolment, serial, "serial-number", FIELD_TEXT, .max = SERIAL_MAX,
          .help = "Of the device."),
    FIELD(4, struct enrolment, address, "address", FIELD_TEXT, .help = "Where it asked from."),
    FIELD(5, struct enrolment, label, "label", FIELD_TEXT, .help = "EST label."),
    FIELD(6, struct enrolment, client, "client", FIELD_TEXT, .help = "Who asked and is no device."),
    FIELD(7, struct enrolment, renews, "renews", FIELD_HEX, .min = SHA256_LEN, .max = SHA256_LEN,
          .help = "The certificate whose place it takes."),
    FIELD(110, struct enrolment, server_key, "server-key", FIELD_BOOL, .preset = "false",
          .help = "Whether the key is made here."),
    FIELD(111, struct enrolment, recipient, "recipient", FIELD_OCTETS, .max = CERT_SIZE_MAX,
          .help = "Certificate that the key is encrypted to."),
    FIELD(112, struct enrolment, secret, "secret", FIELD_TEXT,
          .help = "Enrolment secret whose shared key it is encrypted with."),
};
const struct record_type enrolment_type =
    RECORD_TYPE("enrolment", 1, struct enrolment, enrolment_fields);

/* Who asks: a device in this onboarding, or a client under this label. */
static void write_who(struct cbor_writer *w, const struct enrol_request *request)
{
    if (request->episode != NULL) {
        cbor_write_octets(w, request->episode->device);
        cbor_write_octets(w, request->episode->id);
    } else {
        cbor_write_text(w, request->client);
        cbor_write_text(w, request->label->name);
    }
}

/* Two requests are the same when the same one asks the same CA for the same. */
static struct bytes enrolment_identity(struct task *t, const struct enrol_request *request,
                                       const char *ca)
{
    struct cbor_writer w = cbor_writer_make(t->arena);
    const struct csr *csr = request->csr;
    const X509_NAME *subject = csr_wanted_subject(csr);
    const unsigned char *name = NULL;
    size_t name_len = 0;
    (void)X509_NAME_get0_der(subject, &name, &name_len);
    cbor_write_array(&w, 6U + (request->renews != NULL) + (request->server_key != NULL) +
                             csr->change.asked);
    cbor_write_text(&w, request->server_key == NULL ? "enrol" : "server-key");
    write_who(&w, request);
    cbor_write_text(&w, ca);
    cbor_write_octets(&w, csr->spki);
    cbor_write_array(&w, 1 + csr->extensions.count * 2);
    cbor_write_octets(&w, bytes_make(name, name_len));
    for (size_t i = 0; i < csr->extensions.count; i++) {
        cbor_write_text(&w, csr->extensions.items[i].oid);
        cbor_write_octets(&w, csr->extensions.items[i].value);
    }
    if (request->renews != NULL)
        cbor_write_octets(&w, request->renews->id);
    if (request->server_key != NULL)
        cbor_write_octets(&w, request->server_key->wish);
    if (csr->change.asked)
        cbor_write_octets(&w, csr->change.alt_names);
    return bytes_sha256(t->arena, cbor_written(&w));
}

struct submission {
    const struct est *est;
    const struct enrol_request *request;
    struct text_list claims; /* names that the device was not told before */
    struct bytes order;
};

/* The device's onboarding goes on, and has room for one more request. */
static bool note_device(struct task *t, struct tx *tx, const struct submission *s)
{
    const struct episode *episode = s->request->episode;
    struct episode e;
    if (s->request->renews != NULL) {
        TRY(gate_renews(t, tx_reader(tx), episode->device, episode->id, &e));
        return profile_claim_names(t, tx, &s->claims, e.device);
    }
    TRY(gate_holds(t, tx_reader(tx), s->est, episode->device, episode->id, &e));
    ENSURE(t, e.enrolments < s->est->enrolments, E_TOO_MANY_ENROLMENTS,
           "%llu different requests in this onboarding", (unsigned long long)e.enrolments);
    TRY(profile_claim_names(t, tx, &s->claims, e.device));
    e.enrolments++;
    e.enrol_order = s->order;
    return table_put(t, tx, &episodes, &e);
}

/* A secret is good for so many requests, whatever comes of them. */
static bool use_secret(struct task *t, struct tx *tx, const struct enrol_request *request)
{
    struct est_secret secret;
    bool found;
    if (request->secret == NULL)
        return true;
    TRY(table_find(t, tx_reader(tx), &est_secrets, bytes_of_text(request->secret->user), &secret,
                   &found));
    ENSURE(t, found, E_AUTH_WRONG, "the secret %s was taken away meanwhile", request->secret->user);
    if (!est_secret_holds(t, &secret, request->label->name) || !est_secret_use(t, &secret))
        return fail(t, E_AUTH_WRONG, "%s", t->detail);
    return est_secret_put(t, tx, &secret);
}

static bool note_submission(struct task *t, struct tx *tx, void *arg)
{
    const struct submission *s = arg;
    const struct enrol_request *request = s->request;
    struct event event;
    record_init(t, &event_type, &event);
    if (request->episode != NULL) {
        TRY(note_device(t, tx, s));
        event.device = request->episode->device;
        event.episode = request->episode->id;
    }
    TRY(use_secret(t, tx, request));
    event.name = request->server_key != NULL ? "server-key-requested"
                 : request->renews == NULL   ? "certificate-requested"
                                             : "renewal-requested";
    event.actor = request->episode != NULL ? "pledge" : request->client;
    event.address = request->address;
    event.detail = csr_wanted_subject_text(t, request->csr);
    return event_add(t, tx, &event);
}

/* A device's profile is its manufacturer's, another client's that of the label. */
static bool read_profile(struct task *t, const struct est *est, const struct enrol_request *request,
                         struct enrolment *enrolment, struct profile *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct device device;
    bool found;
    TRY(view_open(t, est->store, &view));
    struct reader *r = view_reader(view);
    if (request->episode != NULL) {
        TRY(table_get(t, r, &devices, request->episode->device, &device));
        enrolment->serial = device.serial;
        return profile_of_device(t, r, &device, ret);
    }
    const char *name = request->label->profile;
    TRY(table_find(t, r, &profiles, bytes_of_text(name), ret, &found));
    ENSURE(t, found, E_PROFILE_MISSING, "label %s: profile %s", request->label->name, name);
    return true;
}

bool enrol_submit(struct task *t, const struct est *est, const struct enrol_request *request,
                  struct bytes *ret_order)
{
    struct profile profile;
    struct enrolment enrolment;
    const struct asked *asked = request->asked;
    record_init(t, &enrolment_type, &enrolment);
    TRY(read_profile(t, est, request, &enrolment, &profile));
    enrolment.csr = request->csr->der;
    enrolment.profile = profile.name;
    enrolment.address = request->address;
    enrolment.label = request->label->name;
    enrolment.client = request->client;
    if (request->renews != NULL)
        enrolment.renews = request->renews->id;
    if (request->server_key != NULL) {
        enrolment.server_key = true;
        enrolment.recipient = request->server_key->recipient;
        enrolment.secret = request->server_key->secret;
    }
    struct submission s = {
        .est = est,
        .request = request,
    };
    if (asked != NULL && (request->renews != NULL || !bytes_present(asked->told)))
        s.claims = asked->claims;
    struct order_request order = {
        .kind = &enrol_order,
        .identity = enrolment_identity(t, request, profile.ca),
        .peer = arena_printf(t->arena, "ca:%s", profile.ca),
        .needs_approval = request->label->approval,
        .also = note_submission,
        .arg = &s,
    };
    if (request->episode != NULL) {
        order.device = request->episode->device;
        order.episode = request->episode->id;
    }
    enum order_join join;
    TRY(record_encode(t, &enrolment_type, &enrolment, &order.request));
    failpoint(FP_ENROL_BEFORE_SUBMIT);
    TRY(order_submit(t, est->orders, &order, &s.order, &join));
    failpoint(FP_ENROL_AFTER_SUBMIT);
    *ret_order = s.order;
    return true;
}
