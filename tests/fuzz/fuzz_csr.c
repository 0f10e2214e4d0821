/*
 * Whatever is read as a certification request: its extensions are bounded, unlike, and readable.
 *
 * Covers: core/pki/csr.c core/pki/csr_change.c core/pki/extensions.c core/pki/server_key.c
 */
#include "tests/fuzz/support.h"

#include "core/pki/csr.h"
#include "core/pki/server_key.h"

/* RFC 7030 4.4.1: a request whose key is nobody's affair, and how another is to be protected. */
static void read_wish(struct task *t, struct bytes data)
{
    struct csr csr;
    struct key_wish wish;
    struct cms_recipient recipient = {.cert = NULL};
    unsigned bits;
    if (!csr_parse_keyless(t, data, &csr)) {
        MUST(t->problem == E_CSR_MALFORMED);
    } else if (!key_wish_read(t, &csr, &wish)) {
        MUST(t->problem == E_KEY_WISH);
    } else {
        MUST(wish.shared_key.len <= KEY_IDENTIFIER_MAX);
        MUST(wish.certificate_key.len == 0 || wish.shared_key.len == 0);
        if (!key_wish_algorithms(t, &wish, &recipient, &bits))
            MUST(t->problem == E_KEY_WISH);
        else
            MUST(bits == 128 || bits == 192 || bits == 256);
    }
    task_forgive(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct csr csr;
    struct text_list names;
    task_init(&t, arena, NULL);
    read_wish(&t, bytes_make(data, size));
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
    if (csr.change.asked) {
        MUST(csr.change.subject != NULL || bytes_present(csr.change.alt_names));
        MUST(!bytes_present(csr.change.alt_names) ||
             (alt_names_to_text(&t, csr_wanted_alt_names(&csr), &names) && names.count > 0));
    }
    MUST(csr_wanted_subject_text(&t, &csr) != NULL);
    if (csr.challenge_password != NULL)
        MUST(bytes_are_utf8(bytes_of_text(csr.challenge_password)));
    if (!csr_verify(&t, &csr))
        MUST(t.problem == E_CSR_POP);
    return 0;
}
