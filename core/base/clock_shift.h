/*
 * A clock that tests can move: in a test build clock_wall() is ahead of the machine's clock by what
 * the file that GATEHOUSE_CLOCK names holds, eight octets in the machine's order, milliseconds. The
 * file is looked at each time, so that hours pass under a running program.  In other builds there
 * is nothing left of it.
 */
#ifndef GATEHOUSE_CORE_BASE_CLOCK_SHIFT_H
#define GATEHOUSE_CORE_BASE_CLOCK_SHIFT_H

#include <stdint.h>

#ifdef GATEHOUSE_TEST_HOOKS
/* Milliseconds to add; 0 without GATEHOUSE_CLOCK. */
int64_t clock_shift(void);
#else
static inline int64_t clock_shift(void)
{
    return 0;
}
#endif

#endif
