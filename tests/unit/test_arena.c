#include "tests/unit/support.h"

#include <stdalign.h>
#include <string.h>

struct recorder {
    int seen[8];
    int count;
};

struct note {
    struct recorder *recorder;
    int number;
};

static void take_note(void *object)
{
    struct note *note = object;
    note->recorder->seen[note->recorder->count++] = note->number;
}

static void memory_is_zeroed_and_aligned(void **state)
{
    struct arena *arena = test_task(state)->arena;
    for (size_t size = 0; size < 100; size++) {
        struct arena_mark mark = arena_mark(arena);
        uint8_t *memory = arena_alloc(arena, size);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(memory[i], 0);
        assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
        memset(memory, 0xA5, size);
        if (size % 2 == 0)
            arena_rewind(arena, mark);
    }
}

static void allocation_larger_than_a_chunk_works(void **state)
{
    struct arena *arena = test_task(state)->arena;
    const size_t size = 100000;
    uint8_t *large = arena_alloc(arena, size);
    memset(large, 1, size);
    uint8_t *after = arena_alloc(arena, 1);
    *after = 2;
    assert_int_equal(large[size - 1], 1);
}

static void deferred_releases_run_latest_first(void **state)
{
    struct recorder recorder = {.count = 0};
    struct arena *arena = arena_create();
    struct note notes[] = {{&recorder, 1}, {&recorder, 2}, {&recorder, 3}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(notes); i++)
        arena_defer(arena, take_note, &notes[i]);
    assert_int_equal(recorder.count, 0);
    arena_destroy(arena);
    assert_int_equal(recorder.count, 3);
    assert_int_equal(recorder.seen[0], 3);
    assert_int_equal(recorder.seen[2], 1);
}

static void rewinding_releases_only_what_came_after_the_mark(void **state)
{
    struct recorder recorder = {.count = 0};
    struct arena *arena = arena_create();
    struct note notes[] = {{&recorder, 1}, {&recorder, 2}};
    (void)state;
    char *kept = arena_strdup(arena, "kept");
    arena_defer(arena, take_note, &notes[0]);
    struct arena_mark mark = arena_mark(arena);
    arena_defer(arena, take_note, &notes[1]);
    (void)arena_alloc(arena, 50000);
    arena_rewind(arena, mark);
    assert_int_equal(recorder.count, 1);
    assert_int_equal(recorder.seen[0], 2);
    assert_string_equal(kept, "kept");
    arena_destroy(arena);
    assert_int_equal(recorder.count, 2);
}

static void rewinding_to_a_mark_of_an_empty_arena_frees_all(void **state)
{
    struct arena *arena = arena_create();
    (void)state;
    struct arena_mark mark = arena_mark(arena);
    (void)arena_alloc(arena, 10);
    arena_rewind(arena, mark);
    assert_non_null(arena_alloc(arena, 10));
    arena_destroy(arena);
}

/* Reads the memory in the release that runs after the wiping and before the memory is freed. */
struct spy {
    const uint8_t *secret;
    size_t size;
    bool wiped;
};

static void look(void *object)
{
    struct spy *spy = object;
    spy->wiped = true;
    for (size_t i = 0; i < spy->size; i++)
        spy->wiped = spy->wiped && spy->secret[i] == 0;
}

static void secret_is_wiped_before_it_is_given_back(void **state)
{
    struct arena *arena = arena_create();
    struct spy spy = {.size = 6};
    (void)state;
    arena_defer(arena, look, &spy); /* deferred first, so run last */
    char *secret = arena_secret(arena, spy.size);
    memcpy(secret, "123456", spy.size);
    spy.secret = (const uint8_t *)secret;
    arena_destroy(arena);
    assert_true(spy.wiped);
}

static void text_is_copied_and_formatted(void **state)
{
    struct arena *arena = test_task(state)->arena;
    assert_string_equal(arena_strndup(arena, "pledges", 6), "pledge");
    assert_string_equal(arena_printf(arena, "%s-%03d", "J", 7), "J-007");
    assert_int_equal(strlen(arena_printf(arena, "%40000s", "")), 40000);
}

static void destroying_no_arena_is_harmless(void **state)
{
    struct arena *none = NULL;
    (void)state;
    arena_destroy(NULL);
    arena_cleanup(&none);
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(memory_is_zeroed_and_aligned),
        UNIT_TEST(allocation_larger_than_a_chunk_works),
        UNIT_TEST(deferred_releases_run_latest_first),
        UNIT_TEST(rewinding_releases_only_what_came_after_the_mark),
        UNIT_TEST(rewinding_to_a_mark_of_an_empty_arena_frees_all),
        UNIT_TEST(secret_is_wiped_before_it_is_given_back),
        UNIT_TEST(text_is_copied_and_formatted),
        UNIT_TEST(destroying_no_arena_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
