/*
 * Vouchers that are read from CBOR and can be written are written so that they are read to the same
 * again, in CBOR and in JSON.
 *
 * Covers: registrar/voucher/voucher_cbor.c registrar/voucher/members.c
 */
#include "tests/fuzz/support.h"

#include "registrar/voucher/voucher.h"

static void write_and_read(struct task *t, const struct voucher *v)
{
    struct voucher again;
    struct bytes once;
    struct bytes twice;
    struct bytes json;
    if (!voucher_to_cbor(t, v, &once)) { /* read liberally, written strictly */
        MUST(t->problem == E_INVALID);
        return;
    }
    MUST(voucher_from_cbor(t, once, 0, &again));
    MUST(again.kind == v->kind && again.unknown.count == 0);
    MUST(voucher_to_cbor(t, &again, &twice));
    MUST(bytes_equal(once, twice));
    MUST(voucher_to_json(t, v, &json));
    MUST(json.len > VOUCHER_SIZE_MAX || voucher_from_json(t, json, 0, &again));
    MUST(json.len > VOUCHER_SIZE_MAX || voucher_to_cbor(t, &again, &twice));
    MUST(bytes_equal(once, twice));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct voucher v;
    task_init(&t, arena, NULL);
    if (voucher_from_cbor(&t, bytes_make(data, size), VOUCHER_CREATED_ON_DATE, &v))
        write_and_read(&t, &v);
    else
        MUST(t.problem == E_VOUCHER_MALFORMED);
    return 0;
}
