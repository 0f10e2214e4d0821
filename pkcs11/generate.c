/*
 * libp11 makes RSA keys only, and makes them as it likes.  So this one step is done with the
 * module's own C_GenerateKeyPair: an EC key that is sensitive and never extractable from its first
 * moment on (the token then says so: always sensitive, never extractable, local), good for
 * signing and nothing else.
 */
#include "pkcs11/generate.h"

#include <string.h>

/* Joins the two halves of a pair (PKCS#11 4.9): random, since both are made before it is known. */
#define KEY_ID_LEN 16

/* DER of the curve's object identifier (RFC 5480 2.1.1.1). */
static const uint8_t p256[] = {0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
static const uint8_t p384[] = {0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22};

static struct bytes curve_of(enum keystore_kind kind)
{
    return kind == KEYSTORE_P384 ? BYTES_ARRAY(p384) : BYTES_ARRAY(p256);
}

/* A copy, since PKCS#11 takes what it only reads as what it might write. */
static CK_ATTRIBUTE octets(struct arena *arena, CK_ATTRIBUTE_TYPE type, struct bytes value)
{
    void *copy = arena_alloc(arena, value.len);
    memcpy(copy, value.data, value.len);
    return (CK_ATTRIBUTE){type, copy, value.len};
}

static CK_ATTRIBUTE flag(CK_ATTRIBUTE_TYPE type, CK_BBOOL *value)
{
    return (CK_ATTRIBUTE){type, value, sizeof(*value)};
}

static bool label_is_free(struct task *t, CK_FUNCTION_LIST *module, CK_SESSION_HANDLE session,
                          const char *label)
{
    CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY;
    CK_OBJECT_HANDLE object;
    CK_ULONG count = 0;
    CK_ATTRIBUTE wanted[] = {
        {CKA_CLASS, &private_key, sizeof(private_key)},
        octets(t->arena, CKA_LABEL, bytes_of_text(label)),
    };
    TRY(module_succeeded(t, module->C_FindObjectsInit(session, wanted, ARRAY_SIZE(wanted)),
                         "looking for the label"));
    CK_RV rv = module->C_FindObjects(session, &object, 1, &count);
    (void)module->C_FindObjectsFinal(session);
    TRY(module_succeeded(t, rv, "looking for the label"));
    ENSURE(t, count == 0, E_EXISTS, "the token has a key with the label %s", label);
    return true;
}

static bool generate(struct task *t, CK_FUNCTION_LIST *module, CK_SESSION_HANDLE session,
                     const char *label, enum keystore_kind kind)
{
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_OBJECT_HANDLE public_half;
    CK_OBJECT_HANDLE private_half;
    CK_ATTRIBUTE name = octets(t->arena, CKA_LABEL, bytes_of_text(label));
    CK_ATTRIBUTE id = octets(t->arena, CKA_ID, bytes_random(t->arena, KEY_ID_LEN));
    CK_ATTRIBUTE public_template[] = {
        name,
        id,
        octets(t->arena, CKA_EC_PARAMS, curve_of(kind)),
        flag(CKA_TOKEN, &yes),
        flag(CKA_VERIFY, &yes),
    };
    CK_ATTRIBUTE private_template[] = {
        name,
        id,
        flag(CKA_TOKEN, &yes),
        flag(CKA_PRIVATE, &yes),
        flag(CKA_SENSITIVE, &yes),
        flag(CKA_EXTRACTABLE, &no),
        flag(CKA_SIGN, &yes),
        flag(CKA_DECRYPT, &no),
        flag(CKA_UNWRAP, &no),
        flag(CKA_DERIVE, &no),
    };
    return module_succeeded(t,
                            module->C_GenerateKeyPair(session, &mechanism, public_template,
                                                      ARRAY_SIZE(public_template), private_template,
                                                      ARRAY_SIZE(private_template), &public_half,
                                                      &private_half),
                            "making a key pair");
}

bool generate_key_pair(struct task *t, CK_FUNCTION_LIST *module, CK_SLOT_ID slot, const char *label,
                       enum keystore_kind kind)
{
    CK_SESSION_HANDLE session;
    TRY(module_session(t, module, slot, CKF_RW_SESSION, &session));
    bool made =
        label_is_free(t, module, session, label) && generate(t, module, session, label, kind);
    (void)module->C_CloseSession(session);
    return made;
}
