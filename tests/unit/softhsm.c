#include "tests/unit/softhsm.h"

#include "core/base/file.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static CK_FUNCTION_LIST *load(const char *module)
{
    CK_C_GetFunctionList get;
    CK_FUNCTION_LIST *list = NULL;
    void *library = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library == NULL ? NULL : dlsym(library, "C_GetFunctionList");
    if (symbol == NULL)
        fail_msg("cannot load %s", module);
    memcpy(&get, &symbol, sizeof(get));
    assert_int_equal(get(&list), CKR_OK);
    return list;
}

void softhsm_restart(const struct softhsm *hsm)
{
    CK_C_INITIALIZE_ARGS many_threads = {.flags = CKF_OS_LOCKING_OK};
    CK_RV rv = hsm->raw->C_Finalize(NULL);
    assert_true(rv == CKR_OK || rv == CKR_CRYPTOKI_NOT_INITIALIZED);
    assert_int_equal(hsm->raw->C_Initialize(&many_threads), CKR_OK);
}

struct softhsm *softhsm_blank(void **state, const char *module)
{
    struct task *t = test_task(state);
    const char *folder = test_folder(state);
    struct softhsm *hsm = arena_alloc(t->arena, sizeof(*hsm));
    const char *tokens = arena_printf(t->arena, "%s/key place/tokens", folder);
    const char *file = arena_printf(t->arena, "%s/key place/softhsm2.conf", folder);
    const char *text = arena_printf(t->arena,
                                    "directories.tokendir = %s\n"
                                    "objectstore.backend = file\n"
                                    "log.level = ERROR\n",
                                    tokens);
    assert_ok(t, folder_make(t, tokens, 0700));
    assert_ok(t, folder_make(t, arena_printf(t->arena, "%s/state", folder), 0700));
    assert_ok(t, file_write(t, file, bytes_of_text(text), 0600));
    assert_int_equal(setenv("SOFTHSM2_CONF", file, 1), 0); /* NOLINT(concurrency-mt-unsafe) */
    *hsm = (struct softhsm){
        .options =
            {
                .module = module,
                .token = "test token",
                .pin_file = arena_printf(t->arena, "%s/key place/pin", folder),
                .state = arena_printf(t->arena, "%s/state", folder),
            },
        .so_pin_file = arena_printf(t->arena, "%s/key place/so-pin", folder),
        .raw = load(module),
    };
    softhsm_restart(hsm);
    return hsm;
}

struct softhsm *softhsm_fresh(void **state, const char *module)
{
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_blank(state, module);
    bool made = false;
    assert_ok(t, keystore_prepare(t, &hsm->options, hsm->so_pin_file, &made));
    assert_true(made);
    return hsm;
}

struct token_shim *softhsm_controls(void)
{
    void *library = dlopen(SOFTHSM_SHIM, RTLD_NOW | RTLD_LOCAL);
    struct token_shim *shim = library == NULL ? NULL : dlsym(library, "token_shim");
    if (shim == NULL)
        fail_msg("cannot load %s", SOFTHSM_SHIM);
    else
        memset(shim, 0, sizeof(*shim));
    return shim;
}

CK_SLOT_ID softhsm_slot(const struct softhsm *hsm)
{
    CK_SLOT_ID slots[16];
    CK_ULONG count = ARRAY_SIZE(slots);
    assert_int_equal(hsm->raw->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        assert_int_equal(hsm->raw->C_GetTokenInfo(slots[i], &info), CKR_OK);
        if (memcmp(info.label, hsm->options.token, strlen(hsm->options.token)) == 0)
            return slots[i];
    }
    fail_msg("there is no token %s", hsm->options.token);
    return 0;
}

const char *run_command(struct task *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *command = arena_vprintf(t->arena, format, args);
    va_end(args);
    const char *output = "";
    char line[512];
    FILE *pipe = popen(command, "r"); /* NOLINT(cert-env33-c): the test's own words */
    assert_non_null(pipe);
    while (fgets(line, sizeof(line), pipe) != NULL)
        output = arena_printf(t->arena, "%s%s", output, line);
    int status = pclose(pipe);
    if (status != 0)
        fail_msg("%s ended with %d: %s", command, status, output);
    return output;
}
