#include "core/store/records/log_watch.h"

#include "core/base/clock.h"
#include "core/store/prefixes.h"

#define PROBLEM_MAX 64 /* octets */
#define DETAIL_MAX  512
#define ACTOR_MAX   128
#define MEDIA_MAX   128

static const struct field seen_fields[] = {
    FIELD(1, struct seen_log, sha256, "sha256", FIELD_HEX,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .min = SHA256_LEN, .max = SHA256_LEN,
          .help = "SHA-256 of the log as it was received."),
    FIELD(2, struct seen_log, blob, "blob", FIELD_UINT, .flags = FIELD_REQUIRED | FIELD_READ_ONLY,
          .min = 1, .help = "Under which number its octets are kept."),
    FIELD(3, struct seen_log, size, "size", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "Octets it has."),
    FIELD(4, struct seen_log, entries, "entries", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "How many entries it has."),
    FIELD(5, struct seen_log, first_seen, "first-seen", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it was received for the first time."),
    FIELD(6, struct seen_log, last_seen, "last-seen", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it was received last."),
    FIELD(7, struct seen_log, times, "times", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "How often it was received."),
    FIELD(8, struct seen_log, problem, "problem", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = PROBLEM_MAX, .help = "What the policy had against it; absent when nothing."),
    FIELD(9, struct seen_log, detail, "detail", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = DETAIL_MAX, .help = "The same in particular."),
};
const struct record_type seen_log_type = RECORD_TYPE("seen log", 1, struct seen_log, seen_fields);

static const struct field fields[] = {
    FIELD(1, struct log_watch, device, "device", FIELD_HEX,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .min = SUBJECT_LEN, .max = SUBJECT_LEN,
          .help = "The device whose log it is."),
    FIELD(2, struct log_watch, due, "due", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When the log is fetched next; absent: not by itself."),
    FIELD(3, struct log_watch, order, "order", FIELD_HEX, .flags = FIELD_READ_ONLY, .min = ID_LEN,
          .max = ID_LEN, .help = "The order that fetched it last, or fetches it now."),
    FIELD(4, struct log_watch, fetches, "fetches", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "How often a log was received."),
    FIELD(5, struct log_watch, fetched, "fetched", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When a log was received last."),
    FIELD(6, struct log_watch, problem, "problem", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = PROBLEM_MAX, .help = "Why none came the last time; absent when one came."),
    FIELD(7, struct log_watch, logs, "logs", FIELD_RECORDS, .flags = FIELD_READ_ONLY,
          .max = LOGS_KEPT_MAX, .sub = &seen_log_type,
          .help = "The distinct logs that are kept, the one received last at the end."),
    FIELD(8, struct log_watch, pardons, "pardons", FIELD_OCTETS_LIST, .flags = FIELD_READ_ONLY,
          .max = LOG_PARDONS_MAX,
          .help = "Digests of the entries that an administrator has accepted."),
    FIELD(9, struct log_watch, pardoned_arbitrary, "pardoned-arbitrary", FIELD_UINT,
          .flags = FIELD_READ_ONLY,
          .help = "How many entries dropped at will an administrator has accepted."),
    FIELD(10, struct log_watch, pardoned_sha256, "pardoned-sha256", FIELD_HEX,
          .flags = FIELD_READ_ONLY, .min = SHA256_LEN, .max = SHA256_LEN,
          .help = "SHA-256 of the log that an administrator accepted last."),
    FIELD(11, struct log_watch, pardoned_by, "pardoned-by", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = ACTOR_MAX, .help = "Who accepted it."),
    FIELD(12, struct log_watch, pardoned_at, "pardoned-at", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it was accepted."),
    FIELD(13, struct log_watch, media_type, "media-type", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = MEDIA_MAX, .help = "The form in which the MASA is asked."),
    FIELD(14, struct log_watch, pardoned_version, "pardoned-version", FIELD_UINT,
          .flags = FIELD_READ_ONLY,
          .help = "The highest version of a log that an administrator has accepted."),
};
const struct record_type log_watch_type = RECORD_TYPE("log watch", 1, struct log_watch, fields);

static struct bytes key_of(struct arena *arena, const void *record)
{
    const struct log_watch *watch = record;
    (void)arena;
    return watch->device;
}

static struct bytes by_due(struct arena *arena, const void *record)
{
    const struct log_watch *watch = record;
    return watch->due == 0 ? BYTES_ABSENT : key_of_number(arena, (uint64_t)watch->due);
}

const struct table_index log_watches_by_due = {
    .prefix = PREFIX_LOG_WATCH_BY_DUE,
    .key_of = by_due,
};

const struct table log_watches = {
    .prefix = PREFIX_LOG_WATCH,
    .type = &log_watch_type,
    .key_of = key_of,
    .indexes = &log_watches_by_due,
    .index_count = 1,
    .blobs = LOGS_KEPT_MAX,
};

bool log_watch_get(struct task *t, struct reader *r, struct bytes device, struct log_watch *ret)
{
    struct log_watch watch;
    bool found;
    TRY(table_find(t, r, &log_watches, device, &watch, &found));
    if (!found) {
        record_init(t, &log_watch_type, &watch);
        watch.device = device;
    }
    *ret = watch;
    return true;
}

/* ---- What was seen ---- */

static struct seen_log *seen_at(const struct log_watch *watch, size_t at)
{
    return (struct seen_log *)watch->logs.items + at;
}

const struct seen_log *log_watch_latest(const struct log_watch *watch)
{
    return watch->logs.count == 0 ? NULL : seen_at(watch, watch->logs.count - 1);
}

static bool find_seen(const struct log_watch *watch, struct bytes sha256, size_t *ret)
{
    for (size_t i = 0; i < watch->logs.count; i++) {
        if (bytes_equal(seen_at(watch, i)->sha256, sha256)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* Takes one out of the row; its octets stay. */
static struct seen_log take_out(struct log_watch *watch, size_t at)
{
    struct seen_log taken = *seen_at(watch, at);
    for (size_t i = at + 1; i < watch->logs.count; i++)
        *seen_at(watch, i - 1) = *seen_at(watch, i);
    watch->logs.count--;
    return taken;
}

static uint64_t size_of_all(const struct log_watch *watch)
{
    uint64_t size = 0;
    for (size_t i = 0; i < watch->logs.count; i++)
        size += seen_at(watch, i)->size;
    return size;
}

static uint64_t free_blob(const struct log_watch *watch)
{
    uint64_t blob = 1;
    for (size_t i = 0; i < watch->logs.count; i++) {
        if (seen_at(watch, i)->blob == blob) {
            blob++;
            i = (size_t)-1; /* from the beginning, with the next number */
        }
    }
    return blob;
}

/* The logs that were seen longest ago make room for one of `size` octets. */
static bool make_room(struct task *t, struct tx *tx, struct log_watch *watch, size_t size)
{
    while (watch->logs.count >= LOGS_KEPT_MAX ||
           (watch->logs.count > 0 && size_of_all(watch) + size > LOGS_KEPT_SIZE_MAX)) {
        struct seen_log gone = take_out(watch, 0);
        TRY(blob_put(t, tx, &log_watches, watch->device, (unsigned)gone.blob, BYTES_ABSENT));
    }
    return true;
}

/* The row with one place more at its end, in memory of its own. */
static struct seen_log *append(struct task *t, struct log_watch *watch)
{
    struct seen_log *items = arena_array(t->arena, watch->logs.count + 1, sizeof(*items));
    for (size_t i = 0; i < watch->logs.count; i++)
        items[i] = *seen_at(watch, i);
    watch->logs.items = items;
    return &items[watch->logs.count++];
}

bool log_watch_keep(struct task *t, struct tx *tx, struct log_watch *watch, struct bytes octets,
                    const struct seen_log *seen, bool *ret_new)
{
    struct seen_log kept = *seen;
    size_t at = 0;
    kept.sha256 = bytes_sha256(t->arena, octets);
    bool known = find_seen(watch, kept.sha256, &at);
    kept.last_seen = clock_wall();
    kept.first_seen = kept.last_seen;
    kept.times = 1;
    kept.size = octets.len;
    if (known) {
        struct seen_log before = take_out(watch, at);
        kept.blob = before.blob;
        kept.first_seen = before.first_seen;
        kept.times = before.times + 1;
        kept.rest = before.rest;
    } else {
        TRY(make_room(t, tx, watch, octets.len));
        kept.blob = free_blob(watch);
        TRY(blob_put(t, tx, &log_watches, watch->device, (unsigned)kept.blob, octets));
    }
    *append(t, watch) = kept;
    *ret_new = !known;
    return true;
}

bool log_watch_find(struct task *t, struct reader *r, const struct log_watch *watch,
                    struct bytes sha256, struct seen_log *ret, struct bytes *ret_octets,
                    bool *ret_found)
{
    size_t at = 0;
    struct bytes octets;
    *ret_found = find_seen(watch, sha256, &at);
    if (!*ret_found)
        return true;
    TRY(blob_get(t, r, &log_watches, watch->device, (unsigned)seen_at(watch, at)->blob, &octets));
    ENSURE(t, bytes_present(octets), E_STORE_DAMAGED, "a kept audit log has no octets");
    *ret = *seen_at(watch, at);
    *ret_octets = octets;
    return true;
}
