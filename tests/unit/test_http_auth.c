#include "core/http/auth.h"
#include "tests/unit/support.h"

#include <stdio.h>
#include <string.h>

static void basic_is_user_and_password(void **state)
{
    struct task *t = test_task(state);
    struct http_auth auth;
    assert_ok(t, http_auth_read(t, "basic  QWxhZGRpbjpvcGVuOnNlc2FtZQ==", &auth));
    assert_int_equal(auth.scheme, HTTP_AUTH_BASIC);
    assert_string_equal(auth.user, "Aladdin");
    assert_bytes_equal(t, auth.password, BYTES_LITERAL("open:sesame"));
    assert_ok(t, http_auth_read(t, "Basic Og==", &auth)); /* RFC 7030 3.2.3: an empty user name */
    assert_string_equal(auth.user, "");
}

/* RFC 7616 3.9.1 */
static void digest_is_that_of_rfc_7616(void **state)
{
    static const char field[] =
        "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", "
        "algorithm=%s, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, "
        "cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, "
        "response=\"%s\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
    static const struct {
        bool md5;
        const char *algorithm;
        const char *response;
    } cases[] = {
        {true, "MD5", "8ca523f5e9506fed4657c9700eebdbec"},
        {false, "SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http_auth auth;
        struct bytes ha1 = BYTES_ABSENT;
        const char *response = NULL;
        char text[600];
        (void)snprintf(text, sizeof(text), field, cases[i].algorithm, cases[i].response);
        assert_ok(t, http_auth_read(t, text, &auth));
        assert_string_equal(auth.user, "Mufasa");
        assert_string_equal(auth.algorithm, cases[i].algorithm);
        assert_ok(t, http_auth_ha1(t, auth.user, auth.realm, "Circle of Life", cases[i].md5, &ha1));
        assert_ok(t, http_auth_response(t, &auth, ha1, "GET", cases[i].md5, &response));
        assert_string_equal(response, auth.response);
    }
}

static void what_is_neither_is_malformed(void **state)
{
    static const char *const fields[] = {
        "",
        "Basic",
        "Basic !",
        "Basic bm8gY29sb24=",
        "Bearer abc",
        "Digest",
        "Digest username",
        "Digest username=",
        "Digest username=\"a",
        "Digest username=\"a\"; realm=\"b\"",
        "Digest username=\"a\", username=\"b\"",
        "Digest username=\"a\", realm=\"b\", nonce=\"c\", uri=\"d\", qop=auth, nc=1, cnonce=\"e\"",
    };
    struct task *t = test_task(state);
    struct http_auth auth;
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        assert_fails(t, http_auth_read(t, fields[i], &auth), E_AUTH_MALFORMED);
        task_forgive(t);
    }
    char *much = arena_alloc(t->arena, HTTP_AUTH_MAX + 10);
    memset(much, 'A', HTTP_AUTH_MAX + 8);
    memcpy(much, "Basic ", 6);
    assert_fails(t, http_auth_read(t, much, &auth), E_AUTH_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(basic_is_user_and_password),
        UNIT_TEST(digest_is_that_of_rfc_7616),
        UNIT_TEST(what_is_neither_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
