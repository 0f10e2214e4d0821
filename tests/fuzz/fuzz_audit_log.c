/*
 * A MASA's audit log that is read can be judged, whatever it says.
 *
 * Covers: registrar/audit_log.c
 */
#include "tests/fuzz/support.h"

#include "registrar/audit_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct task t;
    struct audit_log log;
    struct bytes own = BYTES_LITERAL("own");
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    task_init(&t, arena, NULL);
    if (!audit_log_read(&t, bytes_make(data, size), &log))
        return 0;
    struct audit_log_policy policy = {.own = {&own, 1}, .nonce = "bm9uY2U="};
    if (audit_log_judge(&t, &log, &policy)) {
        MUST(log.arbitrary == 0);
        for (size_t i = 0; i < log.count; i++)
            MUST(bytes_equal(log.events[i].domain_id, own));
    } else {
        MUST(t.problem != NULL && t.detail != NULL);
    }
    return 0;
}
