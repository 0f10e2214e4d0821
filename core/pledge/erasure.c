#include "core/pledge/erasure.h"

#include "core/base/cbor.h"
#include "core/base/clock.h"
#include "core/pledge/order_events.h"
#include "core/store/audit.h"
#include "core/store/records/certificate.h"
#include "core/store/records/episode.h"
#include "core/store/records/event.h"

#include <string.h>

#define BATCH 64 /* records erased in one update */
#define PEER  "gatehouse"

struct erasure_job {
    unsigned int erases; /* enum manufacturer_erases */
    struct record_rest rest;
};

static const struct field job_fields[] = {
    FIELD(1, struct erasure_job, erases, "erases", FIELD_ENUM, .names = manufacturer_erases_names,
          .help = "What is erased."),
};
static const struct record_type job_type =
    RECORD_TYPE("erasure-job", 1, struct erasure_job, job_fields);

static bool erases_of(struct task *t, struct reader *r, const struct leaving *leaving,
                      const char *manufacturer, unsigned int *ret)
{
    struct manufacturer m;
    bool found = false;
    if (leaving->erases == NULL)
        TRY(table_find(t, r, &manufacturers, bytes_of_text(manufacturer), &m, &found));
    if (leaving->erases != NULL)
        *ret = *leaving->erases;
    else
        *ret = found ? m.erases : MANUFACTURER_ERASES_PERSONAL;
    return true;
}

/* Each departure is erased once, however often it is asked for. */
static struct bytes identity_of(struct task *t, const struct device *device)
{
    struct cbor_writer w = cbor_writer_make(t->arena);
    cbor_write_array(&w, 3);
    cbor_write_text(&w, leaving_erasure.name);
    cbor_write_octets(&w, device->id);
    cbor_write_uint(&w, (uint64_t)device->admission_since);
    return bytes_sha256(t->arena, cbor_written(&w));
}

bool erasure_submit(struct task *t, struct tx *tx, struct orders *orders,
                    const struct leaving *leaving, const struct device *device,
                    struct bytes *ret_order)
{
    struct erasure_job job;
    struct order_request request = {
        .kind = &leaving_erasure,
        .identity = identity_of(t, device),
        .device = device->id,
        .peer = PEER,
    };
    enum order_join join;
    record_init(t, &job_type, &job);
    TRY(erases_of(t, tx_reader(tx), leaving, device->manufacturer, &job.erases));
    *ret_order = BYTES_ABSENT;
    if (job.erases == MANUFACTURER_ERASES_NOTHING)
        return true;
    TRY(record_encode(t, &job_type, &job, &request.request));
    return order_submit_in(t, tx, orders, &request, ret_order, &join);
}

/* ---- The order ---- */

struct erasing {
    struct store *store;
    struct bytes device; /* id */
    struct bytes order;  /* this one */
    bool names;          /* subject names too */
};

/* Records of a table that are the device's: so many ids at once, behind the one that was last. */
struct batch {
    const struct erasing *erasing;
    struct bytes ids[BATCH];
    size_t count;
};

/* True for ids of what is to be erased. */
typedef bool (*batch_filter)(const struct erasing *erasing, const void *record);

static bool fill(struct task *t, const struct table *table, const struct table_index *index,
                 batch_filter wanted, const struct erasing *erasing, struct bytes *from,
                 struct batch *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    void *record = arena_alloc(t->arena, table->type->size);
    TRY(view_open(t, erasing->store, &view));
    struct table_scan scan = table_scan_index(t, view, table, index, erasing->device, false);
    if (bytes_present(*from))
        table_scan_start(t, &scan, *from);
    ret->erasing = erasing;
    for (ret->count = 0; ret->count < BATCH;) {
        bool found;
        TRY(table_scan_next(t, &scan, record, &found));
        if (!found)
            break;
        const struct bytes parts[] = {table_index_place(t->arena, table, index, record),
                                      BYTES_LITERAL("\0")};
        *from = bytes_concat(t->arena, parts, ARRAY_SIZE(parts));
        if (wanted == NULL || wanted(erasing, record))
            ret->ids[ret->count++] = table->key_of(t->arena, record);
    }
    return true;
}

static bool erase_all(struct task *t, const struct table *table, const struct table_index *index,
                      batch_filter wanted, struct erasing *erasing, store_fn erase)
{
    struct batch batch;
    struct bytes from = BYTES_ABSENT;
    do {
        TRY(fill(t, table, index, wanted, erasing, &from, &batch));
        TRY(batch.count == 0 || store_update(t, erasing->store, erase, &batch));
    } while (batch.count == BATCH);
    return true;
}

/* ---- What is erased ---- */

static bool erase_episodes(struct task *t, struct tx *tx, void *arg)
{
    const struct batch *batch = arg;
    for (size_t i = 0; i < batch->count; i++) {
        struct episode e;
        TRY(table_get(t, tx_reader(tx), &episodes, batch->ids[i], &e));
        e.address = NULL;
        e.voucher_report_reason = NULL;
        e.enrol_report_reason = NULL;
        TRY(table_put(t, tx, &episodes, &e));
        TRY(blob_put(t, tx, &episodes, e.id, EPISODE_BLOB_CSRATTRS, BYTES_ABSENT));
    }
    return true;
}

/* Requests and results hold addresses, names and certificates. */
static bool is_finished(const struct erasing *erasing, const void *record)
{
    const struct order *order = record;
    return order->finished != 0 && !bytes_equal(order->id, erasing->order);
}

static bool erase_orders(struct task *t, struct tx *tx, void *arg)
{
    const struct batch *batch = arg;
    for (size_t i = 0; i < batch->count; i++)
        TRY(table_delete(t, tx, &order_table, batch->ids[i]));
    return true;
}

static bool erase_certificates(struct task *t, struct tx *tx, void *arg)
{
    const struct batch *batch = arg;
    for (size_t i = 0; i < batch->count; i++)
        TRY(certificate_forget(t, tx, batch->ids[i]));
    return true;
}

static bool erase_device(struct task *t, struct tx *tx, void *arg)
{
    const struct erasing *erasing = arg;
    struct device device;
    TRY(table_get(t, tx_reader(tx), &devices, erasing->device, &device));
    device.last_address = NULL;
    if (erasing->names) {
        device.subject = NULL;
        device.opaque = NULL; /* its certificates' names had it */
        TRY(blob_put(t, tx, &devices, device.id, DEVICE_BLOB_IDEVID, BYTES_ABSENT));
    }
    return table_put(t, tx, &devices, &device);
}

/* The latest event by which it left; 0: there is none. */
static bool find_departure(struct task *t, const struct erasing *erasing, uint64_t *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct audit_entry entry;
    struct event event;
    bool found = true;
    *ret = 0;
    TRY(view_open(t, erasing->store, &view));
    struct scan scan = audit_timeline(t, view, erasing->device, true);
    for (;;) {
        TRY(audit_timeline_next(t, &scan, &entry, &found));
        if (!found)
            return true;
        if (!bytes_present(entry.payload))
            continue;
        TRY(event_decode(t, entry.payload, &event));
        if (strcmp(event.name, EVENT_SOLD) == 0 || strcmp(event.name, EVENT_DECOMMISSIONED) == 0)
            break;
    }
    *ret = entry.sequence;
    return true;
}

/* The audit chain is over digests of what is forgotten here, and stays whole. */
static bool erase_timeline(struct task *t, const struct erasing *erasing)
{
    uint64_t departure;
    TRY(find_departure(t, erasing, &departure));
    return audit_forget(t, erasing->store, erasing->device, departure);
}

static bool erase(struct task *t, struct erasing *erasing)
{
    TRY(erase_timeline(t, erasing));
    TRY(erase_all(t, &episodes, &episodes_by_device, NULL, erasing, erase_episodes));
    TRY(erase_all(t, &order_table, &order_table_by_device, is_finished, erasing, erase_orders));
    if (erasing->names)
        TRY(erase_all(t, &certificates, &certificates_by_device, NULL, erasing,
                      erase_certificates));
    return store_update(t, erasing->store, erase_device, erasing);
}

/* ---- Its run ---- */

static bool read_device(struct task *t, struct store *store, struct bytes id, struct device *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    TRY(view_open(t, store, &view));
    return table_get(t, view_reader(view), &devices, id, ret);
}

static bool note_erased(struct task *t, struct tx *tx, void *arg)
{
    const struct order_run *run = arg;
    return order_event(t, tx, run->order, "device-erased", "gatehouse",
                       "what was personal, and the timeline before it left");
}

/* A device that was let in again meanwhile keeps what it has. */
static bool erase_departed(struct task *t, struct order_run *run)
{
    struct erasure_job job;
    struct device device;
    bool busy;
    struct erasing erasing = {
        .store = run->context, .device = run->order->device, .order = run->order->id};
    TRY(record_decode(t, &job_type, run->request, &job));
    TRY(read_device(t, erasing.store, erasing.device, &device));
    erasing.names = job.erases == MANUFACTURER_ERASES_NAMES;
    if (device.admission == DEVICE_SOLD || device.admission == DEVICE_DECOMMISSIONED) {
        TRY(device_sweep(t, erasing.store, run->orders, &device, &busy));
        ENSURE(t, !busy, E_BUSY, "what was asked of a CA for the device has not come to its end");
        TRY(erase(t, &erasing));
    }
    return order_done(t, run, "text/plain", BYTES_LITERAL(""), note_erased, run);
}

static bool run_erasure(struct task *t, struct order_run *run)
{
    return erase_departed(t, run) || order_retry(t, run, 0, NULL, NULL);
}

const struct order_kind leaving_erasure = {
    .name = "erasure",
    .run = run_erasure,
};
