#include "core/store/records/stored_voucher.h"

#include "core/base/clock.h"
#include "core/store/prefixes.h"
#include "core/store/records/device.h"
#include "core/store/records/episode.h"
#include "core/store/records/slug.h"

#define ISSUER_MAX    256 /* octets of an AuthorityKeyIdentifier */
#define MEDIA_MAX     128
#define ACTOR_MAX     128
#define URL_MAX       512
#define ASSERTION_MAX 64
#define PROBLEM_MAX   64
#define DETAIL_MAX    1024

const char *const stored_voucher_state_names[] = {
    [STORED_VOUCHER_ASKED] = "asked",
    [STORED_VOUCHER_HELD] = "held",
    [STORED_VOUCHER_REFUSED] = "refused",
    [STORED_VOUCHER_REMOVED] = "removed",
    NULL,
};

static const struct field fields[] = {
    FIELD(1, struct stored_voucher, manufacturer, "manufacturer", FIELD_TEXT,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .max = SLUG_MAX,
          .help = "Name of the device's manufacturer."),
    FIELD(2, struct stored_voucher, serial, "serial-number", FIELD_TEXT,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .max = SERIAL_MAX,
          .help = "The device's serial number as its IDevID states it."),
    FIELD(3, struct stored_voucher, idevid_issuer, "idevid-issuer", FIELD_OCTETS,
          .flags = FIELD_READ_ONLY, .max = ISSUER_MAX,
          .help = "Whose serial number it is: the IDevID's AuthorityKeyIdentifier, as RFC 8366bis "
                  "6.1 has it."),
    FIELD(4, struct stored_voucher, device, "device", FIELD_HEX, .flags = FIELD_READ_ONLY,
          .min = DEVICE_ID_LEN, .max = DEVICE_ID_LEN,
          .help = "The device's id; absent while the key that signs its IDevID is not known."),
    FIELD(5, struct stored_voucher, media_type, "media-type", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = MEDIA_MAX,
          .help = "The form of the voucher. It is of use only to a device that asks in this form."),
    FIELD(6, struct stored_voucher, state, "state", FIELD_ENUM, .flags = FIELD_READ_ONLY,
          .names = stored_voucher_state_names, .help = "How far it has come."),
    FIELD(7, struct stored_voucher, asked_by, "asked-by", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = ACTOR_MAX, .help = "Who wanted it."),
    FIELD(8, struct stored_voucher, asked, "asked", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it was wanted."),
    FIELD(9, struct stored_voucher, due, "due", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When the MASA is asked for it, or for the one that takes its place."),
    FIELD(10, struct stored_voucher, order, "order", FIELD_HEX, .flags = FIELD_READ_ONLY,
          .min = ID_LEN, .max = ID_LEN, .help = "The latest order for it."),
    FIELD(11, struct stored_voucher, requests, "requests", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "How many requests without nonce were signed for the device so far."),
    FIELD(12, struct stored_voucher, masa_url, "masa-url", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = URL_MAX, .help = "Where the MASA is."),
    FIELD(13, struct stored_voucher, sha256, "sha256", FIELD_HEX, .flags = FIELD_READ_ONLY,
          .min = SHA256_LEN, .max = SHA256_LEN, .help = "SHA-256 of the voucher."),
    FIELD(14, struct stored_voucher, fetched, "fetched", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When the voucher came."),
    FIELD(15, struct stored_voucher, created_on, "created-on", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it was made, as it says."),
    FIELD(16, struct stored_voucher, expires_on, "expires-on", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it ends; absent: never."),
    FIELD(17, struct stored_voucher, assertion, "assertion", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = ASSERTION_MAX, .help = "What it asserts."),
    FIELD(18, struct stored_voucher, pins_ca, "pins-ca", FIELD_BOOL, .flags = FIELD_READ_ONLY,
          .help = "Whether it pins a CA of ours; otherwise it is of no use any more once our own "
                  "certificate is replaced."),
    FIELD(19, struct stored_voucher, log, "log-verdict", FIELD_ENUM, .flags = FIELD_READ_ONLY,
          .names = episode_verdict_names,
          .help = "Whether the audit log that was fetched with it speaks for the device."),
    FIELD(20, struct stored_voucher, log_at, "log-at", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When that log came."),
    FIELD(21, struct stored_voucher, log_sha256, "log-sha256", FIELD_HEX, .flags = FIELD_READ_ONLY,
          .min = SHA256_LEN, .max = SHA256_LEN, .help = "SHA-256 of that log."),
    FIELD(22, struct stored_voucher, problem, "problem", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = PROBLEM_MAX, .help = "What was in the way the last time; absent when nothing."),
    FIELD(23, struct stored_voucher, detail, "detail", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = DETAIL_MAX, .help = "The same in particular."),
    FIELD(24, struct stored_voucher, served, "served", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "How often it was handed to the device."),
    FIELD(25, struct stored_voucher, served_at, "served-at", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it was handed to the device last."),
    FIELD(26, struct stored_voucher, voucher_order, "voucher-order", FIELD_HEX,
          .flags = FIELD_READ_ONLY, .min = ID_LEN, .max = ID_LEN,
          .help = "The order that brought the voucher."),
};
const struct record_type stored_voucher_type =
    RECORD_TYPE("stored voucher", 1, struct stored_voucher, fields);

static struct bytes key_of(struct arena *arena, const void *record)
{
    const struct stored_voucher *stored = record;
    return expected_key(arena, stored->manufacturer, stored->serial);
}

static struct bytes by_due(struct arena *arena, const void *record)
{
    const struct stored_voucher *stored = record;
    return stored->due == 0 ? BYTES_ABSENT : key_of_number(arena, (uint64_t)stored->due);
}

const struct table_index stored_vouchers_by_due = {
    .prefix = PREFIX_STORED_VOUCHER_BY_DUE,
    .key_of = by_due,
};

const struct table stored_vouchers = {
    .prefix = PREFIX_STORED_VOUCHER,
    .type = &stored_voucher_type,
    .key_of = key_of,
    .indexes = &stored_vouchers_by_due,
    .index_count = 1,
    .blobs = STORED_VOUCHER_BLOB_ISSUER,
};

bool stored_voucher_find(struct task *t, struct reader *r, const char *manufacturer,
                         const char *serial, struct stored_voucher *ret, bool *ret_found)
{
    bool found;
    struct bytes key = expected_key(t->arena, manufacturer, serial);
    TRY(table_find(t, r, &stored_vouchers, key, ret, &found));
    *ret_found = found && ret->state != STORED_VOUCHER_REMOVED;
    return true;
}

bool stored_voucher_requests(struct task *t, struct reader *r, const char *manufacturer,
                             const char *serial, uint64_t *ret)
{
    struct stored_voucher stored;
    bool found;
    struct bytes key = expected_key(t->arena, manufacturer, serial);
    TRY(table_find(t, r, &stored_vouchers, key, &stored, &found));
    *ret = found ? stored.requests : 0;
    return true;
}

bool stored_voucher_count(struct task *t, struct tx *tx, const char *manufacturer,
                          const char *serial)
{
    struct stored_voucher stored;
    bool found;
    struct bytes key = expected_key(t->arena, manufacturer, serial);
    TRY(table_find(t, tx_reader(tx), &stored_vouchers, key, &stored, &found));
    if (!found) {
        record_init(t, &stored_voucher_type, &stored);
        stored.manufacturer = manufacturer;
        stored.serial = serial;
        stored.state = STORED_VOUCHER_REMOVED;
    }
    stored.requests++;
    return table_put(t, tx, &stored_vouchers, &stored);
}

bool stored_voucher_served(struct task *t, struct tx *tx, const struct stored_voucher *served)
{
    struct stored_voucher stored;
    bool found;
    TRY(stored_voucher_find(t, tx_reader(tx), served->manufacturer, served->serial, &stored,
                            &found));
    ENSURE(t, found && bytes_equal(stored.sha256, served->sha256), E_NOT_FOUND,
           "the stored voucher is no longer there");
    stored.served++;
    stored.served_at = clock_wall();
    return table_put(t, tx, &stored_vouchers, &stored);
}

bool stored_voucher_remove(struct task *t, struct tx *tx, const char *manufacturer,
                           const char *serial)
{
    struct stored_voucher stored;
    struct stored_voucher rest;
    bool found;
    TRY(stored_voucher_find(t, tx_reader(tx), manufacturer, serial, &stored, &found));
    if (!found)
        return true;
    TRY(stored_voucher_destroy(t, tx, manufacturer, serial));
    record_init(t, &stored_voucher_type, &rest);
    rest.manufacturer = manufacturer;
    rest.serial = serial;
    rest.idevid_issuer = stored.idevid_issuer;
    rest.device = stored.device;
    rest.media_type = stored.media_type;
    rest.state = STORED_VOUCHER_REMOVED;
    rest.requests = stored.requests;
    return table_put(t, tx, &stored_vouchers, &rest);
}

bool stored_voucher_destroy(struct task *t, struct tx *tx, const char *manufacturer,
                            const char *serial)
{
    return table_delete(t, tx, &stored_vouchers, expected_key(t->arena, manufacturer, serial));
}
