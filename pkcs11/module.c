#include "pkcs11/module.h"

#include <dlfcn.h>
#include <string.h>

#include <p11-kit/p11-kit.h>

bool module_succeeded(struct task *t, CK_RV rv, const char *what)
{
    return rv == CKR_OK ||
           fail(t, E_TOKEN_FAILED, "%s: %s (0x%lx)", what, p11_kit_strerror(rv), rv);
}

static bool function_list(struct task *t, const char *path, CK_FUNCTION_LIST **ret)
{
    CK_C_GetFunctionList get;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return fail(t, E_TOKEN_MODULE, "%s", dlerror()); /* NOLINT(concurrency-mt-unsafe): it is */
    void *symbol = dlsym(library, "C_GetFunctionList");
    ENSURE(t, symbol != NULL, E_TOKEN_MODULE, "%s is no PKCS#11 module", path);
    memcpy(&get, &symbol, sizeof(get));
    ENSURE(t, get(ret) == CKR_OK, E_TOKEN_MODULE, "%s gives no function list", path);
    return true;
}

bool module_open(struct task *t, const char *path, CK_FUNCTION_LIST **ret)
{
    CK_FUNCTION_LIST *module;
    CK_C_INITIALIZE_ARGS many_threads = {.flags = CKF_OS_LOCKING_OK};
    TRY(function_list(t, path, &module));
    CK_RV rv = module->C_Initialize(&many_threads);
    ENSURE(t, rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED, E_TOKEN_MODULE,
           "%s does not start: %s (0x%lx)", path, p11_kit_strerror(rv), rv);
    *ret = module;
    return true;
}

bool module_session(struct task *t, CK_FUNCTION_LIST *module, CK_SLOT_ID slot, CK_FLAGS flags,
                    CK_SESSION_HANDLE *ret)
{
    return module_succeeded(
        t, module->C_OpenSession(slot, CKF_SERIAL_SESSION | flags, NULL, NULL, ret),
        "opening a session");
}
