/* The admin API: places on the list of expected devices are taken away or vacated. */
#include "core/store/records/authority.h"
#include "core/store/records/device_name.h"
#include "core/store/records/standing.h"
#include "tests/unit/api_fixture.h"

#include <string.h>

static struct api_answer act(struct api_fixture *f, const char *device, const char *action,
                             const char *manufacturer)
{
    const char *path = arena_printf(f->t->arena, "/v1/devices/%s", device);
    const char *body =
        manufacturer == NULL
            ? arena_printf(f->t->arena, "{\"action\":\"%s\"}", action)
            : arena_printf(f->t->arena, "{\"action\":\"%s\",\"manufacturer\":\"%s\"}", action,
                           manufacturer);
    return api_post(f, path, body);
}

static const char *hex(struct api_fixture *f, struct bytes id)
{
    return bytes_to_hex(f->t->arena, id);
}

static struct device device_of(struct api_fixture *f, struct bytes id)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    struct device device;
    assert_ok(f->t, view_open(f->t, f->store, &view));
    assert_ok(f->t, table_get(f->t, view_reader(view), &devices, id, &device));
    return device;
}

/* How many devices of acme count as unexpected. */
static uint64_t unexpected(struct api_fixture *f)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    uint64_t count = 0;
    assert_ok(f->t, view_open(f->t, f->store, &view));
    assert_ok(f->t, standing_count(f->t, view_reader(view), "acme", DEVICE_UNEXPECTED, &count));
    return count;
}

/* Device A1 of acme, admitted, in its place. */
static struct bytes put_admitted(struct api_fixture *f)
{
    struct bytes episode = id_make(f->t->arena);
    put_manufacturer(f, "acme");
    struct bytes id = put_device(f, "acme", "A1", 1, episode);
    (void)put_episode(f, episode, id, EPISODE_CONFIRMED);
    put_expected(f, "acme", "A1", id);
    return id;
}

/* ---- remove ---- */

static void place_that_nobody_claimed_is_removed(void **state)
{
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    put_expected(f, "acme", "A1", BYTES_ABSENT);
    struct api_answer removed = act(f, "A1", "remove", NULL);
    assert_int_equal(removed.status, 200);
    assert_json_text(removed.json, "serial-number", "A1");
    assert_string_equal(last_event(f).name, "device-no-longer-expected");
    assert_string_equal(last_event(f).actor, own_actor(f->t));
    struct api_answer again = act(f, "A1", "remove", NULL);
    assert_problem(&again, 404, "not-found", "A1");
}

static void device_whose_place_is_removed_is_admitted_no_more(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct bytes id = put_admitted(f);
    assert_int_equal(act(f, hex(f, id), "remove", NULL).status, 200);
    assert_int_equal(device_of(f, id).admission, DEVICE_UNEXPECTED);
    assert_int_equal(unexpected(f), 1);
    struct event event = last_event(f);
    assert_bytes_equal(f->t, event.device, id); /* in its timeline */
    assert_non_null(strstr(event.detail, "not let in any more"));
    assert_json_text(api_get(f, "/v1/devices/A1").json, "device.admission", "unexpected");
    struct api_answer again = act(f, hex(f, id), "remove", NULL);
    assert_problem(&again, 404, "not-found", "not on the list");
}

static void place_is_that_of_the_manufacturer_that_is_named(void **state)
{
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    put_manufacturer(f, "other");
    put_expected(f, "acme", "A1", BYTES_ABSENT);
    put_expected(f, "other", "A1", BYTES_ABSENT);
    struct api_answer which = act(f, "A1", "remove", NULL);
    assert_problem(&which, 409, "ambiguous", "acme");
    struct api_answer removed = act(f, "A1", "remove", "other");
    assert_int_equal(removed.status, 200);
    assert_json_text(removed.json, "manufacturer", "other");
    assert_json_text(api_get(f, "/v1/devices/A1").json, "expected.manufacturer", "acme");
}

static void serial_number_that_looks_like_an_id_can_be_meant(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct bytes id = put_admitted(f);
    put_manufacturer(f, "other");
    put_expected(f, "other", hex(f, id), BYTES_ABSENT);
    struct api_answer removed = act(f, hex(f, id), "remove", "other");
    assert_int_equal(removed.status, 200);
    assert_json_text(removed.json, "serial-number", hex(f, id));
    assert_int_equal(device_of(f, id).admission, DEVICE_ADMITTED);
}

/* ---- readmit ---- */

static void vacated_place_is_for_the_next_that_comes(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct bytes id = put_admitted(f);
    struct api_answer vacated = act(f, "A1", "readmit", NULL);
    assert_int_equal(vacated.status, 200);
    assert_null(json_object_get(vacated.json, "device"));
    assert_int_equal(device_of(f, id).admission, DEVICE_UNEXPECTED);
    assert_false(bytes_present(device_of(f, id).idevid_spki_sha256));
    assert_int_equal(unexpected(f), 1);
    struct event event = last_event(f);
    assert_string_equal(event.name, "readmitted");
    assert_int_equal(event.severity, EVENT_WARNING);
    assert_bytes_equal(f->t, event.device, id);
}

static void every_device_that_came_with_the_serial_number_learns_of_it(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct bytes id = put_admitted(f);
    struct bytes rival = put_device(f, "acme", "A1", 2, BYTES_ABSENT);
    struct bytes foreign = put_device(f, "other", "A1", 3, BYTES_ABSENT);
    assert_int_equal(act(f, hex(f, id), "readmit", NULL).status, 200);
    const struct {
        struct bytes id;
        size_t events;
    } cases[] = {{id, 1}, {rival, 1}, {foreign, 0}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct api_answer shown =
            api_get(f, arena_printf(f->t->arena, "/v1/devices/%s", hex(f, cases[i].id)));
        assert_int_equal(json_array_size(json_at(shown.json, "timeline")), cases[i].events);
    }
}

static bool furnish_name(struct task *t, struct tx *tx, void *arg)
{
    struct profile profile;
    const struct ca_record ca = {.name = "local", .connector = "local"};
    record_init(t, &profile_type, &profile);
    profile.name = PROFILE_DEFAULT;
    profile.dns_pattern = "{serial}.phones.example";
    TRY(ca_put(t, tx, &ca));
    TRY(profile_put(t, tx, &profile));
    return device_name_claim(t, tx, "a1.phones.example", *(const struct bytes *)arg);
}

static void name_of_the_device_goes_to_the_next(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct bytes id = put_admitted(f);
    struct device_name name;
    bool found;
    assert_ok(f->t, store_update(f->t, f->store, furnish_name, &id));
    assert_int_equal(act(f, "A1", "readmit", NULL).status, 200);
    struct view *view CLEANUP(view_cleanup) = NULL;
    assert_ok(f->t, view_open(f->t, f->store, &view));
    assert_ok(f->t, table_find(f->t, view_reader(view), &device_names,
                               BYTES_LITERAL("a1.phones.example"), &name, &found));
    assert_false(found);
}

/* ---- What cannot be ---- */

static void wrong_actions_are_refused(void **state)
{
    static const struct {
        const char *device;
        const char *body;
        int status;
        const char *code;
        const char *part;
    } cases[] = {
        {"A1", "{}", 400, "invalid", "action"},
        {"A1", "{\"action\":\"borrow\"}", 400, "invalid", "remove, readmit"},
        {"A1", "{\"action\":\"sell\"}", 400, "invalid", "to"},
        {"A1", "{\"action\":\"decommission\"}", 400, "invalid", "reason"},
        {"A1", "{\"action\":\"revoke\",\"reason\":\"x\",\"erase\":\"names\"}", 400, "invalid",
         "erase"},
        {"A1", "{\"action\":\"sell\",\"to\":\"x\",\"erase\":\"all\"}", 400, "invalid", "erase"},
        {"A1", "{\"action\":\"sell\",\"to\":\"x\"}", 404, "not-found", "has come yet"},
        {"A1", "{\"action\":\"remove\",\"by\":\"root\"}", 400, "invalid", "by"},
        {"A1", "remove", 400, "malformed", "JSON"},
        {"none", "{\"action\":\"remove\"}", 404, "not-found", "none"},
        {"A1", "{\"action\":\"remove\",\"manufacturer\":\"none\"}", 404, "not-found", "none"},
        {"A1", "{\"action\":\"readmit\"}", 400, "invalid", "never come"},
    };
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    put_expected(f, "acme", "A1", BYTES_ABSENT);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *path = arena_printf(f->t->arena, "/v1/devices/%s", cases[i].device);
        struct api_answer answer = api_post(f, path, cases[i].body);
        assert_problem(&answer, cases[i].status, cases[i].code, cases[i].part);
    }
    assert_json_text(api_get(f, "/v1/devices/A1").json, "expected.manufacturer", "acme");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(place_that_nobody_claimed_is_removed),
        UNIT_TEST(device_whose_place_is_removed_is_admitted_no_more),
        UNIT_TEST(place_is_that_of_the_manufacturer_that_is_named),
        UNIT_TEST(serial_number_that_looks_like_an_id_can_be_meant),
        UNIT_TEST(vacated_place_is_for_the_next_that_comes),
        UNIT_TEST(every_device_that_came_with_the_serial_number_learns_of_it),
        UNIT_TEST(name_of_the_device_goes_to_the_next),
        UNIT_TEST(wrong_actions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
