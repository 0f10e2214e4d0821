/*
 * A distinguished name that is read is shown in a form that is read to the same name.
 *
 * Covers: core/pki/name.c
 */
#include "tests/fuzz/support.h"

#include "core/pki/issue.h"
#include "core/pki/library.h"

#include <string.h>

/* libcrypto does not escape a value that is "#" and nothing more. */
static bool has_lone_hash(const char *shown)
{
    for (const char *at = strstr(shown, "=#"); at != NULL; at = strstr(at + 2, "=#")) {
        if (at[2] == '\0' || at[2] == ',' || at[2] == '+')
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    X509_NAME *name;
    X509_NAME *again;
    task_init(&t, arena, NULL);
    char *text = bytes_to_text(arena, bytes_make(data, size));
    if (text == NULL)
        return 0;
    if (!name_from_text(&t, text, &name)) {
        MUST(t.problem == E_INVALID);
        return 0;
    }
    char *shown = name_text(&t, name);
    if (!name_from_text(&t, shown, &again)) { /* escapes may have made it too long */
        MUST(t.problem == E_INVALID);
        MUST(strlen(shown) > size || has_lone_hash(shown));
        return 0;
    }
    MUST(X509_NAME_cmp(name, again) == 0);
    return 0;
}
