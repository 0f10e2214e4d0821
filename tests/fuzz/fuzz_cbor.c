/*
 * Any octets are read item by item to their end, skipped alike, and written again alike.
 *
 * Covers: core/base/cbor.c
 */
#include "tests/fuzz/support.h"

#include "core/base/cbor.h"

/* False where there is no writer: floats, undefined. */
static bool write_again(struct cbor_writer *w, const struct cbor_item *item)
{
    switch (item->kind) {
    case CBOR_ITEM_UINT:
        cbor_write_uint(w, item->number);
        return true;
    case CBOR_ITEM_NEGINT:
        if (item->number > INT64_MAX)
            return false;
        cbor_write_int(w, -1 - (int64_t)item->number);
        return true;
    case CBOR_ITEM_OCTETS:
        cbor_write_octets(w, item->string);
        return true;
    case CBOR_ITEM_ARRAY:
        cbor_write_array(w, item->number);
        return true;
    case CBOR_ITEM_MAP:
        cbor_write_map(w, item->number);
        return true;
    case CBOR_ITEM_TAG:
        cbor_write_tag(w, item->number);
        return true;
    case CBOR_ITEM_BOOL:
        cbor_write_bool(w, item->number != 0);
        return true;
    case CBOR_ITEM_NULL:
        cbor_write_null(w);
        return true;
    default:
        return false;
    }
}

/* What was read, written, and read again, is the same item. */
static void check_item(struct task *t, const struct cbor_item *item)
{
    struct cbor_writer w = cbor_writer_make(t->arena);
    if (item->kind == CBOR_ITEM_TEXT)
        cbor_write_text(&w, bytes_to_text(t->arena, item->string));
    else if (!write_again(&w, item))
        return;
    bool is_head = item->kind == CBOR_ITEM_ARRAY || item->kind == CBOR_ITEM_MAP;
    if (is_head && item->number > 0)
        return; /* a head alone announces what is not there */
    struct cbor_reader r = cbor_reader_of(cbor_written(&w));
    struct cbor_item again;
    MUST(cbor_next(t, &r, &again));
    MUST(again.kind == item->kind && again.number == item->number);
    MUST(bytes_equal(again.string, item->string));
    MUST(cbor_at_end(t, &r));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    task_init(&t, arena, NULL);
    struct cbor_reader r = cbor_reader_of(bytes_make(data, size));
    struct cbor_item item = {.kind = CBOR_ITEM_NULL};
    while (item.kind != CBOR_ITEM_END) {
        size_t before = r.at;
        if (!cbor_next(&t, &r, &item)) {
            MUST(r.at == before && t.problem == E_MALFORMED);
            break;
        }
        MUST(item.kind == CBOR_ITEM_END || r.at > before);
        MUST(r.at <= size);
        if (item.kind != CBOR_ITEM_END)
            check_item(&t, &item);
    }
    struct cbor_reader skipper = cbor_reader_of(bytes_make(data, size));
    struct bytes octets = BYTES_ABSENT;
    while (skipper.at < size && cbor_skip(&t, &skipper, &octets))
        MUST(octets.len > 0);
    return 0;
}
