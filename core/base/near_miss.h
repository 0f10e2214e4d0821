/* "did you mean ...?" */
#ifndef GATEHOUSE_CORE_BASE_NEAR_MISS_H
#define GATEHOUSE_CORE_BASE_NEAR_MISS_H

#include "core/base/arena.h"
#include "core/base/compiler.h"

/*
 * The candidate that differs least from `text`, counting characters put in, left out, replaced and
 * swapped; NULL when none is near.  Long texts have no near candidate.
 */
const char *near_miss(struct arena *arena, const char *text, const char *const *candidates,
                      size_t count);

#endif
