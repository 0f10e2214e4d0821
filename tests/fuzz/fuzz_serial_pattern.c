/*
 * A pattern that is accepted can be applied, in bounded time, and finds a part of what it was
 * applied to.  The input is the pattern.
 *
 * Covers: core/pki/serial.c
 */
#include "tests/fuzz/support.h"

#include "core/pki/issue.h"
#include "core/pki/serial.h"

#include <string.h>

#define SERIAL "PID:C9500-16X SN:FCW2117A56M"

/* A device's certificate, made once. */
static const struct cert *device(void)
{
    static struct arena *arena;
    static const struct cert *cert;
    if (cert != NULL)
        return cert;
    struct task t;
    struct issue issue = {.not_after = 1};
    arena = arena_create();
    task_init(&t, arena, NULL);
    MUST(key_generate(&t, KEY_P256, 0, &issue.key));
    MUST(name_from_text(&t, "serialNumber=" SERIAL, &issue.subject));
    issue.issuer_key = issue.key;
    MUST(issue_certificate(&t, &issue, &cert));
    return cert;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    const char *serial;
    task_init(&t, arena, NULL);
    const struct serial_rule rule = {SERIAL_FROM_SUBJECT,
                                     bytes_to_text(arena, bytes_make(data, size))};
    if (rule.pattern == NULL)
        return 0;
    if (!serial_rule_check(&t, &rule)) {
        MUST(t.problem == E_INVALID);
        return 0;
    }
    if (cert_device_serial(&t, device(), &rule, &serial))
        MUST(*serial != '\0' && strstr(SERIAL, serial) != NULL);
    else
        MUST(t.problem == E_SERIAL_PATTERN);
    return 0;
}
