/* Time.  Wall-clock times are milliseconds since 1970-01-01T00:00:00Z, durations milliseconds. */
#ifndef GATEHOUSE_CORE_BASE_CLOCK_H
#define GATEHOUSE_CORE_BASE_CLOCK_H

#include "core/base/arena.h"
#include "core/base/compiler.h"

#define SECOND_MS 1000LL
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

/* What RFC 3339 can express: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999Z. */
#define TIME_LEAST    (-62135596800000LL)
#define TIME_GREATEST 253402300799999LL

int64_t clock_wall(void);
/* Never steps; no meaning across processes. */
int64_t clock_monotonic(void);

/*
 * RFC 3339 in UTC with "Z" (YANG date-and-time, RFC 6991); milliseconds only when not zero.  What
 * lies outside TIME_LEAST and TIME_GREATEST is written as the nearer of the two.
 */
char *time_to_text(struct arena *arena, int64_t wall);
/* Reads RFC 3339 with "Z" or an offset and any fraction, from TIME_LEAST to TIME_GREATEST. */
MUST_USE bool time_from_text(const char *text, int64_t *ret);

/* "90 s", "4 d", "1500 ms": the largest unit that is exact. */
char *duration_to_text(struct arena *arena, int64_t duration);
/* A number and one of ms, s, min, h, d; the space is optional. */
MUST_USE bool duration_from_text(const char *text, int64_t *ret);

#endif
