/*
 * EST bodies: what is written is read to the same again, wrapped, unwrapped and in armour.
 *
 * Covers: est/wire.c
 */
#include "tests/fuzz/support.h"

#include "est/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct task t;
    struct bytes der;
    struct bytes again;
    struct http_reply reply = {0};
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    task_init(&t, arena, NULL);
    if (!est_read_body(&t, bytes_make(data, size), &der) || der.len == 0)
        return 0;
    est_write_lines(&t, "application/pkcs10", der, size % 3 * 32, &reply);
    MUST(est_read_body(&t, reply.body, &again) && bytes_equal(der, again));
    const struct bytes armoured[] = {
        BYTES_LITERAL("-----BEGIN CERTIFICATE REQUEST-----\n"),
        reply.body,
        BYTES_LITERAL("-----END CERTIFICATE REQUEST-----\n"),
    };
    MUST(est_read_body(&t, bytes_concat(arena, armoured, ARRAY_SIZE(armoured)), &again) &&
         bytes_equal(der, again));
    return 0;
}
