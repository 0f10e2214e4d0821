/* The order that fetches the MASA's audit log and records the verdict (RFC 8995 5.8). */
#ifndef GATEHOUSE_REGISTRAR_AUDIT_LOG_ORDER_H
#define GATEHOUSE_REGISTRAR_AUDIT_LOG_ORDER_H

#include "registrar/registrar.h"

/* How long the pledge's voucher_status is waited for before the log is fetched anyway, ms. */
#define AUDIT_LOG_GRACE (5 * SECOND_MS)
/* When a log is fetched next that did not come and was not waited for, ms. */
#define AUDIT_LOG_SOON (10 * MINUTE_MS)

/* Whose log, and from where. */
struct log_order {
    const char *manufacturer;
    const char *masa_url;
    const char *serial;
};
/*
 * Inside the update that records the voucher of `voucher` (its order): the log is fetched when the
 * pledge has reported on the voucher, when it wants to enrol, or after a while by itself.
 */
MUST_USE bool audit_log_order_submit(struct task *t, struct tx *tx, struct orders *orders,
                                     const struct order *voucher, const struct log_order *what,
                                     struct bytes *ret_order);

/* The same for a device that came with a voucher of its manufacturer's cloud. */
struct log_arrival {
    struct bytes device;
    struct bytes episode;
    const char *media_type;
    struct bytes request; /* of that type: one of ours, signed, that no pledge has asked for */
};
/* Inside the update that lets the device in; the log is fetched at once. */
MUST_USE bool audit_log_order_arrive(struct task *t, struct tx *tx, struct orders *orders,
                                     const struct log_arrival *arrival,
                                     const struct log_order *what, struct bytes *ret_order);

#endif
