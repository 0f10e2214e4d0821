/* The node file: presets, errors by line and item, and what items say about one another. */
#include "tests/unit/support.h"

#include "core/base/clock.h"
#include "core/base/config.h"
#include "core/base/file.h"
#include "core/node/node.h"

#include <string.h>

static const char *put_node_file(void **state, const char *text)
{
    struct task *t = test_task(state);
    const char *path = arena_printf(t->arena, "%s/node.yaml", test_folder(state));
    assert_ok(t, file_write(t, path, bytes_of_text(text), 0600));
    return path;
}

static void empty_file_gives_the_presets(void **state)
{
    struct task *t = test_task(state);
    struct node node;
    assert_ok(t, node_read(t, put_node_file(state, "# nothing\n"), &node));
    assert_int_equal(node.listen.pledges.count, 2);
    assert_string_equal(node.listen.pledges.items[0], "0.0.0.0:8443");
    assert_string_equal(node.listen.pledges.items[1], "[::]:8443");
    assert_string_equal(node.listen.admin, "/run/gatehouse/admin.sock");
    assert_string_equal(node.store.path, "/var/lib/gatehouse/store");
    assert_int_equal(node.store.size, 64ULL << 30);
    assert_string_equal(node.token.module, "/usr/lib/softhsm/libsofthsm2.so");
    assert_null(node.token.pin_file);
    assert_int_equal(node.limits.pledge_wait, 4 * SECOND_MS);
    assert_int_equal(node.limits.retry_after, 10 * SECOND_MS);
    assert_int_equal(node.orders.lifetime, 4 * DAY_MS);
    assert_int_equal(node.outgoing.answer_size, 1 << 20);
    assert_int_equal(node.outgoing.resolve.count, 0);
}

static void items_are_read(void **state)
{
    struct task *t = test_task(state);
    struct node node;
    const char *path = put_node_file(state, "listen:\n"
                                            "  pledges: [\"127.0.0.1:9443\", \":9444\"]\n"
                                            "store: {size: 1 GiB, alarm-percent: 90}\n"
                                            "token:\n"
                                            "  label: our HSM\n"
                                            "  pin-file: /etc/gatehouse/pin\n"
                                            "log-level: debug\n"
                                            "outgoing:\n"
                                            "  resolve:\n"
                                            "    - masa.example.com:443:192.0.2.7\n"
                                            "    - ca.example.com:8443:[2001:db8::1]\n");
    assert_ok(t, node_read(t, path, &node));
    assert_int_equal(node.listen.pledges.count, 2);
    assert_string_equal(node.listen.pledges.items[1], ":9444");
    assert_int_equal(node.store.size, 1 << 30);
    assert_int_equal(node.store.alarm_percent, 90);
    assert_string_equal(node.token.label, "our HSM");
    assert_string_equal(node.token.pin_file, "/etc/gatehouse/pin");
    assert_string_equal(node.log_level, "debug");
    assert_int_equal(node.outgoing.resolve.count, 2);
}

static void relative_paths_start_at_the_file(void **state)
{
    struct task *t = test_task(state);
    struct node node;
    const char *folder = test_folder(state);
    const char *path = put_node_file(state, "listen: {admin: run/admin.sock}\n"
                                            "store: {path: data}\n"
                                            "token: {module: ./hsm.so, pin-file: pin}\n"
                                            "owner-folder: owner\n");
    assert_ok(t, node_read(t, path, &node));
    assert_string_equal(node.listen.admin, arena_printf(t->arena, "%s/run/admin.sock", folder));
    assert_string_equal(node.store.path, arena_printf(t->arena, "%s/data", folder));
    assert_string_equal(node.token.module, arena_printf(t->arena, "%s/./hsm.so", folder));
    assert_string_equal(node.token.pin_file, arena_printf(t->arena, "%s/pin", folder));
    assert_string_equal(node.owner_folder, arena_printf(t->arena, "%s/owner", folder));
    assert_ok(t, node_read(t, put_node_file(state, "token: {module: libhsm.so.1}\n"), &node));
    assert_string_equal(node.token.module, "libhsm.so.1");
}

static void errors_name_line_and_item(void **state)
{
    static const struct {
        const char *text;
        const char *detail;
    } cases[] = {
        {"log-level: info\nlimits:\n  conections: 5\n",
         "node.yaml:3: limits.conections: unknown item; did you mean \"connections\"?"},
        {"store:\n  size: 3 MiB\n", "node.yaml:2: store.size: must be at least 16 MiB"},
        {"limits:\n  pledge-wait: 5 s\n", "node.yaml:2: limits.pledge-wait: must be at most 4 s"},
        {"limits:\n\n  retry-after: 61 s\n", "node.yaml:3: limits.retry-after: must be at most"},
        {"listen:\n  pledges: []\n", "node.yaml:2: listen.pledges:"},
        {"token:\n  label: a label that is far too long for a token\n",
         "node.yaml:2: token.label:"},
        {"orders:\n  runners: many\n", "node.yaml:2: orders.runners:"},
        {"token:\n  pin: 1234\n", "node.yaml:2: token.pin: unknown item"},
        {"discovery:\n  variations: []\n", "node.yaml:2: discovery.variations: is required"},
    };
    struct task *t = test_task(state);
    struct node node;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_fails(t, node_read(t, put_node_file(state, cases[i].text), &node), E_CONFIG);
        assert_detail(t, cases[i].detail);
    }
}

static void items_that_contradict_each_other_are_named(void **state)
{
    static const struct {
        const char *text;
        const char *detail;
    } cases[] = {
        {"orders: {runners: 10, runners-per-peer: 11}",
         "node.yaml: orders.runners-per-peer: must be at most orders.runners (10)"},
        {"orders: {retry-first: 2 min}", "orders.retry-first: must be at most orders.retry-most"},
        {"orders: {lifetime: 1 min, run-limit: 2 min}", "orders.run-limit:"},
        {"orders: {replay: 8 d}", "orders.replay: must be at most orders.retention (7 d)"},
        {"limits: {connections: 100}", "limits.connections-per-address: must be at most"},
        {"limits: {requests: 2000}", "store.readers: must be at least"},
        {"limits: {retry-after: 1500 ms}", "limits.retry-after: must be whole seconds"},
        {"outgoing: {proxy: \"https://proxy.example:3128\"}", "outgoing.proxy:"},
        {"outgoing: {proxy-login-file: login}", "outgoing.proxy-login-file: goes with"},
        {"outgoing: {timeout: 4 s}", "outgoing.connect-timeout: must be at most"},
        {"outgoing: {timeout: 61 s}", "outgoing.timeout: must be at most orders.run-limit"},
        {"log-level: loud", "log-level: \"loud\" is none of"},
        {"listen: {pledges: [\"0.0.0.0:1\", \"0.0.0.0:1\"]}", "listen.pledges[1]: 0.0.0.0:1 is"},
        {"listen: {pledges: [\"localhost:8443\"]}", "listen.pledges[0]:"},
        {"listen: {pledges: [\"0.0.0.0:99999\"]}", "listen.pledges[0]:"},
        {"listen: {pledges: [\"0.0.0.0\"]}", "listen.pledges[0]:"},
        {"outgoing: {resolve: [\"masa.example.com\"]}", "outgoing.resolve[0]:"},
        {"outgoing: {resolve: [\"a:443:192.0.2.1\", \"b:443:nowhere\"]}", "outgoing.resolve[1]:"},
        {"outgoing: {resolve: [\"a:0x1:192.0.2.1\"]}", "outgoing.resolve[0]:"},
        {"outgoing: {resolve: [\":443:192.0.2.1\"]}", "outgoing.resolve[0]:"},
        {"discovery: {grasp: true}", "discovery.grasp: needs discovery.interfaces"},
        {"discovery: {address: 192.0.2.1}", "discovery.address: 192.0.2.1 is no IPv6 address"},
        {"discovery: {grasp-peers: [\"192.0.2.1:7017\"]}", "discovery.grasp-peers[0]:"},
        {"discovery: {grasp-peers: [\"[2001:db8::1]\"]}", "discovery.grasp-peers[0]:"},
        {"discovery: {interfaces: [eth0, a-name-that-is-too-long]}", "discovery.interfaces[1]:"},
        {"discovery: {variations: [est-tls, rrm-cmp]}",
         "discovery.variations[1]: rrm-cmp: \"cmp\" is nothing that Gatehouse speaks"},
        {"discovery: {variations: [\"jose-\"]}", "discovery.variations[0]: jose-: \"\""},
    };
    struct task *t = test_task(state);
    struct node node;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_fails(t, node_read(t, put_node_file(state, cases[i].text), &node), E_CONFIG);
        assert_detail(t, cases[i].detail);
        assert_detail(t, "node.yaml: ");
    }
}

static void missing_file_is_named(void **state)
{
    struct task *t = test_task(state);
    struct node node;
    assert_fails(t, node_read(t, "/nonexistent/node.yaml", &node), E_IO);
    assert_detail(t, "/nonexistent/node.yaml");
}

static void example_is_a_node_file_with_the_presets(void **state)
{
    struct task *t = test_task(state);
    struct node node;
    struct node presets;
    struct bytes one;
    struct bytes other;
    const char *example = config_example(t, &node_type);
    assert_non_null(strstr(example, "pledge-wait"));
    assert_ok(t, node_read(t, put_node_file(state, example), &node));
    record_init(t, &node_type, &presets);
    assert_ok(t, record_encode(t, &node_type, &node, &one));
    assert_ok(t, record_encode(t, &node_type, &presets, &other));
    assert_bytes_equal(t, one, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(empty_file_gives_the_presets),
        UNIT_TEST(items_are_read),
        UNIT_TEST(relative_paths_start_at_the_file),
        UNIT_TEST(errors_name_line_and_item),
        UNIT_TEST(items_that_contradict_each_other_are_named),
        UNIT_TEST(missing_file_is_named),
        UNIT_TEST(example_is_a_node_file_with_the_presets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
