#include "core/base/problem.h"

#include <string.h>

DEFINE_PROBLEMS(base_problems, BASE_PROBLEMS)

const struct problem_kind *problem_find(const struct problem_kind *const *const *tables,
                                        const char *name)
{
    for (; *tables != NULL; tables++) {
        for (const struct problem_kind *const *kind = *tables; *kind != NULL; kind++) {
            if (strcmp((*kind)->name, name) == 0)
                return *kind;
        }
    }
    return NULL;
}
