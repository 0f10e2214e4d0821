#include "registrar/voucher_order.h"

#include "core/base/cbor.h"
#include "core/base/clock.h"
#include "core/base/failpoint.h"
#include "core/base/log.h"
#include "core/pledge/order_events.h"
#include "core/pledge/trust.h"
#include "core/store/records/alarm.h"
#include "core/store/records/device_certificates.h"
#include "core/store/records/standing.h"
#include "registrar/allowances.h"
#include "registrar/audit_log_order.h"
#include "registrar/masa.h"
#include "registrar/onboarding.h"
#include "registrar/reduced_security.h"
#include "registrar/registrar_request.h"
#include "registrar/stored_voucher.h"
#include "registrar/voucher_accept.h"
#include "registrar/voucher_ask.h"
#include "registrar/voucher_check.h"

#include <string.h>

/* What the order's runner is to do; kept in the order, with our signed request as its work. */
struct voucher_job {
    const char *media_type; /* of the pledge's request, and ours */
    const char *manufacturer;
    const char *masa_url;
    const char *serial;
    const char *nonce;
    struct bytes idevid_issuer;
    /* What ours is made of when the order is carried out: when the pledge's request was held. */
    struct bytes pledge_request;
    struct bytes_list idevid_chain;
    const char *accept; /* the pledge's own word; NULL: none */
    struct record_rest rest;
};

static const struct field voucher_job_fields[] = {
    FIELD(1, struct voucher_job, media_type, "media-type", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .help = "Form of the pledge's request."),
    FIELD(2, struct voucher_job, manufacturer, "manufacturer", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .help = "Whose device it is."),
    FIELD(3, struct voucher_job, masa_url, "masa-url", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .help = "Base of the MASA's resources."),
    FIELD(4, struct voucher_job, serial, "serial-number", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = SERIAL_MAX, .help = "The device's, as its IDevID states it."),
    FIELD(5, struct voucher_job, nonce, "nonce", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = NONCE_TEXT_MAX, .help = "Of the pledge's request."),
    FIELD(6, struct voucher_job, idevid_issuer, "idevid-issuer", FIELD_OCTETS,
          .flags = FIELD_REQUIRED, .help = "Whose serial number it is."),
    FIELD(7, struct voucher_job, accept, "accept", FIELD_TEXT, .max = ACCEPT_MAX,
          .help = "Forms of voucher that the pledge takes."),
    FIELD(30, struct voucher_job, pledge_request, "pledge-request", FIELD_OCTETS,
          .max = VOUCHER_SIZE_MAX, .help = "The pledge's request, when ours is yet to be made."),
    FIELD(31, struct voucher_job, idevid_chain, "idevid-chain", FIELD_OCTETS_LIST,
          .help = "The IDevID it came with, and its issuers."),
};
static const struct record_type voucher_job_type =
    RECORD_TYPE("voucher-job", 1, struct voucher_job, voucher_job_fields);

static struct bytes voucher_identity(struct task *t, const struct knock *knock)
{
    struct cbor_writer w = cbor_writer_make(t->arena);
    cbor_write_array(&w, 3);
    cbor_write_text(&w, "voucher");
    cbor_write_octets(&w, knock->idevid->device);
    cbor_write_octets(&w, knock->request->sha256);
    return bytes_sha256(t->arena, cbor_written(&w));
}

/* One that is too long to keep says nothing. */
static const char *accept_to_keep(const char *accept)
{
    bool fits =
        accept != NULL && strlen(accept) <= ACCEPT_MAX && bytes_are_utf8(bytes_of_text(accept));
    return fits ? accept : NULL;
}

bool voucher_order_submit(struct task *t, struct tx *tx, const struct registrar *r,
                          const struct voucher_submission *submission, struct bytes *ret_order)
{
    const struct knock *knock = submission->knock;
    struct voucher_job job;
    record_init(t, &voucher_job_type, &job);
    job.media_type = knock->request->signed_request.form->media_type;
    job.manufacturer = knock->idevid->manufacturer->name;
    job.masa_url = knock->masa_url;
    job.serial = knock->idevid->serial;
    job.nonce = knock->request->signed_request.voucher.nonce;
    TRY(cert_idevid_issuer(t, knock->idevid->cert, &job.idevid_issuer));
    if (submission->sign_later) {
        job.pledge_request = knock->request->signed_request.octets;
        job.idevid_chain = certs_der(t, &knock->idevid->chain);
    }
    job.accept = accept_to_keep(knock->accept);
    struct order_request request = {
        .kind = &voucher_order,
        .identity = voucher_identity(t, knock),
        .device = knock->idevid->device,
        .episode = submission->episode,
        .peer = masa_peer(t, knock->masa_url),
        .changed = knock->idevid->manufacturer->changed,
        .work = submission->rvr,
        .needs_approval = submission->held,
    };
    enum order_join join;
    TRY(record_encode(t, &voucher_job_type, &job, &request.request));
    return order_submit_in(t, tx, r->orders, &request, ret_order, &join);
}

bool voucher_order_request_type(struct task *t, struct reader *r, struct bytes order,
                                const char **ret)
{
    struct bytes request;
    struct voucher_job job;
    TRY(blob_get(t, r, &order_table, order, ORDER_BLOB_REQUEST, &request));
    TRY(record_decode(t, &voucher_job_type, request, &job));
    *ret = job.media_type;
    return true;
}

/* The job with what it is about, as it stands now. */
struct voucher_run {
    struct order_run *run;
    const struct registrar *registrar;
    struct voucher_job job;
    const struct voucher_form *form; /* of our request */
    const struct trusted_maker *maker;
    const struct registrar_identity *identity; /* whom the pledge has seen */
    unsigned used; /* set of enum allowance: what its MASA had to be allowed */
};

/* What was held has been approved: our request is made now, and durable before it is sent. */
static bool sign_request(struct task *t, struct voucher_run *vr)
{
    struct signed_voucher prior;
    struct idevid idevid = {.serial = vr->job.serial, .maker = vr->maker};
    const unsigned departures = pledge_request_departures(vr->maker);
    struct bytes rvr;
    TRY(certs_parse(t, &vr->job.idevid_chain, &idevid.chain));
    TRY(vr->form->open(t, vr->job.pledge_request, departures, &idevid.chain, &prior));
    ENSURE(t, idevid.chain.count > 0, E_INTERNAL, "an order without the IDevID that it is for");
    idevid.cert = idevid.chain.items[0];
    TRY(registrar_request_make(t, vr->identity, &idevid, &prior, &rvr));
    return order_save_work(t, vr->run, rvr, NULL, NULL);
}

static bool read_job(struct task *t, struct voucher_run *vr)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct episode e;
    TRY(record_decode(t, &voucher_job_type, vr->run->request, &vr->job));
    vr->form = voucher_form_of(vr->job.media_type);
    ENSURE(t, vr->form != NULL, E_VOUCHER_FORM, "%s", vr->job.media_type);
    ENSURE(t, bytes_present(vr->run->work) || bytes_present(vr->job.pledge_request),
           E_REQUEST_STALE, "its order had its time, and our request to the MASA with it");
    TRY(view_open(t, vr->registrar->store, &view));
    /* A MASA may refuse a device a second voucher (RFC 8995 5.6): no request for a closed one. */
    TRY(onboarding_open(t, view_reader(view), vr->run->order->episode, &e));
    vr->identity = identity_shown(vr->registrar->identities, e.our_certificate_sha256);
    TRY(callers_maker(t, vr->registrar->callers, vr->job.manufacturer, &vr->maker));
    /* What the record says by now: it may have been set right since. */
    TRY(masa_base_now(t, &vr->maker->record, vr->job.masa_url, &vr->job.masa_url));
    view_close(view);
    view = NULL;
    return bytes_present(vr->run->work) || sign_request(t, vr);
}

static struct voucher_wanted wanted_of(const struct voucher_run *vr)
{
    return (struct voucher_wanted){
        .serial = vr->job.serial,
        .nonce = vr->job.nonce,
        .nonceless = vr->maker->record.nonceless,
        .idevid_issuer = vr->job.idevid_issuer,
        .request_form = vr->form,
        .voucher_anchors = vr->maker->voucher_anchors,
        .voucher_certs = &vr->maker->voucher_certs,
        .tls_chain = &vr->identity->tls_chain,
    };
}

/*
 * RFC 8995 5.4 to 5.6: ask, and hold the answer against what was asked for, where we can read it.
 * The request goes out octet for octet as it was stored, also after a crash: a MASA may refuse a
 * second, different one for the same nonce.
 */
static bool get_voucher(struct task *t, struct voucher_run *vr, struct http_answer *ret_answer,
                        const struct voucher_form **ret_form, struct voucher *ret_voucher)
{
    const struct voucher_question question = {
        .maker = &vr->maker->record,
        .masa_url = vr->job.masa_url,
        .form = vr->form,
        .accept = vr->job.accept,
        .request = vr->run->work,
    };
    struct voucher_wanted wanted = wanted_of(vr);
    TRY(voucher_ask(t, vr->registrar, &question, &vr->used, ret_answer, ret_form));
    if (*ret_form != NULL)
        return voucher_check(t, *ret_form, ret_answer->body, &wanted, ret_voucher);
    *ret_voucher = (struct voucher){.kind = VOUCHER};
    return true;
}

struct handover {
    const struct voucher_run *vr;
    const struct voucher *voucher;
    const struct voucher_form *form; /* of the voucher; NULL: one that we cannot read */
    const char *media_type;
    struct bytes octets;                 /* as they came, and then for the pledge */
    bool shortened;                      /* not all that came is for the pledge */
    const struct stored_voucher *stored; /* it was fetched ahead; NULL: the MASA has just sent it */
    const char *because;                 /* why that one is handed out */
    struct bytes log_order;
    struct bytes_list earlier; /* certificates from before, which are to be revoked */
};

/*
 * RFC 8366 5.3: a device that only a rule lets in is ours when the MASA says that it has verified
 * that.  Whoever owns a device of the same kind gets as far as here, and no voucher of ours.
 */
static bool check_assertion(struct task *t, struct tx *tx, const struct episode *e,
                            const char *assertion)
{
    static const struct decided nobody = {NULL, NULL};
    struct device device;
    if (!e->needs_verified)
        return true;
    ENSURE(t, episode_voucher_suffices(e, assertion), E_VOUCHER_NOT_VERIFIED,
           "rule %s asks for the assertion \"verified\", the voucher has \"%s\"",
           e->rule == NULL ? "(none)" : e->rule, assertion == NULL ? "" : assertion);
    TRY(table_get(t, tx_reader(tx), &devices, e->device, &device));
    if (device.admission == DEVICE_ADMITTED)
        return true;
    TRY(standing_set(t, tx, &device, device.manufacturer, DEVICE_ADMITTED, &nobody));
    return table_put(t, tx, &devices, &device);
}

/* A device that begins anew has lost what it had; or so its manufacturer's record takes it. */
static bool find_earlier(struct task *t, const struct voucher_run *vr, struct bytes_list *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    *ret = (struct bytes_list){NULL, 0};
    if (vr->maker->record.returned != MANUFACTURER_REVOKES)
        return true;
    TRY(view_open(t, vr->registrar->store, &view));
    return device_certificates_live(t, view, vr->run->order->device, ret);
}

static bool revoke_earlier(struct task *t, struct tx *tx, const struct handover *h)
{
    const struct device_revocation revocation = {
        .certificates = h->earlier,
        .reason = REVOKED_SUPERSEDED,
        .because = "the device has begun anew",
        .actor = "gatehouse",
    };
    return device_certificates_revoke(t, tx, &revocation);
}

/* Of one that we cannot read, nothing is known; we have asked for one with the pledge's nonce. */
static bool is_nonceless(const struct handover *h)
{
    return h->form != NULL && h->voucher->nonce == NULL;
}

/*
 * One that was fetched ahead is counted where it lies; one that came without nonce although we sent
 * one is counted as if we had asked so, for the day it shows in an audit log.
 */
static bool count_nonceless(struct task *t, struct tx *tx, const struct handover *h)
{
    const struct voucher_job *job = &h->vr->job;
    if (h->stored != NULL)
        return stored_voucher_served(t, tx, h->stored);
    if (!is_nonceless(h))
        return true;
    return stored_voucher_count(t, tx, job->manufacturer, job->serial);
}

static const char *words_about(struct task *t, const struct handover *h)
{
    const struct voucher *v = h->voucher;
    const char *text =
        arena_printf(t->arena, "%s, assertion %s, created-on %s%s%s", h->form->name,
                     v->assertion == NULL ? "not stated" : v->assertion,
                     v->created_on == 0 ? "not stated" : time_to_text(t->arena, v->created_on),
                     v->nonce == NULL ? ", without nonce" : "",
                     h->shortened ? "; certificates outside of its signature were taken out" : "");
    if (h->stored == NULL)
        return text;
    return arena_printf(t->arena, "fetched ahead at %s, %s: %s",
                        time_to_text(t->arena, h->stored->fetched), text, h->because);
}

static bool note_arrival(struct task *t, struct tx *tx, const struct handover *h)
{
    const struct order *order = h->vr->run->order;
    if (h->form == NULL) {
        const char *what = arena_printf(t->arena, "%zu octets of %s", h->octets.len, h->media_type);
        return order_warning(t, tx, order, "voucher-received", E_VOUCHER_UNREAD, what);
    }
    if (h->stored != NULL)
        return order_event(t, tx, order, "stored-voucher-used", "gatehouse", words_about(t, h));
    return order_event(t, tx, order, "voucher-received", "masa", words_about(t, h));
}

/* RFC 8995 7.3: what only a switch in the manufacturer's record has let through. */
static bool note_reductions(struct task *t, struct tx *tx, const struct handover *h,
                            const struct episode *e)
{
    if (is_nonceless(h))
        TRY(reduced_security_note(t, tx, e, REDUCTION_NONCELESS, "this one has none"));
    return h->form != NULL ||
           reduced_security_note(t, tx, e, REDUCTION_UNREADABLE, "this one is of such a form");
}

static bool note_voucher(struct task *t, struct tx *tx, void *arg)
{
    struct handover *h = arg;
    const struct order *order = h->vr->run->order;
    struct episode e;
    TRY(onboarding_open(t, tx_reader(tx), order->episode, &e));
    TRY(check_assertion(t, tx, &e, h->voucher->assertion));
    TRY(revoke_earlier(t, tx, h));
    if (e.stage == EPISODE_REQUESTED || e.stage == EPISODE_VOUCHER_REFUSED)
        e.stage = EPISODE_VOUCHER;
    e.voucher_sha256 = bytes_sha256(t->arena, h->octets);
    e.voucher_assertion = h->voucher->assertion;
    e.voucher_stored = h->stored != NULL;
    e.voucher_nonceless = is_nonceless(h);
    e.voucher_type = h->media_type;
    e.voucher_unread = h->form == NULL;
    TRY(count_nonceless(t, tx, h));
    e.masa_url = h->vr->job.masa_url;
    const struct log_order log = {h->vr->job.manufacturer, h->vr->job.masa_url, h->vr->job.serial};
    TRY(audit_log_order_submit(t, tx, h->vr->run->orders, order, &log, &h->log_order));
    e.log_order = h->log_order;
    TRY(allowances_note(t, tx, &e, h->vr->used));
    if (h->stored == NULL)
        TRY(alarm_clear(t, tx, E_MASA_CREDENTIALS, h->vr->job.manufacturer));
    TRY(table_put(t, tx, &episodes, &e));
    TRY(note_arrival(t, tx, h));
    return note_reductions(t, tx, h, &e);
}

/*
 * RFC 8995 5.6: the voucher goes to the pledge octet for octet; but for what its form says that a
 * registrar takes out (cBRSKI 6.8).
 */
static bool hand_over(struct task *t, struct voucher_run *vr, struct handover *h)
{
    const struct bytes came = h->octets;
    if (h->form != NULL && h->form->for_pledge != NULL)
        TRY(h->form->for_pledge(t, came, &h->octets));
    h->shortened = h->octets.len < came.len;
    TRY(find_earlier(t, vr, &h->earlier));
    TRY(order_done(t, vr->run, h->media_type, h->octets, note_voucher, h));
    orders_wake(vr->run->orders, h->log_order);
    failpoint(FP_VOUCHER_AFTER_DONE);
    return true;
}

/*
 * RFC 8995 5.5: the voucher that was fetched ahead, when there is a good one.  What keeps it from
 * being used is in the log; the task's own problem stays what it is.
 */
static bool hand_over_stored(struct task *t, struct voucher_run *vr, const char *because)
{
    struct voucher_wanted wanted = wanted_of(vr);
    struct task aside = *t;
    struct stored_voucher stored;
    struct voucher voucher;
    struct handover h = {
        .vr = vr,
        .voucher = &voucher,
        .form = vr->form,
        .media_type = vr->form->media_type,
        .stored = &stored,
        .because = because,
    };
    bool found = false;
    task_forgive(&aside);
    if (stored_find(&aside, vr->registrar, &vr->maker->record, vr->form, &wanted, &stored,
                    &h.octets, &voucher, &found) &&
        (!found || hand_over(&aside, vr, &h))) {
        if (found)
            task_forgive(t);
        return found;
    }
    log_problem(&aside, "a stored voucher was not handed out");
    return false;
}

/* What the episode was closed for stays; it is not this order's any more. */
static bool note_refusal(struct task *t, struct tx *tx, void *arg)
{
    const struct masa_trouble *refusal = arg;
    struct episode e;
    TRY(table_get(t, tx_reader(tx), &episodes, refusal->trouble.order->episode, &e));
    if (e.closed == 0) {
        e.stage = EPISODE_VOUCHER_REFUSED;
        TRY(table_put(t, tx, &episodes, &e));
    }
    return masa_trouble_note(t, tx, arg);
}

/* A MASA's clear no is final for this request; what can be set right here is not. */
static const struct problem_kind *const final[] = {E_MASA_REFUSED, E_MASA_UNKNOWN, E_MASA_FORM,
                                                   E_MASA_MEDIA_TYPE, NULL};
/* What else an order is refused with. */
static const struct problem_kind *const liftable[] = {
    E_MASA_CREDENTIALS,     E_MASA_ANSWER,        E_VOUCHER_UNTRUSTED,
    E_VOUCHER_SIGNATURE,    E_VOUCHER_SERIAL,     E_VOUCHER_NONCE,
    E_VOUCHER_ISSUER,       E_VOUCHER_EXPIRED,    E_VOUCHER_PIN,
    E_VOUCHER_NOT_VERIFIED, E_MASA_BASE64,        E_MASA_TEXT_PLAIN,
    E_MASA_ALIAS,           E_VOUCHER_UNREADABLE, NULL,
};

bool voucher_order_told(const struct task *t)
{
    return task_failed_with_any(t, final) || task_failed_with_any(t, liftable);
}

static bool give_up_or_wait(struct task *t, struct voucher_run *vr,
                            const struct http_answer *answer)
{
    struct masa_trouble trouble = {order_trouble_of(t, vr->run->order, "voucher-refused"),
                                   vr->job.manufacturer};
    if (masa_problem_passes(t)) {
        trouble.trouble.event = "masa-not-reached";
        return order_retry(t, vr->run, masa_wait(answer), masa_trouble_note, &trouble);
    }
    /* The request that took its place is in the timeline already. */
    if (task_failed_with(t, E_REQUEST_STALE))
        return order_refuse(t, vr->run, false, NULL, NULL);
    return order_refuse(t, vr->run, !task_failed_with_any(t, final), note_refusal, &trouble);
}

static bool run_voucher(struct task *t, struct order_run *run)
{
    struct voucher_run vr = {.run = run, .registrar = run->context};
    struct http_answer answer = {0};
    struct voucher voucher;
    struct handover h = {.vr = &vr, .voucher = &voucher};
    if (!read_job(t, &vr))
        return give_up_or_wait(t, &vr, &answer);
    /* Whose IDevID nobody vouches for is known by what its MASA says to its own request alone. */
    const unsigned use =
        vr.maker->record.unauthenticated ? STORED_VOUCHERS_NEVER : vr.maker->record.stored_vouchers;
    if (use == STORED_VOUCHERS_ALWAYS &&
        hand_over_stored(t, &vr, "the manufacturer's stored-vouchers is always"))
        return true;
    bool got = get_voucher(t, &vr, &answer, &h.form, &voucher);
    h.media_type = answer.media_type;
    h.octets = answer.body;
    if (got && hand_over(t, &vr, &h))
        return true;
    if (!got && use != STORED_VOUCHERS_NEVER && masa_is_away(t) &&
        hand_over_stored(t, &vr, arena_printf(t->arena, "%s: %s", t->problem->name, t->detail)))
        return true;
    return give_up_or_wait(t, &vr, &answer);
}

/* While its onboarding lasts, the pledge that asks again gets the same voucher. */
static bool may_replay(struct task *t, struct reader *r, const struct order *order, bool *ret)
{
    struct episode e;
    bool found;
    TRY(table_find(t, r, &episodes, order->episode, &e, &found));
    *ret = found && e.closed == 0 && episode_voucher_suffices(&e, e.voucher_assertion);
    return true;
}

/* Nobody decided while the pledge waited: it is an unexpected device as others are. */
static bool end_hold(struct task *t, struct tx *tx, struct episode *e)
{
    static const struct decided nobody = {NULL, NULL};
    struct device device;
    e->closed = clock_wall();
    e->closed_because = "nobody decided while the pledge waited";
    TRY(table_get(t, tx_reader(tx), &devices, e->device, &device));
    if (device.admission != DEVICE_HELD || !bytes_equal(device.episode, e->id))
        return true;
    TRY(standing_set(t, tx, &device, device.manufacturer, DEVICE_UNEXPECTED, &nobody));
    return table_put(t, tx, &devices, &device);
}

static bool note_given_up(struct task *t, struct tx *tx, const struct order *order)
{
    struct episode e;
    TRY(table_get(t, tx_reader(tx), &episodes, order->episode, &e));
    if (e.closed != 0) /* nobody has waited for it any more */
        return true;
    if (e.stage == EPISODE_HELD)
        TRY(end_hold(t, tx, &e));
    else
        e.stage = EPISODE_VOUCHER_REFUSED;
    TRY(table_put(t, tx, &episodes, &e));
    return order_given_up_note(t, tx, order, "voucher-given-up");
}

const struct order_kind voucher_order = {
    .name = "voucher",
    .run = run_voucher,
    .replayable = may_replay,
    .given_up = note_given_up,
};
