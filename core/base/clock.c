#include "core/base/clock.h"

#include "core/base/clock_shift.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0)
        abort();
    return (int64_t)now.tv_sec * SECOND_MS + now.tv_nsec / 1000000;
}

int64_t clock_wall(void)
{
    return read_clock(CLOCK_REALTIME) + clock_shift();
}

int64_t clock_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

char *time_to_text(struct arena *arena, int64_t wall)
{
    if (wall < TIME_LEAST)
        wall = TIME_LEAST;
    if (wall > TIME_GREATEST)
        wall = TIME_GREATEST;
    int64_t millis = wall % SECOND_MS;
    if (millis < 0)
        millis += SECOND_MS;
    time_t seconds = (time_t)((wall - millis) / SECOND_MS);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL)
        abort();
    char *text =
        arena_printf(arena, "%04d-%02d-%02dT%02d:%02d:%02d", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
    if (millis == 0)
        return arena_printf(arena, "%sZ", text);
    return arena_printf(arena, "%s.%03dZ", text, (int)millis);
}

/* `count` digits at *at, as a number up to `max`; moves *at on. */
static bool read_digits(const char **at, int count, int max, int *ret)
{
    int value = 0;
    for (int i = 0; i < count; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    if (value > max)
        return false;
    *at += count;
    *ret = value;
    return true;
}

static bool read_char(const char **at, const char *either)
{
    if (**at == '\0' || strchr(either, **at) == NULL)
        return false;
    ++*at;
    return true;
}

/* ".747": milliseconds; further digits are read and dropped.  No fraction is 0. */
static bool read_fraction(const char **at, int *ret_millis)
{
    *ret_millis = 0;
    if (**at != '.')
        return true;
    ++*at;
    int digits = 0;
    for (int weight = 100; **at >= '0' && **at <= '9'; ++*at, digits++, weight /= 10)
        *ret_millis += (**at - '0') * weight;
    return digits > 0;
}

/* "Z" or "+hh:mm": minutes east of UTC. */
static bool read_offset(const char **at, int *ret_minutes)
{
    *ret_minutes = 0;
    if (read_char(at, "Zz"))
        return true;
    int sign = **at == '-' ? -1 : 1;
    int hours;
    int minutes;
    if (!read_char(at, "+-") || !read_digits(at, 2, 23, &hours) || !read_char(at, ":") ||
        !read_digits(at, 2, 59, &minutes))
        return false;
    *ret_minutes = sign * (hours * 60 + minutes);
    return true;
}

static bool read_date(const char **at, struct tm *ret)
{
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year;
    int month;
    int day;
    if (!read_digits(at, 4, 9999, &year) || !read_char(at, "-") ||
        !read_digits(at, 2, 12, &month) || !read_char(at, "-") || !read_digits(at, 2, 31, &day) ||
        year < 1 || month < 1 || day < 1)
        return false;
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day > month_days[month - 1] + (month == 2 && is_leap ? 1 : 0))
        return false;
    ret->tm_year = year - 1900;
    ret->tm_mon = month - 1;
    ret->tm_mday = day;
    return true;
}

/* RFC 3339 5.6: second 60 is a leap second, and the same moment as the next second 0. */
static bool read_time_of_day(const char **at, struct tm *ret)
{
    return read_digits(at, 2, 23, &ret->tm_hour) && read_char(at, ":") &&
           read_digits(at, 2, 59, &ret->tm_min) && read_char(at, ":") &&
           read_digits(at, 2, 60, &ret->tm_sec);
}

bool time_from_text(const char *text, int64_t *ret)
{
    struct tm parts = {0};
    const char *at = text;
    int millis;
    int offset;
    if (!read_date(&at, &parts) || !read_char(&at, "Tt") || !read_time_of_day(&at, &parts) ||
        !read_fraction(&at, &millis) || !read_offset(&at, &offset) || *at != '\0')
        return false;
    int64_t wall = (int64_t)timegm(&parts) * SECOND_MS + millis - offset * MINUTE_MS;
    if (wall < TIME_LEAST || wall > TIME_GREATEST)
        return false;
    *ret = wall;
    return true;
}

static const struct duration_unit {
    const char *name;
    int64_t millis;
} units[] = {
    {"d", DAY_MS}, {"h", HOUR_MS}, {"min", MINUTE_MS}, {"s", SECOND_MS}, {"ms", 1},
};

char *duration_to_text(struct arena *arena, int64_t duration)
{
    const struct duration_unit *unit = units;
    while (unit->millis > 1 && (duration == 0 || duration % unit->millis != 0))
        unit++;
    return duration == 0
               ? arena_strdup(arena, "0 s")
               : arena_printf(arena, "%lld %s", (long long)(duration / unit->millis), unit->name);
}

bool duration_from_text(const char *text, int64_t *ret)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0)
        return false;
    while (*end == ' ')
        end++;
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        if (strcmp(end, units[i].name) != 0)
            continue;
        int64_t duration;
        if (__builtin_mul_overflow((int64_t)number, units[i].millis, &duration))
            return false;
        *ret = duration;
        return true;
    }
    return false;
}
