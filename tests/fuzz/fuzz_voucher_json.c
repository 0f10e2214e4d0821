/*
 * Vouchers that are read and can be written are written so that they are read to the same again.
 *
 * Covers: registrar/voucher/voucher_json.c
 */
#include "tests/fuzz/support.h"

#include "registrar/voucher/voucher.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct voucher v;
    struct voucher again;
    struct bytes once;
    struct bytes twice;
    task_init(&t, arena, NULL);
    if (!voucher_from_json(&t, bytes_make(data, size), &v)) {
        MUST(t.problem == E_VOUCHER_MALFORMED);
        return 0;
    }
    if (!voucher_to_json(&t, &v, &once)) { /* read liberally, written strictly */
        MUST(t.problem == E_INVALID);
        return 0;
    }
    MUST(voucher_from_json(&t, once, &again));
    MUST(again.kind == v.kind && again.unknown.count == 0);
    MUST(voucher_to_json(&t, &again, &twice));
    MUST(bytes_equal(once, twice));
    return 0;
}
