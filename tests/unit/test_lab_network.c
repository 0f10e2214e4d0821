/* The way out of a network: lab/proxy.h and lab/captive.h. */
#include "lab/captive.h"
#include "lab/problems.h"
#include "lab/proxy.h"
#include "core/http/problems.h"
#include "tests/unit/support.h"

#include <string.h>

/* What the proxy says, octet by octet, and what it was told. */
struct talk {
    struct bytes says;
    uint8_t heard[1024];
    size_t len;
};

static bool say(struct task *t, void *context, uint8_t *into, size_t room, size_t *ret_got)
{
    (void)t;
    struct talk *talk = context;
    size_t len = room > 0 && talk->says.len > 0 ? 1 : 0;
    if (len > 0)
        *into = *talk->says.data;
    talk->says = bytes_make(talk->says.data + len, talk->says.len - len);
    *ret_got = len;
    return true;
}

static bool hear(struct task *t, void *context, struct bytes octets)
{
    (void)t;
    struct talk *talk = context;
    assert_true(talk->len + octets.len <= sizeof(talk->heard));
    memcpy(talk->heard + talk->len, octets.data, octets.len);
    talk->len += octets.len;
    return true;
}

static struct proxy proxy_at(struct task *t, const char *text, const char *credentials)
{
    struct proxy proxy = {.user = NULL};
    assert_ok(t, proxy_from_text(t, text, &proxy));
    if (credentials != NULL)
        assert_ok(t, proxy_set_credentials(t, bytes_of_text(credentials), &proxy));
    return proxy;
}

static bool pass(struct task *t, const struct proxy *proxy, const char *url, struct bytes says,
                 struct talk *talk)
{
    struct place place;
    *talk = (struct talk){.says = says};
    const struct proxy_wire wire = {
        .source = {.read = say, .context = talk}, .write = hear, .context = talk};
    assert_ok(t, place_from_url(t, url, &place));
    return proxy_pass(t, proxy, &place, &wire);
}

static struct bytes heard(const struct talk *talk)
{
    return bytes_make(talk->heard, talk->len);
}

static void proxies_are_read(void **state)
{
    static const struct {
        const char *text;
        const char *authority;
        enum proxy_kind kind;
    } rows[] = {
        {"http://proxy.example:3128", "proxy.example:3128", PROXY_HTTP},
        {"http://proxy.example", "proxy.example:8080", PROXY_HTTP},
        {"HTTP://192.0.2.1/", "192.0.2.1:8080", PROXY_HTTP},
        {"socks5://proxy.example", "proxy.example:1080", PROXY_SOCKS},
        {"socks5://[2001:db8::1]", "[2001:db8::1]:1080", PROXY_SOCKS},
        {"socks5://[2001:db8::1]:9", "[2001:db8::1]:9", PROXY_SOCKS},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct proxy proxy = proxy_at(t, rows[i].text, NULL);
        assert_string_equal(proxy.place.authority, rows[i].authority);
        assert_int_equal(proxy.kind, rows[i].kind);
    }
}

static void what_is_no_proxy_is_refused(void **state)
{
    static const char *const texts[] = {"",           "proxy:8080", "https://proxy",
                                        "http://",    "http://a@b", "http://b/path",
                                        "socks4://b", "http://b:0"};
    static const char *const credentials[] = {"", "user", ":password", "us\0er:password"};
    struct task *t = test_task(state);
    struct proxy proxy;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        assert_fails(t, proxy_from_text(t, texts[i], &proxy), E_INVALID);
    for (size_t i = 0; i < ARRAY_SIZE(credentials); i++)
        assert_fails(t, proxy_set_credentials(t, bytes_of_text(credentials[i]), &proxy), E_INVALID);
    assert_fails(t, proxy_set_credentials(t, BYTES_LITERAL("user:pass\0word"), &proxy), E_INVALID);
}

/* RFC 9110 9.3.6, RFC 7617. */
static void connect_names_the_server(void **state)
{
    struct task *t = test_task(state);
    struct talk talk;
    struct proxy proxy = proxy_at(t, "http://proxy", NULL);
    const struct bytes yes = BYTES_LITERAL("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
    assert_ok(t, pass(t, &proxy, "https://ra.example", yes, &talk));
    assert_bytes_equal(
        t, heard(&talk),
        BYTES_LITERAL("CONNECT ra.example:443 HTTP/1.1\r\nHost: ra.example:443\r\n\r\n"));
    proxy = proxy_at(t, "http://proxy", "Aladdin:open sesame");
    assert_ok(t, pass(t, &proxy, "https://[2001:db8::1]:8443", yes, &talk));
    assert_bytes_equal(
        t, heard(&talk),
        BYTES_LITERAL("CONNECT [2001:db8::1]:8443 HTTP/1.1\r\nHost: [2001:db8::1]:8443\r\n"
                      "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"));
}

/* RFC 1928, RFC 1929: names are left to the proxy. */
static void socks_speaks_the_rfcs_octets(void **state)
{
    struct task *t = test_task(state);
    struct talk talk;
    struct proxy proxy = proxy_at(t, "socks5://proxy", NULL);
    assert_ok(t, pass(t, &proxy, "https://ra.example:8443",
                      BYTES_LITERAL("\x05\x00\x05\x00\x00\x01\x7F\x00\x00\x01\x00\x50"), &talk));
    assert_bytes_equal(t, heard(&talk),
                       BYTES_LITERAL("\x05\x01\x00\x05\x01\x00\x03\x0Ara.example\x20\xFB"));
    proxy = proxy_at(t, "socks5://proxy", "me:secret");
    assert_ok(t, pass(t, &proxy, "https://192.0.2.1",
                      BYTES_LITERAL("\x05\x02\x01\x00\x05\x00\x00\x03\x01"
                                    "a\x00\x50"),
                      &talk));
    assert_bytes_equal(t, heard(&talk),
                       BYTES_LITERAL("\x05\x02\x00\x02\x01\x02me\x06secret"
                                     "\x05\x01\x00\x01\xC0\x00\x02\x01\x01\xBB"));
    assert_ok(t, pass(t, &proxy, "https://[2001:db8::1]",
                      BYTES_LITERAL("\x05\x00\x05\x00\x00\x04"
                                    "0123456789abcdef\x00\x50"),
                      &talk));
    assert_int_equal(talk.len, 4 + 4 + 16 + 2);
}

static void proxys_no_is_told_from_its_nonsense(void **state)
{
    static const struct {
        const char *proxy;
        struct bytes says;
        const struct problem_kind *kind;
    } rows[] = {
        {"http://p", BYTES_LITERAL("HTTP/1.1 407 No\r\n\r\n"), E_PROXY},
        {"http://p", BYTES_LITERAL("HTTP/1.1 307 No\r\n\r\n"), E_PROXY},
        {"http://p", BYTES_LITERAL(""), E_PEER_CLOSED},
        {"http://p", BYTES_LITERAL("200 OK\r\n\r\n"), E_PEER_ANSWER},
        {"socks5://p", BYTES_LITERAL(""), E_PEER_CLOSED},
        {"socks5://p", BYTES_LITERAL("\x05\xFF"), E_PROXY},
        {"socks5://p", BYTES_LITERAL("\x05\x02"), E_PROXY},
        {"socks5://p", BYTES_LITERAL("\x04\x00"), E_PEER_ANSWER},
        {"socks5://p", BYTES_LITERAL("\x05\x00\x05\x02\x00\x01"), E_PROXY},
        {"socks5://p", BYTES_LITERAL("\x05\x00\x05\x00\x00\x02"), E_PEER_ANSWER},
        {"socks5://p", BYTES_LITERAL("\x05\x00\x05\x00\x00\x01\x7F"), E_PEER_CLOSED},
    };
    struct task *t = test_task(state);
    struct talk talk;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct proxy proxy = proxy_at(t, rows[i].proxy, NULL);
        assert_fails(t, pass(t, &proxy, "https://ra.example", rows[i].says, &talk), rows[i].kind);
    }
    struct proxy proxy = proxy_at(t, "socks5://p", "user:wrong");
    assert_fails(t, pass(t, &proxy, "https://ra.example", BYTES_LITERAL("\x05\x02\x01\x01"), &talk),
                 E_PROXY);
}

/* RFC 8908 5. */
static void captive_portal_api_is_read(void **state)
{
    struct task *t = test_task(state);
    struct captivity captivity;
    assert_ok(t, captive_read(t,
                              BYTES_LITERAL("{\"captive\": true, \"user-portal-url\": "
                                            "\"https://example.org/portal.html\\n\"}"),
                              &captivity));
    assert_true(captivity.captive);
    assert_string_equal(captivity.portal, "https://example.org/portal.html?");
    assert_ok(t, captive_read(t, BYTES_LITERAL("{\"captive\":false,\"seconds-remaining\":326}"),
                              &captivity));
    assert_false(captivity.captive);
    assert_null(captivity.portal);
}

static void what_is_no_answer_of_the_api_is_refused(void **state)
{
    static const struct bytes answers[] = {
        BYTES_LITERAL(""),
        BYTES_LITERAL("true"),
        BYTES_LITERAL("[]"),
        BYTES_LITERAL("{}"),
        BYTES_LITERAL("{\"captive\":null}"),
        BYTES_LITERAL("{\"captive\":1}"),
        BYTES_LITERAL("{\"captive\":\"true\"}"),
        BYTES_LITERAL("{\"captive\":true,\"captive\":false}"),
        BYTES_LITERAL("{\"captive\":true}x"),
        BYTES_LITERAL("<html>"),
    };
    struct task *t = test_task(state);
    struct captivity captivity;
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
        assert_fails(t, captive_read(t, answers[i], &captivity), E_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(proxies_are_read),
        UNIT_TEST(what_is_no_proxy_is_refused),
        UNIT_TEST(connect_names_the_server),
        UNIT_TEST(socks_speaks_the_rfcs_octets),
        UNIT_TEST(proxys_no_is_told_from_its_nonsense),
        UNIT_TEST(captive_portal_api_is_read),
        UNIT_TEST(what_is_no_answer_of_the_api_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
