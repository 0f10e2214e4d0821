/*
 * CBOR (RFC 8949) over libcbor's streaming decoder: items are pulled one at a time from octets
 * that stay where they are.  Nothing is allocated on a peer's say-so.
 */
#ifndef GATEHOUSE_CORE_BASE_CBOR_H
#define GATEHOUSE_CORE_BASE_CBOR_H

#include "core/base/task.h"

#define CBOR_DEPTH_MAX 16

enum cbor_item_kind {
    CBOR_ITEM_END, /* no octets left */
    CBOR_ITEM_UINT,
    CBOR_ITEM_NEGINT, /* the value is -1 - number */
    CBOR_ITEM_OCTETS,
    CBOR_ITEM_TEXT,
    CBOR_ITEM_ARRAY, /* number: how many items follow   */
    CBOR_ITEM_MAP,   /* number: how many pairs follow   */
    CBOR_ITEM_TAG,   /* number: the tag; its item follows */
    CBOR_ITEM_BOOL,
    CBOR_ITEM_NULL,
    CBOR_ITEM_OTHER, /* floats, undefined, other simple values */
};

struct cbor_item {
    enum cbor_item_kind kind;
    uint64_t number;     /* strings: their length */
    struct bytes string; /* borrowed from the input */
};

struct cbor_reader {
    struct bytes input;
    size_t at;
};

struct cbor_reader cbor_reader_of(struct bytes input);
/*
 * The next item's head (and content, for strings).  Fails with E_MALFORMED on indefinite lengths,
 * on more items than octets are left, and on text that is not UTF-8 or contains NUL.
 */
MUST_USE bool cbor_next(struct task *t, struct cbor_reader *r, struct cbor_item *ret);
/* How many items the head of one announces, each of which an octet is there for: cbor_next(). */
uint64_t cbor_items_within(const struct cbor_item *item);
/* The next item must be of this kind. */
MUST_USE bool cbor_expect(struct task *t, struct cbor_reader *r, enum cbor_item_kind kind,
                          struct cbor_item *ret);
/* Passes over one whole item, nested up to CBOR_DEPTH_MAX; `ret` (may be NULL) gets its octets. */
MUST_USE bool cbor_skip(struct task *t, struct cbor_reader *r, struct bytes *ret);
MUST_USE bool cbor_at_end(struct task *t, const struct cbor_reader *r);

/* Grows as needed, in the arena. */
struct cbor_writer {
    struct arena *arena;
    uint8_t *data;
    size_t len;
    size_t room;
};

struct cbor_writer cbor_writer_make(struct arena *arena);
void cbor_write_uint(struct cbor_writer *w, uint64_t number);
/* Any signed number, as major type 0 or 1. */
void cbor_write_int(struct cbor_writer *w, int64_t number);
void cbor_write_octets(struct cbor_writer *w, struct bytes octets);
void cbor_write_text(struct cbor_writer *w, const char *text);
void cbor_write_bool(struct cbor_writer *w, bool value);
void cbor_write_null(struct cbor_writer *w);
void cbor_write_array(struct cbor_writer *w, size_t items);
void cbor_write_map(struct cbor_writer *w, size_t pairs);
void cbor_write_tag(struct cbor_writer *w, uint64_t tag);
/* Encoded items, as they are. */
void cbor_write_raw(struct cbor_writer *w, struct bytes encoded);
struct bytes cbor_written(const struct cbor_writer *w);

#endif
