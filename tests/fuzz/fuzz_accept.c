/*
 * Media types and Accept headers.
 *
 * Covers: core/http/media.c
 */
#include "tests/fuzz/support.h"

#include "core/http/media.h"
#include "core/http/server.h"

#include <string.h>

#define WANTED "application/voucher-cms+json"

static bool accepts(const char *accept)
{
    struct http_request rq = {.accept = accept};
    return http_accepts(&rq, WANTED);
}

static void check_accept(struct arena *arena, const char *text)
{
    bool alone = accepts(text);
    /* Who names it gets it, whatever else is named. */
    MUST(accepts(arena_printf(arena, "%s, %s", WANTED, text)));
    /* Who refuses it gets it only by asking for it as well. */
    MUST(alone || !accepts(arena_printf(arena, "%s;q=0, %s", WANTED, text)));
    /* What names it allows it. */
    MUST(alone || !media_names(text, WANTED));
}

/* What was made of a Content-Type is lower-case and stays as it is. */
static void check_type(struct arena *arena, const char *text)
{
    const char *type = media_type_of(arena, text);
    if (type == NULL)
        return;
    MUST(strpbrk(type, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL);
    const char *again = media_type_of(arena, type);
    MUST(again != NULL && strcmp(type, again) == 0);
    if (strchr(type, '"') == NULL)
        MUST(strcmp(type, media_type_of(arena, arena_printf(arena, " %s ; x=y", type))) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    const char *text = bytes_to_text(arena, bytes_make(data, size));
    if (text == NULL)
        return 0;
    check_accept(arena, text);
    check_type(arena, text);
    return 0;
}
