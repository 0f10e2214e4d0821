/* Vouchers fetched ahead, for a device that comes when its MASA is away (RFC 8995 3.1, 5.5). */
#ifndef GATEHOUSE_REGISTRAR_STORED_VOUCHER_H
#define GATEHOUSE_REGISTRAR_STORED_VOUCHER_H

#include "core/order/rounds.h"
#include "core/store/records/stored_voucher.h"
#include "registrar/voucher_check.h"

/*
 * The stored voucher for a device, when there is one in this form that is good: it is checked as if
 * it had just come, but for its nonce.  One whose audit log was refused is none.  Fails as
 * voucher_check() does.
 */
MUST_USE bool stored_find(struct task *t, const struct registrar *r,
                          const struct manufacturer *maker, const struct voucher_form *form,
                          const struct voucher_wanted *wanted, struct stored_voucher *ret,
                          struct bytes *ret_octets, struct voucher *ret_voucher, bool *ret_found);

struct stored_voucher_rounds {
    const struct registrar *registrar;
    struct round_orders orders;
};
/* Places an order for each voucher that is due; `context` is a struct stored_voucher_rounds. */
MUST_USE bool stored_voucher_walk(struct task *t, void *context, bool *ret_more);

/* What the order's runner is to do; our signed request is its work. */
struct stored_voucher_job {
    const char *manufacturer;
    const char *serial;
    const char *masa_url;
    const char *media_type;
    struct bytes idevid_issuer;
    struct record_rest rest;
};
extern const struct record_type stored_voucher_job_type;

#endif
