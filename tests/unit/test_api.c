/* The admin API: manufacturers, the list of devices, and how it answers what it cannot do. */
#include "tests/unit/api_fixture.h"
#include "web/views.h"

#include "core/base/clock.h"

#include <string.h>

/* ---- Manufacturers ---- */

static const char *manufacturer_json(struct task *t, const char *name, const char *more)
{
    return arena_printf(t->arena, "{\"name\":\"%s\",\"idevid-anchors\":[\"%s\"]%s}", name,
                        some_anchor(t), more);
}

static void manufacturer_is_added_shown_and_listed(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct api_answer made = api_post(
        f, "/v1/manufacturers",
        manufacturer_json(f->t, "acme", ",\"title\":\"ACME\",\"masa-url\":\"masa.example:9443\""));
    assert_int_equal(made.status, 201);
    assert_string_equal(made.location, "/v1/manufacturers/acme");
    assert_string_equal(made.media_type, "application/json");
    struct api_answer shown = api_get(f, "/v1/manufacturers/acme");
    assert_int_equal(shown.status, 200);
    assert_true(json_equal(made.json, shown.json));
    assert_json_text(shown.json, "title", "ACME");
    assert_json_text(shown.json, "masa-url", "masa.example:9443");
    assert_json_text(shown.json, "profile", "default");
    assert_int_equal(json_array_size(json_at(shown.json, "idevid-anchors")), 1);
    assert_true(json_is_string(json_at(shown.json, "created")));
    struct api_answer list = api_get(f, "/v1/manufacturers");
    assert_int_equal(json_array_size(json_at(list.json, "items")), 1);
    assert_true(json_equal(json_at(list.json, "items.0"), shown.json));
    assert_null(json_object_get(list.json, "next"));
}

static void adding_a_manufacturer_is_audited(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct api_answer made = api_post(f, "/v1/manufacturers", manufacturer_json(f->t, "acme", ""));
    assert_int_equal(made.status, 201);
    struct event event = last_event(f);
    assert_string_equal(event.name, "manufacturer-added");
    assert_string_equal(event.actor, own_actor(f->t));
    assert_non_null(strstr(event.detail, "acme"));
}

static void manufacturer_is_added_once(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *body = manufacturer_json(f->t, "acme", "");
    assert_int_equal(api_post(f, "/v1/manufacturers", body).status, 201);
    struct api_answer again = api_post(f, "/v1/manufacturers", body);
    assert_problem(&again, 409, "exists", "acme");
}

static void adding_a_manufacturer_changes_the_generation(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct view *view CLEANUP(view_cleanup) = NULL;
    uint64_t generation = 0;
    assert_int_equal(api_post(f, "/v1/manufacturers", manufacturer_json(f->t, "acme", "")).status,
                     201);
    assert_ok(f->t, view_open(f->t, f->store, &view));
    assert_ok(f->t, manufacturers_generation(f->t, view_reader(view), &generation));
    assert_int_equal(generation, 1);
}

static void wrong_manufacturers_are_refused(void **state)
{
    static const struct {
        const char *more; /* or, without a comma, the whole body */
        const char *code;
        const char *part;
    } cases[] = {
        {",\"masa-url\":\"http://masa.example\"", "invalid", "masa-url"},
        {",\"masa-url\":\"https://user@masa.example\"", "invalid", "masa-url"},
        {",\"masa-networks\":[\"10.0.0.0/8\",\"10.0.0.0/33\"]", "invalid", "masa-networks[1]"},
        {",\"masa-anchors\":[\"AAAA\"]", "invalid", "masa-anchors[0]"},
        {",\"voucher-anchors\":[\"MAA=\"]", "invalid", "voucher-anchors[0]"},
        {",\"voucher-anchors\":[\"-----BEGIN\"]", "invalid", "voucher-anchors[0]"},
        {",\"profile\":\"nowhere\"", "invalid", "nowhere"},
        {",\"colour\":\"blue\"", "invalid", "colour"},
        {",\"created\":\"2026-01-01T00:00:00Z\"", "invalid", "created"},
        {",\"title\":7", "invalid", "title"},
        {"{\"name\":\"acme\"}", "invalid", "idevid-anchors"},
        {"{\"name\":\"acme\",\"idevid-anchors\":[]}", "invalid", "idevid-anchors"},
        {"{\"idevid-anchors\":[]}", "invalid", "name"},
        {"{\"name\":\"acme\",\"name\":\"bacme\"}", "malformed", "JSON"},
        {"[]", "invalid", "object"},
        {"", "malformed", "JSON"},
        {"{\"name\":", "malformed", "JSON"},
    };
    struct api_fixture *f = api_fixture(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *body = cases[i].more[0] == ',' ? manufacturer_json(f->t, "acme", cases[i].more)
                                                   : cases[i].more;
        struct api_answer answer = api_post(f, "/v1/manufacturers", body);
        assert_problem(&answer, 400, cases[i].code, cases[i].part);
    }
    struct api_answer slug =
        api_post(f, "/v1/manufacturers", manufacturer_json(f->t, "No Slug", ""));
    assert_problem(&slug, 400, "invalid", "name");
    struct api_answer list = api_get(f, "/v1/manufacturers");
    assert_int_equal(json_array_size(json_at(list.json, "items")), 0);
}

static void body_must_be_json_and_small_enough(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct api_answer text = api_post_as(f, "/v1/manufacturers", "text/plain", BYTES_LITERAL("{}"));
    assert_problem(&text, 415, "media-type", "text/plain");
    uint8_t octets[2048];
    memset(octets, ' ', sizeof(octets));
    struct api_answer large = api_post_as(f, "/v1/orders/00112233445566778899aabbccddeeff",
                                          "application/json", BYTES_ARRAY(octets));
    assert_problem(&large, 413, "too-large", "");
}

static void what_is_not_there_is_not_found(void **state)
{
    static const char *const paths[] = {"/v1/manufacturers/acme", "/v1/devices/none",
                                        "/v1/orders/00112233445566778899aabbccddeeff"};
    struct api_fixture *f = api_fixture(state);
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        struct api_answer answer = api_get(f, paths[i]);
        assert_problem(&answer, 404, "not-found", "");
    }
    struct api_answer path = api_get(f, "/v1/nothing");
    assert_problem(&path, 404, "no-such-resource", "");
    struct api_answer method = api_call(f, "DELETE", "/v1/devices", NULL);
    assert_problem(&method, 405, "method", "");
}

/* ---- Expecting devices ---- */

static void one_device_is_expected(void **state)
{
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    struct api_answer made =
        api_post(f, "/v1/devices",
                 "{\"manufacturer\":\"acme\",\"serial-number\":\"A1\",\"note\":\"shelf 3\"}");
    assert_int_equal(made.status, 201);
    assert_json_text(made.json, "items.0.added-by", own_actor(f->t));
    struct api_answer list = api_get(f, "/v1/devices");
    assert_json_text(list.json, "items.0.serial-number", "A1");
    assert_json_text(list.json, "items.0.manufacturer", "acme");
    assert_json_text(list.json, "items.0.admission", "expected");
    assert_json_text(list.json, "items.0.note", "shelf 3");
    assert_null(json_object_get(json_at(list.json, "items.0"), "id"));
    struct event event = last_event(f);
    assert_string_equal(event.name, "device-expected");
    assert_string_equal(event.actor, own_actor(f->t));
    assert_string_equal(event.detail, "A1 of acme");
}

static void list_of_devices_is_expected_wholly_or_not_at_all(void **state)
{
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    struct api_answer made = api_post(f, "/v1/devices",
                                      "[{\"manufacturer\":\"acme\",\"serial-number\":\"A1\"},"
                                      "{\"manufacturer\":\"acme\",\"serial-number\":\"A2\"}]");
    assert_int_equal(made.status, 201);
    assert_int_equal(json_array_size(json_at(made.json, "items")), 2);
    struct api_answer twice = api_post(f, "/v1/devices",
                                       "[{\"manufacturer\":\"acme\",\"serial-number\":\"A3\"},"
                                       "{\"manufacturer\":\"acme\",\"serial-number\":\"A2\"}]");
    assert_problem(&twice, 409, "exists", "A2");
    struct api_answer list = api_get(f, "/v1/devices");
    assert_int_equal(json_array_size(json_at(list.json, "items")), 2);
}

static void wrong_expectations_are_refused(void **state)
{
    static const struct {
        const char *body;
        const char *part;
    } cases[] = {
        {"{\"manufacturer\":\"nobody\",\"serial-number\":\"A1\"}", "nobody"},
        {"{\"manufacturer\":\"acme\"}", "serial-number"},
        {"{\"serial-number\":\"A1\"}", "manufacturer"},
        {"{\"manufacturer\":\"acme\",\"serial-number\":\"A1\",\"device\":\"00\"}", "device"},
        {"[{\"manufacturer\":\"acme\",\"serial-number\":\"A1\"},{}]", "[1]"},
        {"[]", "1 to 1000"},
        {"[7]", "[0]"},
    };
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct api_answer answer = api_post(f, "/v1/devices", cases[i].body);
        assert_problem(&answer, 400, "invalid", cases[i].part);
    }
    assert_int_equal(json_array_size(json_at(api_get(f, "/v1/devices").json, "items")), 0);
}

static void device_turned_away_learns_in_its_timeline_that_it_is_expected(void **state)
{
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    struct bytes id = put_device(f, "acme", "A1", 1, BYTES_ABSENT);
    assert_int_equal(
        api_post(f, "/v1/devices", "{\"manufacturer\":\"acme\",\"serial-number\":\"A1\"}").status,
        201);
    assert_bytes_equal(f->t, last_event(f).device, id);
}

static void expected_device_of_the_same_serial_elsewhere_stays_out_of_the_timeline(void **state)
{
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    put_manufacturer(f, "other");
    (void)put_device(f, "other", "A1", 1, BYTES_ABSENT);
    assert_int_equal(
        api_post(f, "/v1/devices", "{\"manufacturer\":\"acme\",\"serial-number\":\"A1\"}").status,
        201);
    assert_false(bytes_present(last_event(f).device));
}

/* ---- The list of devices ---- */

/* Three seen (one of them without onboarding), two expected, two manufacturers. */
static void furnish(struct api_fixture *f)
{
    struct bytes first = id_make(f->t->arena);
    struct bytes second = id_make(f->t->arena);
    put_manufacturer(f, "acme");
    put_manufacturer(f, "other");
    struct bytes a1 = put_device(f, "acme", "A1", 1, first);
    struct bytes a2 = put_device(f, "acme", "A2", 1, second);
    (void)put_device(f, "other", "A1", 2, BYTES_ABSENT);
    (void)put_episode(f, first, a1, EPISODE_CONFIRMED);
    (void)put_episode(f, second, a2, EPISODE_REQUESTED);
    put_expected(f, "acme", "A1", a1);
    put_expected(f, "acme", "X1", BYTES_ABSENT);
    put_expected(f, "other", "A1", BYTES_ABSENT);
}

static void filters_narrow_the_list_of_devices(void **state)
{
    static const struct {
        const char *query;
        size_t count;
    } cases[] = {
        {"", 5},
        {"?manufacturer=acme", 3},
        {"?manufacturer=other", 2},
        {"?manufacturer=nobody", 0},
        {"?serial=A1", 3},
        {"?serial=A1&manufacturer=acme", 1},
        {"?serial=X1", 1},
        {"?serial=A", 0},
        {"?stage=confirmed", 1},
        {"?stage=requested", 1},
        {"?stage=log-refused", 0},
        {"?stage=confirmed&serial=A1", 1},
        {"?stage=confirmed&manufacturer=other", 0},
    };
    struct api_fixture *f = api_fixture(state);
    furnish(f);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct api_answer list =
            api_get(f, arena_printf(f->t->arena, "/v1/devices%s", cases[i].query));
        assert_int_equal(list.status, 200);
        if (json_array_size(json_at(list.json, "items")) != cases[i].count)
            fail_msg("%s: %s", cases[i].query, list.text);
    }
}

static void line_of_a_device_says_how_far_it_is_and_what_went_wrong(void **state)
{
    struct api_fixture *f = api_fixture(state);
    furnish(f);
    struct api_answer list = api_get(f, "/v1/devices?serial=A1&manufacturer=acme");
    struct bytes id;
    json_t *line = json_at(list.json, "items.0");
    assert_json_text(line, "admission", "admitted");
    assert_json_text(line, "stage", "confirmed");
    assert_json_text(line, "note", "a note");
    assert_json_text(line, "last-address", "192.0.2.1:4711");
    assert_null(json_object_get(line, "last-problem"));
    assert_true(bytes_from_hex(f->t->arena, json_string_value(json_at(line, "id")), &id));
    const struct event failure = {.name = "request-refused", .device = id, .problem = "timeout"};
    const struct event success = {.name = "voucher-requested", .device = id};
    put_event(f, &failure);
    put_event(f, &success);
    list = api_get(f, "/v1/devices?serial=A1&manufacturer=acme");
    assert_json_text(list.json, "items.0.last-problem", "timeout");
    assert_true(json_is_string(json_at(list.json, "items.0.last-problem-at")));
}

static void pages_show_each_device_once(void **state)
{
    struct api_fixture *f = api_fixture(state);
    furnish(f);
    json_t *seen = json_in_arena(f->t, json_object());
    const char *path = "/v1/devices?limit=1";
    size_t pages = 0;
    for (const char *next = path; next != NULL; pages++) {
        struct api_answer page = api_get(f, next);
        assert_int_equal(page.status, 200);
        json_t *items = json_at(page.json, "items");
        assert_true(json_array_size(items) <= 1);
        assert_true(pages < 10);
        for (size_t i = 0; i < json_array_size(items); i++) {
            char *line = json_dumps(json_array_get(items, i), 0);
            assert_null(json_object_get(seen, line));
            (void)json_object_set_new(seen, line, json_true());
            free(line);
        }
        const char *cursor = json_string_value(json_object_get(page.json, "next"));
        next = cursor == NULL ? NULL : arena_printf(f->t->arena, "%s&after=%s", path, cursor);
    }
    assert_int_equal(json_object_size(seen), 5);
}

static void wrong_queries_are_refused(void **state)
{
    static const struct {
        const char *path;
        const char *part;
    } cases[] = {
        {"/v1/devices?limit=0", "limit"},
        {"/v1/devices?limit=1001", "limit"},
        {"/v1/devices?limit=99999999999999999999999", "limit"},
        {"/v1/devices?limit=-1", "limit"},
        {"/v1/devices?limit=", "limit"},
        {"/v1/devices?limit=7x", "limit"},
        {"/v1/devices?after=", "after"},
        {"/v1/devices?after=z00", "after"},
        {"/v1/devices?after=s0", "after"},
        {"/v1/manufacturers?after=s00", "after"},
        {"/v1/devices?stage=asleep", "stage"},
        {"/v1/orders?state=asleep", "state"},
        {"/v1/orders?device=00", "device"},
        {"/v1/orders/00", "order"},
    };
    struct api_fixture *f = api_fixture(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct api_answer answer = api_get(f, cases[i].path);
        assert_problem(&answer, 400, "invalid", cases[i].part);
    }
}

/* ---- The rest ---- */

static void strangers_are_listed_latest_first(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct task knock = *f->t;
    (void)fail(&knock, E_DENIED, "nobody vouches for \033[31mit");
    for (unsigned i = 0; i < 2; i++) {
        const struct stranger stranger = {
            .address = i == 0 ? "192.0.2.1" : "192.0.2.2",
            .subject = "CN=x",
            .certificate_sha256 = bytes_sha256(f->t->arena, bytes_make(&i, sizeof(i))),
        };
        strangers_note(f->strangers, &knock, &stranger);
    }
    struct api_answer list = api_get(f, "/v1/strangers");
    assert_int_equal(json_array_size(json_at(list.json, "items")), 2);
    assert_json_text(list.json, "items.0.problem", "denied");
    assert_null(strchr(list.text, '\033'));
}

static void status_shows_figures(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct api_answer status = api_get(f, "/v1/status");
    assert_int_equal(status.status, 200);
    assert_json_text(status.json, "version", GATEHOUSE_VERSION);
    assert_json_text(status.json, "uptime", "1 h");
    assert_true(json_integer_value(json_at(status.json, "store.updates")) >= 1);
    assert_true(json_is_false(json_at(status.json, "store.alarm")));
    assert_int_equal(json_integer_value(json_at(status.json, "orders.open")), 0);
    assert_int_equal(json_integer_value(json_at(status.json, "pledges.served")), 0);
    assert_true(json_array_size(json_at(status.json, "libraries")) >= 2);
}

static void profiles_and_authorities_are_listed(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct api_answer profiles_listed = api_get(f, "/v1/profiles");
    assert_json_text(profiles_listed.json, "items.0.name", "default");
    struct api_answer authorities_listed = api_get(f, "/v1/authorities");
    assert_int_equal(authorities_listed.status, 200);
    assert_int_equal(json_array_size(json_at(authorities_listed.json, "items")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(manufacturer_is_added_shown_and_listed),
        UNIT_TEST(adding_a_manufacturer_is_audited),
        UNIT_TEST(manufacturer_is_added_once),
        UNIT_TEST(adding_a_manufacturer_changes_the_generation),
        UNIT_TEST(wrong_manufacturers_are_refused),
        UNIT_TEST(body_must_be_json_and_small_enough),
        UNIT_TEST(what_is_not_there_is_not_found),
        UNIT_TEST(one_device_is_expected),
        UNIT_TEST(list_of_devices_is_expected_wholly_or_not_at_all),
        UNIT_TEST(wrong_expectations_are_refused),
        UNIT_TEST(device_turned_away_learns_in_its_timeline_that_it_is_expected),
        UNIT_TEST(expected_device_of_the_same_serial_elsewhere_stays_out_of_the_timeline),
        UNIT_TEST(filters_narrow_the_list_of_devices),
        UNIT_TEST(line_of_a_device_says_how_far_it_is_and_what_went_wrong),
        UNIT_TEST(pages_show_each_device_once),
        UNIT_TEST(wrong_queries_are_refused),
        UNIT_TEST(strangers_are_listed_latest_first),
        UNIT_TEST(status_shows_figures),
        UNIT_TEST(profiles_and_authorities_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
