/* A handle as GnuTLS sees it: a private key whose signing calls come back to the keystore. */
#include "pkcs11/key.h"

#include <string.h>

/*
 * In TLS 1.2 any of the hashes goes with any curve (RFC 5246 7.4.1.4.1); TLS 1.3 ties one to each
 * curve (RFC 8446 4.2.3).
 */
struct algorithm {
    gnutls_sign_algorithm_t id;
    enum keystore_hash hash;
    unsigned bits; /* 0: any curve */
};
static const struct algorithm algorithms[] = {
    {GNUTLS_SIGN_ECDSA_SHA256, KEYSTORE_SHA256, 0},
    {GNUTLS_SIGN_ECDSA_SHA384, KEYSTORE_SHA384, 0},
    {GNUTLS_SIGN_ECDSA_SHA512, KEYSTORE_SHA512, 0},
    {GNUTLS_SIGN_ECDSA_SECP256R1_SHA256, KEYSTORE_SHA256, 256},
    {GNUTLS_SIGN_ECDSA_SECP384R1_SHA384, KEYSTORE_SHA384, 384},
};

/* NULL: this key cannot. */
static const struct algorithm *find_algorithm(const struct keystore_key *key, unsigned id)
{
    for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
        const struct algorithm *a = &algorithms[i];
        if (a->id == id && (a->bits == 0 || a->bits == key->bits))
            return a;
    }
    return NULL;
}

/* GnuTLS frees what it gets with gnutls_free(). */
static int give(struct bytes octets, gnutls_datum_t *ret)
{
    unsigned char *copy = gnutls_malloc(octets.len);
    if (copy == NULL)
        return GNUTLS_E_MEMORY_ERROR;
    memcpy(copy, octets.data, octets.len);
    *ret = (gnutls_datum_t){copy, (unsigned int)octets.len};
    return 0;
}

static int sign_data(gnutls_privkey_t privkey, gnutls_sign_algorithm_t id, void *userdata,
                     unsigned int flags, const gnutls_datum_t *data, gnutls_datum_t *signature)
{
    (void)privkey;
    (void)flags;
    struct keystore_key *key = userdata;
    const struct algorithm *algorithm = find_algorithm(key, id);
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task task;
    struct bytes result;
    task_init(&task, arena, NULL);
    if (algorithm == NULL)
        return GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM;
    if (!keystore_sign(&task, key, algorithm->hash, bytes_make(data->data, data->size), &result))
        return GNUTLS_E_PK_SIGN_FAILED;
    return give(result, signature);
}

static int sign_hash(gnutls_privkey_t privkey, gnutls_sign_algorithm_t id, void *userdata,
                     unsigned int flags, const gnutls_datum_t *hash, gnutls_datum_t *signature)
{
    (void)privkey;
    (void)flags;
    struct keystore_key *key = userdata;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task task;
    struct bytes result;
    task_init(&task, arena, NULL);
    if (find_algorithm(key, id) == NULL)
        return GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM;
    if (!keystore_sign_digest(&task, key, bytes_make(hash->data, hash->size), &result))
        return GNUTLS_E_PK_SIGN_FAILED;
    return give(result, signature);
}

static int info(gnutls_privkey_t privkey, unsigned int flags, void *userdata)
{
    (void)privkey;
    const struct keystore_key *key = userdata;
    if ((flags & GNUTLS_PRIVKEY_INFO_PK_ALGO) != 0)
        return GNUTLS_PK_ECDSA;
    if ((flags & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS) != 0)
        return (int)key->bits;
    if ((flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO) != 0)
        return find_algorithm(key, GNUTLS_FLAGS_TO_SIGN_ALGO(flags)) != NULL;
    return -1; /* asked for what we have no answer to */
}

bool key_make_gnutls(struct task *t, struct keystore_key *key)
{
    gnutls_privkey_t privkey;
    ENSURE(t, gnutls_privkey_init(&privkey) == 0, E_INTERNAL, "no memory for a GnuTLS key");
    int error = gnutls_privkey_import_ext4(privkey, key, sign_data, sign_hash, NULL, NULL, info, 0);
    if (error != 0) {
        gnutls_privkey_deinit(privkey);
        return fail(t, E_INTERNAL, "GnuTLS does not take key %s: %s", key->label,
                    gnutls_strerror(error));
    }
    key->gnutls = privkey;
    return true;
}
