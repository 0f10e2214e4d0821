/* gatehousectl, run as a program against the API. */
#include "core/base/clock.h"
#include "tests/unit/api_fixture.h"
#include "tests/unit/ctl_fixture.h"
#include "tests/unit/store_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* U+202E, which turns the direction of writing. */
static const char right_to_left[] = {'\xe2', '\x80', '\xae', '\0'};

static void assert_only_printable(const char *output)
{
    for (const char *c = output; *c != '\0'; c++)
        assert_true(*c == '\n' || ((unsigned char)*c >= 0x20 && *c != 0x7f));
    assert_null(strstr(output, "\xc2\x9b")); /* CSI in one character */
    assert_null(strstr(output, right_to_left));
}

/* ---- Manufacturers and devices ---- */

static void manufacturer_is_added_from_pem_files(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct identity one = make_ca(f->t, "CN=One", NULL);
    struct identity two = make_ca(f->t, "CN=Two", NULL);
    const char *both =
        put_file(state, "both.pem",
                 bytes_of_text(arena_printf(f->t->arena, "%s\n%s", cert_to_pem(f->t, one.cert),
                                            cert_to_pem(f->t, two.cert))));
    const char *der = put_file(state, "one.der", one.cert->der);
    const char *output;
    int status =
        CTL(state, f, &output, "manufacturers", "add", "acme", "--anchor", both, "--voucher-anchor",
            der, "--masa-url", "masa.example:9443", "--title", "ACME", "--masa-network=10.0.0.0/8");
    assert_says(output, "added manufacturer acme");
    assert_int_equal(status, 0);
    assert_int_equal(CTL(state, f, &output, "manufacturers", "show", "acme", "--json"), 0);
    json_t *shown = json_of(f->t, output);
    assert_int_equal(json_array_size(json_at(shown, "idevid-anchors")), 2);
    assert_json_text(shown, "voucher-anchors.0", bytes_to_base64(f->t->arena, one.cert->der));
    assert_json_text(shown, "masa-networks.0", "10.0.0.0/8");
    assert_int_equal(CTL(state, f, &output, "manufacturers", "show", "acme"), 0);
    assert_says(output, "CN=Two (until 9999-12-31T23:59:59Z)");
    assert_int_equal(CTL(state, f, &output, "manufacturers", "list"), 0);
    assert_says(output, "masa.example:9443");
}

static void refusal_of_the_daemon_is_told_with_what_to_do(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *output;
    assert_int_equal(
        CTL(state, f, &output, "devices", "add", "--manufacturer", "nobody", "--serial", "A1"), 1);
    assert_says(output, "gatehousectl: invalid: ");
    assert_says(output, "nobody");
    assert_says(output, "what to do: ");
    assert_int_equal(CTL(state, f, &output, "manufacturers", "show", "nobody"), 1);
    assert_says(output, "gatehousectl: not-found: ");
}

static void expected_devices_are_listed(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *output;
    put_manufacturer(f, "acme");
    assert_int_equal(CTL(state, f, &output, "devices", "add", "--manufacturer", "acme", "--serial",
                         "A1", "--serial", "A 2/x", "--note", "shelf 3"),
                     0);
    assert_says(output, "expecting 2 devices of acme");
    assert_int_equal(CTL(state, f, &output, "devices", "list"), 0);
    assert_says(output, "SERIAL  MANUFACTURER  ADMISSION");
    assert_says(output, "A 2/x   acme          expected");
    assert_int_equal(CTL(state, f, &output, "devices", "list", "--json", "--serial", "A1"), 0);
    assert_int_equal(json_array_size(json_of(f->t, output)), 1);
    assert_int_equal(CTL(state, f, &output, "devices", "show", "A 2/x"), 0);
    assert_says(output, "Expected device, not seen yet");
    assert_says(output, "shelf 3");
}

static void listing_goes_on_past_one_page(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *output;
    put_manufacturer(f, "acme");
    for (unsigned half = 0; half < 2; half++) {
        json_t *list = json_in_arena(f->t, json_array());
        struct bytes body;
        for (unsigned i = 0; i < 600; i++)
            (void)json_array_append_new(list, json_pack("{s:s, s:o}", "manufacturer", "acme",
                                                        "serial-number",
                                                        json_sprintf("S%u-%u", half, i)));
        assert_ok(f->t, json_write(f->t, list, &body));
        assert_int_equal(api_post_as(f, "/v1/devices", "application/json", body).status, 201);
    }
    assert_int_equal(CTL(state, f, &output, "devices", "list", "--json"), 0);
    assert_int_equal(json_array_size(json_of(f->t, output)), 1200);
}

/* ---- The timeline ---- */

static void timeline_tells_why_it_failed_and_what_to_do(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *output;
    put_manufacturer(f, "acme");
    struct bytes episode = id_make(f->t->arena);
    struct bytes id = put_device(f, "acme", "A1", 1, episode);
    (void)put_episode(f, episode, id, EPISODE_VOUCHER_REFUSED);
    const struct event events[] = {
        {.at = 1000 * DAY_MS,
         .name = "voucher-requested",
         .device = id,
         .actor = "pledge",
         .address = "192.0.2.1:1"},
        {.at = 1001 * DAY_MS,
         .name = "voucher-refused",
         .device = id,
         .actor = "masa",
         .problem = "timeout",
         .detail = "no answer"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(events); i++)
        put_event(f, &events[i]);
    assert_int_equal(CTL(state, f, &output, "devices", "show", "A1"), 0);
    assert_says(output, "stage                   voucher-refused");
    assert_says(output, "1972-09-27T00:00:00Z       voucher-requested  pledge at 192.0.2.1:1\n");
    assert_says(output, "1972-09-28T00:00:00Z       voucher-refused  masa\n"
                        "    timeout: no answer\n"
                        "    what to do: ");
    assert_says(output, E_TIMEOUT->hint);
}

static void foreign_text_does_not_reach_the_terminal_as_control(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *output;
    put_manufacturer(f, "acme");
    /* What the records keep is made printable; a serial number is kept as it is. */
    const char *serial = "A\033[2J\xc2\x9b"
                         "31m\xe2\x80\xaegpj\xe2\x80\xac";
    struct bytes id = put_device(f, "acme", serial, 1, BYTES_ABSENT);
    const struct event event = {
        .name = "request-refused",
        .device = id,
        .actor = "pledge\033]0;title\007",
        .detail = "line\r\nforged  line\033[1A\xc2\x9b",
    };
    put_event(f, &event);
    const char *hex = bytes_to_hex(f->t->arena, id);
    assert_int_equal(CTL(state, f, &output, "devices", "show", hex), 0);
    assert_says(output, "request-refused");
    assert_only_printable(output);
    assert_int_equal(CTL(state, f, &output, "devices", "list"), 0);
    assert_only_printable(output);
    assert_int_equal(CTL(state, f, &output, "devices", "show", hex, "--json"), 0);
    assert_only_printable(output);
    assert_json_text(json_of(f->t, output), "device.serial-number", serial);
}

/* ---- Orders, status, strangers ---- */

static void orders_are_listed_shown_and_declined(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *output;
    struct bytes id;
    enum order_join join;
    const struct order_request request = {
        .kind = &fixture_order_kind,
        .identity = bytes_sha256(f->t->arena, BYTES_LITERAL("x")),
        .peer = "masa:example:443",
        .request = BYTES_LITERAL("x"),
        .needs_approval = true,
    };
    assert_ok(f->t, order_submit(f->t, f->orders, &request, &id, &join));
    const char *hex = bytes_to_hex(f->t->arena, id);
    assert_int_equal(CTL(state, f, &output, "orders", "list", "--state", "waiting"), 0);
    assert_says(output, hex);
    assert_int_equal(CTL(state, f, &output, "orders", "decline", hex), 0);
    assert_says(output, "is now refused");
    assert_int_equal(CTL(state, f, &output, "orders", "show", hex, "--octets"), 0);
    assert_says(output, E_ORDER_DECLINED->name);
    assert_int_equal(CTL(state, f, &output, "orders", "approve", "00"), 1);
}

static void status_and_strangers_are_shown(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *output;
    struct task knock = *f->t;
    const struct stranger stranger = {.address = "192.0.2.9", .serial = "Q\033[2J"};
    (void)fail(&knock, E_DENIED, "nobody");
    strangers_note(f->strangers, &knock, &stranger);
    assert_int_equal(CTL(state, f, &output, "status"), 0);
    assert_says(output, GATEHOUSE_VERSION);
    assert_says(output, "uptime");
    assert_int_equal(CTL(state, f, &output, "strangers"), 0);
    assert_says(output, "192.0.2.9");
    assert_only_printable(output);
    assert_int_equal(CTL(state, f, &output, "status", "--json"), 0);
    (void)json_of(f->t, output);
}

/* ---- The store ---- */

static void live_store_is_checked_and_found_whole(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *output;
    const char *path = store_fixture_options(state).path;
    put_manufacturer(f, "acme");
    (void)put_device(f, "acme", "A1", 1, BYTES_ABSENT);
    assert_int_equal(CTL(state, f, &output, "store", "check", "--store", path), 0);
    assert_says(output, "finding-count             0");
}

static void damage_in_the_store_is_found(void **state)
{
    struct task *t = test_task(state);
    const char *output;
    const char *path = store_fixture_options(state).path;
    store_close(store_fixture_open(state));
    store_fixture_damage(state, BYTES_LITERAL("?odd"), BYTES_LITERAL("value"));
    assert_int_equal(RUN(state, &output, gatehousectl(t), "store", "check", "--store", path), 1);
    assert_says(output, "gatehousectl: findings: 1 findings");
    assert_says(output, "finding-count             1");
    assert_int_equal(RUN(state, &output, gatehousectl(t), "store", "check", "--store",
                         arena_printf(t->arena, "%s/none", test_folder(state))),
                     1);
}

/* ---- Exit statuses ---- */

static void absent_daemon_is_exit_status_three(void **state)
{
    struct task *t = test_task(state);
    const char *output;
    const char *nowhere = arena_printf(t->arena, "%s/nobody.socket", test_folder(state));
    assert_int_equal(RUN(state, &output, gatehousectl(t), "--socket", nowhere, "status"), 3);
    assert_says(output, "gatehousectl: daemon-unreachable: ");
    assert_says(output, "Is gatehoused running");
}

static void wrong_usage_is_exit_status_two(void **state)
{
    struct task *t = test_task(state);
    const char *output;
    static const char *const lines[][4] = {
        {NULL},
        {"devices"},
        {"devices", "ad"},
        {"devces", "add"},
        {"devices", "show"},
        {"devices", "show", "A", "B"},
        {"devices", "list", "--sreial", "A"},
        {"devices", "list", "--serial"},
        {"devices", "add", "--serial", "A"},
        {"manufacturers", "add", "acme"},
        {"status", "now"},
        {"status", "-j"},
        {"status", "--json=yes"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        const char *arguments[6] = {gatehousectl(t)};
        memcpy(arguments + 1, lines[i], sizeof(lines[i]));
        int status = run_program(state, arguments, &output);
        if (status != 2)
            fail_msg("line %zu: status %d\n%s", i, status, output);
        assert_says(output, "gatehousectl: usage: ");
    }
}

static void near_misses_are_named(void **state)
{
    struct task *t = test_task(state);
    const char *output;
    assert_int_equal(RUN(state, &output, gatehousectl(t), "devices", "lst"), 2);
    assert_says(output, "did you mean \"devices list\"?");
    assert_int_equal(RUN(state, &output, gatehousectl(t), "devices", "list", "--stge", "x"), 2);
    assert_says(output, "did you mean --stage?");
}

static void help_is_there_at_each_level(void **state)
{
    struct task *t = test_task(state);
    const char *output;
    assert_int_equal(RUN(state, &output, gatehousectl(t), "--help"), 0);
    assert_says(output, "manufacturers add");
    assert_says(output, "inspect");
    assert_int_equal(RUN(state, &output, gatehousectl(t), "devices", "--help"), 0);
    assert_says(output, "devices show");
    assert_null(strstr(output, "manufacturers add"));
    assert_int_equal(RUN(state, &output, gatehousectl(t), "devices", "add", "--help"), 0);
    assert_says(output, "--manufacturer NAME");
    assert_says(output, "repeated.");
    assert_int_equal(RUN(state, &output, gatehousectl(t), "--version"), 0);
    assert_says(output, GATEHOUSE_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(manufacturer_is_added_from_pem_files),
        UNIT_TEST(refusal_of_the_daemon_is_told_with_what_to_do),
        UNIT_TEST(expected_devices_are_listed),
        UNIT_TEST(listing_goes_on_past_one_page),
        UNIT_TEST(timeline_tells_why_it_failed_and_what_to_do),
        UNIT_TEST(foreign_text_does_not_reach_the_terminal_as_control),
        UNIT_TEST(orders_are_listed_shown_and_declined),
        UNIT_TEST(status_and_strangers_are_shown),
        UNIT_TEST(live_store_is_checked_and_found_whole),
        UNIT_TEST(damage_in_the_store_is_found),
        UNIT_TEST(absent_daemon_is_exit_status_three),
        UNIT_TEST(wrong_usage_is_exit_status_two),
        UNIT_TEST(near_misses_are_named),
        UNIT_TEST(help_is_there_at_each_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
