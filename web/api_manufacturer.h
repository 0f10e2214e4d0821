/* What the sources of the manufacturers' resources share. */
#ifndef GATEHOUSE_WEB_API_MANUFACTURER_H
#define GATEHOUSE_WEB_API_MANUFACTURER_H

#include "core/store/records/manufacturer.h"
#include "web/api_internal.h"

/* Fails with E_INVALID, naming the member. */
MUST_USE bool manufacturer_check(struct task *t, const struct manufacturer *m);
/* The same for what is whole only when secrets that were kept are in it again. */
MUST_USE bool manufacturer_check_secrets(struct task *t, const struct manufacturer *m);

/*
 * Inside an update that changes the IDevID anchors: revocation lists that none of the new ones has
 * signed are gone with the old ones.  Sets m->idevid_crls; *ret_dropped says whose, NULL: none.
 */
MUST_USE bool manufacturer_keep_crls(struct task *t, struct tx *tx,
                                     const struct manufacturer *before, struct manufacturer *m,
                                     const char **ret_dropped);

#endif
