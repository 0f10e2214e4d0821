/* A SoftHSM token of its own for each test, prepared as `gatehousectl init` does it. */
#ifndef GATEHOUSE_TESTS_UNIT_SOFTHSM_H
#define GATEHOUSE_TESTS_UNIT_SOFTHSM_H

#include "pkcs11/keystore.h"
#include "tests/unit/support.h"
#include "tests/unit/token_shim.h"

#include <p11-kit/pkcs11.h>

#define SOFTHSM_MODULE TEST_SOFTHSM
/* SoftHSM with a hand on it: see token_shim.h. */
#define SOFTHSM_SHIM TEST_TOKEN_SHIM

struct softhsm {
    struct keystore_options options;
    const char *so_pin_file;
    CK_FUNCTION_LIST *raw; /* the module's own functions, as another user of it would call them */
};

/* Writes the configuration, under a path with a space, and starts the module anew with it. */
struct softhsm *softhsm_blank(void **state, const char *module);
/* The same with a token that has its PINs. */
struct softhsm *softhsm_fresh(void **state, const char *module);
/* Ends the module for the whole process, and starts it again: all sessions and logins are gone. */
void softhsm_restart(const struct softhsm *hsm);
/* The controls of SOFTHSM_SHIM, as if nothing had been done with them yet. */
struct token_shim *softhsm_controls(void);
CK_SLOT_ID softhsm_slot(const struct softhsm *hsm);
/* Runs the command line with the shell; returns what it wrote.  The test fails when it fails. */
const char *run_command(struct task *t, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
