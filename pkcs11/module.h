/*
 * The module's own function list, for what libp11 has no call for: making EC keys, initialising a
 * token, trying whether a session can be had.  Loading the same path gives the same instance that
 * libp11 works with.  For pkcs11/ only.
 */
#ifndef GATEHOUSE_PKCS11_MODULE_H
#define GATEHOUSE_PKCS11_MODULE_H

#include "core/base/task.h"
#include "pkcs11/problems.h"

#include <p11-kit/pkcs11.h>

/* Loads and initialises the module, for good; also when that was done before. */
MUST_USE bool module_open(struct task *t, const char *path, CK_FUNCTION_LIST **ret);

/* True for CKR_OK; otherwise fails with E_TOKEN_FAILED, `what` and the meaning of the code. */
MUST_USE bool module_succeeded(struct task *t, CK_RV rv, const char *what);

/* A session of its own.  `flags`: CKF_RW_SESSION or 0. */
MUST_USE bool module_session(struct task *t, CK_FUNCTION_LIST *module, CK_SLOT_ID slot,
                             CK_FLAGS flags, CK_SESSION_HANDLE *ret);

#endif
