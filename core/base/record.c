#include "core/base/record.h"

#include "core/base/cbor.h"
#include "core/base/clock.h"
#include "core/base/field_value.h"

#include <string.h>

#define KEY_VERSION 0

void record_init(struct task *t, const struct record_type *type, void *record)
{
    memset(record, 0, type->size);
    for (size_t i = 0; i < type->count; i++)
        value_init(t, &type->fields[i], field_place(&type->fields[i], record));
}

bool record_check(struct task *t, const struct record_type *type, const void *record)
{
    for (size_t i = 0; i < type->count; i++) {
        const struct field *f = &type->fields[i];
        struct field_path path = {.name = f->name};
        TRY(value_check(t, &path, f, field_value(f, record)));
    }
    return true;
}

const struct field *record_field(const struct record_type *type, const char *json_name)
{
    for (size_t i = 0; i < type->count; i++) {
        if (strcmp(type->fields[i].name, json_name) == 0)
            return &type->fields[i];
    }
    return NULL;
}

static struct record_rest *rest_place(const struct record_type *type, void *record)
{
    return (void *)((char *)record + type->rest_offset);
}

static const struct record_rest *rest_value(const struct record_type *type, const void *record)
{
    return (const void *)((const char *)record + type->rest_offset);
}

/* ---- Writing ---- */

static bool encode_map(struct task *t, const struct record_type *type, const void *record,
                       struct cbor_writer *w);

static bool encode_value(struct task *t, const struct field *f, const void *value,
                         struct cbor_writer *w);

static bool encode_list(struct task *t, const struct field *f, const void *list,
                        struct cbor_writer *w)
{
    struct field element = list_element(f);
    size_t count = list_count(f, list);
    cbor_write_array(w, count);
    for (size_t i = 0; i < count; i++)
        TRY(encode_value(t, &element, list_at(f, list, i), w));
    return true;
}

static bool encode_value(struct task *t, const struct field *f, const void *value,
                         struct cbor_writer *w)
{
    switch (f->kind) {
    case FIELD_BOOL:
        cbor_write_bool(w, *(const bool *)value);
        return true;
    case FIELD_UINT:
    case FIELD_SIZE:
        cbor_write_uint(w, *(const uint64_t *)value);
        return true;
    case FIELD_TIME:
    case FIELD_DURATION:
        cbor_write_int(w, *(const int64_t *)value);
        return true;
    case FIELD_TEXT:
        cbor_write_text(w, *(const char *const *)value);
        return true;
    case FIELD_OCTETS:
    case FIELD_HEX:
        cbor_write_octets(w, *(const struct bytes *)value);
        return true;
    case FIELD_ENUM:
        cbor_write_uint(w, *(const unsigned *)value);
        return true;
    case FIELD_TEXTS:
    case FIELD_OCTETS_LIST:
    case FIELD_RECORDS:
        return encode_list(t, f, value, w);
    case FIELD_RECORD:
        return encode_map(t, f->sub, value, w);
    }
    return fail(t, E_INTERNAL, "field %s is of no known kind", f->name);
}

/* A map under way: its pairs so far, and what is left of those kept from reading. */
struct pairs {
    struct cbor_writer body;
    size_t count;
    uint64_t last; /* key */
    struct cbor_reader kept;
};

/* Keys ascend, which also means that none is there twice. */
static bool encode_key(struct task *t, struct pairs *pairs, uint64_t key)
{
    ENSURE(t, pairs->count == 0 || key > pairs->last, E_INTERNAL, "key %llu after key %llu",
           (unsigned long long)key, (unsigned long long)pairs->last);
    cbor_write_uint(&pairs->body, key);
    pairs->last = key;
    pairs->count++;
    return true;
}

/* Kept pairs with keys below `limit` go before a known key, so that the keys ascend. */
static bool encode_kept_below(struct task *t, struct pairs *pairs, uint64_t limit)
{
    for (;;) {
        struct cbor_reader ahead = pairs->kept;
        struct cbor_item key;
        struct bytes value;
        TRY(cbor_next(t, &ahead, &key));
        if (key.kind == CBOR_ITEM_END || key.number >= limit)
            return true;
        TRY(cbor_skip(t, &ahead, &value));
        TRY(encode_key(t, pairs, key.number));
        cbor_write_raw(&pairs->body, value);
        pairs->kept = ahead;
    }
}

/* An absent value that would be read as its preset is written as null. */
static bool encode_member(struct task *t, const struct field *f, const void *value,
                          struct pairs *pairs)
{
    bool absent = value_is_absent(f, value);
    TRY(encode_kept_below(t, pairs, f->key));
    if (absent && f->preset == NULL)
        return true;
    TRY(encode_key(t, pairs, f->key));
    if (!absent)
        return encode_value(t, f, value, &pairs->body);
    cbor_write_null(&pairs->body);
    return true;
}

static bool encode_map(struct task *t, const struct record_type *type, const void *record,
                       struct cbor_writer *w)
{
    const struct record_rest *rest = rest_value(type, record);
    struct pairs pairs = {.body = cbor_writer_make(t->arena), .kept = cbor_reader_of(rest->raw)};
    TRY(encode_key(t, &pairs, KEY_VERSION));
    cbor_write_uint(&pairs.body, rest->version > type->version ? rest->version : type->version);
    for (size_t i = 0; i < type->count; i++) {
        const struct field *f = &type->fields[i];
        TRY(encode_member(t, f, field_value(f, record), &pairs));
    }
    TRY(encode_kept_below(t, &pairs, UINT64_MAX));
    cbor_write_map(w, pairs.count);
    cbor_write_raw(w, cbor_written(&pairs.body));
    return true;
}

bool record_encode(struct task *t, const struct record_type *type, const void *record,
                   struct bytes *ret)
{
    struct cbor_writer w = cbor_writer_make(t->arena);
    TRY(record_check(t, type, record));
    TRY(encode_map(t, type, record, &w));
    *ret = cbor_written(&w);
    return true;
}

/* ---- Reading ---- */

static bool decode_map(struct task *t, const struct record_type *type, struct cbor_reader *r,
                       void *record);

static bool decode_value(struct task *t, const struct field *f, struct cbor_reader *r, void *value);

static bool decode_bool(struct task *t, struct cbor_reader *r, bool *ret)
{
    struct cbor_item item;
    TRY(cbor_expect(t, r, CBOR_ITEM_BOOL, &item));
    *ret = item.number != 0;
    return true;
}

static bool decode_uint(struct task *t, struct cbor_reader *r, uint64_t *ret)
{
    struct cbor_item item;
    TRY(cbor_expect(t, r, CBOR_ITEM_UINT, &item));
    ENSURE(t, item.number <= INT64_MAX, E_MALFORMED, "number out of range");
    *ret = item.number;
    return true;
}

static bool decode_int(struct task *t, struct cbor_reader *r, int64_t *ret)
{
    struct cbor_item item;
    TRY(cbor_next(t, r, &item));
    ENSURE(t, item.kind == CBOR_ITEM_UINT || item.kind == CBOR_ITEM_NEGINT, E_MALFORMED,
           "not a number");
    ENSURE(t, item.number <= INT64_MAX, E_MALFORMED, "number out of range");
    *ret = item.kind == CBOR_ITEM_UINT ? (int64_t)item.number : -1 - (int64_t)item.number;
    return true;
}

static bool decode_time(struct task *t, struct cbor_reader *r, int64_t *ret)
{
    int64_t time;
    TRY(decode_int(t, r, &time));
    ENSURE(t, time >= TIME_LEAST && time <= TIME_GREATEST && time != 0, E_MALFORMED,
           "time out of range");
    *ret = time;
    return true;
}

static bool decode_text(struct task *t, struct cbor_reader *r, const char **ret)
{
    struct cbor_item item;
    TRY(cbor_expect(t, r, CBOR_ITEM_TEXT, &item));
    *ret = bytes_to_text(t->arena, item.string);
    return true;
}

static bool decode_octets(struct task *t, struct cbor_reader *r, struct bytes *ret)
{
    struct cbor_item item;
    TRY(cbor_expect(t, r, CBOR_ITEM_OCTETS, &item));
    *ret = bytes_copy(t->arena, item.string);
    return true;
}

/* A name that only a later version knows cannot be acted upon. */
static bool decode_enum(struct task *t, const struct field *f, struct cbor_reader *r, unsigned *ret)
{
    struct cbor_item item;
    TRY(cbor_expect(t, r, CBOR_ITEM_UINT, &item));
    for (unsigned i = 0; f->names[i] != NULL; i++) {
        if (i == item.number) {
            *ret = i;
            return true;
        }
    }
    return fail(t, E_MALFORMED, "no name is known for value %llu", (unsigned long long)item.number);
}

static bool scalar_is_empty(const struct field *f, const void *value)
{
    if (f->kind == FIELD_TEXT)
        return **(const char *const *)value == '\0';
    return f->kind == FIELD_OCTETS && ((const struct bytes *)value)->len == 0;
}

static bool decode_list(struct task *t, const struct field *f, struct cbor_reader *r, void *list)
{
    struct field element = list_element(f);
    struct cbor_item array;
    TRY(cbor_expect(t, r, CBOR_ITEM_ARRAY, &array));
    ENSURE(t, array.number > 0, E_MALFORMED, "empty list");
    for (uint64_t i = 0; i < array.number; i++) {
        void *place = list_append(t->arena, f, list);
        TRY(decode_value(t, &element, r, place));
        ENSURE(t, !scalar_is_empty(&element, place), E_MALFORMED, "empty element");
    }
    return true;
}

static bool decode_value(struct task *t, const struct field *f, struct cbor_reader *r, void *value)
{
    switch (f->kind) {
    case FIELD_BOOL:
        return decode_bool(t, r, value);
    case FIELD_UINT:
    case FIELD_SIZE:
        return decode_uint(t, r, value);
    case FIELD_TIME:
        return decode_time(t, r, value);
    case FIELD_DURATION:
        return decode_int(t, r, value);
    case FIELD_TEXT:
        return decode_text(t, r, value);
    case FIELD_OCTETS:
    case FIELD_HEX:
        return decode_octets(t, r, value);
    case FIELD_ENUM:
        return decode_enum(t, f, r, value);
    case FIELD_TEXTS:
    case FIELD_OCTETS_LIST:
    case FIELD_RECORDS:
        return decode_list(t, f, r, value);
    case FIELD_RECORD:
        return decode_map(t, f->sub, r, value);
    }
    return fail(t, E_INTERNAL, "field %s is of no known kind", f->name);
}

static bool can_be_absent(const struct field *f)
{
    return field_is_list(f) || f->kind == FIELD_TIME || f->kind == FIELD_TEXT ||
           f->kind == FIELD_OCTETS || f->kind == FIELD_HEX;
}

static bool decode_member(struct task *t, const struct field *f, struct cbor_reader *r,
                          void *record)
{
    struct cbor_reader ahead = *r;
    struct cbor_item item;
    void *value = field_place(f, record);
    TRY(cbor_next(t, &ahead, &item));
    if (f->kind != FIELD_RECORD)
        value_clear(f, value);
    if (item.kind == CBOR_ITEM_NULL && can_be_absent(f)) {
        *r = ahead;
        return true;
    }
    return decode_value(t, f, r, value) || fail_context(t, "%s", f->name);
}

static const struct field *field_with_key(const struct record_type *type, uint64_t key)
{
    for (size_t i = 0; i < type->count && type->fields[i].key <= key; i++) {
        if (type->fields[i].key == key)
            return &type->fields[i];
    }
    return NULL;
}

/* Keeps a pair that this version does not know. */
static bool decode_unknown(struct task *t, uint64_t key, struct cbor_reader *r,
                           struct cbor_writer *kept)
{
    struct bytes value;
    TRY(cbor_skip(t, r, &value));
    cbor_write_uint(kept, key);
    cbor_write_raw(kept, value);
    return true;
}

static bool decode_version(struct task *t, struct cbor_reader *r, uint64_t *ret)
{
    struct cbor_item key;
    uint64_t version;
    TRY(cbor_expect(t, r, CBOR_ITEM_UINT, &key));
    ENSURE(t, key.number == KEY_VERSION, E_MALFORMED, "no schema version");
    TRY(decode_uint(t, r, &version));
    ENSURE(t, version > 0, E_MALFORMED, "schema version 0");
    *ret = version;
    return true;
}

static bool decode_map(struct task *t, const struct record_type *type, struct cbor_reader *r,
                       void *record)
{
    struct record_rest rest = {.version = 0};
    struct cbor_writer kept = cbor_writer_make(t->arena);
    struct cbor_item map;
    TRY(cbor_expect(t, r, CBOR_ITEM_MAP, &map));
    ENSURE(t, map.number > 0, E_MALFORMED, "no schema version");
    record_init(t, type, record);
    TRY(decode_version(t, r, &rest.version));
    uint64_t last = KEY_VERSION;
    for (uint64_t i = 1; i < map.number; i++) {
        struct cbor_item key;
        TRY(cbor_expect(t, r, CBOR_ITEM_UINT, &key));
        ENSURE(t, key.number > last && key.number < UINT64_MAX, E_MALFORMED,
               "key %llu does not follow key %llu", (unsigned long long)key.number,
               (unsigned long long)last);
        last = key.number;
        const struct field *f = field_with_key(type, key.number);
        if (f != NULL) {
            TRY(decode_member(t, f, r, record));
        } else {
            TRY(decode_unknown(t, key.number, r, &kept));
            rest.pairs++;
        }
    }
    rest.raw = cbor_written(&kept);
    *rest_place(type, record) = rest;
    return true;
}

static size_t shortest_head(uint64_t number)
{
    return number < 24            ? 1
           : number <= UINT8_MAX  ? 2
           : number <= UINT16_MAX ? 3
           : number <= UINT32_MAX ? 5
                                  : 9;
}

/* One whole item and nothing else, of the kinds that records are made of, in shortest form. */
static bool check_form(struct task *t, struct bytes cbor)
{
    struct cbor_reader r = cbor_reader_of(cbor);
    for (uint64_t to_come = 1; to_come > 0; to_come--) {
        struct cbor_item item;
        size_t start = r.at;
        TRY(cbor_next(t, &r, &item));
        ENSURE(t, item.kind != CBOR_ITEM_END, E_MALFORMED, "CBOR ends where an item should be");
        to_come += cbor_items_within(&item);
        ENSURE(t, item.kind != CBOR_ITEM_TAG && item.kind != CBOR_ITEM_OTHER, E_MALFORMED,
               "CBOR at octet %zu: records hold no tags and floats", start);
        bool is_simple = item.kind == CBOR_ITEM_BOOL || item.kind == CBOR_ITEM_NULL;
        ENSURE(t, is_simple || r.at - start - item.string.len == shortest_head(item.number),
               E_MALFORMED, "CBOR at octet %zu is longer than needed", start);
    }
    return cbor_at_end(t, &r);
}

bool record_decode(struct task *t, const struct record_type *type, struct bytes cbor, void *record)
{
    void *scratch = arena_alloc(t->arena, type->size);
    struct cbor_reader r = cbor_reader_of(cbor);
    if (!check_form(t, cbor) || !decode_map(t, type, &r, scratch))
        return fail_context(t, "%s record", type->name);
    memcpy(record, scratch, type->size);
    return true;
}
