#include "core/store/records/certificate.h"

#include "core/store/prefixes.h"
#include "core/store/records/slug.h"

#define SERIAL_OCTETS_MAX 20 /* RFC 5280 section 4.1.2.2 */
#define REASON_MAX        256

static const char *const state_names[] = {"issued", "revoked", NULL};

static const struct field fields[] = {
    FIELD(1, struct certificate, id, "id", FIELD_HEX, .flags = FIELD_REQUIRED | FIELD_READ_ONLY,
          .min = SHA256_LEN, .max = SHA256_LEN, .help = "SHA-256 of the certificate."),
    FIELD(2, struct certificate, device, "device", FIELD_HEX,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .min = SUBJECT_LEN, .max = SUBJECT_LEN,
          .help = "The device it was issued to."),
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
          .names = state_names, .help = "Whether it has been revoked."),
    FIELD(14, struct certificate, revoked, "revoked", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it was revoked."),
    FIELD(15, struct certificate, revoked_because, "revoked-because", FIELD_TEXT,
          .flags = FIELD_READ_ONLY, .max = REASON_MAX, .help = "Why it was revoked."),
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

#define BY_DEVICE                                                                                  \
    {                                                                                              \
        .prefix = PREFIX_CERTIFICATE_BY_DEVICE, .key_of = by_device                                \
    }
#define BY_ORDER                                                                                   \
    {                                                                                              \
        .prefix = PREFIX_CERTIFICATE_BY_ORDER, .unique = true, .key_of = by_order                  \
    }

const struct table_index certificates_by_device = BY_DEVICE;
const struct table_index certificates_by_order = BY_ORDER;
static const struct table_index indexes[] = {BY_DEVICE, BY_ORDER};

const struct table certificates = {
    .prefix = PREFIX_CERTIFICATE,
    .type = &certificate_type,
    .key_of = key_of,
    .indexes = indexes,
    .index_count = ARRAY_SIZE(indexes),
    .blobs = CERTIFICATE_BLOB_DER,
};
