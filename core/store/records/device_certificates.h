/* All that was issued to a device, revoked together. */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_DEVICE_CERTIFICATES_H
#define GATEHOUSE_CORE_STORE_RECORDS_DEVICE_CERTIFICATES_H

#include "core/store/records/certificate.h"

#define DEVICE_CERTIFICATES_MAX 256 /* that are looked at in one go, the latest first */

/* Ids of the device's certificates that are not revoked for good and have not expired. */
MUST_USE bool device_certificates_live(struct task *t, struct view *view, struct bytes device,
                                       struct bytes_list *ret);

/*
 * Inside an update: revokes these, each with an event in its device's timeline.  One that came
 * since device_certificates_live() is not among them: look again afterwards.
 */
struct device_revocation {
    struct bytes_list certificates;
    enum revocation_reason reason;
    const char *because;
    const char *actor; /* "gatehouse", "admin:root" */
};
MUST_USE bool device_certificates_revoke(struct task *t, struct tx *tx,
                                         const struct device_revocation *revocation);

#endif
