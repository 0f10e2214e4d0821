/*
 * Whatever a captive portal API says, it is a yes, a no, or no answer; what goes to a screen is
 * harmless there.
 *
 * Covers: lab/captive.c
 */
#include "tests/fuzz/support.h"

#include "lab/captive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct captivity captivity;
    task_init(&t, arena, NULL);
    if (!captive_read(&t, bytes_make(data, size), &captivity)) {
        MUST(t.problem == E_MALFORMED);
        return 0;
    }
    for (const char *c = captivity.portal; c != NULL && *c != '\0'; c++)
        MUST((unsigned char)*c >= ' ' && *c != 0x7F);
    return 0;
}
