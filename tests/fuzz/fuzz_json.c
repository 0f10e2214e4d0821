/*
 * Any text is read as JSON, and as a record; what was accepted survives the way to JSON and back.
 *
 * Covers: core/base/json.c core/base/record_json.c
 */
#include "tests/fuzz/support.h"

#include "tests/sample.h"

static void check_writing(struct task *t, json_t *value)
{
    struct bytes once;
    struct bytes twice;
    json_t *again;
    MUST(json_write(t, value, &once));
    MUST(json_parse(t, once, &again));
    MUST(json_write(t, again, &twice));
    MUST(bytes_equal(once, twice));
}

/* Secrets do not come along. */
static void forget_secrets(struct sample *s)
{
    struct sample_owner *owners = s->owners.items;
    s->pin = NULL;
    for (size_t i = 0; i < s->owners.count; i++)
        owners[i].password = NULL;
}

static void check_record(struct task *t, struct sample *s)
{
    json_t *object;
    struct sample again;
    struct bytes once;
    struct bytes twice;
    forget_secrets(s);
    record_init(t, &sample_type, &again);
    again.greeting = NULL;
    again.pin = NULL;
    MUST(record_to_json(t, &sample_type, s, &object));
    MUST(record_from_json(t, &sample_type, object, &again));
    MUST(record_encode(t, &sample_type, s, &once));
    MUST(record_encode(t, &sample_type, &again, &twice));
    MUST(bytes_equal(once, twice));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct sample s;
    json_t *value;
    task_init(&t, arena, NULL);
    if (!json_parse(&t, bytes_make(data, size), &value)) {
        MUST(t.problem == E_MALFORMED);
        return 0;
    }
    check_writing(&t, value);
    record_init(&t, &sample_type, &s);
    if (record_from_json(&t, &sample_type, value, &s))
        check_record(&t, &s);
    else
        MUST(t.problem == E_INVALID);
    return 0;
}
