/*
 * Fills a store with devices that have been onboarded, as their onboarding leaves them, through the
 * store's own interface.  Run by tests/bench/devices while gatehoused is away:
 *
 *     bench_fill_devices STORE-FOLDER MAP-GIB MANUFACTURER COUNT
 */
#include "tests/bench/fill.h"

#include "core/base/clock.h"
#include "core/store/records/certificate.h"
#include "core/store/records/device_name.h"
#include "core/store/records/episode.h"
#include "core/store/records/event.h"
#include "core/store/records/standing.h"

#define CERTIFICATE    480 /* octets of a certificate */
#define EVENTS         6   /* in a device's timeline */
#define ONE_IN_A_PLACE 97  /* and others are unexpected, so that there are such too */

static bool add_events(struct task *t, struct tx *tx, const struct device *device)
{
    static const char *const names[EVENTS] = {"voucher-requested", "voucher-received",
                                              "voucher-status",    "csrattrs-served",
                                              "enrolled",          "enroll-status"};
    for (size_t i = 0; i < EVENTS; i++) {
        struct event event;
        record_init(t, &event_type, &event);
        event.name = names[i];
        event.actor = "pledge";
        event.device = device->id;
        event.episode = device->episode;
        event.address = "192.0.2.1:4711";
        event.detail = "as a device's onboarding leaves it";
        TRY(event_add(t, tx, &event));
    }
    return true;
}

static bool add_certificate(struct task *t, struct tx *tx, const struct device *device,
                            const char *name)
{
    struct certificate certificate;
    struct bytes der = bytes_random(t->arena, CERTIFICATE);
    const char *names[] = {arena_printf(t->arena, "DNS:%s", name)};
    record_init(t, &certificate_type, &certificate);
    certificate.id = bytes_sha256(t->arena, der);
    certificate.device = device->id;
    certificate.episode = device->episode;
    certificate.order = id_make(t->arena);
    certificate.ca = "local";
    certificate.serial = bytes_random(t->arena, 16);
    certificate.subject = device->subject;
    certificate.names = (struct text_list){names, ARRAY_SIZE(names)};
    certificate.spki_sha256 = bytes_random(t->arena, SHA256_LEN);
    certificate.issuer_key = bytes_sha256(t->arena, BYTES_LITERAL("issuer"));
    certificate.issued = clock_wall();
    certificate.not_before = certificate.issued;
    certificate.not_after = certificate.issued + 365 * DAY_MS;
    return certificate_put(t, tx, &certificate, der);
}

static bool add_episode(struct task *t, struct tx *tx, const struct device *device)
{
    struct episode e;
    record_init(t, &episode_type, &e);
    e.id = device->episode;
    e.device = device->id;
    e.stage = EPISODE_CONFIRMED;
    e.opened = clock_wall();
    e.nonce = bytes_to_base64(t->arena, bytes_random(t->arena, 16));
    e.request_sha256 = bytes_random(t->arena, SHA256_LEN);
    e.address = "192.0.2.1:4711";
    e.masa_url = "https://masa.example.com/.well-known/brski";
    e.voucher_sha256 = bytes_random(t->arena, SHA256_LEN);
    e.voucher_assertion = "logged";
    e.voucher_report = REPORT_SUCCESS;
    e.log_verdict = VERDICT_ACCEPTED;
    return table_put(t, tx, &episodes, &e);
}

static bool add_place(struct task *t, struct tx *tx, const struct device *device)
{
    struct expected place;
    record_init(t, &expected_type, &place);
    place.manufacturer = device->manufacturer;
    place.serial = device->serial;
    place.device = device->id;
    place.added = clock_wall();
    place.added_by = "admin:bench";
    place.source = "csv:bench.csv";
    return table_put(t, tx, &expected_devices, &place);
}

static bool add_device(struct task *t, struct tx *tx, const char *manufacturer,
                       unsigned long number)
{
    static const struct decided nobody = {NULL, NULL};
    bool admitted = number % ONE_IN_A_PLACE != 0;
    struct device device;
    record_init(t, &device_type, &device);
    device.issuer_spki_sha256 = bytes_sha256(t->arena, BYTES_LITERAL("issuer"));
    device.serial = arena_printf(t->arena, "BENCH-%08lu", number);
    device.id = device_id(t->arena, device.issuer_spki_sha256, device.serial);
    device.idevid_spki_sha256 = bytes_random(t->arena, SHA256_LEN);
    device.subject = arena_printf(t->arena, "serialNumber=%s,O=Maker", device.serial);
    device.first_seen = clock_wall();
    device.last_seen = device.first_seen;
    device.last_address = "192.0.2.1:4711";
    device.episode = admitted ? id_make(t->arena) : BYTES_ABSENT;
    TRY(standing_set(t, tx, &device, manufacturer, admitted ? DEVICE_ADMITTED : DEVICE_UNEXPECTED,
                     &nobody));
    TRY(table_put(t, tx, &devices, &device));
    TRY(blob_put(t, tx, &devices, device.id, DEVICE_BLOB_IDEVID,
                 bytes_random(t->arena, CERTIFICATE)));
    if (!admitted)
        return true;
    const char *name = arena_printf(t->arena, "bench-%08lu.phones.example.com", number);
    TRY(add_place(t, tx, &device));
    TRY(add_episode(t, tx, &device));
    TRY(device_name_claim(t, tx, name, device.id));
    TRY(add_certificate(t, tx, &device, name));
    return add_events(t, tx, &device);
}

int main(int argc, char **argv)
{
    return fill_main(argc, argv, "MANUFACTURER", add_device);
}
