/* The admin API: what is there already is changed or removed; profiles. */
#include "core/store/records/authority.h"
#include "tests/unit/api_fixture.h"
#include "tests/unit/pki_fixture.h"

#include <string.h>

/* ---- Manufacturers ---- */

static const char *manufacturer_json(struct task *t, const char *name, const char *anchor,
                                     const char *more)
{
    return arena_printf(t->arena, "{\"name\":\"%s\",\"idevid-anchors\":[\"%s\"]%s}", name, anchor,
                        more);
}

static void add_manufacturer(struct api_fixture *f, const char *name, const char *anchor,
                             const char *more)
{
    struct api_answer made =
        api_post(f, "/v1/manufacturers", manufacturer_json(f->t, name, anchor, more));
    if (made.status != 201)
        fail_msg("%s", made.text);
}

static void manufacturer_is_changed_to_what_the_body_says(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *anchor = some_anchor(f->t);
    add_manufacturer(f, "acme", anchor, ",\"title\":\"Old\",\"masa-url\":\"masa.example\"");
    json_t *created = json_at(api_get(f, "/v1/manufacturers/acme").json, "created");
    struct api_answer changed =
        api_call(f, "PUT", "/v1/manufacturers/acme",
                 manufacturer_json(f->t, "acme", anchor, ",\"title\":\"New\""));
    assert_int_equal(changed.status, 200);
    struct api_answer shown = api_get(f, "/v1/manufacturers/acme");
    assert_true(json_equal(changed.json, shown.json));
    assert_json_text(shown.json, "title", "New");
    assert_null(json_object_get(shown.json, "masa-url")); /* left out */
    assert_true(json_equal(json_at(shown.json, "created"), created));
}

static uint64_t generation(struct api_fixture *f)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    uint64_t number = 0;
    assert_ok(f->t, view_open(f->t, f->store, &view));
    assert_ok(f->t, manufacturers_generation(f->t, view_reader(view), &number));
    return number;
}

static void change_of_a_manufacturer_is_audited_item_by_item(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *anchor = some_anchor(f->t);
    add_manufacturer(f, "acme", anchor, ",\"title\":\"Old\"");
    uint64_t before = generation(f);
    const char *body = manufacturer_json(f->t, "acme", anchor, ",\"title\":\"New\"");
    assert_int_equal(api_call(f, "PUT", "/v1/manufacturers/acme", body).status, 200);
    struct event event = last_event(f);
    assert_string_equal(event.name, "manufacturer-changed");
    assert_string_equal(event.actor, own_actor(f->t));
    assert_non_null(strstr(event.detail, "title: New (was: Old)"));
    assert_null(strstr(event.detail, "idevid-anchors"));
    assert_int_equal(generation(f), before + 1);
    /* What changes nothing is no change. */
    assert_int_equal(api_call(f, "PUT", "/v1/manufacturers/acme", body).status, 200);
    assert_int_equal(generation(f), before + 1);
}

static void wrong_changes_of_a_manufacturer_are_refused(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *anchor = some_anchor(f->t);
    add_manufacturer(f, "acme", anchor, ",\"title\":\"Old\"");
    const struct {
        const char *path;
        const char *body;
        int status;
        const char *code;
        const char *part;
    } cases[] = {
        {"acme", manufacturer_json(f->t, "bcme", anchor, ""), 400, "invalid", "name"},
        {"acme", "{\"name\":\"acme\"}", 400, "invalid", "idevid-anchors"},
        {"acme", manufacturer_json(f->t, "acme", "AAAA", ""), 400, "invalid", "idevid-anchors[0]"},
        {"acme", manufacturer_json(f->t, "acme", anchor, ",\"profile\":\"nowhere\""), 400,
         "invalid", "nowhere"},
        {"acme", manufacturer_json(f->t, "acme", anchor, ",\"created\":\"2026-01-01T00:00:00Z\""),
         400, "invalid", "created"},
        {"none", manufacturer_json(f->t, "none", anchor, ""), 404, "not-found", "none"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *path = arena_printf(f->t->arena, "/v1/manufacturers/%s", cases[i].path);
        struct api_answer answer = api_call(f, "PUT", path, cases[i].body);
        assert_problem(&answer, cases[i].status, cases[i].code, cases[i].part);
    }
    assert_json_text(api_get(f, "/v1/manufacturers/acme").json, "title", "Old");
}

static void anchor_of_one_manufacturer_is_no_others(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *first = some_anchor(f->t);
    const char *second = some_anchor(f->t);
    add_manufacturer(f, "acme", first, "");
    struct api_answer again =
        api_post(f, "/v1/manufacturers", manufacturer_json(f->t, "bcme", first, ""));
    assert_problem(&again, 409, "exists", "acme");
    add_manufacturer(f, "bcme", second, "");
    struct api_answer changed =
        api_call(f, "PUT", "/v1/manufacturers/bcme", manufacturer_json(f->t, "bcme", first, ""));
    assert_problem(&changed, 409, "exists", "acme");
    assert_json_text(api_get(f, "/v1/manufacturers/bcme").json, "idevid-anchors.0", second);
    /* An anchor that was given up is free for another. */
    assert_int_equal(api_call(f, "PUT", "/v1/manufacturers/acme",
                              manufacturer_json(f->t, "acme", some_anchor(f->t), ""))
                         .status,
                     200);
    assert_int_equal(
        api_call(f, "PUT", "/v1/manufacturers/bcme", manufacturer_json(f->t, "bcme", first, ""))
            .status,
        200);
}

static void renewed_certificate_is_the_same_anchor(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct identity ca = make_ca(f->t, "CN=Maker CA", NULL);
    const char *old = bytes_to_base64(f->t->arena, ca.cert->der);
    X509 *copy = copy_to_spoil(f->t, ca.cert);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(copy), 4711), 1);
    const char *renewed =
        bytes_to_base64(f->t->arena, sign_spoilt(copy, f->t, ca.key, EVP_sha256()));
    assert_string_not_equal(renewed, old);
    add_manufacturer(f, "acme", old, "");
    struct api_answer other =
        api_post(f, "/v1/manufacturers", manufacturer_json(f->t, "bcme", renewed, ""));
    assert_problem(&other, 409, "exists", "acme");
    const char *both = arena_printf(f->t->arena, "%s\",\"%s", old, renewed);
    assert_int_equal(
        api_call(f, "PUT", "/v1/manufacturers/acme", manufacturer_json(f->t, "acme", both, ""))
            .status,
        200);
}

static void manufacturer_is_removed_when_nothing_refers_to_it(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const char *anchor = some_anchor(f->t);
    add_manufacturer(f, "acme", anchor, "");
    struct api_answer removed = api_call(f, "DELETE", "/v1/manufacturers/acme", NULL);
    assert_int_equal(removed.status, 200);
    assert_json_text(removed.json, "name", "acme");
    assert_string_equal(last_event(f).name, "manufacturer-removed");
    struct api_answer shown = api_get(f, "/v1/manufacturers/acme");
    assert_problem(&shown, 404, "not-found", "");
    struct api_answer again = api_call(f, "DELETE", "/v1/manufacturers/acme", NULL);
    assert_problem(&again, 404, "not-found", "acme");
    add_manufacturer(f, "bcme", anchor, ""); /* its anchor is free */
}

static void manufacturer_in_use_stays(void **state)
{
    struct api_fixture *f = api_fixture(state);
    add_manufacturer(f, "acme", some_anchor(f->t), "");
    add_manufacturer(f, "acme-2", some_anchor(f->t), "");
    put_expected(f, "acme-2", "B1", BYTES_ABSENT);
    assert_int_equal(api_call(f, "DELETE", "/v1/manufacturers/acme", NULL).status, 200);
    struct api_answer expected = api_call(f, "DELETE", "/v1/manufacturers/acme-2", NULL);
    assert_problem(&expected, 409, "in-use", "B1");
    add_manufacturer(f, "acme", some_anchor(f->t), "");
    (void)put_device(f, "acme", "A1", 1, BYTES_ABSENT);
    struct api_answer seen = api_call(f, "DELETE", "/v1/manufacturers/acme", NULL);
    assert_problem(&seen, 409, "in-use", "A1");
}

/* ---- Profiles ---- */

static bool put_ca(struct task *t, struct tx *tx, void *arg)
{
    const struct ca_record ca = {.name = arg, .connector = arg};
    return ca_put(t, tx, &ca);
}

static struct api_fixture *fixture_with_ca(void **state)
{
    struct api_fixture *f = api_fixture(state);
    assert_ok(f->t, store_update(f->t, f->store, put_ca, (void *)"local"));
    return f;
}

static void profile_is_added_shown_and_changed(void **state)
{
    struct api_fixture *f = fixture_with_ca(state);
    struct api_answer made =
        api_post(f, "/v1/profiles",
                 "{\"name\":\"phones\",\"dns-pattern\":\"{serial}.phones.example.com\","
                 "\"key\":\"p384\",\"validity\":\"90 d\"}");
    assert_int_equal(made.status, 201);
    assert_string_equal(made.location, "/v1/profiles/phones");
    assert_string_equal(last_event(f).name, "profile-added");
    struct api_answer shown = api_get(f, "/v1/profiles/phones");
    assert_true(json_equal(made.json, shown.json));
    assert_json_text(shown.json, "ca", "local"); /* preset */
    struct api_answer changed = api_call(
        f, "PUT", "/v1/profiles/phones",
        "{\"name\":\"phones\",\"dns-pattern\":\"{serial}.phones.example.com\",\"key\":\"p256\"}");
    assert_int_equal(changed.status, 200);
    struct event event = last_event(f);
    assert_string_equal(event.name, "profile-changed");
    assert_string_equal(event.actor, own_actor(f->t));
    assert_non_null(strstr(event.detail, "key: p256 (was: p384)"));
    assert_non_null(strstr(event.detail, "validity: 365 d (was: 90 d)"));
    assert_json_text(api_get(f, "/v1/profiles/phones").json, "key", "p256");
}

static void change_of_what_a_profile_asks_for_is_audited(void **state)
{
    struct api_fixture *f = fixture_with_ca(state);
    const char *one = "{\"name\":\"phones\",\"csrattrs\":\"both\",\"subject\":[{\"type\":\"O\"}]}";
    const char *other = "{\"name\":\"phones\",\"csrattrs\":\"both\",\"subject\":[{\"type\":\"O\","
                        "\"value\":\"Example\"}]}";
    assert_int_equal(api_post(f, "/v1/profiles", one).status, 201);
    assert_int_equal(api_call(f, "PUT", "/v1/profiles/phones", other).status, 200);
    struct event event = last_event(f);
    assert_string_equal(event.name, "profile-changed");
    assert_non_null(strstr(event.detail, "subject: [{\"type\":\"O\",\"value\":\"Example\"}] (was: "
                                         "[{\"type\":\"O\"}])"));
    assert_int_equal(
        api_call(f, "PUT", "/v1/profiles/phones", "{\"name\":\"phones\",\"csrattrs\":\"both\"}")
            .status,
        200);
    assert_non_null(strstr(last_event(f).detail, "subject: none (was: ["));
}

static void wrong_profiles_are_refused(void **state)
{
    static const struct {
        const char *method;
        const char *path;
        const char *body;
        int status;
        const char *code;
        const char *part;
    } cases[] = {
        {"POST", "", "{\"name\":\"default\"}", 409, "exists", "default"},
        {"POST", "", "{\"name\":\"No Slug\"}", 400, "invalid", "name"},
        {"POST", "", "{\"name\":\"x\",\"ca\":\"nowhere\"}", 400, "invalid", "nowhere"},
        {"POST", "", "{\"name\":\"x\",\"dns-pattern\":\"gateway.example\"}", 400, "invalid",
         "dns-pattern"},
        {"POST", "", "{\"name\":\"x\",\"ext-key-usage\":[\"cmcRA\"]}", 400, "invalid",
         "registrar or CA"},
        {"POST", "", "{\"name\":\"x\",\"key\":\"p224\"}", 400, "invalid", "key"},
        {"POST", "", "{\"name\":\"x\",\"alt-names\":[{\"value\":\"{x}.y\"}]}", 400, "invalid",
         "{x} stands for nothing"},
        {"PUT", "/default", "{\"name\":\"other\"}", 400, "invalid", "name"},
        {"PUT", "/none", "{\"name\":\"none\"}", 404, "not-found", "none"},
        {"PUT", "/default", "{\"name\":\"default\",\"key-usage\":[\"keyCertSign\"]}", 400,
         "invalid", "key-usage"},
    };
    struct api_fixture *f = fixture_with_ca(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *path = arena_printf(f->t->arena, "/v1/profiles%s", cases[i].path);
        struct api_answer answer = api_call(f, cases[i].method, path, cases[i].body);
        assert_problem(&answer, cases[i].status, cases[i].code, cases[i].part);
    }
    assert_int_equal(json_array_size(json_at(api_get(f, "/v1/profiles").json, "items")), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(manufacturer_is_changed_to_what_the_body_says),
        UNIT_TEST(change_of_a_manufacturer_is_audited_item_by_item),
        UNIT_TEST(wrong_changes_of_a_manufacturer_are_refused),
        UNIT_TEST(anchor_of_one_manufacturer_is_no_others),
        UNIT_TEST(renewed_certificate_is_the_same_anchor),
        UNIT_TEST(manufacturer_is_removed_when_nothing_refers_to_it),
        UNIT_TEST(manufacturer_in_use_stays),
        UNIT_TEST(profile_is_added_shown_and_changed),
        UNIT_TEST(change_of_what_a_profile_asks_for_is_audited),
        UNIT_TEST(wrong_profiles_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
