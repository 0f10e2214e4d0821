#include "core/base/cbor.h"

#include <string.h>

#include <cbor.h>

/* The longest head of an item: the initial octet and a 64-bit argument. */
#define HEAD_MAX 9

static const char *const kind_names[] = {
    [CBOR_ITEM_END] = "the end",
    [CBOR_ITEM_UINT] = "an unsigned number",
    [CBOR_ITEM_NEGINT] = "a negative number",
    [CBOR_ITEM_OCTETS] = "a byte string",
    [CBOR_ITEM_TEXT] = "a text string",
    [CBOR_ITEM_ARRAY] = "an array",
    [CBOR_ITEM_MAP] = "a map",
    [CBOR_ITEM_TAG] = "a tag",
    [CBOR_ITEM_BOOL] = "a boolean",
    [CBOR_ITEM_NULL] = "null",
    [CBOR_ITEM_OTHER] = "a float or other simple value",
};

/* What libcbor's callbacks tell about the one item that was decoded. */
struct decoded {
    struct cbor_item item;
    bool indefinite;
};

static void note(void *context, enum cbor_item_kind kind, uint64_t number)
{
    struct decoded *decoded = context;
    decoded->item = (struct cbor_item){.kind = kind, .number = number};
}

static void note_string(void *context, enum cbor_item_kind kind, cbor_data data, size_t len)
{
    struct decoded *decoded = context;
    decoded->item = (struct cbor_item){kind, len, bytes_make(data, len)};
}

static void on_uint8(void *context, uint8_t number)
{
    note(context, CBOR_ITEM_UINT, number);
}

static void on_uint16(void *context, uint16_t number)
{
    note(context, CBOR_ITEM_UINT, number);
}

static void on_uint32(void *context, uint32_t number)
{
    note(context, CBOR_ITEM_UINT, number);
}

static void on_uint64(void *context, uint64_t number)
{
    note(context, CBOR_ITEM_UINT, number);
}

static void on_negint8(void *context, uint8_t number)
{
    note(context, CBOR_ITEM_NEGINT, number);
}

static void on_negint16(void *context, uint16_t number)
{
    note(context, CBOR_ITEM_NEGINT, number);
}

static void on_negint32(void *context, uint32_t number)
{
    note(context, CBOR_ITEM_NEGINT, number);
}

static void on_negint64(void *context, uint64_t number)
{
    note(context, CBOR_ITEM_NEGINT, number);
}

static void on_octets(void *context, cbor_data data, size_t len)
{
    note_string(context, CBOR_ITEM_OCTETS, data, len);
}

static void on_text(void *context, cbor_data data, size_t len)
{
    note_string(context, CBOR_ITEM_TEXT, data, len);
}

static void on_array(void *context, size_t items)
{
    note(context, CBOR_ITEM_ARRAY, items);
}

static void on_map(void *context, size_t pairs)
{
    note(context, CBOR_ITEM_MAP, pairs);
}

static void on_bool(void *context, bool value)
{
    note(context, CBOR_ITEM_BOOL, value);
}

static void on_null(void *context)
{
    note(context, CBOR_ITEM_NULL, 0);
}

static void on_undefined(void *context)
{
    note(context, CBOR_ITEM_OTHER, 0);
}

static void on_float(void *context, float value)
{
    (void)value;
    note(context, CBOR_ITEM_OTHER, 0);
}

static void on_double(void *context, double value)
{
    (void)value;
    note(context, CBOR_ITEM_OTHER, 0);
}

/* Also the "break" that ends one. */
static void on_indefinite(void *context)
{
    struct decoded *decoded = context;
    decoded->indefinite = true;
}

static const struct cbor_callbacks callbacks = {
    .uint8 = on_uint8,
    .uint16 = on_uint16,
    .uint32 = on_uint32,
    .uint64 = on_uint64,
    .negint8 = on_negint8,
    .negint16 = on_negint16,
    .negint32 = on_negint32,
    .negint64 = on_negint64,
    .byte_string = on_octets,
    .byte_string_start = on_indefinite,
    .string = on_text,
    .string_start = on_indefinite,
    .array_start = on_array,
    .indef_array_start = on_indefinite,
    .map_start = on_map,
    .indef_map_start = on_indefinite,
    .tag = cbor_null_uint64_callback, /* see decode_tag */
    .float2 = on_float,
    .float4 = on_float,
    .float8 = on_double,
    .undefined = on_undefined,
    .null = on_null,
    .boolean = on_bool,
    .indef_break = on_indefinite,
};

struct cbor_reader cbor_reader_of(struct bytes input)
{
    return (struct cbor_reader){input, 0};
}

/* Each item of an array takes an octet at least, each pair of a map two. */
static bool count_is_possible(const struct cbor_item *item, size_t left)
{
    if (item->kind == CBOR_ITEM_ARRAY)
        return item->number <= left;
    if (item->kind == CBOR_ITEM_MAP)
        return item->number <= left / 2;
    return true;
}

#define MAJOR_TYPE     0xE0
#define MAJOR_TYPE_TAG 0xC0

/*
 * libcbor 0.8 refuses the one-octet tags 6 to 20, 18 (COSE_Sign1) among them.  The head of a tag
 * reads as that of an unsigned number but for its major type.
 */
static struct cbor_decoder_result decode_tag(struct bytes input, struct decoded *ret)
{
    uint8_t head[HEAD_MAX];
    size_t len = input.len < HEAD_MAX ? input.len : HEAD_MAX;
    memcpy(head, input.data, len);
    head[0] &= (uint8_t)~MAJOR_TYPE;
    struct cbor_decoder_result result = cbor_stream_decode(head, len, &callbacks, ret);
    ret->item.kind = CBOR_ITEM_TAG;
    return result;
}

static struct cbor_decoder_result decode_one(struct bytes input, struct decoded *ret)
{
    if ((input.data[0] & MAJOR_TYPE) == MAJOR_TYPE_TAG)
        return decode_tag(input, ret);
    return cbor_stream_decode(input.data, input.len, &callbacks, ret);
}

bool cbor_next(struct task *t, struct cbor_reader *r, struct cbor_item *ret)
{
    size_t left = r->input.len - r->at;
    if (left == 0) {
        *ret = (struct cbor_item){.kind = CBOR_ITEM_END};
        return true;
    }
    struct decoded decoded = {.item = {.kind = CBOR_ITEM_END}};
    struct cbor_decoder_result result =
        decode_one(bytes_make(r->input.data + r->at, left), &decoded);
    ENSURE(t, result.status != CBOR_DECODER_NEDATA, E_MALFORMED,
           "CBOR ends within the item at octet %zu", r->at);
    ENSURE(t, result.status == CBOR_DECODER_FINISHED, E_MALFORMED,
           "no CBOR item begins at octet %zu", r->at);
    /* RFC 8949 4.2.1: indefinite lengths have no place in deterministic encoding. */
    ENSURE(t, !decoded.indefinite, E_MALFORMED, "CBOR of indefinite length at octet %zu", r->at);
    ENSURE(t, count_is_possible(&decoded.item, left - result.read), E_MALFORMED,
           "CBOR at octet %zu announces more items than there are octets", r->at);
    /* RFC 8949 5.3.1: a text string that is not UTF-8 is not valid. */
    ENSURE(t, decoded.item.kind != CBOR_ITEM_TEXT || bytes_are_utf8(decoded.item.string),
           E_MALFORMED, "CBOR text at octet %zu is not UTF-8 without NUL", r->at);
    r->at += result.read;
    *ret = decoded.item;
    return true;
}

bool cbor_expect(struct task *t, struct cbor_reader *r, enum cbor_item_kind kind,
                 struct cbor_item *ret)
{
    struct cbor_reader ahead = *r;
    struct cbor_item item;
    TRY(cbor_next(t, &ahead, &item));
    ENSURE(t, item.kind == kind, E_MALFORMED, "CBOR at octet %zu: expected %s, found %s", r->at,
           kind_names[kind], kind_names[item.kind]);
    *r = ahead;
    *ret = item;
    return true;
}

uint64_t cbor_items_within(const struct cbor_item *item)
{
    switch (item->kind) {
    case CBOR_ITEM_ARRAY:
        return item->number;
    case CBOR_ITEM_MAP:
        return item->number * 2; /* cbor_next has seen that so many fit */
    case CBOR_ITEM_TAG:
        return 1;
    default:
        return 0;
    }
}

bool cbor_skip(struct task *t, struct cbor_reader *r, struct bytes *ret)
{
    struct cbor_reader at = *r;
    uint64_t to_come[CBOR_DEPTH_MAX + 1] = {1}; /* items, at each level */
    size_t depth = 0;
    while (depth > 0 || to_come[0] > 0) {
        if (to_come[depth] == 0) {
            depth--;
            continue;
        }
        struct cbor_item item;
        TRY(cbor_next(t, &at, &item));
        ENSURE(t, item.kind != CBOR_ITEM_END, E_MALFORMED, "CBOR ends where an item should be");
        to_come[depth]--;
        uint64_t within = cbor_items_within(&item);
        if (within == 0)
            continue;
        ENSURE(t, depth < CBOR_DEPTH_MAX, E_MALFORMED, "CBOR nested deeper than %d levels",
               CBOR_DEPTH_MAX);
        to_come[++depth] = within;
    }
    if (ret != NULL)
        *ret = bytes_make(r->input.data + r->at, at.at - r->at);
    *r = at;
    return true;
}

bool cbor_at_end(struct task *t, const struct cbor_reader *r)
{
    ENSURE(t, r->at == r->input.len, E_MALFORMED, "%zu octets follow the CBOR item",
           r->input.len - r->at);
    return true;
}

struct cbor_writer cbor_writer_make(struct arena *arena)
{
    return (struct cbor_writer){.arena = arena};
}

/* Where the next `count` octets go. */
static uint8_t *make_room(struct cbor_writer *w, size_t count)
{
    const size_t least = 64;
    if (w->room - w->len < count) {
        size_t room = w->room * 2 < least ? least : w->room * 2;
        while (room - w->len < count)
            room *= 2;
        uint8_t *data = arena_alloc(w->arena, room);
        if (w->len > 0)
            memcpy(data, w->data, w->len);
        w->data = data;
        w->room = room;
    }
    return w->data + w->len;
}

void cbor_write_uint(struct cbor_writer *w, uint64_t number)
{
    w->len += cbor_encode_uint(number, make_room(w, HEAD_MAX), HEAD_MAX);
}

void cbor_write_int(struct cbor_writer *w, int64_t number)
{
    if (number >= 0)
        cbor_write_uint(w, (uint64_t)number);
    else
        w->len += cbor_encode_negint(~(uint64_t)number, make_room(w, HEAD_MAX), HEAD_MAX);
}

void cbor_write_octets(struct cbor_writer *w, struct bytes octets)
{
    w->len += cbor_encode_bytestring_start(octets.len, make_room(w, HEAD_MAX), HEAD_MAX);
    cbor_write_raw(w, octets);
}

void cbor_write_text(struct cbor_writer *w, const char *text)
{
    struct bytes characters = bytes_of_text(text);
    w->len += cbor_encode_string_start(characters.len, make_room(w, HEAD_MAX), HEAD_MAX);
    cbor_write_raw(w, characters);
}

void cbor_write_bool(struct cbor_writer *w, bool value)
{
    w->len += cbor_encode_bool(value, make_room(w, HEAD_MAX), HEAD_MAX);
}

void cbor_write_null(struct cbor_writer *w)
{
    w->len += cbor_encode_null(make_room(w, HEAD_MAX), HEAD_MAX);
}

void cbor_write_array(struct cbor_writer *w, size_t items)
{
    w->len += cbor_encode_array_start(items, make_room(w, HEAD_MAX), HEAD_MAX);
}

void cbor_write_map(struct cbor_writer *w, size_t pairs)
{
    w->len += cbor_encode_map_start(pairs, make_room(w, HEAD_MAX), HEAD_MAX);
}

void cbor_write_tag(struct cbor_writer *w, uint64_t tag)
{
    w->len += cbor_encode_tag(tag, make_room(w, HEAD_MAX), HEAD_MAX);
}

void cbor_write_raw(struct cbor_writer *w, struct bytes encoded)
{
    if (encoded.len == 0)
        return;
    memcpy(make_room(w, encoded.len), encoded.data, encoded.len);
    w->len += encoded.len;
}

struct bytes cbor_written(const struct cbor_writer *w)
{
    return bytes_make(w->data, w->len);
}
