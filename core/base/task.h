/*
 * The task: the one parameter that carries what every step of a piece of work needs, and nothing
 * of the domain.  It belongs to one thread at a time.
 *
 * Fallible functions return true on success.  On failure they have called fail(), return false,
 * and have left their outputs (`ret_x` or `ret`, always last) untouched.  TRY hands a failure up;
 * nobody logs on the way.
 */
#ifndef GATEHOUSE_CORE_BASE_TASK_H
#define GATEHOUSE_CORE_BASE_TASK_H

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/compiler.h"
#include "core/base/problem.h"

struct log;

#define TRACE_LEN 16 /* hexadecimal digits */

struct task {
    struct arena *arena;                /* borrowed */
    const struct log *log;              /* borrowed; may be NULL: nothing is logged */
    const struct problem_kind *problem; /* NULL while nothing has failed */
    const char *detail;                 /* with `problem`; in the arena */
    int64_t deadline;                   /* clock_monotonic() ms; 0: none */
    char trace[TRACE_LEN + 1];          /* one per pledge connection, API call or background job */
};

/* A task without problem and deadline, with a fresh trace id. */
void task_init(struct task *t, struct arena *arena, const struct log *log);

/* Notes what went wrong and returns false.  `format` makes the detail: never a secret in it. */
bool fail(struct task *t, const struct problem_kind *kind, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* As fail(), with ": " and strerror(error) after the detail. */
bool fail_errno(struct task *t, const struct problem_kind *kind, int error, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* Puts "text: " before the detail of the problem at hand, and returns false. */
bool fail_context(struct task *t, const char *format, ...) PRINTF_LIKE(2, 3);
/* Compilers and analyzers see one file at a time: this tells them that failing is always false. */
static inline bool never_true(bool failed)
{
    (void)failed;
    return false;
}
#define fail(...)         never_true(fail(__VA_ARGS__))
#define fail_errno(...)   never_true(fail_errno(__VA_ARGS__))
#define fail_context(...) never_true(fail_context(__VA_ARGS__))
/* Forgets the problem: the caller has dealt with it. */
void task_forgive(struct task *t);
bool task_failed_with(const struct task *t, const struct problem_kind *kind);
/* The list ends with NULL. */
bool task_failed_with_any(const struct task *t, const struct problem_kind *const *kinds);
/* Milliseconds until the deadline, at least 0; `otherwise` without a deadline. */
int64_t task_time_left(const struct task *t, int64_t otherwise);

#define TRY(call)                                                                                  \
    do {                                                                                           \
        if (!(call))                                                                               \
            return false;                                                                          \
    } while (0)

/* The condition holds, or the step fails with this kind and detail. */
#define ENSURE(t, condition, kind, ...)                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return fail((t), (kind), __VA_ARGS__);                                                 \
    } while (0)

#endif
