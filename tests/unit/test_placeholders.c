/* Templates: what is a place and what is just a brace, and what is never put into text. */
#include "tests/unit/support.h"

#include "core/base/placeholders.h"

static const char *const known[] = {"serial", "dns-name", NULL};

static void places_that_are_known_pass(void **state)
{
    static const char *const texts[] = {"",
                                        "plain",
                                        "{serial}",
                                        "{serial}{dns-name}",
                                        "a{serial}b",
                                        "{",
                                        "}",
                                        "{}",
                                        "{\"a\": {\"b\": 1}}",
                                        "{Serial}",
                                        "{serial",
                                        "{ser ial}",
                                        "{{serial}}",
                                        "if (x) {return;}",
                                        "{1}",
                                        "{serial }",
                                        "\xff{serial}\xff"};
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        assert_ok(t, placeholders_check(t, bytes_of_text(texts[i]), known));
}

static void unknown_place_is_named(void **state)
{
    struct task *t = test_task(state);
    assert_fails(t, placeholders_check(t, BYTES_LITERAL("{serial} {seriall}"), known), E_INVALID);
    assert_detail(t, "{seriall} stands for nothing; what does: {serial}, {dns-name}");
}

static void places_are_filled_and_the_rest_stays(void **state)
{
    static const struct {
        const char *text;
        const char *filled;
    } cases[] = {
        {"", ""},
        {"{}{ }{X}", "{}{ }{X}"},
        {"{serial}", "SN 1"},
        {"{{serial}}", "{SN 1}"},
        {"{\"id\": \"{serial}\", \"n\": {\"name\": \"{dns-name}\"}}",
         "{\"id\": \"SN 1\", \"n\": {\"name\": \"p.example\"}}"},
        {"{serial}{serial}{dns-name", "SN 1SN 1{dns-name"},
    };
    const struct placeholder values[] = {{"serial", "SN 1"}, {"dns-name", "p.example"}};
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct bytes filled;
        assert_ok(t, placeholders_fill(t, bytes_of_text(cases[i].text), values, ARRAY_SIZE(values),
                                       100, &filled));
        assert_bytes_equal(t, filled, bytes_of_text(cases[i].filled));
    }
}

static void value_that_could_break_out_is_not_put_into_text(void **state)
{
    static const char *const values[] = {"a\"b", "a<b",  "a&b",  "a\nb",     "a;b",
                                         "a'b",  "a\\b", "a{b}", "a\xc3\xa4"};
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        const struct placeholder value = {"serial", values[i]};
        struct bytes filled;
        assert_fails(t, placeholders_fill(t, BYTES_LITERAL("x {serial}"), &value, 1, 100, &filled),
                     E_INVALID);
        /* Where it is not needed it does no harm. */
        assert_ok(t, placeholders_fill(t, BYTES_LITERAL("x"), &value, 1, 100, &filled));
    }
}

static void missing_value_is_named(void **state)
{
    const struct placeholder value = {"dns-name", NULL};
    struct task *t = test_task(state);
    struct bytes filled;
    assert_fails(t, placeholders_fill(t, BYTES_LITERAL("{dns-name}"), &value, 1, 100, &filled),
                 E_INVALID);
    assert_detail(t, "nothing to put for {dns-name}");
    assert_fails(t, placeholders_fill(t, BYTES_LITERAL("{serial}"), &value, 1, 100, &filled),
                 E_INVALID);
}

static void filled_text_is_bounded(void **state)
{
    const struct placeholder value = {"a", "0123456789"};
    struct task *t = test_task(state);
    struct bytes filled;
    assert_ok(t, placeholders_fill(t, BYTES_LITERAL("{a}{a}"), &value, 1, 20, &filled));
    assert_fails(t, placeholders_fill(t, BYTES_LITERAL("{a}{a}"), &value, 1, 19, &filled),
                 E_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(places_that_are_known_pass),
        UNIT_TEST(unknown_place_is_named),
        UNIT_TEST(places_are_filled_and_the_rest_stays),
        UNIT_TEST(value_that_could_break_out_is_not_put_into_text),
        UNIT_TEST(missing_value_is_named),
        UNIT_TEST(filled_text_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
