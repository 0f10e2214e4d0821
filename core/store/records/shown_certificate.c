#include "core/store/records/shown_certificate.h"

#include "core/base/clock.h"
#include "core/store/prefixes.h"

#define SUBJECT_MAX 1024
#define CHANGES_MAX 64 /* certificates that change at once */

static const struct field fields[] = {
    FIELD(1, struct shown_certificate, sha256, "sha256", FIELD_HEX,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .min = SHA256_LEN, .max = SHA256_LEN,
          .help = "SHA-256 of the certificate."),
    FIELD(2, struct shown_certificate, spki_sha256, "spki-sha256", FIELD_HEX,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .min = SHA256_LEN, .max = SHA256_LEN,
          .help = "SHA-256 of its public key."),
    FIELD(3, struct shown_certificate, subject, "subject", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = SUBJECT_MAX, .help = "Subject name, as RFC 4514 writes it."),
    FIELD(4, struct shown_certificate, since, "since", FIELD_TIME,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .help = "Since when pledges were shown it."),
    FIELD(5, struct shown_certificate, until, "until", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "Until when; absent while they are."),
};
const struct record_type shown_certificate_type =
    RECORD_TYPE("shown certificate", 1, struct shown_certificate, fields);

static struct bytes key_of(struct arena *arena, const void *record)
{
    (void)arena;
    return ((const struct shown_certificate *)record)->sha256;
}

static struct bytes by_public_key(struct arena *arena, const void *record)
{
    (void)arena;
    return ((const struct shown_certificate *)record)->spki_sha256;
}

const struct table_index shown_certificates_by_key = {
    .prefix = PREFIX_SHOWN_CERTIFICATE_BY_KEY,
    .key_of = by_public_key,
};

const struct table shown_certificates = {
    .prefix = PREFIX_SHOWN_CERTIFICATE,
    .type = &shown_certificate_type,
    .key_of = key_of,
    .indexes = &shown_certificates_by_key,
    .index_count = 1,
};

struct changes {
    struct shown_certificate items[CHANGES_MAX];
    size_t count;
};

static bool add_change(struct task *t, struct changes *all, const struct shown_certificate *change)
{
    ENSURE(t, all->count < CHANGES_MAX, E_TOO_LARGE, "more than %d certificates change at once",
           CHANGES_MAX);
    all->items[all->count++] = *change;
    return true;
}

static bool is_among(const struct shown_certificate *shown, size_t count, struct bytes sha256)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal(shown[i].sha256, sha256))
            return true;
    }
    return false;
}

/* What was shown until now and is not any more. */
static bool find_past(struct task *t, struct view *view, const struct shown_certificate *shown,
                      size_t count, struct changes *ret)
{
    struct table_scan scan = table_scan(t, view, &shown_certificates, BYTES_ABSENT);
    for (;;) {
        struct shown_certificate known;
        bool found;
        TRY(table_scan_next(t, &scan, &known, &found));
        if (!found)
            return true;
        if (known.until != 0 || is_among(shown, count, known.sha256))
            continue;
        known.until = clock_wall();
        TRY(add_change(t, ret, &known));
    }
}

/* One that was shown before and is again counts as shown all the time. */
static bool find_new(struct task *t, struct view *view, const struct shown_certificate *shown,
                     struct changes *ret)
{
    struct shown_certificate known;
    bool found;
    TRY(table_find(t, view_reader(view), &shown_certificates, shown->sha256, &known, &found));
    if (found && known.until == 0)
        return true;
    if (!found) {
        known = *shown;
        known.since = clock_wall();
    }
    known.until = 0;
    return add_change(t, ret, &known);
}

static bool find_changes(struct task *t, struct store *store, const struct shown_certificate *shown,
                         size_t count, struct changes *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    TRY(view_open(t, store, &view));
    TRY(find_past(t, view, shown, count, ret));
    for (size_t i = 0; i < count; i++)
        TRY(find_new(t, view, &shown[i], ret));
    return true;
}

static bool put_changes(struct task *t, struct tx *tx, void *arg)
{
    const struct changes *changes = arg;
    for (size_t i = 0; i < changes->count; i++)
        TRY(table_put(t, tx, &shown_certificates, &changes->items[i]));
    return true;
}

bool shown_certificates_note(struct task *t, struct store *store,
                             const struct shown_certificate *shown, size_t count)
{
    struct changes *changes = arena_alloc(t->arena, sizeof(*changes));
    TRY(find_changes(t, store, shown, count, changes));
    return changes->count == 0 || store_update(t, store, put_changes, changes);
}
