/* The order that gets a voucher (RFC 8995 5.4 to 5.6). */
#ifndef GATEHOUSE_REGISTRAR_VOUCHER_ORDER_H
#define GATEHOUSE_REGISTRAR_VOUCHER_ORDER_H

#include "registrar/admission.h"

struct voucher_submission {
    const struct knock *knock;
    struct bytes episode;
    struct bytes rvr; /* our own signed request; absent: signed later, or the order is there */
    bool sign_later;  /* by the order's runner */
    bool held;        /* it waits for approval */
};
/*
 * Inside an update: submits, or joins the order of the same request of the same device.  Our own
 * request is durable before it is sent, and sent as it stands, again and again if need be.  Call
 * orders_wake() when the update is through.
 */
MUST_USE bool voucher_order_submit(struct task *t, struct tx *tx, const struct registrar *r,
                                   const struct voucher_submission *submission,
                                   struct bytes *ret_order);

/* Media type of the request to the MASA: the pledge's, which need not be that of the voucher. */
MUST_USE bool voucher_order_request_type(struct task *t, struct reader *r, struct bytes order,
                                         const char **ret);

/* True when the task's problem is one that the order itself has put into the timeline. */
bool voucher_order_told(const struct task *t);

#endif
