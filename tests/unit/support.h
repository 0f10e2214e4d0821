/*
 * What every unit test needs: a task with an arena, the vectors, a folder to write in, and
 * assertions that print why a call failed.
 *
 *     static void truncated_map_is_refused(void **state)
 *     {
 *         struct task *t = test_task(state);
 *         assert_fails(t, thing_parse(t, ...), E_MALFORMED);
 *     }
 *     int main(void)
 *     {
 *         const struct CMUnitTest tests[] = {UNIT_TEST(truncated_map_is_refused)};
 *         return cmocka_run_group_tests(tests, NULL, NULL);
 *     }
 */
#ifndef GATEHOUSE_TESTS_UNIT_SUPPORT_H
#define GATEHOUSE_TESTS_UNIT_SUPPORT_H

#include "core/base/task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* cmocka's fail() would hide ours; a test that gives up says why with fail_msg(). */
#undef fail
#define fail(...) never_true(fail(__VA_ARGS__))
#undef fail_msg
#define fail_msg(...)                                                                              \
    do {                                                                                           \
        print_error("ERROR: " __VA_ARGS__);                                                        \
        print_error("\n");                                                                         \
        _fail(__FILE__, __LINE__);                                                                 \
    } while (0)

/* A test with a fresh task, arena and (when asked for) folder of its own. */
#define UNIT_TEST(test) cmocka_unit_test_setup_teardown((test), test_setup, test_teardown)

int test_setup(void **state);
int test_teardown(void **state);

/* The task of the test at hand. */
struct task *test_task(void **state);
/* An empty folder, made at the first call and removed with all it holds when the test ends. */
const char *test_folder(void **state);

/*
 * The published vectors: the folder that GATEHOUSE_VECTORS names, or ../shared/vectors seen from
 * the project.  A test that needs them begins `if (!vectors_present()) skip();`.
 */
bool vectors_present(void);
const char *vector_path(struct task *t, const char *name);
/* The file's octets; the test fails when it cannot be read. */
struct bytes vector_read(struct task *t, const char *name);

/* The call succeeds, or the test fails and prints the problem's kind and detail. */
#define assert_ok(t, call)                                                                         \
    do {                                                                                           \
        task_forgive(t);                                                                           \
        test_check_ok((t), (call), #call, __FILE__, __LINE__);                                     \
    } while (0)
/* The call fails with this kind; the problem stays in the task for a look at its detail. */
#define assert_fails(t, call, kind)                                                                \
    do {                                                                                           \
        task_forgive(t);                                                                           \
        test_check_fails((t), (call), (kind), #call, __FILE__, __LINE__);                          \
    } while (0)
/* The detail of the problem at hand contains `text`. */
#define assert_detail(t, text) test_check_detail((t), (text), __FILE__, __LINE__)
/* Octets, compared by length and content and printed in hexadecimal when they differ. */
#define assert_bytes_equal(t, actual, expected)                                                    \
    test_check_bytes((t), (actual), (expected), __FILE__, __LINE__)

void test_check_ok(const struct task *t, bool ok, const char *call, const char *file, int line);
void test_check_fails(const struct task *t, bool ok, const struct problem_kind *kind,
                      const char *call, const char *file, int line);
void test_check_detail(const struct task *t, const char *text, const char *file, int line);
void test_check_bytes(struct task *t, struct bytes actual, struct bytes expected, const char *file,
                      int line);

#endif
