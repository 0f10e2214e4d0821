/* The admin API: what a manufacturer's record keeps to itself, and its alarms. */
#include "core/pki/serial.h"
#include "core/store/records/alarm.h"
#include "tests/unit/api_fixture.h"

#include <string.h>

#define SECRET "hush-hush"
#define LOGIN  ",\"masa-authentication\":\"basic\",\"masa-user\":\"we\""

static struct api_answer put_maker(struct api_fixture *f, const char *anchor, const char *more)
{
    return api_call(f, "PUT", "/v1/manufacturers/acme",
                    arena_printf(f->t->arena, "{\"name\":\"acme\",\"idevid-anchors\":[\"%s\"]%s}",
                                 anchor, more));
}

static const char *add_maker(struct api_fixture *f, const char *more)
{
    const char *anchor = some_anchor(f->t);
    struct api_answer made =
        api_post(f, "/v1/manufacturers",
                 arena_printf(f->t->arena, "{\"name\":\"acme\",\"idevid-anchors\":[\"%s\"]%s}",
                              anchor, more));
    assert_int_equal(made.status, 201);
    assert_null(strstr(made.text, SECRET));
    return anchor;
}

static struct manufacturer stored(struct api_fixture *f)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct manufacturer m;
    assert_ok(f->t, view_open(f->t, f->store, &view));
    assert_ok(f->t, table_get(f->t, view_reader(view), &manufacturers, BYTES_LITERAL("acme"), &m));
    m.masa_password = m.masa_password == NULL ? NULL : arena_strdup(f->t->arena, m.masa_password);
    return m;
}

static void password_is_kept_and_never_shown(void **state)
{
    struct api_fixture *f = api_fixture(state);
    (void)add_maker(f, LOGIN ",\"masa-password\":\"" SECRET "\"");
    assert_string_equal(stored(f).masa_password, SECRET);
    struct api_answer shown = api_get(f, "/v1/manufacturers/acme");
    assert_null(json_object_get(shown.json, "masa-password"));
    assert_true(json_is_true(json_at(shown.json, "masa-password-set")));
    assert_null(strstr(shown.text, SECRET));
    assert_null(strstr(api_get(f, "/v1/manufacturers").text, SECRET));
    struct event event = last_event(f);
    assert_null(event.detail == NULL ? NULL : strstr(event.detail, SECRET));
}

static void password_stays_when_a_change_does_not_speak_of_it(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *anchor = add_maker(f, LOGIN ",\"masa-password\":\"" SECRET "\"");
    assert_int_equal(put_maker(f, anchor, LOGIN ",\"title\":\"New\"").status, 200);
    assert_string_equal(stored(f).masa_password, SECRET);
}

static void new_password_is_a_change_that_does_not_say_what_it_is(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *anchor = add_maker(f, LOGIN ",\"masa-password\":\"before\"");
    struct api_answer changed = put_maker(f, anchor, LOGIN ",\"masa-password\":\"" SECRET "\"");
    assert_int_equal(changed.status, 200);
    assert_null(strstr(changed.text, SECRET));
    assert_string_equal(stored(f).masa_password, SECRET);
    struct event event = last_event(f);
    assert_string_equal(event.name, "manufacturer-changed");
    assert_non_null(strstr(event.detail, "masa-password"));
    assert_null(strstr(event.detail, SECRET));
    assert_null(strstr(event.detail, "before"));
}

static void password_is_taken_away_by_null(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *anchor = add_maker(f, LOGIN ",\"masa-password\":\"" SECRET "\"");
    struct api_answer without = put_maker(f, anchor, LOGIN ",\"masa-password\":null");
    assert_problem(&without, 400, "invalid", "masa-password"); /* basic needs it */
    assert_string_equal(stored(f).masa_password, SECRET);
    assert_int_equal(put_maker(f, anchor, ",\"masa-password\":null").status, 200);
    assert_null(stored(f).masa_password);
    assert_true(
        json_is_false(json_at(api_get(f, "/v1/manufacturers/acme").json, "masa-password-set")));
}

/* The records' room does not know what reads certificates: the two lists must say the same. */
static void serial_sources_are_those_that_are_read(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const struct field *field = record_field(&manufacturer_type, "serial-from");
    size_t i = 0;
    for (; serial_source_names[i] != NULL; i++) {
        assert_non_null(field->names[i]);
        assert_string_equal(field->names[i], serial_source_names[i]);
    }
    assert_null(field->names[i]);
    const char *anchor = add_maker(f, "");
    struct api_answer wrong = put_maker(f, anchor, ",\"serial-from\":\"sticker\"");
    assert_problem(&wrong, 400, "invalid", "serial-from");
}

static bool raise(struct task *t, struct tx *tx, void *arg)
{
    return alarm_raise(t, tx, E_TIMEOUT, "acme", arg);
}

static void alarm_is_in_the_status_with_its_hint(void **state)
{
    struct api_fixture *f = api_fixture(state);
    assert_int_equal(json_array_size(json_at(api_get(f, "/v1/status").json, "alarms")), 0);
    assert_ok(f->t, store_update(f->t, f->store, raise, (void *)"nobody answers"));
    json_t *status = api_get(f, "/v1/status").json;
    assert_int_equal(json_array_size(json_at(status, "alarms")), 1);
    assert_json_text(status, "alarms.0.problem", E_TIMEOUT->name);
    assert_json_text(status, "alarms.0.about", "acme");
    assert_json_text(status, "alarms.0.detail", "nobody answers");
    assert_json_text(status, "alarms.0.hint", E_TIMEOUT->hint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(password_is_kept_and_never_shown),
        UNIT_TEST(password_stays_when_a_change_does_not_speak_of_it),
        UNIT_TEST(new_password_is_a_change_that_does_not_say_what_it_is),
        UNIT_TEST(password_is_taken_away_by_null),
        UNIT_TEST(serial_sources_are_those_that_are_read),
        UNIT_TEST(alarm_is_in_the_status_with_its_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
