#include "core/store/table.h"

#include "core/base/clock.h"
#include "core/store/internal.h"

#include <string.h>

#define TIME_LEN 6 /* octets of milliseconds in an id */

struct bytes key_of_entry(struct arena *arena, const struct table_index *index, const void *record,
                          struct bytes key)
{
    struct bytes index_key = index->key_of(arena, record);
    if (!bytes_present(index_key))
        return BYTES_ABSENT;
    return key_join(arena, index->prefix, index_key, index->unique ? BYTES_ABSENT : key);
}

static struct bytes record_key(struct arena *arena, const struct table *table, struct bytes key)
{
    return key_join(arena, table->prefix, key, BYTES_ABSENT);
}

static bool decode(struct task *t, const struct table *table, struct bytes key, struct bytes cbor,
                   void *record)
{
    if (record_decode(t, table->type, cbor, record))
        return true;
    return fail(t, E_STORE_DAMAGED, "%s %s: %s", table->type->name, bytes_to_hex(t->arena, key),
                t->detail);
}

static bool claim_unique(struct task *t, struct tx *tx, const struct table *table, uint8_t prefix,
                         struct bytes entry, struct bytes key)
{
    struct bytes holder;
    TRY(reader_get(t, tx_reader(tx), entry, &holder));
    ENSURE(t, !bytes_present(holder) || bytes_equal(holder, key), E_EXISTS,
           "another %s has the same '%c' key", table->type->name, prefix);
    return true;
}

/* `old` and `new` may be NULL: no such record. */
static bool move_entry(struct task *t, struct tx *tx, const struct table *table,
                       const struct table_index *index, const void *old, const void *new,
                       struct bytes key)
{
    struct bytes from = old == NULL ? BYTES_ABSENT : key_of_entry(t->arena, index, old, key);
    struct bytes to = new == NULL ? BYTES_ABSENT : key_of_entry(t->arena, index, new, key);
    if (bytes_equal(from, to))
        return true;
    if (bytes_present(from))
        TRY(tx_delete(t, tx, from));
    if (!bytes_present(to))
        return true;
    if (index->unique)
        TRY(claim_unique(t, tx, table, index->prefix, to, key));
    return tx_put(t, tx, to, key);
}

static bool move_entries(struct task *t, struct tx *tx, const struct table *table, const void *old,
                         const void *new, struct bytes key)
{
    for (size_t i = 0; i < table->index_count; i++)
        TRY(move_entry(t, tx, table, &table->indexes[i], old, new, key));
    return true;
}

bool table_put(struct task *t, struct tx *tx, const struct table *table, const void *record)
{
    struct bytes cbor;
    bool replaces;
    void *old = arena_alloc(t->arena, table->type->size);
    TRY(record_encode(t, table->type, record, &cbor));
    struct bytes key = table->key_of(t->arena, record);
    ENSURE(t, key.len > 0, E_INVALID, "a %s without key", table->type->name);
    TRY(table_find(t, tx_reader(tx), table, key, old, &replaces));
    TRY(move_entries(t, tx, table, replaces ? old : NULL, record, key));
    return tx_put(t, tx, record_key(t->arena, table, key), cbor);
}

bool table_find(struct task *t, struct reader *r, const struct table *table, struct bytes key,
                void *record, bool *ret_found)
{
    struct bytes cbor;
    TRY(reader_get(t, r, record_key(t->arena, table, key), &cbor));
    if (bytes_present(cbor))
        TRY(decode(t, table, key, cbor, record));
    *ret_found = bytes_present(cbor);
    return true;
}

/* A text key as it is, any other in hexadecimal. */
static const char *printable(struct arena *arena, struct bytes key)
{
    bool plain = true;
    for (size_t i = 0; i < key.len; i++)
        plain = plain && key.data[i] > ' ' && key.data[i] < 0x7F;
    return plain ? arena_strndup(arena, (const char *)key.data, key.len) : bytes_to_hex(arena, key);
}

bool table_get(struct task *t, struct reader *r, const struct table *table, struct bytes key,
               void *record)
{
    bool found;
    TRY(table_find(t, r, table, key, record, &found));
    ENSURE(t, found, E_NOT_FOUND, "no %s %s", table->type->name, printable(t->arena, key));
    return true;
}

/* The record that an index entry names: it must be there. */
static bool follow_entry(struct task *t, struct reader *r, const struct table *table,
                         struct bytes key, void *record)
{
    bool found;
    TRY(table_find(t, r, table, key, record, &found));
    ENSURE(t, found, E_STORE_DAMAGED, "an index names a %s %s that is not there", table->type->name,
           bytes_to_hex(t->arena, key));
    return true;
}

bool table_find_by(struct task *t, struct reader *r, const struct table *table,
                   const struct table_index *index, struct bytes index_key, void *record,
                   bool *ret_found)
{
    struct bytes key;
    ENSURE(t, index->unique, E_INTERNAL, "index '%c' is not unique", index->prefix);
    TRY(reader_get(t, r, key_join(t->arena, index->prefix, index_key, BYTES_ABSENT), &key));
    if (bytes_present(key))
        TRY(follow_entry(t, r, table, key, record));
    *ret_found = bytes_present(key);
    return true;
}

static struct bytes blob_key(struct arena *arena, const struct table *table, struct bytes key,
                             unsigned blob)
{
    uint8_t number = (uint8_t)blob;
    const struct bytes parts[] = {bytes_make(&table->prefix, 1), key, bytes_make(&number, 1)};
    struct bytes place = bytes_concat(arena, parts, ARRAY_SIZE(parts));
    return key_join(arena, PREFIX_BLOB, place, BYTES_ABSENT);
}

bool table_delete(struct task *t, struct tx *tx, const struct table *table, struct bytes key)
{
    bool found;
    void *old = arena_alloc(t->arena, table->type->size);
    TRY(table_find(t, tx_reader(tx), table, key, old, &found));
    if (!found)
        return true;
    TRY(move_entries(t, tx, table, old, NULL, key));
    for (unsigned blob = 1; blob <= table->blobs; blob++)
        TRY(tx_delete(t, tx, blob_key(t->arena, table, key, blob)));
    return tx_delete(t, tx, record_key(t->arena, table, key));
}

static bool check_blob(struct task *t, const struct table *table, unsigned blob)
{
    ENSURE(t, blob >= 1 && blob <= table->blobs, E_INTERNAL, "a %s has no blob %u",
           table->type->name, blob);
    return true;
}

bool blob_put(struct task *t, struct tx *tx, const struct table *table, struct bytes key,
              unsigned blob, struct bytes octets)
{
    TRY(check_blob(t, table, blob));
    struct bytes place = blob_key(t->arena, table, key, blob);
    return bytes_present(octets) ? tx_put(t, tx, place, octets) : tx_delete(t, tx, place);
}

bool blob_get(struct task *t, struct reader *r, const struct table *table, struct bytes key,
              unsigned blob, struct bytes *ret)
{
    TRY(check_blob(t, table, blob));
    return reader_get(t, r, blob_key(t->arena, table, key, blob), ret);
}

struct table_scan table_scan(struct task *t, struct view *view, const struct table *table,
                             struct bytes from)
{
    struct table_scan scan = {.table = table, .scan = {.view = view}};
    scan.scan.prefix = record_key(t->arena, table, BYTES_ABSENT);
    if (bytes_present(from))
        scan.scan.from = record_key(t->arena, table, from);
    return scan;
}

struct table_scan table_scan_prefix(struct task *t, struct view *view, const struct table *table,
                                    struct bytes prefix)
{
    struct table_scan scan = {.table = table, .scan = {.view = view}};
    scan.scan.prefix = record_key(t->arena, table, prefix);
    return scan;
}

struct table_scan table_scan_index(struct task *t, struct view *view, const struct table *table,
                                   const struct table_index *index, struct bytes prefix,
                                   bool backwards)
{
    struct table_scan scan = {.table = table, .index = index};
    scan.scan.view = view;
    scan.scan.prefix = key_join(t->arena, index->prefix, prefix, BYTES_ABSENT);
    scan.scan.backwards = backwards;
    return scan;
}

void table_scan_start(struct task *t, struct table_scan *scan, struct bytes from)
{
    uint8_t prefix = scan->index == NULL ? scan->table->prefix : scan->index->prefix;
    scan->scan.from = key_join(t->arena, prefix, from, BYTES_ABSENT);
}

struct bytes table_index_place(struct arena *arena, const struct table *table,
                               const struct table_index *index, const void *record)
{
    struct bytes entry = key_of_entry(arena, index, record, table->key_of(arena, record));
    return bytes_present(entry) ? bytes_make(entry.data + 1, entry.len - 1) : BYTES_ABSENT;
}

bool table_scan_next(struct task *t, struct table_scan *scan, void *record, bool *ret_found)
{
    struct bytes key;
    struct bytes value;
    bool found;
    struct view *view = scan->scan.view;
    TRY(scan_next(t, &scan->scan, &key, &value, &found));
    if (found && scan->index != NULL)
        TRY(follow_entry(t, view_reader(view), scan->table, value, record));
    else if (found)
        TRY(decode(t, scan->table, bytes_make(key.data + 1, key.len - 1), value, record));
    *ret_found = found;
    return true;
}

struct bytes id_make(struct arena *arena)
{
    struct bytes now = key_of_number(arena, (uint64_t)clock_wall());
    const struct bytes parts[] = {bytes_make(now.data + now.len - TIME_LEN, TIME_LEN),
                                  bytes_random(arena, ID_LEN - TIME_LEN)};
    return bytes_concat(arena, parts, ARRAY_SIZE(parts));
}

struct bytes key_of_number(struct arena *arena, uint64_t number)
{
    uint8_t *octets = arena_alloc(arena, sizeof(number));
    for (size_t i = sizeof(number); i > 0; i--, number >>= 8)
        octets[i - 1] = (uint8_t)number;
    return bytes_make(octets, sizeof(number));
}
