#include "pkcs11/seal.h"

#include <string.h>

#define SEAL_KEY_LEN 32 /* octets: AES-256 */

/* PKCS#11 takes what it only reads as what it might write. */
static CK_ATTRIBUTE label_attribute(struct arena *arena)
{
    return (CK_ATTRIBUTE){CKA_LABEL, arena_strdup(arena, SEAL_LABEL), strlen(SEAL_LABEL)};
}

static bool find_key(struct task *t, CK_FUNCTION_LIST *module, CK_SESSION_HANDLE session,
                     CK_OBJECT_HANDLE *ret, CK_ULONG *ret_count)
{
    CK_OBJECT_CLASS secret_key = CKO_SECRET_KEY;
    CK_OBJECT_HANDLE objects[2];
    CK_ULONG count = 0;
    CK_ATTRIBUTE wanted[] = {
        {CKA_CLASS, &secret_key, sizeof(secret_key)},
        label_attribute(t->arena),
    };
    TRY(module_succeeded(t, module->C_FindObjectsInit(session, wanted, ARRAY_SIZE(wanted)),
                         "looking for the sealing key"));
    CK_RV rv = module->C_FindObjects(session, objects, ARRAY_SIZE(objects), &count);
    (void)module->C_FindObjectsFinal(session);
    TRY(module_succeeded(t, rv, "looking for the sealing key"));
    if (count > 0)
        *ret = objects[0];
    *ret_count = count;
    return true;
}

static CK_ATTRIBUTE flag(CK_ATTRIBUTE_TYPE type, CK_BBOOL *value)
{
    return (CK_ATTRIBUTE){type, value, sizeof(*value)};
}

static bool make_key(struct task *t, CK_FUNCTION_LIST *module, CK_SESSION_HANDLE session)
{
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ULONG len = SEAL_KEY_LEN;
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_OBJECT_HANDLE key;
    CK_ATTRIBUTE template[] = {
        label_attribute(t->arena), {CKA_VALUE_LEN, &len, sizeof(len)},
        flag(CKA_TOKEN, &yes),     flag(CKA_PRIVATE, &yes),
        flag(CKA_SENSITIVE, &yes), flag(CKA_EXTRACTABLE, &no),
        flag(CKA_ENCRYPT, &yes),   flag(CKA_DECRYPT, &yes),
        flag(CKA_SIGN, &no),       flag(CKA_WRAP, &no),
        flag(CKA_UNWRAP, &no),
    };
    return module_succeeded(
        t, module->C_GenerateKey(session, &mechanism, template, ARRAY_SIZE(template), &key),
        "making the sealing key");
}

static bool ensure_in(struct task *t, CK_FUNCTION_LIST *module, CK_SESSION_HANDLE session)
{
    CK_OBJECT_HANDLE key;
    CK_ULONG count;
    TRY(find_key(t, module, session, &key, &count));
    return count > 0 || make_key(t, module, session);
}

bool seal_key_ensure(struct task *t, CK_FUNCTION_LIST *module, CK_SLOT_ID slot)
{
    CK_SESSION_HANDLE session;
    TRY(module_session(t, module, slot, CKF_RW_SESSION, &session));
    bool there = ensure_in(t, module, session);
    (void)module->C_CloseSession(session);
    return there;
}

typedef CK_RV (*begin_fn)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE);
typedef CK_RV (*crypt_fn)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);

struct crypt {
    begin_fn begin;
    crypt_fn crypt;
    const uint8_t *iv;
    const uint8_t *in;
    const char *what;
};

static bool crypt_in(struct task *t, CK_FUNCTION_LIST *module, CK_SESSION_HANDLE session,
                     const struct crypt *c, uint8_t *out)
{
    CK_OBJECT_HANDLE key;
    CK_ULONG count;
    CK_ULONG len = SEAL_BLOCK_LEN;
    uint8_t *iv = arena_alloc(t->arena, SEAL_IV_LEN);
    uint8_t *in = arena_secret(t->arena, SEAL_BLOCK_LEN);
    memcpy(iv, c->iv, SEAL_IV_LEN);
    memcpy(in, c->in, SEAL_BLOCK_LEN);
    CK_MECHANISM mechanism = {CKM_AES_CBC, iv, SEAL_IV_LEN};
    TRY(find_key(t, module, session, &key, &count));
    ENSURE(t, count > 0, E_TOKEN_KEY, "no secret key has the label %s", SEAL_LABEL);
    ENSURE(t, count == 1, E_TOKEN_KEY, "several secret keys have the label %s", SEAL_LABEL);
    TRY(module_succeeded(t, c->begin(session, &mechanism, key), c->what));
    TRY(module_succeeded(t, c->crypt(session, in, SEAL_BLOCK_LEN, out, &len), c->what));
    ENSURE(t, len == SEAL_BLOCK_LEN, E_TOKEN_FAILED, "%s: %lu octets came", c->what, len);
    return true;
}

static bool crypt_alone(struct task *t, CK_FUNCTION_LIST *module, CK_SLOT_ID slot,
                        const struct crypt *c, uint8_t *out)
{
    CK_SESSION_HANDLE session;
    TRY(module_session(t, module, slot, 0, &session));
    bool good = crypt_in(t, module, session, c, out);
    (void)module->C_CloseSession(session);
    return good;
}

bool seal_encrypt(struct task *t, CK_FUNCTION_LIST *module, CK_SLOT_ID slot, const uint8_t *iv,
                  const uint8_t *in, uint8_t *out)
{
    const struct crypt c = {module->C_EncryptInit, module->C_Encrypt, iv, in, "sealing"};
    return crypt_alone(t, module, slot, &c, out);
}

bool seal_decrypt(struct task *t, CK_FUNCTION_LIST *module, CK_SLOT_ID slot, const uint8_t *iv,
                  const uint8_t *in, uint8_t *out)
{
    const struct crypt c = {module->C_DecryptInit, module->C_Decrypt, iv, in, "opening a seal"};
    return crypt_alone(t, module, slot, &c, out);
}
