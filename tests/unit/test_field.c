#include "tests/unit/support.h"

#include "core/base/clock.h"
#include "core/base/record.h"
#include "tests/sample.h"

/* ---- The rules of the table ---- */

static void assert_breaks(struct task *t, const struct sample *s, const char *detail)
{
    struct bytes octets;
    assert_fails(t, record_check(t, &sample_type, s), E_INVALID);
    assert_string_equal(t->detail, detail);
    assert_fails(t, record_encode(t, &sample_type, s, &octets), E_INVALID);
}

static void required_members_must_be_there(void **state)
{
    struct task *t = test_task(state);
    struct sample s = sample_full(t->arena);
    struct sample_owner owners[] = {{.name = "x"}, {.name = NULL}};
    assert_ok(t, record_check(t, &sample_type, &s));
    s.serial = NULL;
    assert_breaks(t, &s, "serial-number: is required");
    s.serial = "";
    assert_breaks(t, &s, "serial-number: must not be empty");
    s.serial = "J";
    s.owners = (struct record_list){owners, 2};
    assert_breaks(t, &s, "owners[1].name: is required");
}

static void numbers_are_held_to_their_range(void **state)
{
    struct task *t = test_task(state);
    struct sample s = sample_full(t->arena);
    s.port = 0;
    assert_breaks(t, &s, "port: must be at least 1");
    s.port = 65536;
    assert_breaks(t, &s, "port: must be at most 65535");
    s.port = 1;
    assert_ok(t, record_check(t, &sample_type, &s));
    s.poll = 999;
    assert_breaks(t, &s, "poll: must be at least 1 s");
    s.poll = HOUR_MS + 1;
    assert_breaks(t, &s, "poll: must be at most 1 h");
    s.poll = HOUR_MS;
    s.body_limit = 1023;
    assert_breaks(t, &s, "body-limit: must be at least 1 KiB");
    s.body_limit = UINT64_MAX;
    assert_breaks(t, &s, "body-limit: must be at most 1 MiB");
    s.body_limit = 1024;
    s.masa.retries = 11;
    assert_breaks(t, &s, "masa.retries: must be at most 10");
    s.masa.retries = 0;
    s.mode = 3;
    assert_breaks(t, &s, "mode: has no name for value 3");
    s.mode = 0;
    s.created_on = TIME_GREATEST + 1;
    assert_breaks(t, &s, "created-on: must not be after 9999-12-31T23:59:59.999Z");
    s.created_on = -1; /* a certificate may be older than 1970 */
    assert_ok(t, record_check(t, &sample_type, &s));
}

static void texts_octets_and_lists_are_held_to_their_length(void **state)
{
    static const char *labels[] = {"1", "2", "3", "4"};
    struct bytes anchors[] = {BYTES_LITERAL("a"), BYTES_ABSENT};
    struct task *t = test_task(state);
    struct sample s = sample_full(t->arena);
    s.serial = "12345678901234567";
    assert_breaks(t, &s, "serial-number: must have at most 16 octets, has 17");
    s.serial = "J\xff";
    assert_breaks(t, &s, "serial-number: not UTF-8");
    s.serial = "J";
    s.digest = bytes_random(t->arena, 33);
    assert_breaks(t, &s, "digest: must have at most 32 octets, has 33");
    s.digest = BYTES_ABSENT;
    s.labels = (struct text_list){labels, 4};
    assert_breaks(t, &s, "labels: must have at most 3 elements, has 4");
    s.labels.count = 3;
    s.anchors = (struct bytes_list){anchors, 2};
    assert_breaks(t, &s, "idevid-anchors[1]: is required");
    s.anchors.count = 1;
    s.greeting = arena_printf(t->arena, "%05000d", 0); /* max is 0: no bound of its own */
    assert_ok(t, record_check(t, &sample_type, &s));
}

/* ---- Text ---- */

static const struct field *member(const char *name)
{
    const struct field *f = record_field(&sample_type, name);
    assert_non_null(f);
    return f;
}

static void fields_are_set_and_shown_as_text(void **state)
{
    static const char *const values[][2] = {
        {"serial-number", "JADA-1234"},
        {"active", "false"},
        {"port", "8443"},
        {"created-on", "2021-04-01T12:00:00.747Z"},
        {"poll", "15 min"},
        {"body-limit", "3 KiB"},
        {"digest", "00ff"},
        {"certificate", "AAECAw=="},
        {"mode", "open"},
        {"labels", "a, bc, d"},
        {"idevid-anchors", "AQ==, AgM="},
    };
    struct task *t = test_task(state);
    struct sample s;
    record_init(t, &sample_type, &s);
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        const struct field *f = member(values[i][0]);
        assert_ok(t, field_from_text(t, f, values[i][1], &s));
        assert_string_equal(field_to_text(t, f, &s), values[i][1]);
    }
    assert_ok(t, record_check(t, &sample_type, &s));
    assert_ok(t, field_from_text(t, member("labels"), " x ,y", &s));
    assert_string_equal(field_to_text(t, member("labels"), &s), "x, y");
    assert_ok(t, field_from_text(t, member("labels"), "", &s));
    assert_null(field_to_text(t, member("labels"), &s));
}

static void absent_fields_have_no_text(void **state)
{
    struct task *t = test_task(state);
    struct sample s;
    record_init(t, &sample_type, &s);
    assert_null(field_to_text(t, member("serial-number"), &s));
    assert_null(field_to_text(t, member("created-on"), &s));
    assert_null(field_to_text(t, member("digest"), &s));
    assert_null(field_to_text(t, member("masa"), &s));
    assert_string_equal(field_to_text(t, member("port"), &s), "443");
}

static void wrong_text_is_refused_and_names_the_field(void **state)
{
    static const char *const bad[][3] = {
        {"port", "0x10", "port: must be a whole number"},
        {"port", "", "port: must be a whole number"},
        {"port", "-1", "port: must be a whole number"},
        {"port", "18446744073709551616", "port: must be a whole number"},
        {"port", "65536", "port: must be at most 65535"},
        {"active", "yes", "active: must be true or false"},
        {"labels", "a,,b", "labels[1]: must not be empty"},
        {"labels", "a,b,c,d", "labels: must have at most 3 elements, has 4"},
        {"masa", "x", "masa: has members of its own and no text form"},
        {"owners", "x", "owners: has members of its own and no text form"},
    };
    struct task *t = test_task(state);
    struct sample s = sample_full(t->arena);
    struct sample before = s;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_fails(t, field_from_text(t, member(bad[i][0]), bad[i][1], &s), E_INVALID);
        assert_string_equal(t->detail, bad[i][2]);
        assert_memory_equal(&s, &before, sizeof(s));
    }
}

static void fields_are_found_by_name(void **state)
{
    (void)state;
    assert_int_equal(member("poll")->key, 5);
    assert_null(record_field(&sample_type, "Poll"));
}

static void sizes_use_the_largest_exact_unit(void **state)
{
    static const struct {
        const char *text;
        uint64_t size;
    } sizes[] = {
        {"0 B", 0},
        {"1023 B", 1023},
        {"1 KiB", 1024},
        {"1025 B", 1025},
        {"64 KiB", 65536},
        {"3 MiB", 3ULL << 20},
        {"5 GiB", 5ULL << 30},
        {"16777215 TiB", 16777215ULL << 40},
        {"18446744073709551615 B", UINT64_MAX},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        uint64_t size = 1;
        assert_string_equal(size_to_text(t->arena, sizes[i].size), sizes[i].text);
        assert_true(size_from_text(sizes[i].text, &size));
        assert_true(size == sizes[i].size);
    }
    uint64_t size = 4711;
    assert_true(size_from_text("2MiB", &size));
    assert_int_equal(size, 2 << 20);
}

static void what_is_no_size_is_refused(void **state)
{
    static const char *const bad[] = {"",     "64",      "KiB",    "64 KB", "64 kib",
                                      "-1 B", "1.5 KiB", "1 KiB ", " 1 B",  "16777216 TiB"};
    uint64_t size = 4711;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (size_from_text(bad[i], &size))
            fail_msg("read: %s", bad[i]);
    }
    assert_int_equal(size, 4711);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(required_members_must_be_there),
        UNIT_TEST(numbers_are_held_to_their_range),
        UNIT_TEST(texts_octets_and_lists_are_held_to_their_length),
        UNIT_TEST(fields_are_set_and_shown_as_text),
        UNIT_TEST(absent_fields_have_no_text),
        UNIT_TEST(wrong_text_is_refused_and_names_the_field),
        UNIT_TEST(fields_are_found_by_name),
        UNIT_TEST(sizes_use_the_largest_exact_unit),
        UNIT_TEST(what_is_no_size_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
