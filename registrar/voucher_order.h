/* The order that gets a voucher (RFC 8995 5.4 to 5.6). */
#ifndef GATEHOUSE_REGISTRAR_VOUCHER_ORDER_H
#define GATEHOUSE_REGISTRAR_VOUCHER_ORDER_H

#include "registrar/admission.h"

/*
 * Inside an update: submits, or joins the order of the same request of the same device.  `rvr` is
 * our own signed request: it is durable with the order and sent as it stands, again and again if
 * need be.  Absent: only an order that is there can be joined.  Call orders_wake() when the update
 * is through.
 */
MUST_USE bool voucher_order_submit(struct task *t, struct tx *tx, const struct registrar *r,
                                   const struct knock *knock, struct bytes episode,
                                   struct bytes rvr, struct bytes *ret_order);

/* True when the task's problem is one that the order itself has put into the timeline. */
bool voucher_order_told(const struct task *t);

#endif
