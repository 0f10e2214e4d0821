#include "core/base/task.h"

#include "core/base/clock.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#undef fail
#undef fail_errno
#undef fail_context

void task_init(struct task *t, struct arena *arena, const struct log *log)
{
    uint8_t random[TRACE_LEN / 2];
    *t = (struct task){.arena = arena, .log = log};
    randombytes_buf(random, sizeof(random));
    (void)sodium_bin2hex(t->trace, sizeof(t->trace), random, sizeof(random));
}

bool fail(struct task *t, const struct problem_kind *kind, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    t->detail = arena_vprintf(t->arena, format, args);
    va_end(args);
    t->problem = kind;
    return false;
}

bool fail_errno(struct task *t, const struct problem_kind *kind, int error, const char *format, ...)
{
    char reason[128];
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(t->arena, format, args);
    va_end(args);
    return fail(t, kind, "%s: %s", text, strerror_r(error, reason, sizeof(reason)));
}

bool fail_context(struct task *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(t->arena, format, args);
    va_end(args);
    t->detail = arena_printf(t->arena, "%s: %s", text, t->detail == NULL ? "" : t->detail);
    return false;
}

void task_forgive(struct task *t)
{
    t->problem = NULL;
    t->detail = NULL;
}

bool task_failed_with(const struct task *t, const struct problem_kind *kind)
{
    return t->problem == kind;
}

bool task_failed_with_any(const struct task *t, const struct problem_kind *const *kinds)
{
    for (; *kinds != NULL; kinds++) {
        if (t->problem == *kinds)
            return true;
    }
    return false;
}

int64_t task_time_left(const struct task *t, int64_t otherwise)
{
    /* The one member that another thread may change: to cut a running task short. */
    int64_t deadline = __atomic_load_n(&t->deadline, __ATOMIC_RELAXED);
    if (deadline == 0)
        return otherwise;
    int64_t left = deadline - clock_monotonic();
    return left > 0 ? left : 0;
}
