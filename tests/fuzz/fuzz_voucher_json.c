/*
 * Vouchers that are read and can be written are written so that they are read to the same again;
 * what departs from the RFCs is read only when it is allowed, and what keeps to them is read alike.
 *
 * Covers: registrar/voucher/voucher_json.c
 */
#include "tests/fuzz/support.h"

#include "registrar/voucher/voucher.h"

#define ALL (VOUCHER_REQUEST_CONTAINER | VOUCHER_PRIOR_OBJECT | VOUCHER_CREATED_ON_DATE)

static void write_and_read(struct task *t, const struct voucher *v, unsigned allowed)
{
    struct voucher again;
    struct bytes once;
    struct bytes twice;
    if (!voucher_to_json(t, v, &once)) { /* read liberally, written strictly */
        MUST(t->problem == E_INVALID);
        return;
    }
    MUST(voucher_from_json(t, once, allowed, &again));
    MUST(again.kind == v->kind && again.unknown.count == 0);
    MUST((again.departures & ~(unsigned)VOUCHER_REQUEST_CONTAINER) == 0);
    MUST(voucher_to_json(t, &again, &twice));
    MUST(bytes_equal(once, twice));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct bytes json = bytes_make(data, size);
    struct task t;
    struct voucher strict;
    struct voucher v;
    task_init(&t, arena, NULL);
    bool by_the_rfcs = voucher_from_json(&t, json, 0, &strict);
    MUST(by_the_rfcs || t.problem == E_VOUCHER_MALFORMED || t.problem == E_VOUCHER_PRIOR_OBJECT ||
         t.problem == E_VOUCHER_CREATED_ON_DATE);
    task_forgive(&t);
    if (voucher_from_json(&t, json, ALL, &v)) {
        MUST(by_the_rfcs || v.departures != 0);
        write_and_read(&t, &v, ALL);
    } else {
        MUST(t.problem == E_VOUCHER_MALFORMED);
        task_forgive(&t);
    }
    if (by_the_rfcs) {
        MUST(strict.departures == 0);
        write_and_read(&t, &strict, 0);
    }
    return 0;
}
