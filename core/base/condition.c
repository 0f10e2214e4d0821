#include "core/base/condition.h"

#include "core/base/clock.h"

#include <time.h>

void condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(condition, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

bool condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until)
{
    const struct timespec when = {until / SECOND_MS, until % SECOND_MS * 1000000};
    return until > clock_monotonic() && pthread_cond_timedwait(condition, lock, &when) == 0;
}
