/*
 * What is decoded is encoded in one way only, and nothing that record_encode wrote is refused.
 *
 * Covers: core/base/record.c
 */
#include "tests/fuzz/support.h"

#include "tests/sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct sample first;
    struct sample second;
    struct bytes once;
    struct bytes twice;
    task_init(&t, arena, NULL);
    if (!record_decode(&t, &sample_type, bytes_make(data, size), &first)) {
        MUST(t.problem == E_MALFORMED);
        return 0;
    }
    json_t *object;
    MUST(record_to_json(&t, &sample_type, &first, &object));
    for (size_t i = 0; i < sample_type.count; i++)
        (void)field_to_text(&t, &sample_type.fields[i], &first);
    if (!record_encode(&t, &sample_type, &first, &once)) {
        MUST(t.problem == E_INVALID); /* read, but out of today's bounds */
        return 0;
    }
    MUST(record_decode(&t, &sample_type, once, &second));
    MUST(record_encode(&t, &sample_type, &second, &twice));
    MUST(bytes_equal(once, twice));
    return 0;
}
