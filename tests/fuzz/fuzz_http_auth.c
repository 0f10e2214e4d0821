/*
 * Whatever is read as an Authorization field is text, and gives a Digest response.
 *
 * Covers: core/http/auth.c
 */
#include "tests/fuzz/support.h"

#include "core/http/auth.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct http_auth auth;
    struct bytes ha1;
    const char *response;
    task_init(&t, arena, NULL);
    const char *field = bytes_to_text(arena, bytes_make(data, size));
    if (field == NULL || !http_auth_read(&t, field, &auth)) {
        MUST(field == NULL || t.problem == E_AUTH_MALFORMED);
        return 0;
    }
    MUST(auth.user != NULL && bytes_are_utf8(bytes_of_text(auth.user)));
    if (auth.scheme == HTTP_AUTH_BASIC) {
        MUST(bytes_present(auth.password));
        return 0;
    }
    MUST(auth.realm != NULL && auth.nonce != NULL && auth.uri != NULL && auth.response != NULL);
    MUST(http_auth_ha1(&t, auth.user, auth.realm, "password", false, &ha1));
    MUST(http_auth_response(&t, &auth, ha1, "POST", false, &response) && strlen(response) == 64);
    return 0;
}
