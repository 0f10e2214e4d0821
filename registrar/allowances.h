/* What an onboarding owes to its manufacturer's allowances, for everybody to see. */
#ifndef GATEHOUSE_REGISTRAR_ALLOWANCES_H
#define GATEHOUSE_REGISTRAR_ALLOWANCES_H

#include "core/store/records/allowance.h"
#include "core/store/records/episode.h"

#define ALLOWANCE_EVENT "allowance-used"

/* "NAME: what it allows", for a timeline. */
const char *allowance_detail(struct task *t, enum allowance allowance);
/*
 * Inside an update: the episode names those of the set `used` that it does not name yet, and the
 * timeline has an entry for each.  The caller writes the episode.
 */
MUST_USE bool allowances_note(struct task *t, struct tx *tx, struct episode *e, unsigned used);

#endif
