/* Latencies in a few numbers: lab/figures.h. */
#include "lab/figures.h"

#include "tests/unit/support.h"

static void ranks_are_those_of_the_sorted_values(void **state)
{
    double values[100];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        values[i] = (double)((i * 37) % 100 + 1);
    struct figures figures = figures_of(values, ARRAY_SIZE(values));
    assert_int_equal(figures.count, 100);
    assert_true(figures.p50 == 50.0 && figures.p90 == 90.0 && figures.p99 == 99.0);
    assert_true(figures.most == 100.0);
}

static void few_values_have_figures_too(void **state)
{
    double one[] = {7.5};
    double three[] = {3.0, 1.0, 2.0};
    (void)state;
    struct figures figures = figures_of(one, 1);
    assert_true(figures.p50 == 7.5 && figures.p99 == 7.5 && figures.most == 7.5);
    figures = figures_of(three, 3);
    assert_true(figures.p50 == 2.0 && figures.p90 == 3.0 && figures.p99 == 3.0);
    figures = figures_of(NULL, 0);
    assert_true(figures.count == 0 && figures.most == 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(ranks_are_those_of_the_sorted_values),
        UNIT_TEST(few_values_have_figures_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
