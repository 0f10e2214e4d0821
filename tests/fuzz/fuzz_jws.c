/*
 * Whatever is read as JWS is bounded as promised, and verifies with its own certificate or not at
 * all; as a voucher it is read by the same rules.
 *
 * Covers: core/pki/jws.c core/pki/signature.c registrar/voucher/voucher_jws.c
 */
#include "tests/fuzz/support.h"

#include "core/pki/jws.h"
#include "registrar/voucher/voucher.h"

static void verify(struct task *t, const struct jws *jws)
{
    const struct cert *signer;
    for (size_t i = 0; i < jws->count; i++) {
        MUST(jws->signatures[i].algorithm != NULL && jws->signatures[i].signature.len > 0);
        MUST(jws->signatures[i].certs.count <= CERT_COUNT_MAX);
        if (jws_verify(t, jws, i, &signer))
            MUST(signer == jws->signatures[i].certs.items[0]);
        else
            MUST(t->problem == E_SIGNATURE);
        task_forgive(t);
    }
}

static void read_as_voucher(struct task *t, struct bytes octets)
{
    struct signed_voucher sv;
    const struct cert *signer;
    if (!voucher_form_jws.open(t, octets, 0, NULL, &sv))
        return;
    MUST(sv.certs.count > 0);
    if (voucher_form_jws.verify(t, &sv, NULL, &signer))
        MUST(signer == sv.certs.items[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct jws jws;
    const struct bytes octets = {data, size};
    task_init(&t, arena, NULL);
    if (jws_open(&t, octets, NULL, &jws)) {
        MUST(jws.count > 0 && jws.count <= JWS_SIGNATURES_MAX);
        MUST(jws.payload.len > 0 && jws.payload.len < size);
        verify(&t, &jws);
        read_as_voucher(&t, octets);
    } else {
        MUST(t.problem == E_JWS_MALFORMED);
    }
    return 0;
}
