/*
 * Octets were made with Python's cbor2 (5.4.6): cbor2.dumps(VALUE).hex(); those it cannot make
 * (indefinite lengths, truncation, wrong heads) were written by hand after RFC 8949 Appendix A.
 */
#include "tests/unit/support.h"

#include "core/base/cbor.h"

#include <string.h>

static struct bytes hex(struct task *t, const char *text)
{
    struct bytes octets = BYTES_ABSENT;
    if (!bytes_from_hex(t->arena, text, &octets))
        fail_msg("not hexadecimal: %s", text);
    return octets;
}

static const struct number_case {
    const char *octets;
    enum cbor_item_kind kind;
    uint64_t number;
} numbers[] = {
    {"00", CBOR_ITEM_UINT, 0},
    {"17", CBOR_ITEM_UINT, 23},
    {"1818", CBOR_ITEM_UINT, 24},
    {"18ff", CBOR_ITEM_UINT, 255},
    {"190100", CBOR_ITEM_UINT, 256},
    {"19ffff", CBOR_ITEM_UINT, 65535},
    {"1a00010000", CBOR_ITEM_UINT, 65536},
    {"1affffffff", CBOR_ITEM_UINT, UINT32_MAX},
    {"1b0000000100000000", CBOR_ITEM_UINT, 1ULL << 32},
    {"1bffffffffffffffff", CBOR_ITEM_UINT, UINT64_MAX},
    {"20", CBOR_ITEM_NEGINT, 0},
    {"37", CBOR_ITEM_NEGINT, 23},
    {"3818", CBOR_ITEM_NEGINT, 24},
    {"38ff", CBOR_ITEM_NEGINT, 255},
    {"390100", CBOR_ITEM_NEGINT, 256},
    {"3b7fffffffffffffff", CBOR_ITEM_NEGINT, INT64_MAX},
};

static void numbers_are_read(void **state)
{
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        struct cbor_reader r = cbor_reader_of(hex(t, numbers[i].octets));
        struct cbor_item item;
        assert_ok(t, cbor_next(t, &r, &item));
        assert_int_equal(item.kind, numbers[i].kind);
        assert_true(item.number == numbers[i].number);
        assert_ok(t, cbor_at_end(t, &r));
    }
}

static void numbers_are_written_in_shortest_form(void **state)
{
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        struct cbor_writer w = cbor_writer_make(t->arena);
        if (numbers[i].kind == CBOR_ITEM_UINT)
            cbor_write_uint(&w, numbers[i].number);
        else
            cbor_write_int(&w, -1 - (int64_t)numbers[i].number);
        assert_bytes_equal(t, cbor_written(&w), hex(t, numbers[i].octets));
    }
    struct cbor_writer w = cbor_writer_make(t->arena);
    cbor_write_int(&w, 256);
    assert_bytes_equal(t, cbor_written(&w), hex(t, "190100"));
}

static void strings_borrow_from_the_input(void **state)
{
    struct task *t = test_task(state);
    struct bytes input = hex(t, "440102030465c3bce6b0b46040");
    struct cbor_reader r = cbor_reader_of(input);
    struct cbor_item item;
    assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_OCTETS, &item));
    assert_bytes_equal(t, item.string, BYTES_LITERAL("\1\2\3\4"));
    assert_ptr_equal(item.string.data, input.data + 1);
    assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_TEXT, &item));
    assert_bytes_equal(t, item.string, BYTES_LITERAL("ü水"));
    assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_TEXT, &item));
    assert_int_equal(item.string.len, 0);
    assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_OCTETS, &item));
    assert_int_equal(item.string.len, 0);
    assert_true(bytes_present(item.string));
    assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_END, &item));
}

/* cbor2: CBORTag(18, [b'\xa1\x01\x26', {}, b'x', b'sig']), the shape of a COSE_Sign1. */
static void tagged_array_is_read_and_written(void **state)
{
    struct task *t = test_task(state);
    struct bytes input = hex(t, "d28443a10126a0417843736967");
    struct cbor_reader r = cbor_reader_of(input);
    struct cbor_item item;
    assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_TAG, &item));
    assert_int_equal(item.number, 18);
    assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_ARRAY, &item));
    assert_int_equal(item.number, 4);
    assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_OCTETS, &item));
    assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_MAP, &item));
    assert_int_equal(item.number, 0);
    assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_OCTETS, &item));
    assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_OCTETS, &item));
    assert_ok(t, cbor_at_end(t, &r));

    struct cbor_writer w = cbor_writer_make(t->arena);
    cbor_write_tag(&w, 18);
    cbor_write_array(&w, 4);
    cbor_write_octets(&w, BYTES_LITERAL("\xa1\x01\x26"));
    cbor_write_map(&w, 0);
    cbor_write_octets(&w, BYTES_LITERAL("x"));
    cbor_write_octets(&w, BYTES_LITERAL("sig"));
    assert_bytes_equal(t, cbor_written(&w), input);
}

/* The head of every length; cbor2: CBORTag(N, 0). */
static void every_tag_is_read(void **state)
{
    static const struct number_case tags[] = {
        {"c000", CBOR_ITEM_TAG, 0},
        {"c600", CBOR_ITEM_TAG, 6},
        {"d000", CBOR_ITEM_TAG, 16},
        {"d200", CBOR_ITEM_TAG, 18},
        {"d400", CBOR_ITEM_TAG, 20},
        {"d700", CBOR_ITEM_TAG, 23},
        {"d83d00", CBOR_ITEM_TAG, 61},
        {"d9010000", CBOR_ITEM_TAG, 256},
        {"da0001000000", CBOR_ITEM_TAG, 65536},
        {"dbffffffffffffffff00", CBOR_ITEM_TAG, UINT64_MAX},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
        struct cbor_reader r = cbor_reader_of(hex(t, tags[i].octets));
        struct cbor_writer w = cbor_writer_make(t->arena);
        struct cbor_item item;
        assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_TAG, &item));
        assert_true(item.number == tags[i].number);
        assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_UINT, &item));
        assert_ok(t, cbor_at_end(t, &r));
        cbor_write_tag(&w, tags[i].number);
        cbor_write_uint(&w, 0);
        assert_bytes_equal(t, cbor_written(&w), hex(t, tags[i].octets));
    }
}

/* cbor2: {"a": 1, "b": [2, 3]}, True, False, None, list(range(25)), "a" * 24. */
static void collections_and_simple_values_are_written(void **state)
{
    struct task *t = test_task(state);
    struct cbor_writer w = cbor_writer_make(t->arena);
    cbor_write_map(&w, 2);
    cbor_write_text(&w, "a");
    cbor_write_uint(&w, 1);
    cbor_write_text(&w, "b");
    cbor_write_array(&w, 2);
    cbor_write_uint(&w, 2);
    cbor_write_uint(&w, 3);
    cbor_write_bool(&w, true);
    cbor_write_bool(&w, false);
    cbor_write_null(&w);
    cbor_write_array(&w, 25);
    for (unsigned i = 0; i < 25; i++)
        cbor_write_uint(&w, i);
    cbor_write_text(&w, "aaaaaaaaaaaaaaaaaaaaaaaa");
    assert_bytes_equal(t, cbor_written(&w),
                       hex(t, "a26161016162820203f5f4f6"
                              "9819000102030405060708090a0b0c0d0e0f10111213141516171818"
                              "7818616161616161616161616161616161616161616161616161"));
}

static void booleans_null_and_others_are_told_apart(void **state)
{
    static const struct number_case simple[] = {
        {"f5", CBOR_ITEM_BOOL, 1},
        {"f4", CBOR_ITEM_BOOL, 0},
        {"f6", CBOR_ITEM_NULL, 0},
        {"f7", CBOR_ITEM_OTHER, 0},
        {"f93c00", CBOR_ITEM_OTHER, 0},
        {"fa3fc00000", CBOR_ITEM_OTHER, 0},
        {"fb3ff8000000000000", CBOR_ITEM_OTHER, 0},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(simple); i++) {
        struct cbor_reader r = cbor_reader_of(hex(t, simple[i].octets));
        struct cbor_item item;
        assert_ok(t, cbor_next(t, &r, &item));
        assert_int_equal(item.kind, simple[i].kind);
        assert_int_equal(item.number, simple[i].number);
        assert_ok(t, cbor_at_end(t, &r));
    }
}

static void malformed_heads_are_refused_and_the_reader_stays(void **state)
{
    static const char *const bad[] = {
        "18",                   /* head cut off                    */
        "1b00000000",           /* in the middle of its argument   */
        "44010203",             /* content cut off                 */
        "5bffffffffffffffff",   /* a string as long as memory      */
        "5b7fffffffffffffff00", /* and half of it                  */
        "7bffffffffffffffff",   /* the same as text                */
        "9bffffffffffffffff",   /* an array of 2^64-1              */
        "9a00010000",           /* 65536 elements, none there      */
        "a2010203",             /* two pairs in three octets       */
        "bbffffffffffffffff",   /* a map of 2^64-1 pairs           */
        "bb8000000000000000",   /* 2^63 pairs: twice is 0          */
        "5f",
        "7f",
        "9f",
        "bf",
        "ff", /* indefinite lengths, the break   */
        "1c",
        "3e",
        "5d", /* reserved additional information */
        "fc",
        "f81f",
        "e0", /* unassigned simple values        */
        "61ff",
        "62c328",
        "6100", /* text: not UTF-8, or with NUL    */
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct cbor_reader r = cbor_reader_of(hex(t, bad[i]));
        struct cbor_item item = {.kind = CBOR_ITEM_NULL};
        assert_fails(t, cbor_next(t, &r, &item), E_MALFORMED);
        assert_int_equal(item.kind, CBOR_ITEM_NULL);
        assert_int_equal(r.at, 0);
    }
}

static void truncated_collections_are_not_skipped(void **state)
{
    static const char *const bad[] = {"",     "81",       "828100", "a1",
                                      "a101", "a2018100", "c1",     "8341014101"};
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct cbor_reader r = cbor_reader_of(hex(t, bad[i]));
        struct bytes octets = BYTES_LITERAL("untouched");
        assert_fails(t, cbor_skip(t, &r, &octets), E_MALFORMED);
        assert_int_equal(r.at, 0);
        assert_bytes_equal(t, octets, BYTES_LITERAL("untouched"));
    }
}

static void another_kind_than_expected_is_named(void **state)
{
    struct task *t = test_task(state);
    struct cbor_reader r = cbor_reader_of(hex(t, "80"));
    struct cbor_item item;
    assert_fails(t, cbor_expect(t, &r, CBOR_ITEM_MAP, &item), E_MALFORMED);
    assert_string_equal(t->detail, "CBOR at octet 0: expected a map, found an array");
    assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_ARRAY, &item));
    assert_fails(t, cbor_expect(t, &r, CBOR_ITEM_UINT, &item), E_MALFORMED);
    assert_detail(t, "found the end");
}

/* cbor2: [1, [2, 3], [4, 5]], then {1: {2: [CBORTag(1, 3)]}}, then 9. */
static void whole_items_are_skipped(void **state)
{
    struct task *t = test_task(state);
    struct cbor_reader r = cbor_reader_of(hex(t, "8301820203820405a101a10281c10309"));
    struct bytes octets;
    assert_ok(t, cbor_skip(t, &r, &octets));
    assert_bytes_equal(t, octets, hex(t, "8301820203820405"));
    assert_ok(t, cbor_skip(t, &r, &octets));
    assert_bytes_equal(t, octets, hex(t, "a101a10281c103"));
    assert_fails(t, cbor_at_end(t, &r), E_MALFORMED);
    assert_detail(t, "1 octets follow");
    assert_ok(t, cbor_skip(t, &r, NULL));
    assert_ok(t, cbor_at_end(t, &r));
    assert_fails(t, cbor_skip(t, &r, NULL), E_MALFORMED);
}

static void nesting_is_bounded(void **state)
{
    struct task *t = test_task(state);
    uint8_t octets[CBOR_DEPTH_MAX + 2];
    memset(octets, 0x81, sizeof(octets)); /* arrays of one */
    octets[CBOR_DEPTH_MAX] = 0x00;
    struct cbor_reader deepest = cbor_reader_of(bytes_make(octets, CBOR_DEPTH_MAX + 1));
    assert_ok(t, cbor_skip(t, &deepest, NULL));
    octets[CBOR_DEPTH_MAX] = 0x81;
    octets[CBOR_DEPTH_MAX + 1] = 0x00;
    struct cbor_reader deeper = cbor_reader_of(BYTES_ARRAY(octets));
    assert_fails(t, cbor_skip(t, &deeper, NULL), E_MALFORMED);
    assert_detail(t, "deeper than 16");
}

static void writer_grows(void **state)
{
    struct task *t = test_task(state);
    struct cbor_writer w = cbor_writer_make(t->arena);
    struct bytes large = bytes_random(t->arena, 100000);
    assert_int_equal(cbor_written(&w).len, 0);
    cbor_write_array(&w, 2);
    cbor_write_octets(&w, large);
    cbor_write_raw(&w, hex(t, "a0"));
    struct cbor_reader r = cbor_reader_of(cbor_written(&w));
    struct cbor_item item;
    assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_ARRAY, &item));
    assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_OCTETS, &item));
    assert_true(bytes_equal(item.string, large));
    assert_ok(t, cbor_expect(t, &r, CBOR_ITEM_MAP, &item));
    assert_ok(t, cbor_at_end(t, &r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(numbers_are_read),
        UNIT_TEST(numbers_are_written_in_shortest_form),
        UNIT_TEST(strings_borrow_from_the_input),
        UNIT_TEST(tagged_array_is_read_and_written),
        UNIT_TEST(every_tag_is_read),
        UNIT_TEST(collections_and_simple_values_are_written),
        UNIT_TEST(booleans_null_and_others_are_told_apart),
        UNIT_TEST(malformed_heads_are_refused_and_the_reader_stays),
        UNIT_TEST(truncated_collections_are_not_skipped),
        UNIT_TEST(another_kind_than_expected_is_named),
        UNIT_TEST(whole_items_are_skipped),
        UNIT_TEST(nesting_is_bounded),
        UNIT_TEST(writer_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
