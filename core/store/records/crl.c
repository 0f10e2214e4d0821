#include "core/store/records/crl.h"

#include "core/store/prefixes.h"
#include "core/store/records/slug.h"

static const struct field fields[] = {
    FIELD(1, struct crl, issuer_key, "issuer-key-sha256", FIELD_HEX,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .min = SHA256_LEN, .max = SHA256_LEN,
          .help = "SHA-256 of the public key of the CA that signed it."),
    FIELD(2, struct crl, authority, "authority", FIELD_TEXT,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .max = SLUG_MAX,
          .help = "Name of that CA when the list was made."),
    FIELD(3, struct crl, number, "number", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "Number of the list: one more each time."),
    FIELD(4, struct crl, this_update, "this-update", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it was made."),
    FIELD(5, struct crl, next_update, "next-update", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When another is to be there at the latest."),
    FIELD(6, struct crl, entries, "entries", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "How many certificates are on it."),
    FIELD(7, struct crl, generation, "generation", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "Counter of revocations that it speaks of."),
};
const struct record_type crl_type = RECORD_TYPE("crl", 1, struct crl, fields);

static struct bytes key_of(struct arena *arena, const void *record)
{
    (void)arena;
    return ((const struct crl *)record)->issuer_key;
}

const struct table crls = {
    .prefix = PREFIX_CRL,
    .type = &crl_type,
    .key_of = key_of,
    .blobs = CRL_BLOB_DER,
};
