#include "tests/unit/support.h"

#include "core/base/clock.h"

#include <errno.h>
#include <string.h>

#define KITCHEN_PROBLEMS(X)                                                                        \
    X(E_BURNT, "burnt", "the meal is late", "Lower the heat.")                                     \
    X(E_EMPTY, "empty", "nothing today", "Buy something.")
DECLARE_PROBLEMS(kitchen_problems, KITCHEN_PROBLEMS)
DEFINE_PROBLEMS(kitchen_problems, KITCHEN_PROBLEMS)

static bool cook(struct task *t, int degrees, int *ret)
{
    ENSURE(t, degrees < 250, E_BURNT, "%d degrees", degrees);
    *ret = degrees / 10;
    return true;
}

static bool serve(struct task *t, int degrees, int *ret)
{
    TRY(cook(t, degrees, ret));
    *ret += 1;
    return true;
}

static void success_leaves_no_problem(void **state)
{
    struct task *t = test_task(state);
    int plates = 0;
    assert_ok(t, serve(t, 180, &plates));
    assert_int_equal(plates, 19);
    assert_null(t->problem);
}

static void failure_is_handed_up_with_kind_and_detail(void **state)
{
    struct task *t = test_task(state);
    int plates = 7;
    assert_fails(t, serve(t, 300, &plates), E_BURNT);
    assert_string_equal(t->detail, "300 degrees");
    assert_int_equal(plates, 7);
    assert_true(task_failed_with(t, E_BURNT));
    assert_false(task_failed_with(t, E_EMPTY));
    assert_string_equal(t->problem->public_text, "the meal is late");
}

static void context_goes_before_the_detail(void **state)
{
    struct task *t = test_task(state);
    assert_false(fail(t, E_EMPTY, "no %s", "bread"));
    assert_false(fail_context(t, "shelf %d", 2));
    assert_string_equal(t->detail, "shelf 2: no bread");
    assert_ptr_equal(t->problem, E_EMPTY);
}

static void errno_is_explained(void **state)
{
    struct task *t = test_task(state);
    assert_false(fail_errno(t, E_IO, ENOENT, "cannot open %s", "x"));
    assert_string_equal(t->detail, "cannot open x: No such file or directory");
}

static void forgiven_problem_is_gone(void **state)
{
    struct task *t = test_task(state);
    assert_false(fail(t, E_EMPTY, "nothing"));
    task_forgive(t);
    assert_null(t->problem);
    assert_null(t->detail);
}

static void problems_are_found_by_their_stored_name(void **state)
{
    const struct problem_kind *const *const tables[] = {base_problems, kitchen_problems, NULL};
    (void)state;
    assert_ptr_equal(problem_find(tables, "burnt"), E_BURNT);
    assert_ptr_equal(problem_find(tables, "malformed"), E_MALFORMED);
    assert_null(problem_find(tables, "unheard-of"));
}

static void base_problems_have_distinct_names_and_all_texts(void **state)
{
    (void)state;
    for (const struct problem_kind *const *a = base_problems; *a != NULL; a++) {
        assert_true(strlen((*a)->public_text) > 0);
        assert_true(strlen((*a)->hint) > 0);
        for (const struct problem_kind *const *b = base_problems; b != a; b++)
            assert_string_not_equal((*a)->name, (*b)->name);
    }
}

static void traces_are_hexadecimal_and_differ(void **state)
{
    struct task *t = test_task(state);
    struct task other;
    task_init(&other, t->arena, NULL);
    assert_int_equal(strlen(t->trace), TRACE_LEN);
    assert_int_equal(strspn(t->trace, "0123456789abcdef"), TRACE_LEN);
    assert_string_not_equal(t->trace, other.trace);
}

static void time_left_is_never_negative(void **state)
{
    struct task *t = test_task(state);
    assert_int_equal(task_time_left(t, 77), 77);
    t->deadline = clock_monotonic() - 5;
    assert_int_equal(task_time_left(t, 77), 0);
    t->deadline = clock_monotonic() + 60000;
    assert_in_range(task_time_left(t, 77), 50000, 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(success_leaves_no_problem),
        UNIT_TEST(failure_is_handed_up_with_kind_and_detail),
        UNIT_TEST(context_goes_before_the_detail),
        UNIT_TEST(errno_is_explained),
        UNIT_TEST(forgiven_problem_is_gone),
        UNIT_TEST(problems_are_found_by_their_stored_name),
        UNIT_TEST(base_problems_have_distinct_names_and_all_texts),
        UNIT_TEST(traces_are_hexadecimal_and_differ),
        UNIT_TEST(time_left_is_never_negative),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
