/* Status reports of pledges, in JSON and in CBOR (RFC 8995 5.7, 5.9.4). */
#include "core/base/cbor.h"
#include "registrar/status_report.h"
#include "tests/unit/support.h"

#include <string.h>

static struct status_report read_report(struct task *t, const char *type, struct bytes octets)
{
    struct status_report report = {.version = 0};
    assert_ok(t, status_report_read(t, type, octets, &report));
    return report;
}

static void examples_of_the_rfc_are_read(void **state)
{
    static const char *const files[] = {"brski-json/rfc8995_fig16_voucher_status.json",
                                        "brski-json/rfc8995_fig20_enrollstatus.json"};
    struct task *t = test_task(state);
    if (!vectors_present())
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        struct status_report report = read_report(t, STATUS_JSON, vector_read(t, files[i]));
        assert_int_equal(report.version, 1);
        assert_non_null(report.reason);
        assert_non_null(report.context);
    }
}

/* {version: 2, status: false, reason: ..., reason-context: {...}, Version: 9, 7: 7} */
static struct bytes cbor_report(struct task *t)
{
    struct cbor_writer w = cbor_writer_make(t->arena);
    cbor_write_map(&w, 6);
    cbor_write_text(&w, "version");
    cbor_write_uint(&w, 2);
    cbor_write_text(&w, "status");
    cbor_write_bool(&w, false);
    cbor_write_text(&w, "reason");
    cbor_write_text(&w, "no\x1b[2J");
    cbor_write_text(&w, "reason-context");
    cbor_write_map(&w, 1);
    cbor_write_text(&w, "a");
    cbor_write_array(&w, 4);
    cbor_write_int(&w, -2);
    cbor_write_octets(&w, BYTES_LITERAL("\x01\x02"));
    cbor_write_null(&w);
    cbor_write_tag(&w, 1);
    cbor_write_uint(&w, 5);
    cbor_write_text(&w, "Version");
    cbor_write_uint(&w, 9);
    cbor_write_uint(&w, 7);
    cbor_write_uint(&w, 7);
    return cbor_written(&w);
}

static void cbor_says_the_same_as_json(void **state)
{
    struct task *t = test_task(state);
    struct status_report report = read_report(t, "Application/CBOR", cbor_report(t));
    assert_int_equal(report.version, 2);
    assert_false(report.success);
    assert_string_equal(report.reason, "no?[2J");
    assert_string_equal(report.context, "{\"a\": [-1-1, h'0102', null, 1 5]}");
    assert_int_equal(report.unknown.count, 2);
    assert_string_equal(report.unknown.items[0], "Version"); /* names are case-sensitive */
    report = read_report(t, STATUS_JSON,
                         BYTES_LITERAL("{\"version\":2,\"status\":false,\"Status\":true,"
                                       "\"reason-context\":[1,{\"a\":null}]}"));
    assert_false(report.success);
    assert_null(report.reason);
    assert_string_equal(report.context, "[1,{\"a\":null}]");
    assert_int_equal(report.unknown.count, 1);
    assert_string_equal(report.unknown.items[0], "Status");
}

static void what_is_no_report_is_refused(void **state)
{
    static const char *const json[] = {
        "",
        "{}",
        "[]",
        "{\"version\":1}",
        "{\"status\":true}",
        "{\"version\":0,\"status\":true}",
        "{\"version\":\"1\",\"status\":true}",
        "{\"version\":1,\"status\":\"true\"}",
        "{\"version\":1,\"status\":1}",
        "{\"Version\":1,\"status\":true}",
        "{\"version\":1,\"status\":true,\"status\":false}",
        "{\"version\":1,\"status\":true,\"reason\":7}",
        "{\"version\":1,\"status\":true,\"reason\":\"\xff\"}",
        "{\"version\":1,\"status\":true,\"reason\":\"\\u0000\"}",
    };
    static const char *const cbor[] = {
        "\xa1\x67version\x01",                                 /* no status */
        "\xa1\x66status\xf5",                                  /* no version */
        "\xa2\x67version\x20\x66status\xf5",                   /* -1 */
        "\xa2\x67version\x61\x31\x66status\xf5",               /* "1" */
        "\xa2\x67version\x01\x66status\xf6",                   /* null */
        "\xa2\x67Version\x01\x66status\xf5",                   /* another name */
        "\xa3\x67version\x01\x66status\xf5\x66status\xf4",     /* twice */
        "\xa3\x67version\x01\x66status\xf5\x66reason\x07",     /* no text */
        "\xa3\x67version\x01\x66status\xf5\x66reason\x61\xff", /* no UTF-8 */
        "\xa2\x67version\x01\x66status\xf5\x01",               /* something behind it */
        "\xbf\x67version\x01\x66status\xf5\xff",               /* without a length */
        "\xa3\x67version\x01\x66status\xf5\x6ereason-context\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
    };
    struct task *t = test_task(state);
    struct status_report report;
    for (size_t i = 0; i < ARRAY_SIZE(json); i++)
        assert_fails(t, status_report_read(t, STATUS_JSON, bytes_of_text(json[i]), &report),
                     E_TELEMETRY);
    for (size_t i = 0; i < ARRAY_SIZE(cbor); i++)
        assert_fails(t, status_report_read(t, STATUS_CBOR, bytes_of_text(cbor[i]), &report),
                     E_TELEMETRY);
}

static void words_without_end_are_cut(void **state)
{
    enum { MANY = 16 * 1024 };
    struct task *t = test_task(state);
    char *text = arena_alloc(t->arena, MANY + 1);
    memset(text, 'x', MANY);
    text[MANY] = '\0';
    struct cbor_writer w = cbor_writer_make(t->arena);
    cbor_write_map(&w, 4);
    cbor_write_text(&w, "version");
    cbor_write_uint(&w, 1);
    cbor_write_text(&w, "status");
    cbor_write_bool(&w, false);
    cbor_write_text(&w, "reason");
    cbor_write_text(&w, text);
    cbor_write_text(&w, "reason-context");
    cbor_write_array(&w, MANY);
    for (int i = 0; i < MANY; i++)
        cbor_write_uint(&w, 7);
    struct status_report report = read_report(t, STATUS_CBOR, cbor_written(&w));
    assert_in_range(strlen(report.reason), 1, STATUS_TEXT_MAX);
    assert_in_range(strlen(report.context), 1, STATUS_TEXT_MAX);
    struct bytes json = bytes_of_text(
        arena_printf(t->arena, "{\"version\":1,\"status\":false,\"reason\":\"%s\"}", text));
    report = read_report(t, STATUS_JSON, json);
    assert_in_range(strlen(report.reason), 1, STATUS_TEXT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(examples_of_the_rfc_are_read),
        UNIT_TEST(cbor_says_the_same_as_json),
        UNIT_TEST(what_is_no_report_is_refused),
        UNIT_TEST(words_without_end_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
