/*
 * What is taken for a MASA's URL is https, without user, query or fragment, and stays as it is.
 *
 * Covers: core/pki/masa_url.c
 */
#include "tests/fuzz/support.h"

#include "core/pki/cert.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    const char *base;
    const char *again;
    task_init(&t, arena, NULL);
    char *text = bytes_to_text(arena, bytes_make(data, size));
    if (text == NULL)
        return 0;
    if (!masa_base_url(&t, text, &base)) {
        MUST(t.problem == E_INVALID);
        return 0;
    }
    MUST(strncmp(base, "https://", 8) == 0);
    size_t host = strcspn(base + 8, "/");
    MUST(host > 0 && memchr(base + 8, '@', host) == NULL && base[8 + host] == '/');
    MUST(strpbrk(base, "?# \\\"") == NULL && base[strlen(base) - 1] != '/');
    MUST(masa_base_url(&t, base, &again) && strcmp(again, base) == 0);
    return 0;
}
