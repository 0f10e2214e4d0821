#include "core/store/records/device.h"

#include "core/store/prefixes.h"
#include "core/store/records/slug.h"

#define ADDRESS_MAX 64  /* an IPv6 address with scope, and a port */
#define ACTOR_MAX   128 /* octets */
#define NOTE_MAX    1024

static const char *const admission_names[] = {"unexpected", "admitted", NULL};

static const struct field device_fields[] = {
    FIELD(1, struct device, id, "id", FIELD_HEX, .flags = FIELD_REQUIRED | FIELD_READ_ONLY,
          .min = DEVICE_ID_LEN, .max = DEVICE_ID_LEN,
          .help = "Identifies the device: the first half of the SHA-256 of its IDevID issuer's key "
                  "hash and its serial number."),
    FIELD(2, struct device, issuer_spki_sha256, "issuer-spki-sha256", FIELD_HEX,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .min = SHA256_LEN, .max = SHA256_LEN,
          .help = "SHA-256 of the public key that signed its IDevID."),
    FIELD(3, struct device, serial, "serial-number", FIELD_TEXT,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .max = SERIAL_MAX,
          .help = "Serial number as its IDevID states it."),
    FIELD(4, struct device, manufacturer, "manufacturer", FIELD_TEXT,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .max = SLUG_MAX,
          .help = "Name of the manufacturer under whose anchors its IDevID was verified."),
    FIELD(5, struct device, admission, "admission", FIELD_ENUM, .flags = FIELD_READ_ONLY,
          .names = admission_names,
          .help = "Whether the device has claimed a place on the list of expected devices."),
    FIELD(6, struct device, idevid_spki_sha256, "idevid-spki-sha256", FIELD_HEX,
          .flags = FIELD_READ_ONLY, .min = SHA256_LEN, .max = SHA256_LEN,
          .help = "SHA-256 of the public key in the IDevID it first came with."),
    FIELD(7, struct device, episode, "episode", FIELD_HEX, .flags = FIELD_READ_ONLY, .min = ID_LEN,
          .max = ID_LEN, .help = "Its current onboarding, or the last one."),
    FIELD(8, struct device, first_seen, "first-seen", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it came for the first time."),
    FIELD(9, struct device, last_seen, "last-seen", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it came last."),
    FIELD(10, struct device, last_address, "last-address", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = ADDRESS_MAX, .help = "Network address it came from last."),
    FIELD(11, struct device, failures_since, "failures-since", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "Since when failures and status reports are counted."),
    FIELD(12, struct device, failures, "failures", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "Failures and status reports since then; beyond a limit they are not written to "
                  "the timeline."),
    FIELD(13, struct device, attempts_since, "attempts-since", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "Since when voucher requests are counted."),
    FIELD(14, struct device, attempts, "attempts", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "Voucher requests with a new nonce since then."),
};
const struct record_type device_type = RECORD_TYPE("device", 1, struct device, device_fields);

static struct bytes device_key(struct arena *arena, const void *record)
{
    const struct device *device = record;
    (void)arena;
    return device->id;
}

/* With its terminator, so that a whole serial number can be asked for. */
static struct bytes by_serial(struct arena *arena, const void *record)
{
    const struct device *device = record;
    const struct bytes parts[] = {bytes_of_text(device->serial), BYTES_LITERAL("\0")};
    return bytes_concat(arena, parts, ARRAY_SIZE(parts));
}

const struct table_index devices_by_serial = {
    .prefix = PREFIX_DEVICE_BY_SERIAL,
    .key_of = by_serial,
};

const struct table devices = {
    .prefix = PREFIX_DEVICE,
    .type = &device_type,
    .key_of = device_key,
    .indexes = &devices_by_serial,
    .index_count = 1,
    .blobs = DEVICE_BLOB_IDEVID,
};

struct bytes device_id(struct arena *arena, struct bytes issuer_spki_sha256, const char *serial)
{
    const struct bytes parts[] = {issuer_spki_sha256, bytes_of_text(serial)};
    struct bytes digest = bytes_sha256(arena, bytes_concat(arena, parts, ARRAY_SIZE(parts)));
    return bytes_make(digest.data, DEVICE_ID_LEN);
}

static const struct field expected_fields[] = {
    FIELD(1, struct expected, manufacturer, "manufacturer", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = SLUG_MAX, .help = "Name of the device's manufacturer."),
    FIELD(2, struct expected, serial, "serial-number", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = SERIAL_MAX, .help = "Serial number as its IDevID will state it."),
    FIELD(3, struct expected, device, "device", FIELD_HEX, .flags = FIELD_READ_ONLY,
          .min = DEVICE_ID_LEN, .max = DEVICE_ID_LEN,
          .help = "The device that claimed this place; absent until one has."),
    FIELD(4, struct expected, added, "added", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it was put on the list."),
    FIELD(5, struct expected, added_by, "added-by", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = ACTOR_MAX, .help = "Who put it on the list."),
    FIELD(6, struct expected, note, "note", FIELD_TEXT, .max = NOTE_MAX,
          .help = "Anything worth remembering: an order number, the place it goes to."),
};
const struct record_type expected_type =
    RECORD_TYPE("expected device", 1, struct expected, expected_fields);

struct bytes expected_key(struct arena *arena, const char *manufacturer, const char *serial)
{
    const struct bytes parts[] = {bytes_of_text(manufacturer), BYTES_LITERAL("\0"),
                                  bytes_of_text(serial)};
    return bytes_concat(arena, parts, ARRAY_SIZE(parts));
}

static struct bytes key_of_expected(struct arena *arena, const void *record)
{
    const struct expected *expected = record;
    return expected_key(arena, expected->manufacturer, expected->serial);
}

const struct table expected_devices = {
    .prefix = PREFIX_EXPECTED,
    .type = &expected_type,
    .key_of = key_of_expected,
};
