/*
 * Expected octets were made with Python's cbor2 (5.4.6) from the dictionaries in the comments:
 * cbor2.dumps(VALUE).hex().
 */
#include "tests/unit/support.h"

#include "core/base/record.h"
#include "tests/sample.h"

#include <string.h>

/*
 * {0: 2, 1: "JADA-1234", 2: True, 3: 8443, 4: 1617278400747, 5: 60000, 6: 2048,
 *  7: b'\xde\xad\xbe\xef', 8: b'\x00\x01\x02\x03', 9: 2, 10: ["a", "bc"],
 *  11: [b'\x01', b'\x02\x03'], 12: {0: 1, 1: "https://m.example", 2: 7},
 *  13: [{0: 1, 1: "x", 2: 0}, {0: 1, 1: "y", 2: 9, 3: "pw"}], 14: "1234", 15: "done",
 *  17: "hello", 19: ["x"]}
 */
#define FULL                                                                                       \
    "b2000201694a4144412d3132333402f5031920fb041b000001788d4df8eb0519ea60061908000744deadbeef0844" \
    "0001020309020a8261616262630b8241014202030ca30001017168747470733a2f2f6d2e6578616d706c6502070d" \
    "82a300010161780200a400010161790209036270770e64313233340f64646f6e65116568656c6c6f13816178"

/*
 * {0: 2, 1: "J", 2: True, 3: 443, 5: 90000, 6: 65536, 9: 1, 12: {0: 1, 2: 3}, 14: "0000",
 *  17: 'say: "hi" # there', 19: ["staff", "guests"]}
 */
#define LEAST                                                                                      \
    "ab000201614a02f5031901bb051a00015f90061a0001000009010ca2000102030e643030303011717361793a2022" \
    "6869222023207468657265138265737461666666677565737473"
/* The same with 14: None, 17: None, 19: None. */
#define CLEARED "ab000201614a02f5031901bb051a00015f90061a0001000009010ca2000102030ef611f613f6"
/*
 * LEAST with 0: 9, 12: {0: 1, 2: 3, 8: [1, {2: b'x'}]}, 16: "between", 18: -5, 1000: {1: None},
 * in ascending order.
 */
#define NEWER                                                                                      \
    "ae000901614a02f5031901bb051a00015f90061a0001000009010ca300010203088201a10241780e643030303010" \
    "676265747765656e11717361793a2022686922202320746865726512241382657374616666666775657374731903" \
    "e8a101f6"

static struct bytes hex(struct task *t, const char *text)
{
    struct bytes octets = BYTES_ABSENT;
    if (!bytes_from_hex(t->arena, text, &octets))
        fail_msg("not hexadecimal: %s", text);
    return octets;
}

static void presets_are_set(void **state)
{
    struct task *t = test_task(state);
    struct sample s;
    memset(&s, 0xA5, sizeof(s));
    record_init(t, &sample_type, &s);
    assert_null(s.serial);
    assert_true(s.active);
    assert_int_equal(s.port, 443);
    assert_int_equal(s.created_on, 0);
    assert_int_equal(s.poll, 90000);
    assert_int_equal(s.body_limit, 65536);
    assert_false(bytes_present(s.digest));
    assert_int_equal(s.mode, SAMPLE_CLOSED);
    assert_int_equal(s.labels.count, 0);
    assert_int_equal(s.masa.retries, 3);
    assert_int_equal(s.groups.count, 2);
    assert_string_equal(s.groups.items[1], "guests");
    assert_int_equal(s.rest.version, 0);
}

static void encoding_agrees_with_cbor2(void **state)
{
    struct task *t = test_task(state);
    struct sample full = sample_full(t->arena);
    struct sample least = sample_least(t);
    struct bytes octets;
    assert_ok(t, record_encode(t, &sample_type, &full, &octets));
    assert_bytes_equal(t, octets, hex(t, FULL));
    assert_ok(t, record_encode(t, &sample_type, &least, &octets));
    assert_bytes_equal(t, octets, hex(t, LEAST));
}

static void decoding_gives_every_member(void **state)
{
    struct task *t = test_task(state);
    struct sample s;
    struct bytes again;
    assert_ok(t, record_decode(t, &sample_type, hex(t, FULL), &s));
    assert_string_equal(s.serial, "JADA-1234");
    assert_true(s.active);
    assert_int_equal(s.port, 8443);
    assert_int_equal(s.created_on, 1617278400747);
    assert_int_equal(s.poll, 60000);
    assert_int_equal(s.body_limit, 2048);
    assert_bytes_equal(t, s.digest, BYTES_LITERAL("\xde\xad\xbe\xef"));
    assert_bytes_equal(t, s.certificate, BYTES_LITERAL("\0\1\2\3"));
    assert_int_equal(s.mode, SAMPLE_UNATTENDED);
    assert_int_equal(s.labels.count, 2);
    assert_string_equal(s.labels.items[1], "bc");
    assert_int_equal(s.anchors.count, 2);
    assert_bytes_equal(t, s.anchors.items[1], BYTES_LITERAL("\2\3"));
    assert_string_equal(s.masa.url, "https://m.example");
    assert_int_equal(s.owners.count, 2);
    const struct sample_owner *owners = s.owners.items;
    assert_string_equal(owners[0].name, "x");
    assert_null(owners[0].password);
    assert_string_equal(owners[1].password, "pw");
    assert_int_equal(s.groups.count, 1);
    assert_int_equal(s.rest.version, 2);
    assert_ok(t, record_encode(t, &sample_type, &s, &again));
    assert_bytes_equal(t, again, hex(t, FULL));
}

static void decoded_members_live_in_the_arena(void **state)
{
    struct task *t = test_task(state);
    struct bytes octets = hex(t, FULL);
    struct sample s;
    assert_ok(t, record_decode(t, &sample_type, octets, &s));
    memset((uint8_t *)octets.data, 0xA5, octets.len);
    assert_string_equal(s.serial, "JADA-1234");
    assert_bytes_equal(t, s.anchors.items[0], BYTES_LITERAL("\1"));
}

static void keys_of_a_newer_version_survive_an_update(void **state)
{
    struct task *t = test_task(state);
    struct sample s;
    struct bytes again;
    assert_ok(t, record_decode(t, &sample_type, hex(t, NEWER), &s));
    assert_int_equal(s.rest.version, 9);
    assert_int_equal(s.rest.pairs, 3);
    assert_int_equal(s.masa.rest.pairs, 1);
    assert_ok(t, record_encode(t, &sample_type, &s, &again));
    assert_bytes_equal(t, again, hex(t, NEWER));
    s.labels = (struct text_list){(const char *[]){"new"}, 1};
    assert_ok(t, record_encode(t, &sample_type, &s, &again));
    assert_ok(t, record_decode(t, &sample_type, again, &s));
    assert_string_equal(s.labels.items[0], "new");
    assert_int_equal(s.rest.pairs, 3);
}

static void older_version_is_written_as_the_present_one(void **state)
{
    struct task *t = test_task(state);
    struct sample s;
    struct bytes again;
    assert_ok(t, record_decode(t, &sample_type, hex(t, "a2000101614a"), &s));
    assert_int_equal(s.rest.version, 1);
    assert_ok(t, record_encode(t, &sample_type, &s, &again));
    assert_bytes_equal(t, again, hex(t, LEAST));
}

static void members_that_an_older_record_lacks_have_their_preset(void **state)
{
    struct task *t = test_task(state);
    struct sample s;
    assert_ok(t, record_decode(t, &sample_type, hex(t, "a2000101614a"), &s));
    assert_int_equal(s.port, 443);
    assert_int_equal(s.masa.retries, 3);
    assert_string_equal(s.pin, "0000");
}

static void absence_of_a_member_with_preset_is_kept(void **state)
{
    struct task *t = test_task(state);
    struct sample s = sample_least(t);
    struct bytes octets;
    s.pin = NULL;
    s.greeting = NULL;
    s.groups.count = 0;
    assert_ok(t, record_encode(t, &sample_type, &s, &octets));
    assert_bytes_equal(t, octets, hex(t, CLEARED));
    assert_ok(t, record_decode(t, &sample_type, octets, &s));
    assert_null(s.pin);
    assert_null(s.greeting);
    assert_int_equal(s.groups.count, 0);
}

static void what_record_encode_could_not_have_written_is_refused(void **state)
{
    static const struct {
        const char *octets;
        const char *detail;
    } bad[] = {
        {"", "ends where an item should be"},
        {"80", "expected a map"},
        {"a0", "no schema version"},
        {"a101614a", "no schema version"},
        {"a10000", "schema version 0"},
        {"a1006161", "expected an unsigned number"},
        {"a1000200", "1 octets follow"},
        {"a3000201614a01614b", "key 1 does not follow key 1"},
        {"a3000202f501614a", "key 1 does not follow key 2"},
        {"a300021821011820f5", "key 32 does not follow key 33"},
        {"a300020002", "announces more items"},
        {"a200022001", "expected an unsigned number, found a negative number"},
        {"a20002616101", "expected an unsigned number, found a text string"},
        {"a200021bffffffffffffffff01", "does not follow"},
        {"a2000201414a", "serial-number: CBOR at octet 4: expected a text string"},
        {"a2000202f6", "active: CBOR at octet 4: expected a boolean, found null"},
        {"a200020201", "active"},
        {"a200020320", "port: CBOR at octet 4: expected an unsigned number"},
        {"a20002031bffffffffffffffff", "port: number out of range"},
        {"a20002041b7fffffffffffffff", "created-on: time out of range"},
        {"a200020400", "created-on: time out of range"},
        {"a20002046161", "created-on: not a number"},
        {"a20002053bffffffffffffffff", "poll: number out of range"},
        {"a200020903", "mode: no name is known for value 3"},
        {"a200020a80", "labels: empty list"},
        {"a200020a8160", "labels: empty element"},
        {"a200020a8101", "labels: CBOR at octet 5"},
        {"a200020b8140", "idevid-anchors: empty element"},
        {"a200020c80", "masa: CBOR at octet 4: expected a map"},
        {"a200020ca0", "masa: no schema version"},
        {"a200020d81a0", "owners: no schema version"},
        {"a20002031801", "longer than needed"},
        {"a2000203190001", "longer than needed"},
        {"a2000201580141", "longer than needed"},
        {"b8010002", "longer than needed"},
        {"a2000212c100", "no tags"},
        {"a2000212f93c00", "no tags and floats"},
        {"a2000212f7", "no tags and floats"},
        {"bf0002ff", "indefinite"},
        {"a200021281818181818181818181818181818181818100", "nested deeper"},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct sample s;
        struct sample before;
        memset(&s, 0, sizeof(s));
        memset(&before, 0, sizeof(before));
        assert_fails(t, record_decode(t, &sample_type, hex(t, bad[i].octets), &s), E_MALFORMED);
        assert_detail(t, "sample record: ");
        assert_detail(t, bad[i].detail);
        assert_memory_equal(&s, &before, sizeof(s));
    }
}

static void every_truncation_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct bytes whole = hex(t, NEWER);
    for (size_t len = 0; len < whole.len; len++) {
        struct sample s;
        struct bytes part = bytes_copy(t->arena, bytes_make(whole.data, len));
        assert_fails(t, record_decode(t, &sample_type, part, &s), E_MALFORMED);
    }
}

/* A record that something else than record_decode has filled. */
static void kept_keys_that_are_known_are_not_written_twice(void **state)
{
    struct task *t = test_task(state);
    struct sample s = sample_least(t);
    struct bytes octets;
    s.rest = (struct record_rest){.version = 2, .pairs = 1, .raw = hex(t, "0201")};
    assert_fails(t, record_encode(t, &sample_type, &s, &octets), E_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(presets_are_set),
        UNIT_TEST(encoding_agrees_with_cbor2),
        UNIT_TEST(decoding_gives_every_member),
        UNIT_TEST(decoded_members_live_in_the_arena),
        UNIT_TEST(keys_of_a_newer_version_survive_an_update),
        UNIT_TEST(older_version_is_written_as_the_present_one),
        UNIT_TEST(members_that_an_older_record_lacks_have_their_preset),
        UNIT_TEST(absence_of_a_member_with_preset_is_kept),
        UNIT_TEST(what_record_encode_could_not_have_written_is_refused),
        UNIT_TEST(every_truncation_is_refused),
        UNIT_TEST(kept_keys_that_are_known_are_not_written_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
