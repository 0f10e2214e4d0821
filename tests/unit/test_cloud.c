/* What clouds answer, and what a cloud's record must hold. */
#include "registrar/cloud/answer.h"
#include "tests/unit/support.h"

#include "core/store/records/cloud.h"

#include <string.h>

/* ---- Answers ---- */

static void acknowledgement_is_read(void **state)
{
    struct task *t = test_task(state);
    struct cloud_registered answer;
    assert_ok(t, cloud_registered_read(
                     t,
                     BYTES_LITERAL("{\"devices\": 12, \"another\": [1], \"reachability\": {"
                                   "\"reachable\": false, \"checked\": \"2026-11-24T08:00:00Z\","
                                   "\"detail\": \"no\\u0007 answer\"}}"),
                     &answer));
    assert_int_equal(answer.devices, 12);
    assert_true(answer.looked);
    assert_false(answer.reachable);
    assert_int_equal(answer.checked, 1795507200000);
    assert_null(strchr(answer.reach_detail, '\a'));
    assert_non_null(strstr(answer.reach_detail, "answer"));
}

static void acknowledgement_may_say_nothing_more(void **state)
{
    struct task *t = test_task(state);
    struct cloud_registered answer;
    assert_ok(t, cloud_registered_read(t, BYTES_LITERAL("{}"), &answer));
    assert_int_equal(answer.devices, 0);
    assert_false(answer.looked);
    assert_null(answer.reach_detail);
}

static void acknowledgement_that_makes_no_sense_is_refused(void **state)
{
    struct task *t = test_task(state);
    static const char *const bad[] = {
        "",
        "[]",
        "{",
        "{\"devices\": -1}",
        "{\"devices\": \"many\"}",
        "{\"devices\": 1.5}",
        "{\"reachability\": true}",
        "{\"reachability\": {\"reachable\": \"yes\"}}",
        "{\"reachability\": {\"reachable\": true, \"checked\": \"yesterday\"}}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct cloud_registered answer = {.devices = 77};
        assert_fails(t, cloud_registered_read(t, bytes_of_text(bad[i]), &answer), E_CLOUD_ANSWER);
        assert_int_equal(answer.devices, 77);
    }
}

static void devices_are_read_a_page_at_a_time(void **state)
{
    struct task *t = test_task(state);
    struct cloud_listed page;
    assert_ok(t, cloud_listed_read(t,
                                   BYTES_LITERAL("{\"items\": [{\"serial-number\": \"A-1\"}, "
                                                 "{\"serial-number\": \"A-2\", \"order\": \"O\"}], "
                                                 "\"next\": \"A-2\"}"),
                                   NULL, &page));
    assert_int_equal(page.serials.count, 2);
    assert_string_equal(page.serials.items[0], "A-1");
    assert_string_equal(page.next, "A-2");
    assert_ok(t, cloud_listed_read(t, BYTES_LITERAL("{\"items\": []}"), "A-2", &page));
    assert_int_equal(page.serials.count, 0);
    assert_null(page.next);
}

/* What a record could not hold does no harm to the rest of the page. */
static void serial_numbers_that_fit_no_record_are_passed_over(void **state)
{
    struct task *t = test_task(state);
    struct cloud_listed page;
    const char *longest = arena_printf(t->arena, "%0300d", 9);
    const char *json = arena_printf(t->arena,
                                    "{\"items\": [{\"serial-number\": \"%s\"}, {\"serial-number\": "
                                    "\"1\\u001b[2J\"}, {\"serial-number\": \"2\"}]}",
                                    longest);
    assert_ok(t, cloud_listed_read(t, bytes_of_text(json), NULL, &page));
    assert_int_equal(page.serials.count, 1);
    assert_string_equal(page.serials.items[0], "2");
}

static void pages_that_lead_nowhere_are_refused(void **state)
{
    struct task *t = test_task(state);
    static const char *const bad[] = {
        "{}",
        "{\"items\": {}}",
        "{\"items\": [{}]}",
        "{\"items\": [\"A-9\"]}",
        "{\"items\": [{\"serial-number\": 9}]}",
        "{\"items\": [{\"serial-number\": \"A-9\"}, {\"serial-number\": \"A-8\"}]}",
        "{\"items\": [{\"serial-number\": \"A-9\"}, {\"serial-number\": \"A-9\"}]}",
        "{\"items\": [{\"serial-number\": \"A-5\"}]}",
        "{\"items\": [{\"serial-number\": \"A-4\"}]}",
        "{\"items\": [{\"serial-number\": \"A-9\"}], \"next\": 1}",
        "{\"items\": [{\"serial-number\": \"A-9\"}], \"next\": \"A-5\"}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct cloud_listed page;
        assert_fails(t, cloud_listed_read(t, bytes_of_text(bad[i]), "A-5", &page), E_CLOUD_ANSWER);
    }
}

static const char *page_of(struct task *t, unsigned count)
{
    const char *items = "";
    for (unsigned i = 0; i < count; i++)
        items = arena_printf(t->arena, "%s%s{\"serial-number\": \"%05u\"}", items,
                             i == 0 ? "" : ",", i);
    return arena_printf(t->arena, "{\"items\": [%s]}", items);
}

static void page_has_a_bound(void **state)
{
    struct task *t = test_task(state);
    struct cloud_listed page;
    assert_ok(t, cloud_listed_read(t, bytes_of_text(page_of(t, CLOUD_PAGE_MAX)), NULL, &page));
    assert_int_equal(page.serials.count, CLOUD_PAGE_MAX);
    assert_fails(t,
                 cloud_listed_read(t, bytes_of_text(page_of(t, CLOUD_PAGE_MAX + 1)), NULL, &page),
                 E_CLOUD_ANSWER);
}

static void refusals_are_quoted_in_words(void **state)
{
    struct task *t = test_task(state);
    assert_string_equal(
        cloud_problem_words(t, BYTES_LITERAL("{\"code\": \"token-used\", \"detail\": \"twice\"}")),
        "token-used: twice");
    assert_string_equal(cloud_problem_words(t, BYTES_LITERAL("<html>")), "<html>");
    assert_null(strchr(cloud_problem_words(t, BYTES_LITERAL("a\033[31m")), '\033'));
}

/* ---- Records ---- */

static struct bytes anchor = BYTES_LITERAL("a certificate");

static struct cloud cloud_made(struct task *t)
{
    struct cloud cloud;
    record_init(t, &cloud_type, &cloud);
    cloud.name = "maker-cloud";
    cloud.manufacturer = "maker";
    cloud.owner = "acme";
    cloud.url = "https://cloud.example/registration/v1";
    cloud.anchors = (struct bytes_list){&anchor, 1};
    cloud.mode = CLOUD_REDIRECT;
    cloud.registrar_url = "https://registrar.example:8443";
    return cloud;
}

static void mode_redirect_has_a_registrar_and_nothing_to_pin(void **state)
{
    struct task *t = test_task(state);
    struct cloud cloud = cloud_made(t);
    assert_ok(t, cloud_check(t, &cloud));
    cloud.est_domain = "https://est.example";
    assert_fails(t, cloud_check(t, &cloud), E_INVALID);
    cloud.est_domain = NULL;
    cloud.additional_configuration_url = "https://files.example/secret";
    assert_fails(t, cloud_check(t, &cloud), E_INVALID);
    cloud.additional_configuration_url = NULL;
    cloud.registrar_url = "http://registrar.example";
    assert_fails(t, cloud_check(t, &cloud), E_INVALID);
    cloud.registrar_url = NULL;
    assert_fails(t, cloud_check(t, &cloud), E_INVALID);
}

static void mode_voucher_has_an_est_domain(void **state)
{
    struct task *t = test_task(state);
    struct cloud cloud = cloud_made(t);
    cloud.mode = CLOUD_VOUCHER;
    assert_fails(t, cloud_check(t, &cloud), E_INVALID);
    cloud.registrar_url = NULL;
    assert_fails(t, cloud_check(t, &cloud), E_INVALID);
    cloud.est_domain = "https://est.example";
    cloud.additional_configuration_url = "https://files.example/secret";
    assert_ok(t, cloud_check(t, &cloud));
}

/* A program is a name in one folder, never a path. */
static void back_end_has_what_it_needs(void **state)
{
    struct task *t = test_task(state);
    struct cloud cloud = cloud_made(t);
    cloud.anchors.count = 0;
    assert_fails(t, cloud_check(t, &cloud), E_INVALID);
    cloud.anchors.count = 1;
    cloud.url = NULL;
    assert_fails(t, cloud_check(t, &cloud), E_INVALID);
    cloud.backend = CLOUD_COMMAND;
    assert_fails(t, cloud_check(t, &cloud), E_INVALID);
    cloud.program = "../sh";
    assert_fails(t, cloud_check(t, &cloud), E_INVALID);
    cloud.program = "maker";
    assert_ok(t, cloud_check(t, &cloud));
}

static void host_of_an_address_is_found(void **state)
{
    struct task *t = test_task(state);
    const char *host;
    assert_ok(t, cloud_url_host(t, "url", "https://registrar.example:8443/x", &host));
    assert_string_equal(host, "registrar.example");
    assert_ok(t, cloud_url_host(t, "url", "https://[2001:db8::7]:8443", &host));
    assert_string_equal(host, "2001:db8::7");
    assert_fails(t, cloud_url_host(t, "url", "http://registrar.example", &host), E_INVALID);
    assert_fails(t, cloud_url_host(t, "url", "https://me:secret@registrar.example", &host),
                 E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(acknowledgement_is_read),
        UNIT_TEST(acknowledgement_may_say_nothing_more),
        UNIT_TEST(acknowledgement_that_makes_no_sense_is_refused),
        UNIT_TEST(devices_are_read_a_page_at_a_time),
        UNIT_TEST(serial_numbers_that_fit_no_record_are_passed_over),
        UNIT_TEST(pages_that_lead_nowhere_are_refused),
        UNIT_TEST(page_has_a_bound),
        UNIT_TEST(refusals_are_quoted_in_words),
        UNIT_TEST(mode_redirect_has_a_registrar_and_nothing_to_pin),
        UNIT_TEST(mode_voucher_has_an_est_domain),
        UNIT_TEST(back_end_has_what_it_needs),
        UNIT_TEST(host_of_an_address_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
