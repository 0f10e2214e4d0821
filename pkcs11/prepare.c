/*
 * Making a token ready for first use.  Each secret is in its file before the token knows it, so
 * that a run that was cut short is finished by the next one.
 */
#include "pkcs11/keystore.h"

#include "core/base/file.h"
#include "pkcs11/module.h"
#include "pkcs11/pin.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define SLOTS_MAX 256
#define LABEL_LEN 32 /* CK_TOKEN_INFO */
#define PIN_LEN   32 /* digits of a PIN made here, where the token takes so many */

struct found_slot {
    bool found;
    CK_SLOT_ID id;
    CK_TOKEN_INFO token;
};

/* As PKCS#11 writes texts of a fixed length: filled up with blanks. */
static void pad_label(const char *label, CK_UTF8CHAR padded[LABEL_LEN])
{
    struct bytes text = bytes_of_text(label);
    memset(padded, ' ', LABEL_LEN);
    memcpy(padded, text.data, text.len);
}

static bool has_label(const CK_TOKEN_INFO *token, const char *label)
{
    CK_UTF8CHAR padded[LABEL_LEN];
    pad_label(label, padded);
    return memcmp(padded, token->label, sizeof(padded)) == 0;
}

/* The token of that label, and the first slot with a token that has not been initialised. */
static bool look_around(struct task *t, CK_FUNCTION_LIST *module, const char *label,
                        struct found_slot *ret_named, struct found_slot *ret_blank)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    /* Asked without room first: the module may look for slots that are new only then. */
    TRY(module_succeeded(t, module->C_GetSlotList(CK_TRUE, NULL, &count), "counting the slots"));
    count = SLOTS_MAX;
    TRY(module_succeeded(t, module->C_GetSlotList(CK_TRUE, slots, &count), "listing the slots"));
    for (CK_ULONG i = 0; i < count; i++) {
        struct found_slot slot = {.found = true, .id = slots[i]};
        if (module->C_GetTokenInfo(slot.id, &slot.token) != CKR_OK)
            continue;
        bool initialized = (slot.token.flags & CKF_TOKEN_INITIALIZED) != 0;
        if (initialized && has_label(&slot.token, label)) {
            ENSURE(t, !ret_named->found, E_TOKEN_ABSENT, "two tokens have the label %s", label);
            *ret_named = slot;
        }
        if (!initialized && !ret_blank->found)
            *ret_blank = slot;
    }
    return true;
}

/* What the file holds; a new PIN when there is no such file. */
static bool read_or_make_pin(struct task *t, const char *path, const CK_TOKEN_INFO *token,
                             const char **ret)
{
    if (access(path, F_OK) == 0)
        return pin_read(t, path, ret);
    if (errno != ENOENT)
        return fail_errno(t, E_IO, errno, "cannot look for %s", path);
    bool limited = token->ulMaxPinLen != CK_EFFECTIVELY_INFINITE && token->ulMaxPinLen < PIN_LEN;
    const char *pin = pin_make(t->arena, limited ? token->ulMaxPinLen : PIN_LEN);
    TRY(file_write(t, path, bytes_of_text(pin), 0600));
    *ret = pin;
    return true;
}

/* PKCS#11 takes what it only reads as what it might write. */
struct pin {
    CK_UTF8CHAR text[PIN_MAX];
    CK_ULONG len;
};

/* To be wiped by the caller. */
static struct pin pin_copy(const char *text)
{
    struct bytes octets = bytes_of_text(text);
    struct pin pin = {.len = octets.len};
    memcpy(pin.text, octets.data, octets.len);
    return pin;
}

static bool init_token(struct task *t, CK_FUNCTION_LIST *module, CK_SLOT_ID slot, const char *label,
                       const char *so_pin)
{
    CK_UTF8CHAR padded[LABEL_LEN];
    struct pin pin = pin_copy(so_pin);
    pad_label(label, padded);
    CK_RV rv = module->C_InitToken(slot, pin.text, pin.len, padded);
    explicit_bzero(&pin, sizeof(pin));
    return module_succeeded(t, rv, "initialising the token");
}

static bool init_user_pin(struct task *t, CK_FUNCTION_LIST *module, CK_SLOT_ID slot,
                          const char *so_pin, const char *user_pin)
{
    CK_SESSION_HANDLE session;
    TRY(module_session(t, module, slot, CKF_RW_SESSION, &session));
    struct pin pin = pin_copy(so_pin);
    bool good =
        module_succeeded(t, module->C_Login(session, CKU_SO, pin.text, pin.len), "SO login");
    if (good) {
        pin = pin_copy(user_pin);
        good = module_succeeded(t, module->C_InitPIN(session, pin.text, pin.len),
                                "setting the user PIN");
        (void)module->C_Logout(session);
    }
    explicit_bzero(&pin, sizeof(pin));
    (void)module->C_CloseSession(session);
    return good;
}

bool keystore_prepare(struct task *t, const struct keystore_options *options,
                      const char *so_pin_file, bool *ret_made)
{
    CK_FUNCTION_LIST *module;
    struct found_slot named = {.found = false};
    struct found_slot blank = {.found = false};
    const char *user_pin_file;
    const char *so_pin;
    const char *user_pin;
    ENSURE(t, strlen(options->token) <= LABEL_LEN, E_INVALID,
           "a token's label has at most %d octets", LABEL_LEN);
    TRY(module_open(t, options->module, &module));
    TRY(look_around(t, module, options->token, &named, &blank));
    bool half_done = named.found && (named.token.flags & CKF_USER_PIN_INITIALIZED) == 0;
    if (named.found && !half_done) {
        *ret_made = false;
        return true;
    }
    const struct found_slot *slot = half_done ? &named : &blank;
    ENSURE(t, slot->found, E_TOKEN_ABSENT,
           "no token has the label %s, and there is none that is not initialised yet",
           options->token);
    ENSURE(t, !half_done || access(so_pin_file, R_OK) == 0, E_TOKEN_PIN,
           "token %s has no user PIN, and its SO PIN is not in %s", options->token, so_pin_file);

    TRY(pin_path(t, options->pin_file, &user_pin_file));
    TRY(read_or_make_pin(t, so_pin_file, &slot->token, &so_pin));
    TRY(read_or_make_pin(t, user_pin_file, &slot->token, &user_pin));
    if (!half_done)
        TRY(init_token(t, module, slot->id, options->token, so_pin));
    TRY(init_user_pin(t, module, slot->id, so_pin, user_pin));
    *ret_made = true;
    return true;
}
