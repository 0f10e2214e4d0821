#include "tests/unit/token_shim.h"

#include "core/base/compiler.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <p11-kit/pkcs11.h>

/* The symbols that whoever loads the module looks up. */
struct token_shim token_shim;
CK_RV C_GetFunctionList(CK_FUNCTION_LIST **ret);

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST ours;

/* Numbers begin again, and nothing is open. */
static CK_RV finalize(void *reserved)
{
    atomic_store(&token_shim.open, 0);
    atomic_store(&token_shim.dropped, 0);
    atomic_store(&token_shim.latest, 0);
    return real->C_Finalize(reserved);
}

static CK_RV close_session(CK_SESSION_HANDLE session)
{
    CK_RV rv = real->C_CloseSession(session);
    if (rv == CKR_OK)
        atomic_fetch_sub(&token_shim.open, 1);
    return rv;
}

static CK_RV close_all_sessions(CK_SLOT_ID slot)
{
    if (atomic_load(&token_shim.signing) > 0)
        atomic_fetch_add(&token_shim.closed_while_signing, 1);
    atomic_store(&token_shim.open, 0);
    return real->C_CloseAllSessions(slot);
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len)
{
    if (user == CKU_USER)
        atomic_fetch_add(&token_shim.logins, 1);
    return real->C_Login(session, user, pin, len);
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                          CK_SESSION_HANDLE *session)
{
    unsigned long most = atomic_load(&token_shim.most);
    atomic_fetch_add(&token_shim.tries, 1);
    if (atomic_load(&token_shim.open_session) != CKR_OK)
        return atomic_load(&token_shim.open_session);
    if (most != 0 && atomic_load(&token_shim.open) >= most)
        return CKR_SESSION_COUNT;
    CK_RV rv = real->C_OpenSession(slot, flags, application, notify, session);
    if (rv != CKR_OK)
        return rv;
    atomic_fetch_add(&token_shim.open, 1);
    if (*session > atomic_load(&token_shim.latest))
        atomic_store(&token_shim.latest, *session);
    return CKR_OK;
}

static CK_RV token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    CK_RV rv = real->C_GetTokenInfo(slot, info);
    if (rv == CKR_OK)
        info->flags |= atomic_load(&token_shim.token_flags);
    return rv;
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    if (session <= atomic_load(&token_shim.dropped))
        return CKR_SESSION_HANDLE_INVALID;
    return real->C_SignInit(session, mechanism, key);
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature,
                  CK_ULONG *signature_len)
{
    long pause = atomic_load(&token_shim.sign_takes_ms);
    atomic_fetch_add(&token_shim.signing, 1);
    if (data_len > atomic_load(&token_shim.longest))
        atomic_store(&token_shim.longest, data_len);
    if (pause > 0)
        (void)nanosleep(&(struct timespec){.tv_nsec = pause * 1000 * 1000}, NULL);
    CK_RV rv = real->C_Sign(session, data, data_len, signature, signature_len);
    atomic_fetch_sub(&token_shim.signing, 1);
    return rv;
}

/* For programs that nobody reaches into: a slow HSM from the start. */
static void read_environment(void)
{
    const char *pause = getenv("TOKEN_SHIM_SIGN_TAKES_MS"); /* NOLINT(concurrency-mt-unsafe) */
    if (pause != NULL)
        atomic_store(&token_shim.sign_takes_ms, (unsigned)strtoul(pause, NULL, 10));
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **ret)
{
    CK_C_GetFunctionList get;
    if (real != NULL) {
        *ret = &ours;
        return CKR_OK;
    }
    void *library = dlopen(TEST_SOFTHSM, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library == NULL ? NULL : dlsym(library, "C_GetFunctionList");
    if (symbol == NULL)
        return CKR_GENERAL_ERROR;
    memcpy(&get, &symbol, sizeof(get));
    CK_RV rv = get(&real);
    if (rv != CKR_OK)
        return rv;
    read_environment();
    ours = *real;
    ours.C_Finalize = finalize;
    ours.C_CloseSession = close_session;
    ours.C_CloseAllSessions = close_all_sessions;
    ours.C_Login = login;
    ours.C_OpenSession = open_session;
    ours.C_GetTokenInfo = token_info;
    ours.C_SignInit = sign_init;
    ours.C_Sign = sign;
    *ret = &ours;
    return CKR_OK;
}
