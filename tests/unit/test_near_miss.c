#include "tests/unit/support.h"

#include "core/base/near_miss.h"

#include <string.h>

static const char *const words[] = {"port", "poll", "owners", "idevid-anchors", "on"};

static const char *nearest(struct arena *arena, const char *text)
{
    return near_miss(arena, text, words, ARRAY_SIZE(words));
}

static void single_mistakes_are_forgiven(void **state)
{
    static const char *const slips[][2] = {
        {"prot", "port"},
        {"pol", "poll"},
        {"polll", "poll"},
        {"pull", "poll"},
        {"ownres", "owners"},
        {"idevid_anchors", "idevid-anchors"},
        {"idevid-anchor", "idevid-anchors"},
        {"port", "port"},
    };
    struct arena *arena = test_task(state)->arena;
    for (size_t i = 0; i < ARRAY_SIZE(slips); i++)
        assert_string_equal(nearest(arena, slips[i][0]), slips[i][1]);
}

static void other_words_are_not_taken_for_slips(void **state)
{
    static const char *const others[] = {"", "x", "xyz", "certificate", "listeners"};
    struct arena *arena = test_task(state)->arena;
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        assert_null(nearest(arena, others[i]));
}

static void the_nearer_of_two_is_meant(void **state)
{
    struct arena *arena = test_task(state)->arena;
    const char *const pair[] = {"listen-address", "listen-addresses"};
    assert_string_equal(near_miss(arena, "listen-adresses", pair, 2), "listen-addresses");
    assert_string_equal(near_miss(arena, "listen-adress", pair, 2), "listen-address");
}

static void long_text_costs_nothing(void **state)
{
    struct arena *arena = test_task(state)->arena;
    char *text = arena_alloc(arena, 1000001);
    memset(text, 'a', 1000000);
    assert_null(nearest(arena, text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(single_mistakes_are_forgiven),
        UNIT_TEST(other_words_are_not_taken_for_slips),
        UNIT_TEST(the_nearer_of_two_is_meant),
        UNIT_TEST(long_text_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
