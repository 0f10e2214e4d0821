/*
 * Times, durations and sizes that are read are written in a form that is read to the same value.
 *
 * Covers: core/base/clock.c core/base/field_text.c
 */
#include "tests/fuzz/support.h"

#include "core/base/clock.h"
#include "core/base/record.h"

#include <string.h>

static void check_time(struct arena *arena, const char *text)
{
    int64_t wall;
    int64_t again;
    if (!time_from_text(text, &wall))
        return;
    MUST(wall >= TIME_LEAST && wall <= TIME_GREATEST);
    MUST(time_from_text(time_to_text(arena, wall), &again) && again == wall);
}

static void check_duration(struct arena *arena, const char *text)
{
    int64_t duration;
    int64_t again;
    if (!duration_from_text(text, &duration))
        return;
    MUST(duration >= 0);
    MUST(duration_from_text(duration_to_text(arena, duration), &again) && again == duration);
}

static void check_size(struct arena *arena, const char *text)
{
    uint64_t size;
    uint64_t again;
    if (size_from_text(text, &size))
        MUST(size_from_text(size_to_text(arena, size), &again) && again == size);
}

/* Any number is written as a time that can be read. */
static void check_number(struct arena *arena, const uint8_t *data, size_t size)
{
    int64_t wall = 0;
    memcpy(&wall, data, size < sizeof(wall) ? size : sizeof(wall));
    MUST(time_from_text(time_to_text(arena, wall), &wall));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    char *text = bytes_to_text(arena, bytes_make(data, size));
    if (size > 0)
        check_number(arena, data, size);
    if (text == NULL)
        return 0;
    check_time(arena, text);
    check_duration(arena, text);
    check_size(arena, text);
    return 0;
}
