/*
 * A device's onboarding is ended by an administrator: its certificates are revoked; or it leaves
 * us, taken out of service or sold.  From the moment that device_leave() returns, and after a crash
 * in between too, nothing is granted to it any more, over no connection and with no certificate.
 */
#ifndef GATEHOUSE_CORE_PLEDGE_LEAVING_H
#define GATEHOUSE_CORE_PLEDGE_LEAVING_H

#include "core/order/order.h"
#include "core/store/records/device.h"
#include "core/store/records/manufacturer.h"

enum leaving_how {
    LEAVING_REVOKED,        /* it stays ours: it may be onboarded anew */
    LEAVING_DECOMMISSIONED, /* out of service */
    LEAVING_SOLD,
};

struct leaving {
    struct bytes device; /* id */
    enum leaving_how how;
    const char *by;                         /* "admin:root" */
    const char *because;                    /* may be NULL */
    const char *to;                         /* LEAVING_SOLD */
    const enum manufacturer_erases *erases; /* NULL: as the manufacturer's record says */
};

struct left {
    struct device device;  /* as it is now */
    uint64_t certificates; /* revoked */
    uint64_t orders;       /* cancelled */
    uint64_t belongings;   /* names, stored vouchers and so on: deleted */
    struct bytes erasure;  /* the order that erases; absent: nothing is to be erased */
};

/*
 * Certificates revoked, open orders cancelled, the onboarding closed; of a device that leaves also
 * its place on the list, its names and all that device_belongings names.  What was personal is
 * erased by an order of its own (leaving_erasure), which a crash does not stop.  The device's
 * record stays, marked: clouds are told by it that it is no longer ours.  Fails with E_NOT_FOUND,
 * and with E_INVALID when it has left already.
 */
MUST_USE bool device_leave(struct task *t, struct store *store, struct orders *orders,
                           const struct leaving *leaving, struct left *ret);

/*
 * Once more, for a device that has left: what a crash had left over.  *ret_busy: an order that ends
 * itself has not come to its end yet.
 */
MUST_USE bool device_sweep(struct task *t, struct store *store, struct orders *orders,
                           const struct device *device, bool *ret_busy);

/* Its context is the `struct store`. */
extern const struct order_kind leaving_erasure;

#endif
