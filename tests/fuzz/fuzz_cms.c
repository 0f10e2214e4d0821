/*
 * Whatever is read as CMS: what verifies has one signer and is bounded as promised.
 *
 * Covers: core/pki/cms.c
 */
#include "tests/fuzz/support.h"

#include "core/pki/cms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct cms cms;
    struct cert_list certs;
    const struct cert *signer;
    const struct bytes octets = {data, size};
    task_init(&t, arena, NULL);
    if (cms_open(&t, octets, NULL, &cms)) {
        MUST(cms.certs.count <= CERT_COUNT_MAX && cms.signers > 0 && cms.content.len < size);
        if (cms_verify(&t, &cms, NULL, &signer))
            MUST(cms.signers == 1 && signer != NULL);
        else
            MUST(t.problem == E_SIGNATURE);
        MUST(!cms_certs_only_read(&t, octets, &certs));
    }
    if (cms_certs_only_read(&t, octets, &certs))
        MUST(certs.count > 0 && certs.count <= CERT_COUNT_MAX);
    else
        MUST(t.problem == E_CMS_MALFORMED);
    return 0;
}
