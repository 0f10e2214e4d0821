#include "tests/unit/support.h"

#include "core/base/json.h"

#include <string.h>

static void document_is_written_as_it_was_read(void **state)
{
    static const char text[] = "{\"z\":1,\"a\":[true,null,\"x\\ny\"],\"m\":{\"k\":-1.5}}";
    struct task *t = test_task(state);
    json_t *value;
    struct bytes written;
    assert_ok(t, json_parse(t, bytes_of_text(text), &value));
    assert_ok(t, json_write(t, value, &written));
    assert_bytes_equal(t, written, bytes_of_text(text));
}

static void malformed_documents_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "[1,]",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1} x",
        "[1] [2]",
        "[\"\xff\"]",
        "[\"\\u0000\"]",
        "[NaN]",
        "[01]",
        "{a:1}",
        "\"text\"",
        "1",
        "[1e999]",
        "[99999999999999999999]",
        "['a']",
        "[\"\n\"]",
    };
    struct task *t = test_task(state);
    json_t *value = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_fails(t, json_parse(t, bytes_of_text(bad[i]), &value), E_MALFORMED);
    assert_fails(t, json_parse(t, BYTES_ABSENT, &value), E_MALFORMED);
    assert_fails(t, json_parse(t, BYTES_LITERAL("[1]\0"), &value), E_MALFORMED);
    assert_null(value);
}

static void refusal_names_the_position(void **state)
{
    struct task *t = test_task(state);
    json_t *value;
    assert_fails(t, json_parse(t, BYTES_LITERAL("{\n  \"a\": ?\n}"), &value), E_MALFORMED);
    assert_detail(t, "line 2 column 8");
}

static char *nested(struct arena *arena, size_t depth)
{
    char *text = arena_alloc(arena, 2 * depth + 1);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    return text;
}

static void nesting_is_bounded(void **state)
{
    struct task *t = test_task(state);
    json_t *value;
    struct bytes deepest = bytes_of_text(nested(t->arena, JSON_DEPTH_MAX));
    struct bytes deeper = bytes_of_text(nested(t->arena, JSON_DEPTH_MAX + 1));
    assert_ok(t, json_parse(t, deepest, &value));
    assert_fails(t, json_parse(t, deeper, &value), E_MALFORMED);
    assert_detail(t, "deeper than 16");
}

static void brackets_in_strings_do_not_nest(void **state)
{
    struct task *t = test_task(state);
    json_t *value;
    struct bytes text = BYTES_LITERAL("[\"[[[[[[[[[[[[[[[[[[[[[[[[\\\"[{[{[{[{\"]");
    assert_ok(t, json_parse(t, text, &value));
    assert_int_equal(json_string_length(json_array_get(value, 0)), 33);
}

static void lone_values_can_be_written(void **state)
{
    struct task *t = test_task(state);
    struct bytes written;
    assert_ok(t, json_write(t, json_in_arena(t, json_string("a\"b")), &written));
    assert_bytes_equal(t, written, BYTES_LITERAL("\"a\\\"b\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(document_is_written_as_it_was_read), UNIT_TEST(malformed_documents_are_refused),
        UNIT_TEST(refusal_names_the_position),         UNIT_TEST(nesting_is_bounded),
        UNIT_TEST(brackets_in_strings_do_not_nest),    UNIT_TEST(lone_values_can_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
