#include "tests/unit/support.h"

#include "core/base/clock.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct moment {
    const char *text;
    int64_t wall;
};

/* Numbers from `date -u -d TEXT +%s`, and from Python's datetime for the years before 1000. */
static void times_are_written_and_read_back(void **state)
{
    static const struct moment moments[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2021-04-01T12:00:00.747Z", 1617278400747},
        {"2024-02-29T23:59:59Z", 1709251199000},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2000-02-29T00:00:00Z", 951782400000},
        {"9999-12-31T23:59:59Z", 253402300799000},
        {"9999-12-31T23:59:59.999Z", TIME_GREATEST},
        {"0001-01-01T00:00:00Z", TIME_LEAST},
        {"0800-12-25T00:00:00Z", -36890640000000},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
        int64_t wall = 1;
        assert_string_equal(time_to_text(t->arena, moments[i].wall), moments[i].text);
        assert_true(time_from_text(moments[i].text, &wall));
        assert_int_equal(wall, moments[i].wall);
    }
}

static void offsets_fractions_and_leap_seconds_are_read(void **state)
{
    static const struct moment moments[] = {
        {"2021-04-01T14:00:00.747+02:00", 1617278400747},
        {"2021-04-01T06:30:00.747-05:30", 1617278400747},
        {"2021-04-01t12:00:00.747z", 1617278400747},
        {"2021-04-01T12:00:00.7Z", 1617278400700},
        {"2021-04-01T12:00:00.747999999999Z", 1617278400747},
        {"2016-12-31T23:59:60Z", 1483228800000},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
        int64_t wall = 1;
        assert_true(time_from_text(moments[i].text, &wall));
        assert_int_equal(wall, moments[i].wall);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "2021-04-01",
        "2021-04-01T12:00:00",
        "2021-04-01 12:00:00Z",
        "2021-02-29T12:00:00Z",
        "1900-02-29T12:00:00Z",
        "2021-02-30T23:59:60Z",
        "2021-04-31T12:00:00Z",
        "2021-13-01T12:00:00Z",
        "2021-00-01T12:00:00Z",
        "2021-01-00T12:00:00Z",
        "2021-01-01T24:00:00Z",
        "2021-01-01T12:60:00Z",
        "2021-01-01T12:00:61Z",
        "2021-01-01T12:00:00.Z",
        "2021-01-01T12:00:00+0200",
        "2021-01-01T12:00:00+24:00",
        "2021-01-01T12:00:00Zz",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:60Z",
        "+2021-01-01T12:00:00Z",
    };
    int64_t wall = 4711;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (time_from_text(bad[i], &wall))
            fail_msg("read: %s", bad[i]);
    }
    assert_int_equal(wall, 4711);
}

static void times_beyond_rfc_3339_are_written_as_its_limits(void **state)
{
    struct task *t = test_task(state);
    assert_string_equal(time_to_text(t->arena, INT64_MAX), "9999-12-31T23:59:59.999Z");
    assert_string_equal(time_to_text(t->arena, INT64_MIN), "0001-01-01T00:00:00Z");
}

static void durations_use_the_largest_exact_unit(void **state)
{
    static const struct moment durations[] = {
        {"0 s", 0},          {"1 ms", 1},       {"1500 ms", 1500},
        {"90 s", 90000},     {"2 min", 120000}, {"36 h", 36 * HOUR_MS},
        {"4 d", 4 * DAY_MS},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
        int64_t duration = -1;
        assert_string_equal(duration_to_text(t->arena, durations[i].wall), durations[i].text);
        assert_true(duration_from_text(durations[i].text, &duration));
        assert_int_equal(duration, durations[i].wall);
    }
}

static void durations_are_read_with_and_without_space(void **state)
{
    int64_t duration;
    (void)state;
    assert_true(duration_from_text("90s", &duration));
    assert_int_equal(duration, 90000);
    assert_true(duration_from_text("2  min", &duration));
    assert_int_equal(duration, 120000);
}

static void what_is_no_duration_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "90",
        "s",
        "-1 s",
        "+1 s",
        "1.5 s",
        "1 m",
        "1 S",
        "1 s ",
        " 1 s",
        "1 sec",
        "1 s 2",
        "9223372036854775807 d",
        "99999999999999999999 ms",
    };
    int64_t duration = 4711;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (duration_from_text(bad[i], &duration))
            fail_msg("read: %s", bad[i]);
    }
    assert_int_equal(duration, 4711);
}

static void clocks_tell_a_plausible_time(void **state)
{
    (void)state;
    int64_t before = clock_monotonic();
    assert_true(clock_wall() > 1700000000000);
    assert_true(clock_wall() < TIME_GREATEST);
    assert_true(clock_monotonic() >= before);
}

/* The file that GATEHOUSE_CLOCK names; set before anybody asks for the time. */
static int64_t *shift;

static int map_clock_file(void **state)
{
    char path[] = "/tmp/gatehouse-clock-XXXXXX";
    int fd = mkstemp(path);
    (void)state;
    if (fd < 0 || ftruncate(fd, sizeof(*shift)) != 0 || setenv("GATEHOUSE_CLOCK", path, 1) != 0)
        return -1;
    void *mapped = mmap(NULL, sizeof(*shift), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    shift = mapped == MAP_FAILED ? NULL : mapped;
    (void)clock_wall();
    (void)close(fd);
    return unlink(path) == 0 && shift != NULL ? 0 : -1;
}

static void test_build_can_be_moved_through_time(void **state)
{
    (void)state;
#ifndef GATEHOUSE_TEST_HOOKS
    skip();
#endif
    int64_t before = clock_wall();
    int64_t monotonic = clock_monotonic();
    *shift = 3 * DAY_MS;
    assert_in_range(clock_wall() - before, 3 * DAY_MS, 3 * DAY_MS + MINUTE_MS);
    assert_in_range(clock_monotonic() - monotonic, 0, MINUTE_MS);
    *shift = 0;
    assert_in_range(clock_wall() - before, 0, MINUTE_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(times_are_written_and_read_back),
        UNIT_TEST(offsets_fractions_and_leap_seconds_are_read),
        UNIT_TEST(what_is_no_time_is_refused),
        UNIT_TEST(times_beyond_rfc_3339_are_written_as_its_limits),
        UNIT_TEST(durations_use_the_largest_exact_unit),
        UNIT_TEST(durations_are_read_with_and_without_space),
        UNIT_TEST(what_is_no_duration_is_refused),
        UNIT_TEST(clocks_tell_a_plausible_time),
        UNIT_TEST(test_build_can_be_moved_through_time),
    };
    return cmocka_run_group_tests(tests, map_clock_file, NULL);
}
