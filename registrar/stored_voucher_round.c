/* The round that asks for vouchers ahead, and again before they end. */
#include "registrar/stored_voucher.h"

#include "core/base/cbor.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/pki/chain.h"
#include "core/pki/serial.h"
#include "core/pledge/trust.h"
#include "core/store/records/device.h"
#include "core/store/records/event.h"
#include "registrar/masa.h"
#include "registrar/registrar_request.h"

#include <string.h>

#define WALK_MAX 8 /* vouchers in one walk */

/* A voucher that is due, with what is needed to ask for it. */
struct due_voucher {
    struct stored_voucher stored; /* first: round_collect() */
    const struct trusted_maker *maker;
    const struct voucher_form *form;
    bool expected;        /* the device is still on the list */
    struct bytes idevid;  /* absent: not known */
    struct bytes issuer;  /* of it; absent: not given */
    struct bytes voucher; /* that is held; absent: none yet */
    /* Found out. */
    struct bytes idevid_issuer;
    struct bytes device; /* absent: not known */
    const char *masa_url;
};

static struct bytes key_of(struct task *t, const struct stored_voucher *stored)
{
    return expected_key(t->arena, stored->manufacturer, stored->serial);
}

static bool look(struct task *t, const struct registrar *r, struct due_voucher *due)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct bytes key = key_of(t, &due->stored);
    struct expected place;
    TRY(view_open(t, r->store, &view));
    struct reader *reader = view_reader(view);
    TRY(table_find(t, reader, &expected_devices, key, &place, &due->expected));
    TRY(blob_get(t, reader, &stored_vouchers, key, STORED_VOUCHER_BLOB_IDEVID, &due->idevid));
    TRY(blob_get(t, reader, &stored_vouchers, key, STORED_VOUCHER_BLOB_ISSUER, &due->issuer));
    TRY(blob_get(t, reader, &stored_vouchers, key, STORED_VOUCHER_BLOB_VOUCHER, &due->voucher));
    return callers_maker(t, r->callers, due->stored.manufacturer, &due->maker);
}

/* RFC 8366bis 6.1: the certificate itself says whose serial number it has. */
static bool study_idevid(struct task *t, struct due_voucher *due)
{
    const struct chain_rules rules = {.ignore_validity = true};
    const struct anchors *anchors;
    const struct cert *idevid;
    struct cert_list others = {NULL, 0};
    struct cert_list path;
    const char *serial;
    struct bytes_list issuers = {&due->issuer, bytes_present(due->issuer) ? 1 : 0};
    struct idevid about = {.manufacturer = &due->maker->record, .maker = due->maker};
    unsigned used = 0;
    TRY(cert_parse(t, due->idevid, &idevid));
    TRY(certs_parse(t, &issuers, &others));
    TRY(anchors_make(t, &due->maker->idevid_anchors, &anchors));
    TRY(chain_verify(t, anchors, idevid, &others, &rules, &path));
    TRY(cert_device_serial(t, idevid, &due->maker->serial_rule, &serial));
    ENSURE(t, serial != NULL && strcmp(serial, due->stored.serial) == 0, E_SERIAL_MISMATCH,
           "the IDevID is that of %s", serial == NULL ? "nobody" : serial);
    TRY(cert_idevid_issuer(t, idevid, &due->idevid_issuer));
    due->device = device_id(t->arena, cert_spki_sha256(t, path.items[path.count > 1 ? 1 : 0]),
                            due->stored.serial);
    about.cert = idevid;
    return masa_base(t, &about, &used, &due->masa_url);
}

/* Of the CA that signs it, which alone is known of it. */
static bool study_issuer(struct task *t, struct due_voucher *due)
{
    const struct cert *issuer;
    TRY(cert_parse(t, due->issuer, &issuer));
    TRY(cert_idevid_issuer_of_ca(t, issuer, &due->idevid_issuer));
    due->device = device_id(t->arena, cert_spki_sha256(t, issuer), due->stored.serial);
    ENSURE(t, due->maker->record.masa_url != NULL, E_MASA_URL,
           "there is no IDevID that would say where the MASA is");
    return masa_base_now(t, &due->maker->record, NULL, &due->masa_url);
}

static bool study(struct task *t, struct due_voucher *due)
{
    ENSURE(t, due->maker->record.stored_vouchers != STORED_VOUCHERS_NEVER, E_STORED_VOUCHERS_OFF,
           "manufacturer %s", due->stored.manufacturer);
    due->form = voucher_form_of(due->stored.media_type);
    ENSURE(t, due->form != NULL, E_VOUCHER_FORM, "%s", due->stored.media_type);
    return bytes_present(due->idevid) ? study_idevid(t, due) : study_issuer(t, due);
}

struct placing {
    const struct registrar *registrar;
    const struct due_voucher *due;
    struct bytes request;               /* absent: no order is placed */
    const struct problem_kind *problem; /* why not */
    const char *detail;
    struct bytes order;
};

/* One order for each time that the voucher was due. */
static struct bytes identity_of(struct task *t, const struct stored_voucher *stored)
{
    struct cbor_writer w = cbor_writer_make(t->arena);
    cbor_write_array(&w, 4);
    cbor_write_text(&w, "stored-voucher");
    cbor_write_text(&w, stored->manufacturer);
    cbor_write_text(&w, stored->serial);
    cbor_write_int(&w, stored->due);
    return bytes_sha256(t->arena, cbor_written(&w));
}

static bool submit(struct task *t, struct tx *tx, struct placing *p)
{
    const struct due_voucher *due = p->due;
    struct stored_voucher_job job;
    enum order_join join;
    record_init(t, &stored_voucher_job_type, &job);
    job.manufacturer = due->stored.manufacturer;
    job.serial = due->stored.serial;
    job.masa_url = due->masa_url;
    job.media_type = due->form->media_type;
    job.idevid_issuer = due->idevid_issuer;
    struct order_request request = {
        .kind = &stored_voucher_order,
        .identity = identity_of(t, &due->stored),
        .device = due->device,
        .peer = masa_peer(t, due->masa_url),
        .work = p->request,
    };
    TRY(record_encode(t, &stored_voucher_job_type, &job, &request.request));
    return order_submit_in(t, tx, p->registrar->orders, &request, &p->order, &join);
}

/* That a request was signed is in the store before it is sent: an audit log will show it. */
static bool place_order(struct task *t, struct tx *tx, struct placing *p,
                        struct stored_voucher *stored)
{
    TRY(submit(t, tx, p));
    stored->order = p->order;
    stored->requests++;
    stored->idevid_issuer = p->due->idevid_issuer;
    stored->device = p->due->device;
    stored->masa_url = p->due->masa_url;
    stored->due = 0;
    return true;
}

static bool note_problem(struct task *t, struct tx *tx, const struct placing *p,
                         struct stored_voucher *stored)
{
    struct event event;
    stored->problem = p->problem->name;
    stored->detail = event_foreign_text(t->arena, bytes_of_text(p->detail), EVENT_DETAIL_MAX);
    stored->due = 0;
    if (bytes_present(stored->sha256) && stored->expires_on != 0)
        stored->due = clock_wall() + DAY_MS;
    else if (!bytes_present(stored->sha256))
        stored->state = STORED_VOUCHER_REFUSED;
    record_init(t, &event_type, &event);
    event.name = "stored-voucher-refused";
    event.severity = EVENT_ERROR;
    event.actor = "gatehouse";
    event.device = stored->device;
    event.problem = p->problem->name;
    event.detail =
        arena_printf(t->arena, "%s of %s: %s", stored->serial, stored->manufacturer, p->detail);
    return event_add(t, tx, &event);
}

static bool place(struct task *t, struct tx *tx, void *arg)
{
    struct placing *p = arg;
    struct stored_voucher stored;
    bool found;
    const struct stored_voucher *seen = &p->due->stored;
    p->order = BYTES_ABSENT;
    TRY(stored_voucher_find(t, tx_reader(tx), seen->manufacturer, seen->serial, &stored, &found));
    if (!found || stored.due != seen->due)
        return true;
    /* A voucher for a device that is not ours any more lets somebody take it over. */
    if (!p->due->expected)
        return stored_voucher_remove(t, tx, seen->manufacturer, seen->serial);
    if (p->problem == NULL)
        TRY(place_order(t, tx, p, &stored));
    else
        TRY(note_problem(t, tx, p, &stored));
    return table_put(t, tx, &stored_vouchers, &stored);
}

/* RFC 8995 5.5: no nonce; RFC 8366bis 10.1: with the voucher that it is to take the place of. */
static bool make_request(struct task *t, const struct registrar *r, const struct due_voucher *due,
                         struct bytes *ret)
{
    const struct request_alone what = {
        .form = due->form,
        .maker = due->maker,
        .serial = due->stored.serial,
        .idevid_issuer = due->idevid_issuer,
        .prior = due->voucher,
    };
    return registrar_request_alone(t, identity_current(r->identities), &what, ret);
}

static bool serve(struct task *t, struct stored_voucher_rounds *rounds, struct due_voucher *due)
{
    const struct registrar *r = rounds->registrar;
    struct placing p = {.registrar = r, .due = due};
    bool looked = look(t, r, due);
    if (!looked || (due->expected && !(study(t, due) && make_request(t, r, due, &p.request)))) {
        p.problem = t->problem;
        p.detail = t->detail;
        due->expected = due->expected || !looked;
        task_forgive(t);
    }
    TRY(store_update(t, r->store, place, &p));
    if (bytes_present(p.order)) {
        orders_wake(r->orders, p.order);
        round_orders_add(&rounds->orders, p.order);
    }
    return true;
}

bool stored_voucher_walk(struct task *t, void *context, bool *ret_more)
{
    struct stored_voucher_rounds *rounds = context;
    struct due_voucher *due = arena_array(t->arena, WALK_MAX, sizeof(*due));
    size_t count = 0;
    TRY(round_collect(t, rounds->registrar->store, &rounds->orders, &stored_vouchers,
                      &stored_vouchers_by_due, due, sizeof(*due), WALK_MAX, &count));
    for (size_t i = 0; i < count; i++)
        TRY(serve(t, rounds, &due[i]));
    *ret_more = count == WALK_MAX;
    return true;
}
