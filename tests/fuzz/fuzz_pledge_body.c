/*
 * What a pledge POSTs before it is read as an artifact: base64 or PEM around it is found or not,
 * and what was wrapped is unwrapped to the same octets.
 *
 * Covers: registrar/pledge_body.c core/base/bytes.c
 */
#include "tests/fuzz/support.h"

#include "registrar/pledge_body.h"

#include <string.h>

static void check_wrapped(struct arena *arena, struct bytes octets)
{
    const char *base64 = bytes_to_base64(arena, octets);
    const char *pem = arena_printf(arena, "-----BEGIN CMS-----\n%s\n-----END CMS-----\n", base64);
    struct bytes inner;
    enum body_wrapping wrapping;
    MUST(body_unwrap(arena, bytes_of_text(base64), &inner, &wrapping));
    MUST(wrapping == BODY_BASE64 && bytes_equal(inner, octets));
    MUST(body_unwrap(arena, bytes_of_text(pem), &inner, &wrapping));
    MUST(wrapping == BODY_PEM && bytes_equal(inner, octets));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct bytes octets = bytes_make(data, size);
    struct bytes inner;
    enum body_wrapping wrapping;
    if (body_unwrap(arena, octets, &inner, &wrapping)) {
        MUST(inner.len > 0 && inner.len < size);
        MUST(wrapping == BODY_BASE64 || wrapping == BODY_PEM);
    }
    if (size > 0)
        check_wrapped(arena, octets);
    return 0;
}
