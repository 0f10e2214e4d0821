/* Admission rules: patterns, and which rule speaks of a device. */
#include "core/base/clock.h"
#include "core/store/records/admission_rule.h"
#include "tests/unit/store_fixture.h"

#include <string.h>

static void pattern_matches_whole_texts(void **state)
{
    (void)state;
    const struct {
        const char *pattern;
        const char *text;
        bool matches;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"abc", "abc", true},
        {"abc", "abcd", false},
        {"abc", "ab", false},
        {"abc", "ABC", false},
        {"*", "", true},
        {"*", "anything", true},
        {"a*", "a", true},
        {"a*", "ba", false},
        {"*c", "abc", true},
        {"*c", "abcd", false},
        {"a*c", "abbbc", true},
        {"a*c", "abbb", false},
        {"a**c", "ac", true},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"?", "", false},
        {"*b*", "aba", true},
        {"*ab", "aab", true},
        {"*abc*abc", "abcxabcabc", true},
        {"PID:C9500-* SN:*", "PID:C9500-16X SN:FCW2117A56M", true},
        {"*O=Maker,*", "serialNumber=A1,O=Maker,C=DE", true},
        {"*O=Maker,*", "serialNumber=A1,O=Makers,C=DE", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (pattern_matches(cases[i].pattern, cases[i].text) != cases[i].matches)
            fail_msg("\"%s\" against \"%s\"", cases[i].pattern, cases[i].text);
    }
}

/* What takes a simple matcher longer than anybody waits. */
static void pattern_of_many_stars_ends(void **state)
{
    struct task *t = test_task(state);
    char *text = arena_alloc(t->arena, 129);
    memset(text, 'a', 128);
    assert_false(pattern_matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
    assert_true(pattern_matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*", text));
}

static struct admission_rule rule_named(struct task *t, const char *name, const char *serial)
{
    struct admission_rule rule;
    record_init(t, &admission_rule_type, &rule);
    rule.name = name;
    rule.manufacturer = "acme";
    rule.serial = serial;
    return rule;
}

static void rule_is_checked(void **state)
{
    struct task *t = test_task(state);
    struct admission_rule rule = rule_named(t, "all", NULL);
    assert_ok(t, admission_rule_check(t, &rule));
    rule.unverified = true;
    assert_fails(t, admission_rule_check(t, &rule), E_INVALID);
    rule.reason = "";
    assert_fails(t, admission_rule_check(t, &rule), E_INVALID);
    rule.reason = "no sales are known to the MASA";
    assert_ok(t, admission_rule_check(t, &rule));
    rule.name = "All";
    assert_fails(t, admission_rule_check(t, &rule), E_INVALID);
}

static void rule_speaks_of_its_manufacturers_devices_only(void **state)
{
    struct task *t = test_task(state);
    const struct admission_candidate mine = {"acme", "serialNumber=A1,O=Acme", "A1"};
    const struct admission_candidate others = {"other", "serialNumber=A1,O=Acme", "A1"};
    struct admission_rule rule = rule_named(t, "all", NULL);
    assert_true(admission_rule_matches(&rule, &mine));
    assert_false(admission_rule_matches(&rule, &others));
    rule.subject = "*O=Acme";
    rule.serial = "B*";
    assert_false(admission_rule_matches(&rule, &mine)); /* both must match */
    rule.serial = "A*";
    assert_true(admission_rule_matches(&rule, &mine));
}

static bool put_rule(struct task *t, struct tx *tx, void *arg)
{
    return table_put(t, tx, &admission_rules, arg);
}

static const char *found_for(struct task *t, struct store *store, const char *serial)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    const struct admission_candidate candidate = {"acme", "", serial};
    struct admission_rule rule;
    bool found = false;
    assert_ok(t, view_open(t, store, &view));
    assert_ok(t, admission_rule_find(t, view, &candidate, &rule, &found));
    return found ? rule.name : "";
}

static void rule_that_needs_no_verified_voucher_comes_first(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct admission_rule rules[] = {
        rule_named(t, "a", "X*"),
        rule_named(t, "b", "A*"),
        rule_named(t, "c", "*"),
        rule_named(t, "d", "AA*"),
    };
    rules[3].unverified = true;
    rules[3].reason = "tested";
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
        assert_ok(t, store_update(t, store, put_rule, &rules[i]));
    assert_string_equal(found_for(t, store, "A1"), "b");
    assert_string_equal(found_for(t, store, "Z1"), "c");
    assert_string_equal(found_for(t, store, "AA1"), "d");
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(pattern_matches_whole_texts),
        UNIT_TEST(pattern_of_many_stars_ends),
        UNIT_TEST(rule_is_checked),
        UNIT_TEST(rule_speaks_of_its_manufacturers_devices_only),
        UNIT_TEST(rule_that_needs_no_verified_voucher_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
