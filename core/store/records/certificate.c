#include "core/store/records/certificate.h"

#include "core/base/clock.h"
#include "core/store/prefixes.h"
#include "core/store/records/setting.h"
#include "core/store/records/slug.h"

#include <string.h>

#define SERIAL_OCTETS_MAX 20 /* RFC 5280 section 4.1.2.2 */
#define CLIENT_MAX        256

static const char *const state_names[] = {"issued", "revoked", "suspended", NULL};

const char *const revocation_reason_names[] = {
    "unspecified",
    "key-compromise",
    "ca-compromise",
    "affiliation-changed",
    "superseded",
    "cessation-of-operation",
    "certificate-hold",
    "reserved-7",
    "reserved-8",
    "privilege-withdrawn",
    NULL,
};

static const struct field fields[] = {
    FIELD(1, struct certificate, id, "id", FIELD_HEX, .flags = FIELD_REQUIRED | FIELD_READ_ONLY,
          .min = SHA256_LEN, .max = SHA256_LEN, .help = "SHA-256 of the certificate."),
    FIELD(2, struct certificate, device, "device", FIELD_HEX, .flags = FIELD_READ_ONLY,
          .min = SUBJECT_LEN, .max = SUBJECT_LEN,
          .help = "The device it was issued to; absent for other clients."),
    FIELD(3, struct certificate, episode, "episode", FIELD_HEX, .flags = FIELD_READ_ONLY,
          .min = ID_LEN, .max = ID_LEN, .help = "The onboarding it was issued in."),
    FIELD(4, struct certificate, order, "order", FIELD_HEX, .flags = FIELD_READ_ONLY, .min = ID_LEN,
          .max = ID_LEN, .help = "The order it was issued by."),
    FIELD(5, struct certificate, ca, "ca", FIELD_TEXT, .flags = FIELD_REQUIRED | FIELD_READ_ONLY,
          .max = SLUG_MAX, .help = "Name of the CA that issued it."),
    FIELD(6, struct certificate, serial, "serial-number", FIELD_HEX,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .max = SERIAL_OCTETS_MAX,
          .help = "Serial number that the CA gave the certificate."),
    FIELD(7, struct certificate, subject, "subject", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = CERTIFICATE_SUBJECT_MAX, .help = "Subject name, as RFC 4514 writes it."),
    FIELD(8, struct certificate, names, "names", FIELD_TEXTS, .flags = FIELD_READ_ONLY,
          .max = CERTIFICATE_NAMES_MAX,
          .help = "Subject alternative names, such as DNS:phone1.example.com."),
    FIELD(9, struct certificate, spki_sha256, "spki-sha256", FIELD_HEX, .flags = FIELD_READ_ONLY,
          .min = SHA256_LEN, .max = SHA256_LEN, .help = "SHA-256 of its public key."),
    FIELD(10, struct certificate, not_before, "not-before", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "Valid from this time on."),
    FIELD(11, struct certificate, not_after, "not-after", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "Valid until this time."),
    FIELD(12, struct certificate, issued, "issued", FIELD_TIME,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .help = "When it was issued."),
    FIELD(13, struct certificate, state, "state", FIELD_ENUM, .flags = FIELD_READ_ONLY,
          .names = state_names, .help = "Whether it has been revoked or suspended."),
    FIELD(14, struct certificate, revoked, "revoked", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it was revoked or suspended."),
    FIELD(15, struct certificate, revoked_because, "revoked-because", FIELD_TEXT,
          .flags = FIELD_READ_ONLY, .max = CERTIFICATE_REASON_MAX, .help = "Why it was revoked."),
    FIELD(30, struct certificate, reason, "reason", FIELD_ENUM, .flags = FIELD_READ_ONLY,
          .names = revocation_reason_names, .help = "The reason as CRLs give it (RFC 5280 5.3.1)."),
    FIELD(31, struct certificate, issuer_key, "issuer-key-sha256", FIELD_HEX,
          .flags = FIELD_READ_ONLY, .min = SHA256_LEN, .max = SHA256_LEN,
          .help = "SHA-256 of the public key of the CA that signed it."),
    FIELD(32, struct certificate, client, "client", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = CLIENT_MAX, .help = "Who asked for it, when that was no device."),
    FIELD(33, struct certificate, label, "label", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = SLUG_MAX, .help = "EST label under which it was asked for."),
    FIELD(34, struct certificate, profile, "profile", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = SLUG_MAX, .help = "Enrolment profile by which it was issued."),
    FIELD(35, struct certificate, renews, "renews", FIELD_HEX, .flags = FIELD_READ_ONLY,
          .min = SHA256_LEN, .max = SHA256_LEN, .help = "The certificate whose place it takes."),
};
const struct record_type certificate_type =
    RECORD_TYPE("certificate", 1, struct certificate, fields);

static struct bytes key_of(struct arena *arena, const void *record)
{
    const struct certificate *certificate = record;
    (void)arena;
    return certificate->id;
}

static struct bytes by_device(struct arena *arena, const void *record)
{
    const struct certificate *certificate = record;
    if (!bytes_present(certificate->device))
        return BYTES_ABSENT;
    const struct bytes parts[] = {certificate->device,
                                  key_of_number(arena, (uint64_t)certificate->issued)};
    return bytes_concat(arena, parts, ARRAY_SIZE(parts));
}

static struct bytes by_order(struct arena *arena, const void *record)
{
    const struct certificate *certificate = record;
    (void)arena;
    return certificate->order;
}

/* A serial number at its full length, so that all keys are as long. */
static struct bytes padded(struct arena *arena, struct bytes serial)
{
    uint8_t *octets = arena_alloc(arena, SERIAL_OCTETS_MAX);
    if (serial.len > SERIAL_OCTETS_MAX)
        serial = bytes_make(serial.data, SERIAL_OCTETS_MAX);
    if (serial.len > 0)
        memcpy(octets + SERIAL_OCTETS_MAX - serial.len, serial.data, serial.len);
    return bytes_make(octets, SERIAL_OCTETS_MAX);
}

struct bytes certificate_serial_key(struct arena *arena, struct bytes issuer_key,
                                    struct bytes serial)
{
    const struct bytes parts[] = {issuer_key, padded(arena, serial)};
    return bytes_concat(arena, parts, ARRAY_SIZE(parts));
}

static struct bytes by_serial(struct arena *arena, const void *record)
{
    const struct certificate *certificate = record;
    return bytes_present(certificate->issuer_key)
               ? certificate_serial_key(arena, certificate->issuer_key, certificate->serial)
               : BYTES_ABSENT;
}

static struct bytes by_number(struct arena *arena, const void *record)
{
    return padded(arena, ((const struct certificate *)record)->serial);
}

static struct bytes by_public_key(struct arena *arena, const void *record)
{
    (void)arena;
    return ((const struct certificate *)record)->spki_sha256;
}

static struct bytes by_expiry(struct arena *arena, const void *record)
{
    return key_of_number(arena, (uint64_t)((const struct certificate *)record)->not_after);
}

static struct bytes when_revoked(struct arena *arena, const void *record)
{
    const struct certificate *certificate = record;
    (void)arena;
    return certificate->state == CERTIFICATE_ISSUED ? BYTES_ABSENT : certificate->issuer_key;
}

#define INDEX(prefix_, unique_, key_of_)                                                           \
    {                                                                                              \
        .prefix = (prefix_), .unique = (unique_), .key_of = (key_of_)                              \
    }
#define BY_DEVICE INDEX(PREFIX_CERTIFICATE_BY_DEVICE, false, by_device)
#define BY_ORDER  INDEX(PREFIX_CERTIFICATE_BY_ORDER, true, by_order)
#define BY_SERIAL INDEX(PREFIX_CERTIFICATE_BY_SERIAL, true, by_serial)
#define BY_NUMBER INDEX(PREFIX_CERTIFICATE_BY_NUMBER, false, by_number)
#define BY_KEY    INDEX(PREFIX_CERTIFICATE_BY_KEY, false, by_public_key)
#define BY_EXPIRY INDEX(PREFIX_CERTIFICATE_BY_EXPIRY, false, by_expiry)
#define REVOKED   INDEX(PREFIX_CERTIFICATE_REVOKED, false, when_revoked)
const struct table_index certificates_by_device = BY_DEVICE;
const struct table_index certificates_by_order = BY_ORDER;
const struct table_index certificates_by_serial = BY_SERIAL;
const struct table_index certificates_by_number = BY_NUMBER;
const struct table_index certificates_by_key = BY_KEY;
const struct table_index certificates_by_expiry = BY_EXPIRY;
const struct table_index certificates_revoked = REVOKED;
static const struct table_index indexes[] = {BY_DEVICE, BY_ORDER,  BY_SERIAL, BY_NUMBER,
                                             BY_KEY,    BY_EXPIRY, REVOKED};

const struct table certificates = {
    .prefix = PREFIX_CERTIFICATE,
    .type = &certificate_type,
    .key_of = key_of,
    .indexes = indexes,
    .index_count = ARRAY_SIZE(indexes),
    .blobs = CERTIFICATE_BLOB_DER,
};

/* ---- Revocation ---- */

bool revocations_generation(struct task *t, struct reader *r, uint64_t *ret)
{
    struct setting setting = {.number = 0};
    bool found;
    TRY(table_find(t, r, &settings, bytes_of_text(SETTING_REVOCATIONS_GENERATION), &setting,
                   &found));
    *ret = found ? setting.number : 0;
    return true;
}

static bool count_up(struct task *t, struct tx *tx)
{
    struct setting setting;
    uint64_t generation;
    TRY(revocations_generation(t, tx_reader(tx), &generation));
    record_init(t, &setting_type, &setting);
    setting.name = SETTING_REVOCATIONS_GENERATION;
    setting.number = generation + 1;
    return table_put(t, tx, &settings, &setting);
}

/* Whether there is anything left to say: of a revoked one, only that its key is in wrong hands. */
static bool is_news(const struct certificate *certificate, enum revocation_reason reason)
{
    switch (certificate->state) {
    case CERTIFICATE_ISSUED:
        return true;
    case CERTIFICATE_SUSPENDED:
        return reason != REVOKED_CERTIFICATE_HOLD;
    default:
        return reason == REVOKED_KEY_COMPROMISE && certificate->reason != reason;
    }
}

bool certificate_revoke(struct task *t, struct tx *tx, struct bytes id,
                        enum revocation_reason reason, const char *because, struct certificate *ret,
                        bool *ret_changed)
{
    struct certificate certificate;
    TRY(table_get(t, tx_reader(tx), &certificates, id, &certificate));
    bool was_revoked = certificate.state == CERTIFICATE_REVOKED;
    bool changed = is_news(&certificate, reason);
    if (changed) {
        certificate.state =
            reason == REVOKED_CERTIFICATE_HOLD ? CERTIFICATE_SUSPENDED : CERTIFICATE_REVOKED;
        /* RFC 5280 5.3: the entry's date is that of the revocation, which stands. */
        certificate.revoked = was_revoked ? certificate.revoked : clock_wall();
        if (because != NULL || !was_revoked)
            certificate.revoked_because = because;
        certificate.reason = reason;
        TRY(table_put(t, tx, &certificates, &certificate));
        TRY(count_up(t, tx));
    }
    if (ret != NULL)
        *ret = certificate;
    *ret_changed = changed;
    return true;
}

bool certificate_resume(struct task *t, struct tx *tx, struct bytes id, struct certificate *ret)
{
    struct certificate certificate;
    TRY(table_get(t, tx_reader(tx), &certificates, id, &certificate));
    ENSURE(t, certificate.state != CERTIFICATE_REVOKED, E_INVALID,
           "the certificate is revoked already (%s): only a suspended one can be taken up again",
           revocation_reason_names[certificate.reason]);
    ENSURE(t, certificate.state == CERTIFICATE_SUSPENDED, E_INVALID,
           "the certificate is %s: only a suspended one can be taken up again",
           state_names[certificate.state]);
    certificate.state = CERTIFICATE_ISSUED;
    certificate.revoked = 0;
    certificate.revoked_because = NULL;
    certificate.reason = REVOKED_UNSPECIFIED;
    TRY(table_put(t, tx, &certificates, &certificate));
    TRY(count_up(t, tx));
    *ret = certificate;
    return true;
}
