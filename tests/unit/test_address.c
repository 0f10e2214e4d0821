#include "core/http/address.h"
#include "tests/unit/support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

/* The address that the text stands for, with a port that does not matter. */
static struct sockaddr_storage address(struct task *t, const char *host)
{
    struct sockaddr_storage parsed = {0};
    socklen_t len = 0;
    const char *text = strchr(host, ':') == NULL ? arena_printf(t->arena, "%s:1", host)
                                                 : arena_printf(t->arena, "[%s]:1", host);
    assert_ok(t, address_from_text(t, text, &parsed, &len));
    return parsed;
}

static const struct sockaddr *as_sockaddr(const struct sockaddr_storage *storage)
{
    return (const struct sockaddr *)storage;
}

static void text_forms_are_read_and_written_back(void **state)
{
    static const struct {
        const char *text;
        int family;
        const char *back;
    } cases[] = {
        {"192.0.2.1:8443", AF_INET, "192.0.2.1:8443"},
        {"0.0.0.0:0", AF_INET, "0.0.0.0:0"},
        {"255.255.255.255:65535", AF_INET, "255.255.255.255:65535"},
        {"[2001:db8::1]:8443", AF_INET6, "[2001:db8::1]:8443"},
        {"[2001:DB8:0:0::1]:443", AF_INET6, "[2001:db8::1]:443"},
        {"[::]:1", AF_INET6, "[::]:1"},
        {":8443", AF_INET6, "[::]:8443"},
        {"[::ffff:192.0.2.1]:80", AF_INET6, "192.0.2.1:80"},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct sockaddr_storage parsed = {0};
        socklen_t len = 0;
        assert_ok(t, address_from_text(t, cases[i].text, &parsed, &len));
        assert_int_equal(parsed.ss_family, cases[i].family);
        assert_int_equal(len, cases[i].family == AF_INET ? sizeof(struct sockaddr_in)
                                                         : sizeof(struct sockaddr_in6));
        assert_string_equal(address_to_text(t->arena, as_sockaddr(&parsed)), cases[i].back);
    }
}

static void other_texts_are_no_addresses(void **state)
{
    static const char *const texts[] = {
        "",
        "192.0.2.1",
        "192.0.2.1:",
        "192.0.2.1:65536",
        "192.0.2.1:-1",
        "host:1",
        "127.1:1",
        "0x7f000001:1",
        "::1:1",
        "[::1]",
        "[::1:1",
        "::1]:1",
        "[]:1",
        "[192.0.2.1]:1",
        "192.0.2.256:1",
        "192.0.2.1: 1",
        "192.0.2.1:1 ",
        "192.0.2.1:1x",
        "[::1]:000001",
        "[::1] :1",
        "[fe80::1%lo]:1",
        "192.0.2.01:1",
        "[:1",
        "]:1",
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct sockaddr_storage parsed;
        socklen_t len = 0;
        assert_fails(t, address_from_text(t, texts[i], &parsed, &len), E_INVALID);
        assert_detail(t, texts[i]);
    }
}

static void unix_sockets_have_a_text(void **state)
{
    struct task *t = test_task(state);
    struct sockaddr_un address_ = {.sun_family = AF_UNIX};
    assert_string_equal(address_to_text(t->arena, (struct sockaddr *)&address_), "unix");
    assert_false(address_is_public((struct sockaddr *)&address_));
}

static void special_purpose_addresses_are_not_public(void **state)
{
    static const char *const special[] = {
        "0.0.0.0",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.9",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:2::1",
        "2001:db8::1",
        "2002:a00:1::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "::192.0.2.1",
        "4000::1",
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(special); i++) {
        struct sockaddr_storage parsed = address(t, special[i]);
        if (address_is_public(as_sockaddr(&parsed)))
            fail_msg("%s should not be public", special[i]);
    }
}

static void global_unicast_is_public(void **state)
{
    static const char *const global[] = {
        "1.1.1.1",        "9.255.255.255",    "11.0.0.0",        "100.63.255.255", "100.128.0.0",
        "172.15.255.255", "172.32.0.0",       "192.0.1.0",       "192.167.0.1",    "198.17.255.255",
        "198.20.0.0",     "223.255.255.255",  "2606:4700::1111", "2a00::1",        "2001:200::1",
        "::ffff:1.1.1.1", "64:ff9b::1.1.1.1",
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(global); i++) {
        struct sockaddr_storage parsed = address(t, global[i]);
        if (!address_is_public(as_sockaddr(&parsed)))
            fail_msg("%s should be public", global[i]);
    }
}

static void networks_hold_their_addresses_and_no_others(void **state)
{
    static const struct {
        const char *network;
        const char *host;
        bool inside;
    } cases[] = {
        {"10.0.0.0/8", "10.1.2.3", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"10.1.2.3/8", "10.200.0.1", true},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.128/25", "192.0.2.128", true},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.6", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "203.0.113.9", false},
        {"fd00::/8", "fd12::1", true},
        {"fd00::/8", "fc00::1", false},
        {"2001:db8:0:8000::/49", "2001:db8:0:8000::1", true},
        {"2001:db8:0:8000::/49", "2001:db8:0:7fff::1", false},
        {"::1/128", "::1", true},
        {"::1", "::2", false},
        {"no network", "192.0.2.1", false},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *items[] = {"198.51.100.0/24", cases[i].network};
        struct text_list networks = {items, 2};
        struct sockaddr_storage parsed = address(t, cases[i].host);
        if (address_in(as_sockaddr(&parsed), &networks) != cases[i].inside)
            fail_msg("%s in %s", cases[i].host, cases[i].network);
    }
}

static void networks_are_checked(void **state)
{
    static const char *const good[] = {"10.0.0.0/8", "0.0.0.0/0", "192.0.2.7",
                                       "fd00::/8",   "::/0",      "::1/128"};
    static const char *const bad[] = {
        "",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/8/8",
        "10/8",
        "fd00::/129",
        "fd00:/8",
        "[::1]/128",
        "host/8",
        "10.0.0.0 /8",
        "10.0.0.0/ 8",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/8",
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_ok(t, network_check(t, good[i]));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_fails(t, network_check(t, bad[i]), E_INVALID);
}

static bool same_group(struct task *t, const char *a, const char *b)
{
    struct sockaddr_storage first = address(t, a);
    struct sockaddr_storage second = address(t, b);
    struct address_group groups[] = {address_group(as_sockaddr(&first)),
                                     address_group(as_sockaddr(&second))};
    return memcmp(&groups[0], &groups[1], sizeof(groups[0])) == 0;
}

static void addresses_are_counted_by_ipv4_address_or_ipv6_subnet(void **state)
{
    struct task *t = test_task(state);
    assert_true(same_group(t, "192.0.2.1", "192.0.2.1"));
    assert_true(same_group(t, "192.0.2.1", "::ffff:192.0.2.1"));
    assert_false(same_group(t, "192.0.2.1", "192.0.2.2"));
    assert_true(same_group(t, "2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"));
    assert_false(same_group(t, "2001:db8:1:2::1", "2001:db8:1:3::1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(text_forms_are_read_and_written_back),
        UNIT_TEST(other_texts_are_no_addresses),
        UNIT_TEST(unix_sockets_have_a_text),
        UNIT_TEST(special_purpose_addresses_are_not_public),
        UNIT_TEST(global_unicast_is_public),
        UNIT_TEST(networks_hold_their_addresses_and_no_others),
        UNIT_TEST(networks_are_checked),
        UNIT_TEST(addresses_are_counted_by_ipv4_address_or_ipv6_subnet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
