/*
 * Whatever is read as a revocation list can be shown and asked about, and no key vouches for it
 * that did not sign it.
 *
 * Covers: core/pki/revocations.c
 */
#include "tests/fuzz/support.h"

#include "core/pki/issue.h"
#include "core/pki/revocations.h"

/* Somebody's certificate, made once. */
static const struct cert *somebody(void)
{
    static struct arena *arena;
    static const struct cert *cert;
    if (cert != NULL)
        return cert;
    struct task t;
    struct issue issue = {.not_after = 1, .ca = true, .path_length = -1};
    arena = arena_create();
    task_init(&t, arena, NULL);
    MUST(key_generate(&t, KEY_P256, 0, &issue.key));
    MUST(name_from_text(&t, "CN=ca", &issue.subject));
    issue.issuer_key = issue.key;
    MUST(issue_certificate(&t, &issue, &cert));
    return cert;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    const struct cert *cert = somebody();
    const struct cert_list anchors = {&cert, 1};
    struct task t;
    struct bytes_list lists;
    task_init(&t, arena, NULL);
    if (!crls_from_file_octets(&t, bytes_make(data, size), &lists)) {
        MUST(t.problem == E_CRL_MALFORMED || t.problem == E_TOO_LARGE);
        return 0;
    }
    MUST(lists.count > 0 && lists.count <= CRL_COUNT_MAX);
    for (size_t i = 0; i < lists.count; i++) {
        const struct crl *crl;
        const struct cert *signer;
        if (!crl_parse(&t, lists.items[i], &crl)) {
            MUST(t.problem == E_CRL_MALFORMED);
            continue;
        }
        for (const char *c = crl_issuer(&t, crl); *c != '\0'; c++)
            MUST(*c >= 0x20 && *c < 0x7F);
        (void)crl_lists(crl, cert);
        MUST(!crl_verify(&t, crl, &anchors, &signer) && t.problem == E_CRL_UNTRUSTED);
    }
    return 0;
}
