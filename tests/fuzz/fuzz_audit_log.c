/*
 * A MASA's audit log that is read can be judged, whatever it says; who is not us, and has not been
 * allowed, never passes.
 *
 * Covers: core/pledge/audit_log.c core/pledge/log_policy.c
 */
#include "tests/fuzz/support.h"

#include "core/pledge/log_policy.h"

static bool sent(struct task *t, void *context, const char *nonce, bool *ret)
{
    (void)t;
    (void)context;
    *ret = nonce[0] == 'e';
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct task t;
    struct audit_log log;
    struct log_verdict verdict;
    struct bytes own = BYTES_LITERAL("own");
    struct bytes allowed = BYTES_LITERAL("allowed");
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    task_init(&t, arena, NULL);
    if (!audit_log_read(&t, bytes_make(data, size), AUDIT_LOG_REGISTRAR_ID, &log))
        return 0;
    const struct log_policy policy = {
        .own = {&own, 1},
        .allowed = {&allowed, 1},
        .newer = size % 2 == 0 ? AUDIT_LOG_NEWER_READ : AUDIT_LOG_NEWER_HOLD,
        .nonce = "bm9uY2U=",
        .sent = sent,
        .nonceless = 1,
    };
    MUST(log_judge(&t, &log, &policy, &verdict));
    MUST((verdict.problem == NULL) == (verdict.detail == NULL));
    for (size_t i = 0; i < log.count; i++) {
        MUST(audit_log_event_digest(arena, &log.events[i]).len == SHA256_LEN);
        MUST(verdict.problem != NULL || bytes_equal(log.events[i].domain_id, own) ||
             bytes_equal(log.events[i].domain_id, allowed));
    }
    MUST(verdict.problem != NULL || log.arbitrary == 0);
    return 0;
}
