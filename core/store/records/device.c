#include "core/store/records/device.h"

#include "core/store/prefixes.h"
#include "core/store/records/slug.h"

#include <string.h>

#define ADDRESS_MAX           64  /* an IPv6 address with scope, and a port */
#define ACTOR_MAX             128 /* octets */
#define CONFIGURATION_URL_MAX 2048
#define NOTE_MAX              1024
#define REASON_MAX            256
#define OWNER_MAX             256
#define SOURCE_MAX            256
#define COLUMN_VALUE_MAX      512

const char *const device_admission_names[] = {
    [DEVICE_UNEXPECTED] = "unexpected",
    [DEVICE_ADMITTED] = "admitted",
    [DEVICE_HELD] = "held",
    [DEVICE_DECLINED] = "declined",
    [DEVICE_DECOMMISSIONED] = "decommissioned",
    [DEVICE_SOLD] = "sold",
    NULL,
};

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
          .names = device_admission_names,
          .help = "Whether it is let in. unexpected: on nobody's list; admitted: it has claimed "
                  "its place on the list, or a rule lets it in; held: it waits for an "
                  "administrator's decision; declined: an administrator turned it away; "
                  "decommissioned and sold: it was ours, and nothing is granted to it any more."),
    FIELD(6, struct device, idevid_spki_sha256, "idevid-spki-sha256", FIELD_HEX,
          .flags = FIELD_READ_ONLY, .min = SHA256_LEN, .max = SHA256_LEN,
          .help = "SHA-256 of the public key in its IDevID: with another it is refused until "
                  "readmitted."),
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
    FIELD(30, struct device, admission_since, "admission-since", FIELD_TIME,
          .flags = FIELD_READ_ONLY, .help = "When the admission became what it is."),
    FIELD(31, struct device, decided_by, "decided-by", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = ACTOR_MAX,
          .help = "Who approved, declined, decommissioned or sold it; absent when nobody had to."),
    FIELD(32, struct device, decided_because, "decided-because", FIELD_TEXT,
          .flags = FIELD_READ_ONLY, .max = REASON_MAX, .help = "The reason that was given."),
    FIELD(33, struct device, sold_to, "sold-to", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = OWNER_MAX, .help = "To whom it was sold."),
    FIELD(34, struct device, subject, "subject", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = DEVICE_SUBJECT_MAX,
          .help = "Subject name of its IDevID, as RFC 4514 writes it; a long one is cut."),
    FIELD(100, struct device, opaque, "opaque", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = (int64_t)2 * DEVICE_OPAQUE_LEN,
          .help = "Random identifier that stands in its certificates in place of the serial "
                  "number, where its profile has {opaque}; made when it first asks."),
};
const struct record_type device_type = RECORD_TYPE("device", 1, struct device, device_fields);

static struct bytes device_key(struct arena *arena, const void *record)
{
    const struct device *device = record;
    (void)arena;
    return device->id;
}

/* With its terminator, so that a whole one can be asked for; in a damaged record it may be gone. */
static struct bytes terminated(struct arena *arena, const char *text)
{
    const struct bytes parts[] = {bytes_of_text(text), BYTES_LITERAL("\0")};
    return bytes_concat(arena, parts, ARRAY_SIZE(parts));
}

static struct bytes by_serial(struct arena *arena, const void *record)
{
    return terminated(arena, ((const struct device *)record)->serial);
}

char *device_search_text(struct arena *arena, const char *text)
{
    return text_to_lower(arena, text);
}

static struct bytes by_subject(struct arena *arena, const void *record)
{
    const struct device *device = record;
    return device->subject == NULL ? BYTES_ABSENT
                                   : terminated(arena, device_search_text(arena, device->subject));
}

struct bytes devices_admission_key(struct arena *arena, enum device_admission admission,
                                   const char *manufacturer)
{
    const uint8_t octet = (uint8_t)admission;
    const struct bytes parts[] = {bytes_make(&octet, 1), bytes_of_text(manufacturer),
                                  BYTES_LITERAL("\0")};
    return bytes_concat(arena, parts, manufacturer == NULL ? 1 : ARRAY_SIZE(parts));
}

static struct bytes by_admission(struct arena *arena, const void *record)
{
    const struct device *device = record;
    const struct bytes parts[] = {
        devices_admission_key(arena, device->admission, device->manufacturer),
        key_of_number(arena, (uint64_t)device->admission_since)};
    return bytes_concat(arena, parts, ARRAY_SIZE(parts));
}

#define INDEX(prefix_, unique_, key_of_)                                                           \
    {                                                                                              \
        .prefix = (prefix_), .unique = (unique_), .key_of = (key_of_)                              \
    }
#define BY_SERIAL    INDEX(PREFIX_DEVICE_BY_SERIAL, false, by_serial)
#define BY_SUBJECT   INDEX(PREFIX_DEVICE_BY_SUBJECT, false, by_subject)
#define BY_ADMISSION INDEX(PREFIX_DEVICE_BY_ADMISSION, false, by_admission)
const struct table_index devices_by_serial = BY_SERIAL;
const struct table_index devices_by_subject = BY_SUBJECT;
const struct table_index devices_by_admission = BY_ADMISSION;
static const struct table_index device_indexes[] = {BY_SERIAL, BY_SUBJECT, BY_ADMISSION};

const struct table devices = {
    .prefix = PREFIX_DEVICE,
    .type = &device_type,
    .key_of = device_key,
    .indexes = device_indexes,
    .index_count = ARRAY_SIZE(device_indexes),
    .blobs = DEVICE_BLOB_IDEVID,
};

struct bytes device_id(struct arena *arena, struct bytes issuer_spki_sha256, const char *serial)
{
    const struct bytes parts[] = {issuer_spki_sha256, bytes_of_text(serial)};
    struct bytes digest = bytes_sha256(arena, bytes_concat(arena, parts, ARRAY_SIZE(parts)));
    return bytes_make(digest.data, DEVICE_ID_LEN);
}

static const struct field column_fields[] = {
    FIELD(1, struct expected_column, name, "name", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = EXPECTED_COLUMN_NAME_MAX, .help = "Name of the column, in lower case."),
    FIELD(2, struct expected_column, value, "value", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = COLUMN_VALUE_MAX, .help = "What it says about the device."),
};
static const struct record_type column_type =
    RECORD_TYPE("column", 1, struct expected_column, column_fields);

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
    FIELD(10, struct expected, source, "source", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = SOURCE_MAX,
          .help = "Which list it came with: admin: and the user, csv: and the file's name, cloud: "
                  "and the cloud's name."),
    FIELD(11, struct expected, columns, "columns", FIELD_RECORDS, .sub = &column_type,
          .max = EXPECTED_COLUMNS_MAX,
          .help = "What else the list says about the device, by column."),
    FIELD(20, struct expected, additional_configuration_url, "additional-configuration-url",
          FIELD_TEXT, .flags = FIELD_SECRET, .max = CONFIGURATION_URL_MAX,
          .help = "Where the device's configuration is, for the voucher that a cloud gives it. A "
                  "secret between us and the device: it is never shown."),
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

static struct bytes open_place(struct arena *arena, const void *record)
{
    const struct expected *expected = record;
    return bytes_present(expected->device) ? BYTES_ABSENT : key_of_expected(arena, record);
}

static struct bytes open_place_by_serial(struct arena *arena, const void *record)
{
    const struct expected *expected = record;
    return bytes_present(expected->device) ? BYTES_ABSENT : terminated(arena, expected->serial);
}

#define PLACE_OPEN      INDEX(PREFIX_EXPECTED_OPEN, true, open_place)
#define PLACE_BY_SERIAL INDEX(PREFIX_EXPECTED_BY_SERIAL, false, open_place_by_serial)
const struct table_index expected_open = PLACE_OPEN;
const struct table_index expected_by_serial = PLACE_BY_SERIAL;
static const struct table_index expected_indexes[] = {PLACE_OPEN, PLACE_BY_SERIAL};

const struct table expected_devices = {
    .prefix = PREFIX_EXPECTED,
    .type = &expected_type,
    .key_of = key_of_expected,
    .indexes = expected_indexes,
    .index_count = ARRAY_SIZE(expected_indexes),
};

bool expected_check_columns(struct task *t, const struct expected *expected)
{
    const struct expected_column *columns = expected->columns.items;
    for (size_t i = 0; i < expected->columns.count; i++) {
        const char *name = columns[i].name;
        ENSURE(t, strcmp(device_search_text(t->arena, name), name) == 0, E_INVALID,
               "columns[%zu].name: must be in lower case", i);
        for (size_t j = 0; j < i; j++)
            ENSURE(t, strcmp(columns[j].name, name) != 0, E_INVALID,
                   "columns[%zu].name: is the name of columns[%zu] too", i, j);
    }
    return true;
}

bool expected_check_list(struct task *t, const struct expected *expected, const char *manufacturer)
{
    ENSURE(t, strcmp(expected->manufacturer, manufacturer) == 0, E_INVALID,
           "the list is of manufacturer %s and has no places for devices of %s", manufacturer,
           bytes_to_printable(t->arena, bytes_of_text(expected->manufacturer), SLUG_MAX));
    return true;
}
