#include "core/base/failpoint.h"

#ifdef GATEHOUSE_TEST_HOOKS

#include "core/base/compiler.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {
#define FAILPOINT_NAME(id, name) [id] = (name),
    FAILPOINTS(FAILPOINT_NAME)
#undef FAILPOINT_NAME
};

void failpoint(enum failpoint point)
{
    static atomic_int passed;
    const char *wanted = getenv("GATEHOUSE_FAILPOINT"); /* NOLINT(concurrency-mt-unsafe) */
    size_t len = strlen(names[point]);
    if (wanted == NULL || strncmp(wanted, names[point], len) != 0)
        return;
    long times = 1;
    if (wanted[len] == ':')
        times = strtol(wanted + len + 1, NULL, 10);
    else if (wanted[len] != '\0')
        return;
    if (atomic_fetch_add(&passed, 1) + 1 >= times)
        (void)kill(getpid(), SIGKILL);
}

void failpoints_list(FILE *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        (void)fprintf(out, "%s\n", names[i]);
}

#endif
