/* Condition variables whose timed waits are by clock_monotonic(). */
#ifndef GATEHOUSE_CORE_BASE_CONDITION_H
#define GATEHOUSE_CORE_BASE_CONDITION_H

#include "core/base/compiler.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

void condition_init(pthread_cond_t *condition);
/* Waits for `until` (clock_monotonic() ms) at most; false when that has come. */
bool condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until);

#endif
