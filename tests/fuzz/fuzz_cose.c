/*
 * Whatever is read as COSE_Sign1 is bounded as promised; taking the certificates out leaves a
 * message with the same payload and signature, and with none that nobody signed.
 *
 * Covers: core/pki/cose.c registrar/voucher/voucher_cose.c
 */
#include "tests/fuzz/support.h"

#include "core/pki/cose.h"
#include "registrar/voucher/voucher.h"

static void take_certs_out(struct task *t, struct bytes octets, const struct cose *cose)
{
    struct bytes left;
    struct bytes again;
    struct cose without;
    MUST(cose_without_certs(t, octets, &left));
    MUST(left.len <= octets.len);
    MUST(cose_open(t, left, &without));
    MUST(without.tagged == cose->tagged);
    MUST(bytes_equal(without.protected, cose->protected));
    MUST(bytes_equal(without.payload, cose->payload));
    MUST(bytes_equal(without.signature, cose->signature));
    MUST(without.certs.count == cose->protected_certs);
    MUST(cose_without_certs(t, left, &again) && bytes_equal(again, left));
}

static void read_as_voucher(struct task *t, struct bytes octets)
{
    struct signed_voucher sv;
    const struct cert *signer;
    if (!voucher_form_cose.open(t, octets, VOUCHER_COSE_UNTAGGED, NULL, &sv))
        return;
    MUST(sv.certs.count <= CERT_COUNT_MAX);
    if (!voucher_form_cose.verify(t, &sv, NULL, &signer))
        MUST(t->problem == E_SIGNATURE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct cose cose;
    const struct bytes octets = {data, size};
    task_init(&t, arena, NULL);
    if (cose_open(&t, octets, &cose)) {
        MUST(cose.certs.count <= CERT_COUNT_MAX && cose.protected_certs <= cose.certs.count);
        MUST(cose.payload.len < size && cose.signature.len < size);
        take_certs_out(&t, octets, &cose);
        read_as_voucher(&t, octets);
    } else {
        MUST(t.problem == E_COSE_MALFORMED);
    }
    return 0;
}
