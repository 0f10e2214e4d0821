/*
 * Whatever is read as a certification request: its extensions are bounded, unlike, and readable.
 *
 * Covers: core/pki/csr.c core/pki/extensions.c
 */
#include "tests/fuzz/support.h"

#include "core/pki/csr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct csr csr;
    struct text_list names;
    task_init(&t, arena, NULL);
    if (!csr_parse(&t, bytes_make(data, size), &csr)) {
        MUST(t.problem == E_CSR_MALFORMED);
        return 0;
    }
    MUST(bytes_equal(csr.der, bytes_make(data, size)));
    MUST(csr.spki.len > 0 && csr_subject(&t, &csr) != NULL);
    for (size_t i = 0; i < csr.extensions.count; i++)
        MUST(extension_find(&csr.extensions, csr.extensions.items[i].oid) ==
             &csr.extensions.items[i]);
    const struct extension *san = extension_find(&csr.extensions, OID_CE_SUBJECT_ALT_NAME);
    if (san != NULL && !alt_names_to_text(&t, san->value, &names))
        MUST(t.problem == E_CSR_MALFORMED);
    if (csr.challenge_password != NULL)
        MUST(bytes_are_utf8(bytes_of_text(csr.challenge_password)));
    if (!csr_verify(&t, &csr))
        MUST(t.problem == E_CSR_POP);
    return 0;
}
