#include "pkcs11/token.h"

#include "pkcs11/pin.h"

#include <string.h>

#include <openssl/err.h>

/* What libp11 has left in the library's error queue since the mark, which is taken away. */
static CK_RV library_error(struct task *t, const char **ret_text)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(code);
    *ret_text = reason == NULL ? "no reason given" : arena_strdup(t->arena, reason);
    CK_RV rv = ERR_GET_LIB(code) == ERR_get_CKR_code() ? (CK_RV)ERR_GET_REASON(code) : CKR_OK;
    (void)ERR_pop_to_mark();
    return rv;
}

static bool fail_library(struct task *t, const struct problem_kind *kind, const char *what)
{
    const char *text;
    CK_RV rv = library_error(t, &text);
    return fail(t, kind, "%s: %s (0x%lx)", what, text, rv);
}

/* ---- Opening ---- */

static bool load(struct task *t, const char *module, struct token *token)
{
    TRY(module_open(t, module, &token->module));
    token->context = PKCS11_CTX_new();
    ENSURE(t, token->context != NULL, E_TOKEN_MODULE, "no memory for libp11");
    (void)ERR_set_mark();
    if (PKCS11_CTX_load(token->context, module) != 0)
        return fail_library(t, E_TOKEN_MODULE, module);
    if (PKCS11_enumerate_slots(token->context, &token->slots, &token->slot_count) != 0)
        return fail_library(t, E_TOKEN_FAILED, "listing the slots");
    (void)ERR_pop_to_mark();
    return true;
}

static bool find_slot(struct task *t, const char *label, struct token *token)
{
    size_t found = 0;
    for (unsigned int i = 0; i < token->slot_count; i++) {
        const PKCS11_TOKEN *candidate = token->slots[i].token;
        if (candidate == NULL || !candidate->initialized || candidate->label == NULL ||
            strcmp(candidate->label, label) != 0)
            continue;
        token->slot = &token->slots[i];
        found++;
    }
    ENSURE(t, found > 0, E_TOKEN_ABSENT, "no token has the label %s", label);
    ENSURE(t, found == 1, E_TOKEN_ABSENT, "%zu tokens have the label %s", found, label);
    return true;
}

/* What the token says of itself: the next wrong PIN may be the last. */
static bool may_try(struct task *t, const PKCS11_TOKEN *token)
{
    ENSURE(t, token->userPinSet, E_TOKEN_ABSENT, "token %s has no user PIN yet", token->label);
    ENSURE(t, !token->userPinLocked, E_TOKEN_PIN,
           "the user PIN of token %s is locked; unlock it with the SO PIN", token->label);
    ENSURE(t, !token->userPinFinalTry, E_TOKEN_PIN,
           "token %s would lock itself after one more wrong PIN: not tried; log in by hand once",
           token->label);
    return true;
}

static bool is_wrong_pin(CK_RV rv)
{
    return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID || rv == CKR_PIN_LEN_RANGE;
}

static bool try_pin(struct task *t, const struct token_place *place, const struct token *token,
                    const char *pin)
{
    const char *text;
    (void)ERR_set_mark();
    if (PKCS11_login(token->slot, 0, pin) == 0) {
        (void)ERR_pop_to_mark();
        return pin_forget_refused(t, place->state);
    }
    CK_RV rv = library_error(t, &text);
    if (is_wrong_pin(rv))
        TRY(pin_note_refused(t, place->state, place->label, pin));
    return fail(t, is_wrong_pin(rv) || rv == CKR_PIN_LOCKED ? E_TOKEN_PIN : E_TOKEN_FAILED,
                "token %s: login: %s (0x%lx)", place->label, text, rv);
}

static bool log_in(struct task *t, const struct token_place *place, const struct token *token)
{
    const char *pin;
    CK_SESSION_HANDLE probe;
    TRY(may_try(t, token->slot->token));
    TRY(pin_read(t, place->pin_path, &pin));
    TRY(pin_not_refused(t, place->state, place->label, pin));
    /* libp11 0.4.12 waits for ever when the first session it wants is refused: we ask before. */
    TRY(module_session(t, token->module, token_slot(token), 0, &probe));
    bool good = try_pin(t, place, token, pin);
    (void)token->module->C_CloseSession(probe);
    return good;
}

bool token_open(struct task *t, const struct token_place *place, struct token *ret)
{
    struct token token = {.module = NULL};
    if (!load(t, place->module, &token) || !find_slot(t, place->label, &token) ||
        !log_in(t, place, &token)) {
        token_close(&token);
        return false;
    }
    *ret = token;
    return true;
}

void token_close(struct token *token)
{
    if (token->slots != NULL)
        PKCS11_release_all_slots(token->context, token->slots, token->slot_count);
    /* Not PKCS11_CTX_unload(): that would end the module for the whole process. */
    if (token->context != NULL)
        PKCS11_CTX_free(token->context);
    *token = (struct token){.module = NULL};
}

bool token_is_open(const struct token *token)
{
    CK_SESSION_HANDLE session;
    CK_SESSION_INFO info = {.state = CKS_RO_PUBLIC_SESSION};
    if (token->slot == NULL || token->module->C_OpenSession(token_slot(token), CKF_SERIAL_SESSION,
                                                            NULL, NULL, &session) != CKR_OK)
        return false;
    CK_RV rv = token->module->C_GetSessionInfo(session, &info);
    (void)token->module->C_CloseSession(session);
    return rv == CKR_OK && info.state == CKS_RO_USER_FUNCTIONS;
}

CK_SLOT_ID token_slot(const struct token *token)
{
    return PKCS11_get_slotid_from_slot(token->slot);
}

/* ---- Keys ---- */

bool token_find_key(struct task *t, const struct token *token, const char *label, EVP_PKEY **ret)
{
    PKCS11_KEY *keys;
    PKCS11_KEY *match = NULL;
    unsigned int count;
    size_t found = 0;
    (void)ERR_set_mark();
    if (PKCS11_enumerate_keys(token->slot->token, &keys, &count) != 0)
        return fail_library(t, E_TOKEN_FAILED, "listing the keys");
    (void)ERR_pop_to_mark();
    for (unsigned int i = 0; i < count; i++) {
        if (!keys[i].isPrivate || keys[i].label == NULL || strcmp(keys[i].label, label) != 0)
            continue;
        match = &keys[i];
        found++;
    }
    ENSURE(t, found > 0, E_TOKEN_KEY, "no key has the label %s", label);
    ENSURE(t, found == 1, E_TOKEN_KEY, "%zu keys have the label %s", found, label);
    (void)ERR_set_mark();
    EVP_PKEY *key = PKCS11_get_private_key(match);
    if (key == NULL)
        return fail_library(t, E_TOKEN_KEY, label);
    (void)ERR_pop_to_mark();
    *ret = key;
    return true;
}

bool token_sign(struct task *t, EVP_PKEY *key, struct bytes digest, struct bytes *ret)
{
    size_t len = (size_t)EVP_PKEY_get_size(key);
    uint8_t *signature = arena_alloc(t->arena, len);
    (void)ERR_set_mark();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    bool good = context != NULL && EVP_PKEY_sign_init(context) == 1 &&
                EVP_PKEY_sign(context, signature, &len, digest.data, digest.len) == 1;
    EVP_PKEY_CTX_free(context);
    if (!good)
        return fail_library(t, E_TOKEN_FAILED, "signing");
    (void)ERR_pop_to_mark();
    *ret = bytes_make(signature, len);
    return true;
}
