/*
 * Any text is read as a file of configuration; what is accepted keeps the rules of its table.
 *
 * Covers: core/base/config.c
 */
#include "tests/fuzz/support.h"

#include "core/base/config.h"
#include "tests/sample.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct sample s;
    struct bytes octets;
    task_init(&t, arena, NULL);
    if (!config_parse(&t, "node.yaml", bytes_make(data, size), &sample_type, &s)) {
        MUST(t.problem == E_CONFIG);
        MUST(strncmp(t.detail, "node.yaml:", strlen("node.yaml:")) == 0);
        return 0;
    }
    MUST(record_check(&t, &sample_type, &s));
    MUST(record_encode(&t, &sample_type, &s, &octets));
    return 0;
}
