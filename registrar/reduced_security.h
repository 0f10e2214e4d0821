/* Reductions of security (core/store/records/reduction.h): said aloud wherever they count. */
#ifndef GATEHOUSE_REGISTRAR_REDUCED_SECURITY_H
#define GATEHOUSE_REGISTRAR_REDUCED_SECURITY_H

#include "core/pledge/idevid.h"
#include "core/store/records/episode.h"
#include "core/store/records/reduction.h"
#include "registrar/grounds.h"

/*
 * The node file's own list: every name is one that needs it.  Fails with E_CONFIG; a name that
 * nobody knows is a mistake, and is taken for no other.
 */
MUST_USE bool reduced_security_check(struct task *t, const struct text_list *names);
bool reduced_security_has(const struct text_list *names, enum reduction which);

/* At start: a warning in the log for each that is in force. */
MUST_USE bool reduced_security_tell(struct task *t, struct store *store, bool unauthenticated);
/* Inside an update: what one made possible is said in the device's timeline. */
MUST_USE bool reduced_security_note(struct task *t, struct tx *tx, const struct episode *e,
                                    enum reduction which, const char *detail);
/* The same at the beginning of an onboarding, for whom and on what ground it is. */
MUST_USE bool reduced_security_begin(struct task *t, struct tx *tx, const struct idevid *idevid,
                                     const struct ground *ground, const struct episode *e);

#endif
