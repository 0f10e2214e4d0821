/* gatehousectl, run as a program against the API: what is there already is changed or removed. */
#include "core/store/records/authority.h"
#include "tests/unit/api_fixture.h"
#include "tests/unit/ctl_fixture.h"

#include <string.h>

static json_t *shown(struct api_fixture *f, const char *path)
{
    struct api_answer answer = api_get(f, path);
    if (answer.status != 200)
        fail_msg("%s: %s", path, answer.text);
    return answer.json;
}

/* A PEM file with a CA certificate of its own. */
static const char *anchor_file(void **state, const char *name)
{
    struct task *t = test_task(state);
    struct identity ca = make_ca(t, "CN=Maker CA", NULL);
    return put_file(state, name, bytes_of_text(cert_to_pem(t, ca.cert)));
}

/* ---- Manufacturers ---- */

static void options_of_a_manufacturer_are_changed_one_by_one(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *output;
    const char *anchor = anchor_file(state, "anchor.pem");
    assert_int_equal(CTL(state, f, &output, "manufacturers", "add", "acme", "--anchor", anchor,
                         "--voucher-anchor", anchor, "--masa-url", "masa.example", "--title", "Old",
                         "--masa-network", "10.0.0.0/8"),
                     0);
    json_t *before = shown(f, "/v1/manufacturers/acme");
    assert_int_equal(CTL(state, f, &output, "manufacturers", "set", "acme", "--title", "New",
                         "--masa-network", "10.1.0.0/16", "--masa-network", "10.2.0.0/16",
                         "--allowed-domain", "AAEC"),
                     0);
    assert_says(output, "changed manufacturer acme");
    json_t *after = shown(f, "/v1/manufacturers/acme");
    assert_json_text(after, "title", "New");
    assert_json_text(after, "masa-networks.1", "10.2.0.0/16");
    assert_json_text(after, "allowed-domain-ids.0", "AAEC");
    static const char *const same[] = {"idevid-anchors", "voucher-anchors", "masa-url", "profile",
                                       "created"};
    for (size_t i = 0; i < ARRAY_SIZE(same); i++)
        assert_true(json_equal(json_at(before, same[i]), json_at(after, same[i])));
}

static void empty_values_take_away_what_is_there(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *output;
    const char *anchor = anchor_file(state, "anchor.pem");
    assert_int_equal(CTL(state, f, &output, "manufacturers", "add", "acme", "--anchor", anchor,
                         "--voucher-anchor", anchor, "--masa-url", "masa.example", "--masa-network",
                         "10.0.0.0/8"),
                     0);
    assert_int_equal(CTL(state, f, &output, "manufacturers", "set", "acme", "--masa-url", "",
                         "--voucher-anchor", "", "--masa-network="),
                     0);
    json_t *after = shown(f, "/v1/manufacturers/acme");
    static const char *const gone[] = {"voucher-anchors", "masa-url", "masa-networks"};
    for (size_t i = 0; i < ARRAY_SIZE(gone); i++) {
        json_t *member = json_object_get(after, gone[i]);
        assert_true(member == NULL || json_array_size(member) == 0);
        assert_false(json_is_string(member));
    }
    /* But not what must be there. */
    assert_int_equal(CTL(state, f, &output, "manufacturers", "set", "acme", "--anchor", ""), 1);
    assert_says(output, "idevid-anchors");
}

static void manufacturer_is_removed_when_told_so_for_certain(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *output;
    put_manufacturer(f, "acme");
    put_manufacturer(f, "used");
    put_expected(f, "used", "A1", BYTES_ABSENT);
    assert_int_equal(CTL(state, f, &output, "manufacturers", "remove", "acme"), 2);
    assert_says(output, "no terminal to ask on");
    assert_says(output, "--yes");
    (void)shown(f, "/v1/manufacturers/acme");
    assert_int_equal(CTL(state, f, &output, "manufacturers", "remove", "acme", "--yes"), 0);
    assert_says(output, "removed manufacturer acme");
    assert_int_equal(api_get(f, "/v1/manufacturers/acme").status, 404);
    assert_int_equal(CTL(state, f, &output, "manufacturers", "remove", "used", "--yes"), 1);
    assert_says(output, "gatehousectl: in-use: ");
    assert_says(output, "what to do: ");
}

/* ---- Profiles ---- */

static bool put_ca(struct task *t, struct tx *tx, void *arg)
{
    const struct ca_record ca = {.name = "local", .connector = "local"};
    (void)arg;
    return ca_put(t, tx, &ca);
}

static void profiles_are_added_listed_shown_and_changed(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *output;
    assert_ok(f->t, store_update(f->t, f->store, put_ca, NULL));
    assert_int_equal(CTL(state, f, &output, "profiles", "add", "phones", "--dns-pattern",
                         "{serial}.phones.example.com", "--key", "p384", "--validity", "90 d",
                         "--ext-key-usage", "clientAuth", "--ext-key-usage", "serverAuth"),
                     0);
    assert_says(output, "added profile phones");
    assert_int_equal(CTL(state, f, &output, "profiles", "list"), 0);
    assert_says(output, "NAME");
    assert_says(output, "{serial}.phones.example.com");
    assert_int_equal(
        CTL(state, f, &output, "profiles", "set", "phones", "--key", "p256", "--validity", ""), 0);
    assert_says(output, "changed profile phones");
    assert_int_equal(CTL(state, f, &output, "profiles", "show", "phones", "--json"), 0);
    json_t *profile = json_of(f->t, output);
    assert_json_text(profile, "key", "p256");
    assert_json_text(profile, "validity", "365 d"); /* the preset again */
    assert_json_text(profile, "dns-pattern", "{serial}.phones.example.com");
    assert_json_text(profile, "ext-key-usage.1", "serverAuth");
    assert_int_equal(CTL(state, f, &output, "profiles", "show", "phones"), 0);
    assert_says(output, "serverAuth");
    assert_int_equal(CTL(state, f, &output, "profiles", "add", "phones"), 1);
    assert_says(output, "gatehousectl: exists: ");
    assert_int_equal(CTL(state, f, &output, "profiles", "set", "none", "--key", "p256"), 1);
    assert_says(output, "gatehousectl: not-found: ");
}

/* ---- Devices ---- */

static void places_are_removed_and_vacated_when_told_so_for_certain(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *output;
    put_manufacturer(f, "acme");
    put_manufacturer(f, "other");
    struct bytes id = put_device(f, "acme", "A1", 1, id_make(f->t->arena));
    put_expected(f, "acme", "A1", id);
    put_expected(f, "other", "A1", BYTES_ABSENT);
    assert_int_equal(CTL(state, f, &output, "devices", "readmit", "A1"), 2);
    assert_int_equal(CTL(state, f, &output, "devices", "remove", "A1"), 2);
    assert_says(output, "no terminal to ask on");
    assert_int_equal(CTL(state, f, &output, "devices", "readmit", "A1", "--yes"), 1);
    assert_says(output, "gatehousectl: ambiguous: ");
    assert_int_equal(
        CTL(state, f, &output, "devices", "readmit", "A1", "--manufacturer", "acme", "--yes"), 0);
    assert_says(output, "the next that comes as A1 of acme is let in");
    assert_string_equal(last_event(f).name, "readmitted");
    assert_int_equal(
        CTL(state, f, &output, "devices", "remove", "--yes", "A1", "--manufacturer", "other"), 0);
    assert_says(output, "A1 of other is not expected any more");
    assert_int_equal(CTL(state, f, &output, "devices", "remove", "--yes",
                         bytes_to_hex(f->t->arena, id), "--json"),
                     0);
    assert_json_text(json_of(f->t, output), "manufacturer", "acme");
}

static void open_orders_show_what_they_wait_for(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *output;
    struct bytes id;
    enum order_join join;
    put_manufacturer(f, "acme");
    struct bytes device = put_device(f, "acme", "A1", 1, BYTES_ABSENT);
    const struct order_request request = {
        .kind = &fixture_order_kind,
        .identity = bytes_sha256(f->t->arena, BYTES_LITERAL("x")),
        .device = device,
        .peer = "masa:example:443",
        .request = BYTES_LITERAL("x"),
        .needs_approval = true,
    };
    assert_ok(f->t, order_submit(f->t, f->orders, &request, &id, &join));
    const char *sentence =
        arena_printf(f->t->arena, "waiting for approval: orders approve or orders decline %s",
                     bytes_to_hex(f->t->arena, id));
    assert_int_equal(CTL(state, f, &output, "orders", "list"), 0);
    assert_says(output, "WAITS FOR");
    assert_says(output, sentence);
    assert_int_equal(CTL(state, f, &output, "orders", "show", bytes_to_hex(f->t->arena, id)), 0);
    assert_says(output, sentence);
    assert_int_equal(CTL(state, f, &output, "devices", "show", "A1"), 0);
    assert_says(output, "Under way");
    assert_says(output, sentence);
    assert_int_equal(CTL(state, f, &output, "devices", "list"), 0);
    assert_says(output, "approval");
}

static void wrong_usage_is_exit_status_two(void **state)
{
    struct task *t = test_task(state);
    const char *output;
    static const char *const lines[][4] = {
        {"manufacturers", "set", "acme"},
        {"manufacturers", "remove"},
        {"profiles", "set", "phones"},
        {"profiles", "add"},
        {"devices", "remove"},
        {"devices", "readmit", "A", "B"},
        {"devices", "remove", "--yes=sure"},
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(options_of_a_manufacturer_are_changed_one_by_one),
        UNIT_TEST(empty_values_take_away_what_is_there),
        UNIT_TEST(manufacturer_is_removed_when_told_so_for_certain),
        UNIT_TEST(profiles_are_added_listed_shown_and_changed),
        UNIT_TEST(places_are_removed_and_vacated_when_told_so_for_certain),
        UNIT_TEST(open_orders_show_what_they_wait_for),
        UNIT_TEST(wrong_usage_is_exit_status_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
