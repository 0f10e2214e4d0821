#include "tests/unit/support.h"

#include "core/base/record.h"
#include "tests/sample.h"

#include <string.h>

static const char *json_of(struct task *t, const struct sample *s)
{
    json_t *object;
    struct bytes text;
    assert_ok(t, record_to_json(t, &sample_type, s, &object));
    assert_ok(t, json_write(t, object, &text));
    return bytes_to_text(t->arena, text);
}

static void json_has_text_forms_and_no_secrets(void **state)
{
    struct task *t = test_task(state);
    struct sample s = sample_full(t->arena);
    assert_string_equal(
        json_of(t, &s),
        "{\"serial-number\":\"JADA-1234\",\"active\":true,\"port\":8443,"
        "\"created-on\":\"2021-04-01T12:00:00.747Z\",\"poll\":\"1 min\",\"body-limit\":\"2 KiB\","
        "\"digest\":\"deadbeef\",\"certificate\":\"AAECAw==\",\"mode\":\"unattended\","
        "\"labels\":[\"a\",\"bc\"],\"idevid-anchors\":[\"AQ==\",\"AgM=\"],"
        "\"masa\":{\"url\":\"https://m.example\",\"retries\":7},"
        "\"owners\":[{\"name\":\"x\",\"level\":0},{\"name\":\"y\",\"level\":9}],"
        "\"state\":\"done\",\"greeting\":\"hello\",\"groups\":[\"x\"]}");
}

static void json_leaves_absent_members_out_but_shows_empty_lists(void **state)
{
    struct task *t = test_task(state);
    struct sample s = sample_least(t);
    assert_string_equal(
        json_of(t, &s),
        "{\"serial-number\":\"J\",\"active\":true,\"port\":443,\"poll\":\"90 s\","
        "\"body-limit\":\"64 KiB\",\"mode\":\"closed\",\"labels\":[],\"idevid-anchors\":[],"
        "\"masa\":{\"retries\":3},\"owners\":[],\"greeting\":\"say: \\\"hi\\\" # "
        "there\",\"groups\":[\"staff\",\"guests\"]}");
}

static void text_that_is_no_utf8_does_not_get_into_json(void **state)
{
    struct task *t = test_task(state);
    struct sample s = sample_full(t->arena);
    json_t *object = NULL;
    s.masa.url = "\xff";
    assert_fails(t, record_to_json(t, &sample_type, &s, &object), E_INVALID);
    assert_string_equal(t->detail, "masa.url: not UTF-8");
    assert_null(object);
}

static json_t *parsed(struct task *t, const char *text)
{
    json_t *value = NULL;
    assert_ok(t, json_parse(t, bytes_of_text(text), &value));
    return value;
}

static void json_is_read_back(void **state)
{
    struct task *t = test_task(state);
    struct sample full = sample_full(t->arena);
    struct sample s;
    full.state = NULL; /* read-only */
    full.pin = "0000"; /* secret: not in what is read */
    ((struct sample_owner *)full.owners.items)[1].password = NULL;
    const char *text = json_of(t, &full);
    record_init(t, &sample_type, &s);
    assert_ok(t, record_from_json(t, &sample_type, parsed(t, text), &s));
    struct bytes expected;
    struct bytes actual;
    assert_ok(t, record_encode(t, &sample_type, &full, &expected));
    assert_ok(t, record_encode(t, &sample_type, &s, &actual));
    assert_bytes_equal(t, actual, expected);
}

static void json_changes_only_the_members_it_names(void **state)
{
    struct task *t = test_task(state);
    struct sample s = sample_full(t->arena);
    const char *change =
        "{\"port\": 1, \"masa\": {\"retries\": 1}, \"owners\": [{\"name\": \"z\"}],"
        " \"pin\": \"9999\"}";
    assert_ok(t, record_from_json(t, &sample_type, parsed(t, change), &s));
    assert_int_equal(s.port, 1);
    assert_string_equal(s.serial, "JADA-1234");
    assert_string_equal(s.masa.url, "https://m.example");
    assert_int_equal(s.masa.retries, 1);
    assert_int_equal(s.owners.count, 1);
    assert_int_equal(((struct sample_owner *)s.owners.items)[0].level, 1);
    assert_string_equal(s.pin, "9999");
}

static void null_puts_a_member_back_to_its_preset(void **state)
{
    struct task *t = test_task(state);
    struct sample s = sample_full(t->arena);
    const char *change =
        "{\"port\": null, \"certificate\": null, \"labels\": null, \"masa\": null}";
    assert_ok(t, record_from_json(t, &sample_type, parsed(t, change), &s));
    assert_int_equal(s.port, 443);
    assert_false(bytes_present(s.certificate));
    assert_int_equal(s.labels.count, 0);
    assert_null(s.masa.url);
    assert_int_equal(s.masa.retries, 3);
    assert_fails(t, record_from_json(t, &sample_type, parsed(t, "{\"serial-number\": null}"), &s),
                 E_INVALID);
    assert_string_equal(t->detail, "serial-number: is required");
}

static void wrong_json_is_refused_with_the_members_path(void **state)
{
    static const char *const bad[][2] = {
        {"{\"prot\": 1}", "prot: unknown member; did you mean \"port\"?"},
        {"{\"idevid_anchors\": []}", "idevid_anchors: unknown member; did you mean"},
        {"{\"zzzzzz\": 1}", "zzzzzz: unknown member"},
        {"{\"masa\": {\"retires\": 1}}", "masa.retires: unknown member; did you mean \"retries\"?"},
        {"{\"state\": \"x\"}", "state: is read-only"},
        {"{\"state\": null}", "state: is read-only"},
        {"{\"active\": \"true\"}", "active: must be true or false"},
        {"{\"active\": 1}", "active: must be true or false"},
        {"{\"port\": \"443\"}", "port: must be a whole number"},
        {"{\"port\": 443.0}", "port: must be a whole number"},
        {"{\"port\": -1}", "port: must be a whole number"},
        {"{\"port\": 0}", "port: must be at least 1"},
        {"{\"created-on\": 1617278400747}", "created-on: must be a time such as \"2030-12-31T"},
        {"{\"created-on\": \"2021-04-01\"}", "created-on: must be a time such as"},
        {"{\"poll\": 90}", "poll: must be a duration such as \"90 s\""},
        {"{\"poll\": \"90\"}", "poll: must be a duration such as \"90 s\""},
        {"{\"poll\": \"2 h\"}", "poll: must be at most 1 h"},
        {"{\"body-limit\": 65536}", "body-limit: must be a size such as \"64 KiB\""},
        {"{\"body-limit\": \"64 KB\"}", "body-limit: must be a size such as \"64 KiB\""},
        {"{\"digest\": \"xyz\"}", "digest: not hexadecimal"},
        {"{\"digest\": 1}", "digest: must be text, in hexadecimal"},
        {"{\"certificate\": \"!\"}", "certificate: not base64"},
        {"{\"certificate\": []}", "certificate: must be text, in base64"},
        {"{\"mode\": \"opened\"}",
         "mode: must be one of open, closed, unattended; did you mean \"open\"?"},
        {"{\"mode\": 1}", "mode: must be text"},
        {"{\"serial-number\": 5}", "serial-number: must be text"},
        {"{\"serial-number\": \"\"}", "serial-number: must not be empty"},
        {"{\"labels\": \"a\"}", "labels: must be an array"},
        {"{\"labels\": [\"a\", 2]}", "labels[1]: must be text"},
        {"{\"labels\": [\"a\", \"\"]}", "labels[1]: must not be empty"},
        {"{\"labels\": [null]}", "labels[0]: must be text"},
        {"{\"labels\": [\"a\", \"b\", \"c\", \"d\"]}",
         "labels: must have at most 3 elements, has 4"},
        {"{\"idevid-anchors\": [\"AQ==\", \"Ag==\", \"?\"]}", "idevid-anchors[2]: not base64"},
        {"{\"masa\": []}", "masa: must be an object"},
        {"{\"owners\": [{\"name\": \"x\"}, {}]}", "owners[1].name: is required"},
        {"{\"owners\": [{\"name\": \"x\", \"level\": 10}]}", "owners[0].level: must be at most 9"},
        {"{\"owners\": [7]}", "owners[0]: must be an object"},
        {"[]", "sample must be an object"},
    };
    struct task *t = test_task(state);
    struct sample s = sample_full(t->arena);
    struct sample before = s;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_fails(t, record_from_json(t, &sample_type, parsed(t, bad[i][0]), &s), E_INVALID);
        assert_detail(t, bad[i][1]);
        assert_memory_equal(&s, &before, sizeof(s));
    }
}

static void problems_never_quote_a_secret(void **state)
{
    struct task *t = test_task(state);
    struct sample s = sample_full(t->arena);
    json_t *object = json_in_arena(t, json_pack("{s:s%}", "pin", "hunter2\0x", (size_t)9));
    assert_fails(t, record_from_json(t, &sample_type, object, &s), E_INVALID);
    assert_null(strstr(t->detail, "hunter2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(json_has_text_forms_and_no_secrets),
        UNIT_TEST(json_leaves_absent_members_out_but_shows_empty_lists),
        UNIT_TEST(text_that_is_no_utf8_does_not_get_into_json),
        UNIT_TEST(json_is_read_back),
        UNIT_TEST(json_changes_only_the_members_it_names),
        UNIT_TEST(null_puts_a_member_back_to_its_preset),
        UNIT_TEST(wrong_json_is_refused_with_the_members_path),
        UNIT_TEST(problems_never_quote_a_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
