/* Which redirects a pledge follows (lab/journey.h), and what it takes for a place (lab/place.h). */
#include "lab/journey.h"

#include "lab/problems.h"
#include "tests/unit/support.h"

#include <string.h>

#define VOUCHER "/.well-known/brski/requestvoucher"
#define LIMIT   24

static struct place place_of(struct task *t, const char *url)
{
    struct place place = {0};
    assert_ok(t, place_from_url(t, url, &place));
    return place;
}

static struct journey journey_from(struct task *t, const char *url, unsigned limit)
{
    struct journey journey;
    struct place start = place_of(t, url);
    journey_begin(t, &start, limit, &journey);
    return journey;
}

static bool go(struct task *t, struct journey *journey, int status, bool validated,
               const char *location)
{
    const struct redirect redirect = {
        .status = status, .location = location, .from_validated = validated};
    return journey_follow(t, journey, &redirect);
}

static void places_are_read(void **state)
{
    static const struct {
        const char *url;
        const char *host;
        const char *path;
        const char *canonical;
        unsigned port;
        bool is_address;
    } cases[] = {
        {"https://ra.example", "ra.example", VOUCHER, "https://ra.example" VOUCHER, 443, false},
        {"HTTPS://RA.Example:8443/", "ra.example", VOUCHER, "https://ra.example:8443" VOUCHER, 8443,
         false},
        {"https://ra.example:/.well-known/brski", "ra.example", VOUCHER,
         "https://ra.example" VOUCHER, 443, false},
        {"https://ra.example:443/.well-known/brski/", "ra.example", VOUCHER,
         "https://ra.example" VOUCHER, 443, false},
        {"https://ra.example" VOUCHER, "ra.example", VOUCHER, "https://ra.example" VOUCHER, 443,
         false},
        {"https://ra.example/other/Path", "ra.example", "/other/Path",
         "https://ra.example/other/Path", 443, false},
        {"https://192.0.2.1:9443", "192.0.2.1", VOUCHER, "https://192.0.2.1:9443" VOUCHER, 9443,
         true},
        {"https://[2001:DB8::1]:9443/x", "2001:db8::1", "/x", "https://[2001:db8::1]:9443/x", 9443,
         true},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct place place = place_of(t, cases[i].url);
        assert_string_equal(place.host, cases[i].host);
        assert_int_equal(place.port, cases[i].port);
        assert_string_equal(place.path, cases[i].path);
        assert_string_equal(place.url, cases[i].canonical);
        assert_int_equal(place.is_address, cases[i].is_address);
    }
}

static void what_is_no_place_is_refused(void **state)
{
    static const char *const urls[] = {
        "",
        "ra.example",
        "/.well-known/brski/requestvoucher",
        "http://ra.example/",
        "ftp://ra.example/",
        "https:ra.example",
        "https://",
        "https:///path",
        "https://:443/",
        "https://user@ra.example/",
        "https://ra.example/?query",
        "https://ra.example/#fragment",
        "https://ra.example:0/",
        "https://ra.example:65536/",
        "https://ra.example:99999999999/",
        "https://ra.example:8x/",
        "https://ra.example:-1/",
        "https://ra example/",
        "https://ra.example/a b",
        "https://ra.example/\r\nX-Injected: 1",
        "https://r\xc3\xa4.example/",
        "https://ra%2eexample/",
        "https://[2001:db8::1/",
        "https://[ra.example]/",
        "https://2001:db8::1/",
    };
    struct task *t = test_task(state);
    struct place place;
    for (size_t i = 0; i < ARRAY_SIZE(urls); i++)
        assert_fails(t, place_from_url(t, urls[i], &place), E_INVALID);
}

static void overlong_url_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct place place;
    char *url = arena_alloc(t->arena, PLACE_URL_MAX + 2);
    memset(url, 'a', PLACE_URL_MAX + 1);
    memcpy(url, "https://a/", strlen("https://a/"));
    assert_fails(t, place_from_url(t, url, &place), E_INVALID);
    url[PLACE_URL_MAX] = '\0';
    assert_ok(t, place_from_url(t, url, &place));
}

static void validated_cloud_leads_to_the_owner(void **state)
{
    struct task *t = test_task(state);
    struct journey journey = journey_from(t, "https://cloud.example", LIMIT);
    assert_ok(t, go(t, &journey, 307, true, "https://var.example"));
    assert_ok(t, go(t, &journey, 307, true, "https://ra.example:8443"));
    assert_string_equal(journey_here(&journey)->url, "https://ra.example:8443" VOUCHER);
}

static void provisional_registrar_may_not_redirect(void **state)
{
    struct task *t = test_task(state);
    struct journey journey = journey_from(t, "https://cloud.example", LIMIT);
    assert_ok(t, go(t, &journey, 307, true, "https://ra.example"));
    assert_fails(t, go(t, &journey, 307, false, "https://other.example"), E_REDIRECT_PROVISIONAL);
    assert_detail(t, "not validated");
    assert_string_equal(journey_here(&journey)->url, "https://ra.example" VOUCHER);
}

static void no_place_is_visited_twice(void **state)
{
    static const char *const back[] = {
        "https://cloud.example",
        "https://CLOUD.example:443/.well-known/brski/",
        ("https://var.example" VOUCHER),
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(back); i++) {
        struct journey journey = journey_from(t, "https://cloud.example/", LIMIT);
        assert_ok(t, go(t, &journey, 307, true, "https://var.example"));
        assert_fails(t, go(t, &journey, 307, true, back[i]), E_REDIRECT_LOOP);
        assert_detail(t, "visited before");
    }
}

static void another_resource_or_port_is_another_place(void **state)
{
    struct task *t = test_task(state);
    struct journey journey = journey_from(t, "https://cloud.example", LIMIT);
    assert_ok(t, go(t, &journey, 307, true, "https://cloud.example:8443"));
    assert_ok(t, go(t, &journey, 307, true, "https://cloud.example/tenant/requestvoucher"));
}

static void number_of_redirects_is_limited(void **state)
{
    struct task *t = test_task(state);
    struct journey journey = journey_from(t, "https://cloud.example", LIMIT);
    for (unsigned i = 0; i < LIMIT; i++)
        assert_ok(t,
                  go(t, &journey, 307, true, arena_printf(t->arena, "https://var%u.example", i)));
    assert_fails(t, go(t, &journey, 307, true, "https://ra.example"), E_REDIRECT_LIMIT);
    assert_detail(t, "more than 24");
}

static void no_redirect_at_all_can_be_wanted(void **state)
{
    struct task *t = test_task(state);
    struct journey journey = journey_from(t, "https://cloud.example", 0);
    assert_fails(t, go(t, &journey, 307, true, "https://ra.example"), E_REDIRECT_LIMIT);
}

static void other_redirects_change_the_server_once(void **state)
{
    struct task *t = test_task(state);
    struct journey journey = journey_from(t, "https://ra.example", LIMIT);
    assert_ok(t, go(t, &journey, 308, false, "https://ra.example/moved"));
    assert_ok(t, go(t, &journey, 301, false, "https://ra2.example/"));
    assert_ok(t, go(t, &journey, 302, false, "https://ra2.example/moved"));
    assert_fails(t, go(t, &journey, 302, false, "https://ra3.example/"), E_REDIRECT);
    assert_detail(t, "second time");
}

static void location_must_be_an_absolute_https_url(void **state)
{
    static const char *const locations[] = {NULL, "", "ra.example", "//ra.example/",
                                            "http://ra.example/"};
    struct task *t = test_task(state);
    struct journey journey = journey_from(t, "https://cloud.example", LIMIT);
    for (size_t i = 0; i < ARRAY_SIZE(locations); i++)
        assert_fails(t, go(t, &journey, 307, true, locations[i]), E_REDIRECT);
    assert_string_equal(journey_here(&journey)->url, "https://cloud.example" VOUCHER);
}

static void location_may_be_a_path_on_the_same_server(void **state)
{
    struct task *t = test_task(state);
    struct journey journey = journey_from(t, "https://cloud.example:8443", LIMIT);
    assert_ok(t, go(t, &journey, 307, true, "/tenant/requestvoucher"));
    assert_string_equal(journey_here(&journey)->url,
                        "https://cloud.example:8443/tenant/requestvoucher");
    assert_fails(t, go(t, &journey, 307, true, "/.well-known/brski"), E_REDIRECT_LOOP);
}

static void est_domain_is_a_url_or_a_name(void **state)
{
    static const struct {
        const char *text;
        const char *url;
    } domains[] = {
        {"https://est.example", "https://est.example" PATH_EST},
        {"https://EST.example:8443/", "https://est.example:8443" PATH_EST},
        {"est.example", "https://est.example" PATH_EST},
        {"192.0.2.1:8443", "https://192.0.2.1:8443" PATH_EST},
        {"[2001:db8::1]", "https://[2001:db8::1]" PATH_EST},
        {"https://est.example/.well-known/est/phones/", "https://est.example" PATH_EST "/phones"},
    };
    static const char *const wrong[] = {
        "",         "http://est.example",    "https://est.example/?a",
        "https://", "https://a@est.example", "https://est.example#"};
    struct task *t = test_task(state);
    struct place place;
    for (size_t i = 0; i < ARRAY_SIZE(domains); i++) {
        assert_ok(t, place_from_est_domain(t, domains[i].text, &place));
        assert_string_equal(place.url, domains[i].url);
    }
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_fails(t, place_from_est_domain(t, wrong[i], &place), E_INVALID);
}

static void any_url_keeps_path_and_query(void **state)
{
    struct task *t = test_task(state);
    struct place place;
    assert_ok(t, place_from_any_url(t, "https://conf.example?token=a", &place));
    assert_string_equal(place.path, "/?token=a");
    assert_ok(t, place_from_any_url(t, "https://conf.example/.well-known/brski", &place));
    assert_string_equal(place.path, "/.well-known/brski");
    assert_fails(t, place_from_any_url(t, "https://conf.example/a#b", &place), E_INVALID);
}

static void statuses_that_redirect_are_known(void **state)
{
    static const int redirects[] = {301, 302, 307, 308};
    static const int others[] = {200, 202, 300, 303, 304, 305, 306, 400, 401};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(redirects); i++)
        assert_true(journey_is_redirect(redirects[i]));
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        assert_false(journey_is_redirect(others[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(places_are_read),
        UNIT_TEST(what_is_no_place_is_refused),
        UNIT_TEST(overlong_url_is_refused),
        UNIT_TEST(validated_cloud_leads_to_the_owner),
        UNIT_TEST(provisional_registrar_may_not_redirect),
        UNIT_TEST(no_place_is_visited_twice),
        UNIT_TEST(another_resource_or_port_is_another_place),
        UNIT_TEST(number_of_redirects_is_limited),
        UNIT_TEST(no_redirect_at_all_can_be_wanted),
        UNIT_TEST(other_redirects_change_the_server_once),
        UNIT_TEST(location_must_be_an_absolute_https_url),
        UNIT_TEST(location_may_be_a_path_on_the_same_server),
        UNIT_TEST(est_domain_is_a_url_or_a_name),
        UNIT_TEST(any_url_keeps_path_and_query),
        UNIT_TEST(statuses_that_redirect_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
