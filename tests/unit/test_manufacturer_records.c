/* What goes with a manufacturer's record: allowances, alarms, revocation lists. */
#include "core/store/records/alarm.h"
#include "core/store/records/allowance.h"
#include "core/store/records/manufacturer.h"
#include "tests/unit/store_fixture.h"

#include <string.h>

/* ---- Allowances ---- */

static void allowances_are_known_by_name(void **state)
{
    struct task *t = test_task(state);
    for (unsigned i = 0; i < ALLOWANCE_COUNT; i++) {
        const char *name = allowance_names[i];
        struct text_list one = {&name, 1};
        assert_ok(t, allowances_check(t, &one));
        assert_int_equal(allowances_of(&one), ALLOWANCE(i));
        /* Who allows a departure sees what it departs from. */
        assert_non_null(strstr(allowance_texts[i], "(RFC "));
    }
    assert_null(allowance_names[ALLOWANCE_COUNT]);
}

static void allowance_of_no_such_name_allows_nothing(void **state)
{
    struct task *t = test_task(state);
    const char *names[] = {"created-on-date", "Created-On-Date", "", "everything\n"};
    for (size_t i = 1; i < ARRAY_SIZE(names); i++) {
        struct text_list wrong = {&names[i], 1};
        assert_fails(t, allowances_check(t, &wrong), E_INVALID);
        assert_int_equal(allowances_of(&wrong), 0);
    }
    /* One that a later version knows is passed over, and the others still hold. */
    struct text_list all = {names, ARRAY_SIZE(names)};
    assert_int_equal(allowances_of(&all), ALLOWANCE(ALLOW_CREATED_ON_DATE));
}

static void allowances_are_listed_in_one_order(void **state)
{
    struct task *t = test_task(state);
    const char *names[] = {"masa-base64", "missing-assertion", "masa-base64"};
    struct text_list given = {names, ARRAY_SIZE(names)};
    assert_string_equal(allowances_to_text(t->arena, allowances_of(&given)),
                        "missing-assertion, masa-base64");
    assert_string_equal(allowances_to_text(t->arena, 0), "none");
}

/* ---- Alarms ---- */

struct alarm_change {
    const struct problem_kind *problem;
    const char *about;
    const char *detail; /* NULL: it is over */
};

static bool change_alarm(struct task *t, struct tx *tx, void *arg)
{
    const struct alarm_change *change = arg;
    if (change->detail == NULL)
        return alarm_clear(t, tx, change->problem, change->about);
    return alarm_raise(t, tx, change->problem, change->about, change->detail);
}

static void alarm_to(struct task *t, struct store *store, const struct problem_kind *problem,
                     const char *about, const char *detail)
{
    struct alarm_change change = {problem, about, detail};
    assert_ok(t, store_update(t, store, change_alarm, &change));
}

static size_t alarms_up(struct task *t, struct store *store, struct alarm **ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    size_t count = 99;
    assert_ok(t, view_open(t, store, &view));
    assert_ok(t, alarms_read(t, view, ret, &count));
    return count;
}

static void alarm_is_up_until_it_is_cleared(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct alarm *alarms;
    assert_int_equal(alarms_up(t, store, &alarms), 0);
    alarm_to(t, store, E_DENIED, "acme", "401");
    alarm_to(t, store, E_DENIED, "bcme", "401");
    alarm_to(t, store, E_TIMEOUT, "acme", "late");
    assert_int_equal(alarms_up(t, store, &alarms), 3);
    alarm_to(t, store, E_DENIED, "acme", NULL);
    alarm_to(t, store, E_TIMEOUT, "bcme", NULL); /* was never up */
    assert_int_equal(alarms_up(t, store, &alarms), 2);
    bool first = strcmp(alarms[0].about, "bcme") == 0;
    assert_string_equal(alarms[first ? 0 : 1].problem, E_DENIED->name);
    assert_string_equal(alarms[first ? 1 : 0].problem, E_TIMEOUT->name);
    store_close(store);
}

static void alarm_that_goes_on_keeps_its_time(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct alarm *alarms;
    alarm_to(t, store, E_DENIED, "acme", "401");
    assert_int_equal(alarms_up(t, store, &alarms), 1);
    int64_t since = alarms[0].since;
    assert_true(since > 0);
    sleep_ms(2);
    alarm_to(t, store, E_DENIED, "acme", "403");
    assert_int_equal(alarms_up(t, store, &alarms), 1);
    assert_int_equal(alarms[0].since, since);
    assert_string_equal(alarms[0].detail, "403");
    store_close(store);
}

static void words_of_others_are_harmless_in_an_alarm(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct alarm *alarms;
    char words[4096];
    memset(words, 'x', sizeof(words));
    memcpy(words, "\x1b[2J\n", 5);
    words[sizeof(words) - 1] = '\0';
    alarm_to(t, store, E_DENIED, "acme", words);
    assert_int_equal(alarms_up(t, store, &alarms), 1);
    assert_true(strlen(alarms[0].detail) <= 1024);
    assert_null(strchr(alarms[0].detail, '\x1b'));
    assert_null(strchr(alarms[0].detail, '\n'));
    store_close(store);
}

/* ---- Revocation lists ---- */

static bool put_manufacturer(struct task *t, struct tx *tx, void *arg)
{
    struct manufacturer m;
    record_init(t, &manufacturer_type, &m);
    m.name = arg;
    return manufacturer_put(t, tx, &m);
}

static bool put_lists(struct task *t, struct tx *tx, void *arg)
{
    return manufacturer_crls_put(t, tx, "acme", arg);
}

static bool delete_manufacturer(struct task *t, struct tx *tx, void *arg)
{
    return manufacturer_delete(t, tx, arg);
}

static struct bytes_list lists_of(struct task *t, struct store *store, const char *name)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct bytes_list lists = {NULL, 99};
    assert_ok(t, view_open(t, store, &view));
    assert_ok(t, manufacturer_crls_get(t, view_reader(view), name, &lists));
    for (size_t i = 0; i < lists.count; i++)
        lists.items[i] = bytes_copy(t->arena, lists.items[i]);
    return lists;
}

static void revocation_lists_stay_with_their_manufacturer(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct bytes items[] = {BYTES_LITERAL("first"), BYTES_LITERAL(""), BYTES_LITERAL("third")};
    struct bytes_list given = {items, ARRAY_SIZE(items)};
    struct bytes_list none = {NULL, 0};
    assert_ok(t, store_update(t, store, put_manufacturer, (void *)"acme"));
    assert_int_equal(lists_of(t, store, "acme").count, 0);
    assert_ok(t, store_update(t, store, put_lists, &given));
    /* A change of the record leaves them as they are. */
    assert_ok(t, store_update(t, store, put_manufacturer, (void *)"acme"));
    struct bytes_list lists = lists_of(t, store, "acme");
    assert_int_equal(lists.count, ARRAY_SIZE(items));
    for (size_t i = 0; i < lists.count; i++)
        assert_bytes_equal(t, lists.items[i], items[i]);
    assert_ok(t, store_update(t, store, put_lists, &none));
    assert_int_equal(lists_of(t, store, "acme").count, 0);
    store_close(store);
}

static void revocation_lists_go_with_their_manufacturer(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct bytes item = BYTES_LITERAL("list");
    struct bytes_list given = {&item, 1};
    assert_ok(t, store_update(t, store, put_manufacturer, (void *)"acme"));
    assert_ok(t, store_update(t, store, put_lists, &given));
    assert_ok(t, store_update(t, store, delete_manufacturer, (void *)"acme"));
    assert_ok(t, store_update(t, store, put_manufacturer, (void *)"acme"));
    assert_int_equal(lists_of(t, store, "acme").count, 0); /* another of the same name */
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(allowances_are_known_by_name),
        UNIT_TEST(allowance_of_no_such_name_allows_nothing),
        UNIT_TEST(allowances_are_listed_in_one_order),
        UNIT_TEST(alarm_is_up_until_it_is_cleared),
        UNIT_TEST(alarm_that_goes_on_keeps_its_time),
        UNIT_TEST(words_of_others_are_harmless_in_an_alarm),
        UNIT_TEST(revocation_lists_stay_with_their_manufacturer),
        UNIT_TEST(revocation_lists_go_with_their_manufacturer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
