/* The token's PIN, and the memory of one that was refused.  For pkcs11/ only. */
#ifndef GATEHOUSE_PKCS11_PIN_H
#define GATEHOUSE_PKCS11_PIN_H

#include "core/base/task.h"
#include "pkcs11/problems.h"

/* The file that holds the PIN: `pin_file`, or the systemd credential when that is NULL. */
MUST_USE bool pin_path(struct task *t, const char *pin_file, const char **ret);
/* In wiped memory.  Fails with E_TOKEN_PIN when there is none that could be tried. */
MUST_USE bool pin_read(struct task *t, const char *path, const char **ret);
/* `len` random digits, which every token takes, in wiped memory. */
const char *pin_make(struct arena *arena, size_t len);

/*
 * A token locks itself after a few wrong PINs, and a service that is restarted tries again and
 * again.  So a PIN that was refused is noted in the folder `state`, durably and as an Argon2id
 * hash: the same PIN is not tried on the same token a second time, another one is.
 */
/* Fails with E_TOKEN_PIN when this PIN was refused before, with E_IO when that cannot be known. */
MUST_USE bool pin_not_refused(struct task *t, const char *state, const char *token,
                              const char *pin);
MUST_USE bool pin_note_refused(struct task *t, const char *state, const char *token,
                               const char *pin);
/* The token has accepted a PIN. */
MUST_USE bool pin_forget_refused(struct task *t, const char *state);

#endif
