/*
 * A PKCS#11 module for tests: SoftHSM, with a hand on it.  Loaded by its path like any other; the
 * test finds the controls under the symbol `token_shim`.
 */
#ifndef GATEHOUSE_TESTS_UNIT_TOKEN_SHIM_H
#define GATEHOUSE_TESTS_UNIT_TOKEN_SHIM_H

#include <stdatomic.h>

struct token_shim {
    atomic_uint logins; /* C_Login as user, whatever came of them */
    atomic_uint tries;  /* C_OpenSession, likewise */
    atomic_ulong open;  /* sessions */
    atomic_ulong most;  /* with so many open, another one gets CKR_SESSION_COUNT; 0: no limit */
    /* Sessions up to this number are invalid, as when an HSM has dropped them. */
    atomic_ulong dropped;
    atomic_ulong latest;              /* the highest session number given out */
    atomic_ulong open_session;        /* what C_OpenSession returns, unless it is CKR_OK */
    atomic_ulong token_flags;         /* added to those of every token */
    atomic_uint sign_takes_ms;        /* before each C_Sign */
    atomic_uint signing;              /* C_Sign under way */
    atomic_ulong longest;             /* data that C_Sign was given, octets */
    atomic_uint closed_while_signing; /* C_CloseAllSessions during one */
};

#endif
