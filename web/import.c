#include "web/import.h"

#include "core/base/clock.h"
#include "core/store/records/event.h"
#include "core/store/records/manufacturer.h"
#include "web/api_internal.h"

#include <string.h>

#define DIGEST_LEN 16 /* of a place's key: enough to tell rows apart */
#define WHAT_MAX   512

static const struct field error_fields[] = {
    FIELD(1, struct import_error, line, "line", FIELD_UINT, .help = "Line that the row begins in."),
    FIELD(2, struct import_error, what, "what", FIELD_TEXT, .help = "What is wrong with it."),
};
static const struct record_type error_type =
    RECORD_TYPE("import-error", 1, struct import_error, error_fields);

static const struct field report_fields[] = {
    FIELD(1, struct import_report, rows, "rows", FIELD_UINT,
          .help = "Rows in the file, without the line that names the columns."),
    FIELD(2, struct import_report, added, "added", FIELD_UINT,
          .help = "Places that were added, or would be when nothing was applied."),
    FIELD(3, struct import_report, unchanged, "unchanged", FIELD_UINT,
          .help = "Rows whose places were on the list already, with the same note and columns."),
    FIELD(4, struct import_report, bad, "bad", FIELD_UINT, .help = "Rows that are not right."),
    FIELD(5, struct import_report, applied, "applied", FIELD_BOOL,
          .help = "Whether the places are on the list now."),
    FIELD(6, struct import_report, errors, "errors", FIELD_RECORDS, .sub = &error_type,
          .help = "What is wrong with the bad rows, in the file's order; the first 1000."),
};
const struct record_type import_report_type =
    RECORD_TYPE("import-report", 1, struct import_report, report_fields);

/* A row that is to become a place. */
struct wanted {
    size_t at;
    unsigned line;
};

/* A place that a row of the file has spoken of. */
struct seen {
    uint8_t digest[DIGEST_LEN];
    unsigned line; /* 0: this slot is free */
};

struct import {
    struct store *store;
    const struct import_options *options;
    struct csv csv;
    struct import_header header;
    struct import_report report;
    struct import_error *errors; /* room for IMPORT_ERRORS_MAX */
    const char *source;
    const char *digest; /* of the file, for the audit trail */
    int64_t now;
    struct wanted *wanted;
    size_t count;
    struct seen *seen;        /* a hash table with open addressing */
    size_t slots;             /* a power of two */
    const char *manufacturer; /* the last one that was found to be there */
    size_t written;           /* of `wanted` */
};

/* ---- The file ---- */

static unsigned count_lines(struct bytes csv)
{
    unsigned lines = 1;
    for (size_t i = 0; i < csv.len; i++)
        lines += csv.data[i] == '\n' || csv.data[i] == '\r';
    return lines;
}

static bool begin(struct task *t, struct bytes octets, struct import *im)
{
    struct csv_row *row = arena_alloc(t->arena, sizeof(*row));
    unsigned lines = count_lines(octets);
    size_t most = lines < IMPORT_ROWS_MAX ? lines : IMPORT_ROWS_MAX;
    bool found;
    im->csv = csv_open(octets);
    if (!csv_next(t, &im->csv, row, &found))
        return fail(t, E_INVALID, "line %u: %s", row->line, t->detail);
    ENSURE(t, found, E_INVALID, "the file is empty");
    TRY(import_header_read(t, row, &im->header));
    for (im->slots = 16; im->slots < 2 * most; im->slots *= 2)
        ;
    im->seen = arena_array(t->arena, im->slots, sizeof(*im->seen));
    im->wanted = arena_array(t->arena, most, sizeof(*im->wanted));
    im->errors = arena_array(t->arena, IMPORT_ERRORS_MAX, sizeof(*im->errors));
    im->report.errors.items = im->errors;
    im->digest = bytes_to_hex(t->arena, bytes_sha256(t->arena, octets));
    im->now = clock_wall();
    im->source = arena_printf(
        t->arena, EXPECTED_SOURCE_CSV "%s",
        im->options->file == NULL
            ? "-"
            : bytes_to_printable(t->arena, bytes_of_text(im->options->file), EXPECTED_FILE_MAX));
    return true;
}

/* ---- What is wrong with a row: the task's problem, which is forgotten ---- */

/* `lasting` is the arena of the report; the row's own is given back. */
static void note_error(struct task *t, struct import *im, struct arena *lasting, unsigned line)
{
    struct record_list *errors = &im->report.errors;
    im->report.bad++;
    if (errors->count < IMPORT_ERRORS_MAX)
        im->errors[errors->count++] = (struct import_error){
            .line = line,
            .what = bytes_to_printable(lasting, bytes_of_text(t->detail), WHAT_MAX),
        };
    task_forgive(t);
}

/* ---- The first pass: every row is looked at, and nothing written ---- */

static bool check_manufacturer(struct task *t, struct import *im, struct arena *lasting,
                               struct view *view, const char *name)
{
    struct manufacturer m;
    bool found;
    if (im->manufacturer != NULL && strcmp(im->manufacturer, name) == 0)
        return true;
    TRY(table_find(t, view_reader(view), &manufacturers, bytes_of_text(name), &m, &found));
    ENSURE(t, found, E_INVALID, "there is no manufacturer %s", api_quote(t, name));
    im->manufacturer = arena_strdup(lasting, name);
    return true;
}

static bool check_first(struct task *t, struct import *im, struct bytes key, unsigned line)
{
    struct bytes digest = bytes_sha256(t->arena, key);
    size_t slot;
    memcpy(&slot, digest.data, sizeof(slot));
    for (slot &= im->slots - 1; im->seen[slot].line != 0; slot = (slot + 1) & (im->slots - 1))
        ENSURE(t, memcmp(im->seen[slot].digest, digest.data, DIGEST_LEN) != 0, E_INVALID,
               "line %u has the same serial number", im->seen[slot].line);
    memcpy(im->seen[slot].digest, digest.data, DIGEST_LEN);
    im->seen[slot].line = line;
    return true;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_place(const struct expected *a, const struct expected *b)
{
    const struct expected_column *of_a = a->columns.items;
    const struct expected_column *of_b = b->columns.items;
    if (!same_text(a->note, b->note) || a->columns.count != b->columns.count)
        return false;
    for (size_t i = 0; i < a->columns.count; i++) {
        if (!same_text(of_a[i].name, of_b[i].name) || !same_text(of_a[i].value, of_b[i].value))
            return false;
    }
    return true;
}

/* *ret_wanted: the place is to be added; otherwise it is there, as the row has it. */
static bool check_row(struct task *t, struct import *im, struct arena *lasting, struct view *view,
                      const struct csv_row *row, bool *ret_wanted)
{
    struct expected place;
    struct expected there;
    bool found;
    TRY(import_row_read(t, &im->header, im->options, row, &place));
    TRY(check_manufacturer(t, im, lasting, view, place.manufacturer));
    struct bytes key = expected_key(t->arena, place.manufacturer, place.serial);
    TRY(check_first(t, im, key, row->line));
    TRY(table_find(t, view_reader(view), &expected_devices, key, &there, &found));
    ENSURE(t, !found || same_place(&place, &there), E_INVALID,
           "%s is on the list already, with another note or other columns (%s)",
           api_quote(t, place.serial),
           there.source == NULL ? "from before sources were kept" : there.source);
    *ret_wanted = !found;
    return true;
}

static void take_row(struct import *im, const struct csv_row *row, bool wanted)
{
    if (wanted)
        im->wanted[im->count++] = (struct wanted){row->at, row->line};
    im->report.added += wanted;
    im->report.unchanged += !wanted;
}

/* True for a problem of the row; otherwise the store has failed, and so does the import. */
static bool is_rows_own(const struct task *t)
{
    return task_failed_with(t, E_INVALID) || task_failed_with(t, E_MALFORMED) ||
           task_failed_with(t, E_TOO_LARGE);
}

/* What a row takes is given back after it: `t` has an arena of its own for that. */
static bool look_at_rows(struct task *t, struct import *im, struct arena *lasting,
                         struct view *view)
{
    struct csv_row *row = arena_alloc(lasting, sizeof(*row));
    struct arena_mark mark = arena_mark(t->arena);
    for (;;) {
        bool found = true;
        bool wanted = false;
        arena_rewind(t->arena, mark);
        bool good = csv_next(t, &im->csv, row, &found);
        if (!found)
            return true;
        ENSURE(t, ++im->report.rows <= IMPORT_ROWS_MAX, E_TOO_LARGE,
               "more than %d rows; split the file in several", IMPORT_ROWS_MAX);
        good = good && check_row(t, im, lasting, view, row, &wanted);
        if (!good && !is_rows_own(t))
            return false;
        if (good)
            take_row(im, row, wanted);
        else
            note_error(t, im, lasting, row->line);
    }
}

static bool first_pass(struct task *t, struct import *im)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task row_task = *t;
    row_task.arena = arena;
    TRY(view_open(t, im->store, &view));
    return look_at_rows(&row_task, im, t->arena, view) ||
           fail(t, row_task.problem, "%s", row_task.detail);
}

/* ---- The second pass: so many places in one update, one update after the other ---- */

struct batch {
    struct import *import;
    struct expected places[IMPORT_BATCH];
    struct bytes devices[IMPORT_BATCH]; /* those that have knocked in vain so far; absent: none */
    size_t count;
};

static bool note(struct task *t, struct tx *tx, const struct import *im, const char *name,
                 struct bytes device, const char *detail)
{
    const struct event event = {
        .name = name,
        .severity = EVENT_INFO,
        .actor = im->options->actor,
        .device = device,
        .detail = detail,
    };
    return event_add(t, tx, &event);
}

static bool put_batch(struct task *t, struct tx *tx, void *arg)
{
    const struct batch *batch = arg;
    const struct import *im = batch->import;
    for (size_t i = 0; i < batch->count; i++) {
        const struct expected *place = &batch->places[i];
        struct expected there;
        bool found;
        TRY(table_find(t, tx_reader(tx), &expected_devices,
                       expected_key(t->arena, place->manufacturer, place->serial), &there, &found));
        ENSURE(t, !found, E_EXISTS, "%s of %s was put on the list meanwhile",
               api_quote(t, place->serial), place->manufacturer);
        TRY(table_put(t, tx, &expected_devices, place));
        if (bytes_present(batch->devices[i]))
            TRY(note(t, tx, im, "device-expected", batch->devices[i],
                     arena_printf(t->arena, "%s of %s, from %s", api_quote(t, place->serial),
                                  place->manufacturer, im->source)));
    }
    return note(t, tx, im, "devices-imported", BYTES_ABSENT,
                arena_printf(t->arena, "%zu to %zu of %zu places from %s (SHA-256 %s)",
                             im->written + 1, im->written + batch->count, im->count, im->source,
                             im->digest));
}

/* The rows once more, as places. */
static bool fill_batch(struct task *t, struct import *im, struct batch *batch)
{
    struct csv_row *row = arena_alloc(t->arena, sizeof(*row));
    for (batch->count = 0; batch->count < IMPORT_BATCH && im->written + batch->count < im->count;
         batch->count++) {
        const struct wanted *wanted = &im->wanted[im->written + batch->count];
        struct expected *place = &batch->places[batch->count];
        bool found;
        im->csv.at = wanted->at;
        im->csv.line = wanted->line;
        TRY(csv_next(t, &im->csv, row, &found));
        ENSURE(t, found, E_INTERNAL, "the row at line %u is gone", wanted->line);
        TRY(import_row_read(t, &im->header, im->options, row, place));
        place->added = im->now;
        place->added_by = im->options->actor;
        place->source = im->source;
    }
    return true;
}

static bool find_devices(struct task *t, struct store *store, struct batch *batch)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    TRY(view_open(t, store, &view));
    for (size_t i = 0; i < batch->count; i++)
        TRY(api_find_turned_away(t, view, &batch->places[i], &batch->devices[i]));
    return true;
}

static bool write_batch(struct task *t, struct import *im)
{
    struct batch *batch = arena_alloc(t->arena, sizeof(*batch));
    batch->import = im;
    TRY(fill_batch(t, im, batch));
    TRY(find_devices(t, im->store, batch));
    TRY(store_update(t, im->store, put_batch, batch));
    im->written += batch->count;
    return true;
}

static bool second_pass(struct task *t, struct import *im)
{
    struct arena_mark mark = arena_mark(t->arena);
    while (im->written < im->count) {
        TRY(write_batch(t, im));
        arena_rewind(t->arena, mark);
    }
    return true;
}

/* ---- When the store fails on the way ---- */

/* What this import has put there, and nobody has claimed since. */
static bool take_batch_back(struct task *t, struct tx *tx, void *arg)
{
    const struct batch *batch = arg;
    const struct import *im = batch->import;
    for (size_t i = 0; i < batch->count; i++) {
        const struct expected *place = &batch->places[i];
        struct bytes key = expected_key(t->arena, place->manufacturer, place->serial);
        struct expected there;
        bool found;
        TRY(table_find(t, tx_reader(tx), &expected_devices, key, &there, &found));
        if (found && !bytes_present(there.device) && there.added == im->now &&
            same_text(there.source, im->source))
            TRY(table_delete(t, tx, &expected_devices, key));
    }
    return note(t, tx, im, "import-taken-back", BYTES_ABSENT,
                arena_printf(t->arena, "%zu places from %s (SHA-256 %s)", batch->count, im->source,
                             im->digest));
}

static bool take_back(struct task *t, struct import *im)
{
    struct batch *batch = arena_alloc(t->arena, sizeof(*batch));
    size_t written = im->written;
    batch->import = im;
    for (im->written = 0; im->written < written; im->written += batch->count) {
        TRY(fill_batch(t, im, batch));
        TRY(store_update(t, im->store, take_batch_back, batch));
    }
    return true;
}

static bool undo(struct task *t, struct import *im)
{
    struct task aside = *t;
    task_forgive(&aside);
    if (!take_back(&aside, im))
        return fail_context(t, "places that were written first are on the list (%s)", aside.detail);
    return fail_context(t, "nothing was imported");
}

bool import_devices(struct task *t, struct store *store, struct bytes csv,
                    const struct import_options *options, struct import_report *ret)
{
    struct import im = {.store = store, .options = options};
    TRY(begin(t, csv, &im));
    TRY(first_pass(t, &im));
    im.report.applied = !options->dry_run && (options->skip_bad || im.report.bad == 0);
    if (im.report.applied && !second_pass(t, &im))
        return undo(t, &im);
    *ret = im.report;
    return true;
}
