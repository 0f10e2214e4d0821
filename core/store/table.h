/*
 * Tables: records of one type under keys of their own, with the indexes and big octets that belong
 * to them.  Indexes are written in the same update as the record.
 */
#ifndef GATEHOUSE_CORE_STORE_TABLE_H
#define GATEHOUSE_CORE_STORE_TABLE_H

#include "core/base/record.h"
#include "core/store/store.h"

struct table_index {
    uint8_t prefix;
    bool unique; /* the index key alone finds the record; a second one with it: E_EXISTS */
    /*
     * Absent: this record is not in the index.  Unless it is unique, its keys have one length or
     * an end of their own: the record's key follows them.
     */
    struct bytes (*key_of)(struct arena *arena, const void *record);
};

struct table {
    uint8_t prefix;
    const struct record_type *type;
    /* The record's key without the prefix; never changes in a record's life. */
    struct bytes (*key_of)(struct arena *arena, const void *record);
    const struct table_index *indexes;
    size_t index_count;
    unsigned blobs; /* numbers 1..blobs may hold big octets */
};

/* Writes the record, checked, and brings its indexes up to date. */
MUST_USE bool table_put(struct task *t, struct tx *tx, const struct table *table,
                        const void *record);
/* `record` is filled only when found. */
MUST_USE bool table_find(struct task *t, struct reader *r, const struct table *table,
                         struct bytes key, void *record, bool *ret_found);
/* As table_find(), but not finding it is E_NOT_FOUND. */
MUST_USE bool table_get(struct task *t, struct reader *r, const struct table *table,
                        struct bytes key, void *record);
/* Through a unique index. */
MUST_USE bool table_find_by(struct task *t, struct reader *r, const struct table *table,
                            const struct table_index *index, struct bytes index_key, void *record,
                            bool *ret_found);
/* The record, its indexes and its blobs. */
MUST_USE bool table_delete(struct task *t, struct tx *tx, const struct table *table,
                           struct bytes key);

/* Big octets of a record: certificates, vouchers, requests.  Absent octets delete. */
MUST_USE bool blob_put(struct task *t, struct tx *tx, const struct table *table, struct bytes key,
                       unsigned blob, struct bytes octets);
/* Absent when there are none. */
MUST_USE bool blob_get(struct task *t, struct reader *r, const struct table *table,
                       struct bytes key, unsigned blob, struct bytes *ret);

/* Records in key order; `from` (a record key; absent: all) is where to start, inclusive. */
struct table_scan {
    const struct table *table;
    const struct table_index *index; /* NULL: by record key */
    struct scan scan;
};
struct table_scan table_scan(struct task *t, struct view *view, const struct table *table,
                             struct bytes from);
/* Those whose key starts with `prefix`. */
struct table_scan table_scan_prefix(struct task *t, struct view *view, const struct table *table,
                                    struct bytes prefix);
/* Records whose index key starts with `prefix`, in index order or backwards. */
struct table_scan table_scan_index(struct task *t, struct view *view, const struct table *table,
                                   const struct table_index *index, struct bytes prefix,
                                   bool backwards);
/*
 * Lets a scan that has not begun start at `from` (inclusive): a record key, or a place in the
 * scan's index as table_index_place() tells it.
 */
void table_scan_start(struct task *t, struct table_scan *scan, struct bytes from);
/* Where the record stands in the index; absent: it is not in it. */
struct bytes table_index_place(struct arena *arena, const struct table *table,
                               const struct table_index *index, const void *record);
MUST_USE bool table_scan_next(struct task *t, struct table_scan *scan, void *record,
                              bool *ret_found);

/* 16 octets, later ones greater: 6 of milliseconds, 10 random.  For episodes and orders. */
#define ID_LEN 16
struct bytes id_make(struct arena *arena);
/* Big-endian, so that octet order is number order. */
struct bytes key_of_number(struct arena *arena, uint64_t number);

#endif
