/*
 * A pledge that comes for a certificate without having asked us for a voucher: its manufacturer's
 * cloud has given it one that names us in est-domain (draft-ietf-anima-brski-cloud 4.2).  EST meets
 * it; whether it is let in is the registrar's to say, through this.
 */
#ifndef GATEHOUSE_CORE_PLEDGE_ARRIVAL_H
#define GATEHOUSE_CORE_PLEDGE_ARRIVAL_H

#include "core/pledge/caller.h"

struct arrival {
    const struct idevid *idevid;
    const char *address;
    struct bytes ours;    /* DER of the certificate it saw */
    struct bytes current; /* the device's onboarding when it was met; absent: none */
};

/*
 * Whoever lets in.  `arrive` begins an onboarding, or finds the one that another request of the
 * same device has just begun; it fails as admission does.  Asked only where the manufacturer's
 * record says that its cloud gives vouchers for us (est-domain-vouchers).
 */
struct arrivals {
    MUST_USE bool (*arrive)(struct task *t, void *context, const struct arrival *arrival);
    void *context;
};

#endif
