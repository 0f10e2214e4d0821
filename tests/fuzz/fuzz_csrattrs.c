/*
 * CSR attributes that are read are written so that they are read to the same again.
 *
 * Covers: core/pki/csrattrs.c
 */
#include "tests/fuzz/support.h"

#include "core/pki/csrattrs.h"

#include <string.h>

static bool same_text(const char *a, const char *b)
{
    return (a == NULL && b == NULL) || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void check_same(const struct csrattrs *a, const struct csrattrs *b)
{
    MUST(a->challenge_password == b->challenge_password);
    MUST(same_text(a->signature_oid, b->signature_oid));
    MUST(a->key == b->key && a->rsa_bits == b->rsa_bits);
    MUST(a->fill.count == b->fill.count && a->extensions.count == b->extensions.count);
    for (size_t i = 0; i < a->fill.count; i++)
        MUST(same_text(a->fill.items[i], b->fill.items[i]));
    for (size_t i = 0; i < a->extensions.count; i++) {
        const struct extension *one = &a->extensions.items[i];
        const struct extension *other = &b->extensions.items[i];
        MUST(same_text(one->oid, other->oid) && one->critical == other->critical);
        MUST(bytes_equal(one->value, other->value));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct csrattrs attrs;
    struct csrattrs again;
    struct bytes der;
    task_init(&t, arena, NULL);
    if (!csrattrs_decode(&t, bytes_make(data, size), &attrs)) {
        MUST(t.problem == E_CSRATTRS_MALFORMED);
        return 0;
    }
    if (!csrattrs_encode(&t, &attrs, &der)) { /* OIDs of hundreds of characters */
        MUST(t.problem == E_INVALID);
        return 0;
    }
    MUST(csrattrs_decode(&t, der, &again));
    check_same(&attrs, &again);
    return 0;
}
