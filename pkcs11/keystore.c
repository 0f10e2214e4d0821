#include "pkcs11/keystore.h"

#include "core/base/clock.h"
#include "pkcs11/generate.h"
#include "pkcs11/key.h"
#include "pkcs11/pin.h"
#include "pkcs11/seal.h"
#include "pkcs11/token.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include <gnutls/pkcs11.h>
#include <openssl/x509.h>
#include <sodium.h>

/* Longest wait for others to finish with the token: an HSM that hangs must not hang everybody. */
#define WAIT_MOST (30 * SECOND_MS)
/* Between two openings; doubled with each that was not followed by a good signature. */
#define REOPEN_PAUSE_LEAST 100
#define REOPEN_PAUSE_MOST  (60 * SECOND_MS)

struct keystore {
    struct arena *arena;
    struct token_place place;
    EC_KEY_METHOD *method;
    /*
     * Shared: signing.  Exclusive: whatever changes what is below, most of all opening the token
     * anew.  A module that was started again gives out old session numbers anew: no signature
     * may be under way in the old opening when the new one begins.
     */
    pthread_rwlock_t use;
    struct token token;
    uint64_t opening; /* 1, and counts up with each */
    struct keystore_key *keys;
    int64_t pause;
    int64_t not_before; /* clock_monotonic() */
    atomic_bool proven; /* a signature was good since the last opening */
    atomic_uint_fast64_t signatures;
    atomic_uint_fast64_t failures;
    atomic_uint_fast64_t reopened;
};

/* ---- Taking turns ---- */

static struct timespec wait_until(const struct task *t)
{
    int64_t wait = task_time_left(t, WAIT_MOST);
    int64_t until = clock_monotonic() + (wait < WAIT_MOST ? wait : WAIT_MOST);
    return (struct timespec){.tv_sec = until / SECOND_MS,
                             .tv_nsec = until % SECOND_MS * 1000 * 1000};
}

static bool use_shared(struct task *t, struct keystore *ks)
{
    struct timespec until = wait_until(t);
    int error = pthread_rwlock_clockrdlock(&ks->use, CLOCK_MONOTONIC, &until);
    return error == 0 || fail_errno(t, E_TOKEN_FAILED, error, "waiting while the token is opened");
}

static bool use_exclusively(struct task *t, struct keystore *ks)
{
    struct timespec until = wait_until(t);
    int error = pthread_rwlock_clockwrlock(&ks->use, CLOCK_MONOTONIC, &until);
    return error == 0 || fail_errno(t, E_TOKEN_FAILED, error, "waiting for signatures under way");
}

static void use_end(struct keystore *ks)
{
    (void)pthread_rwlock_unlock(&ks->use);
}

/* Writers first: a stream of signatures must not keep the token from being opened anew. */
static void make_lock(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attributes;
    (void)pthread_rwlockattr_init(&attributes);
    (void)pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    (void)pthread_rwlock_init(lock, &attributes);
    (void)pthread_rwlockattr_destroy(&attributes);
}

/* ---- Opening, and opening anew ---- */

static void detach_keys(struct keystore *ks)
{
    for (struct keystore_key *key = ks->keys; key != NULL; key = key->next) {
        EVP_PKEY_free(key->in_token);
        key->in_token = NULL;
    }
}

/* The same key, not another one that has got its label. */
static bool attach(struct task *t, const struct token *token, struct keystore_key *key)
{
    EVP_PKEY *found;
    unsigned char *der = NULL;
    TRY(token_find_key(t, token, key->label, &found));
    int len = i2d_PUBKEY(found, &der);
    bool same = len > 0 && bytes_equal(bytes_make(der, (size_t)len), key->spki);
    OPENSSL_free(der);
    if (!same) {
        EVP_PKEY_free(found);
        return fail(t, E_TOKEN_KEY, "another key has got the label %s", key->label);
    }
    key->in_token = found;
    return true;
}

static bool open_anew(struct task *t, struct keystore *ks)
{
    int64_t now = clock_monotonic();
    ENSURE(t, now >= ks->not_before, E_TOKEN_FAILED,
           "the token was lost; it is opened anew in %lld ms at the earliest",
           (long long)(ks->not_before - now));
    bool helped = atomic_exchange(&ks->proven, false);
    int64_t doubled = ks->pause < REOPEN_PAUSE_MOST / 2 ? 2 * ks->pause : REOPEN_PAUSE_MOST;
    ks->pause = helped ? REOPEN_PAUSE_LEAST : doubled;
    detach_keys(ks);
    token_close(&ks->token);
    bool opened = token_open(t, &ks->place, &ks->token);
    ks->not_before = clock_monotonic() + ks->pause;
    if (!opened)
        return fail_context(t, "the token was lost and could not be opened anew");
    ks->opening++;
    atomic_fetch_add(&ks->reopened, 1);
    for (struct keystore_key *key = ks->keys; key != NULL; key = key->next) {
        if (!attach(t, &ks->token, key))
            task_forgive(t); /* whoever signs with it will find it missing */
    }
    return true;
}

/* Exclusively: the token is logged in, if need be anew. */
static bool ensure_open(struct task *t, struct keystore *ks)
{
    return token_is_open(&ks->token) || open_anew(t, ks);
}

/* `seen`: the opening in which a signature failed.  The first to come opens for all. */
static bool reopen(struct task *t, struct keystore *ks, uint64_t seen)
{
    TRY(use_exclusively(t, ks));
    bool good = ks->opening != seen || open_anew(t, ks);
    use_end(ks);
    return good;
}

static bool copy_place(struct task *t, const struct keystore_options *options, struct keystore *ks)
{
    const char *path;
    TRY(pin_path(t, options->pin_file, &path));
    ks->place = (struct token_place){
        .module = arena_strdup(ks->arena, options->module),
        .label = arena_strdup(ks->arena, options->token),
        .pin_path = arena_strdup(ks->arena, path),
        .state = arena_strdup(ks->arena, options->state),
    };
    return true;
}

bool keystore_open(struct task *t, const struct keystore_options *options, struct keystore **ret)
{
    ENSURE(t, sodium_init() >= 0, E_INTERNAL, "libsodium does not start");
    /* Otherwise p11-kit would load every module of the system beside ours. */
    int error = gnutls_pkcs11_init(GNUTLS_PKCS11_FLAG_MANUAL, NULL);
    ENSURE(t, error == 0, E_TOKEN_MODULE, "GnuTLS: %s", gnutls_strerror(error));

    struct arena *arena = arena_create();
    struct keystore *ks = arena_alloc(arena, sizeof(*ks));
    ks->arena = arena;
    ks->opening = 1;
    ks->pause = REOPEN_PAUSE_LEAST;
    make_lock(&ks->use);
    if (!copy_place(t, options, ks) || !key_method_make(t, &ks->method) ||
        !token_open(t, &ks->place, &ks->token)) {
        keystore_close(ks);
        return false;
    }
    *ret = ks;
    return true;
}

void keystore_close(struct keystore *ks)
{
    if (ks == NULL)
        return;
    detach_keys(ks);
    for (struct keystore_key *key = ks->keys; key != NULL; key = key->next) {
        EVP_PKEY_free(key->evp);
        if (key->gnutls != NULL)
            gnutls_privkey_deinit(key->gnutls);
    }
    token_close(&ks->token);
    key_method_free(ks->method);
    (void)pthread_rwlock_destroy(&ks->use);
    arena_destroy(ks->arena);
}

static void close_keystore(void *ks)
{
    keystore_close(ks);
}

void keystore_close_with(struct keystore *ks, struct arena *arena)
{
    arena_defer(arena, close_keystore, ks);
}

/* ---- Keys ---- */

static struct keystore_key *known_key(const struct keystore *ks, const char *label)
{
    for (struct keystore_key *key = ks->keys; key != NULL; key = key->next) {
        if (strcmp(key->label, label) == 0)
            return key;
    }
    return NULL;
}

/* P-256 and P-384 only. */
static bool describe(struct task *t, EVP_PKEY *found, struct keystore_key *key)
{
    unsigned char *der = NULL;
    key->bits = (unsigned)EVP_PKEY_get_bits(found);
    ENSURE(t, EVP_PKEY_get_base_id(found) == EVP_PKEY_EC && (key->bits == 256 || key->bits == 384),
           E_TOKEN_KEY, "key %s is neither P-256 nor P-384", key->label);
    int len = i2d_PUBKEY(found, &der);
    ENSURE(t, len > 0, E_TOKEN_KEY, "key %s has no public half that can be read", key->label);
    key->spki = bytes_copy(key->keystore->arena, bytes_make(der, (size_t)len));
    OPENSSL_free(der);
    return true;
}

static bool make_handle(struct task *t, struct keystore *ks, const char *label, EVP_PKEY *found,
                        struct keystore_key **ret)
{
    struct keystore_key *key = arena_alloc(ks->arena, sizeof(*key));
    key->keystore = ks;
    key->label = arena_strdup(ks->arena, label);
    if (!describe(t, found, key) || !key_make_evp(t, ks->method, key) || !key_make_gnutls(t, key)) {
        EVP_PKEY_free(key->evp);
        return false;
    }
    *ret = key;
    return true;
}

/* Exclusively. */
static bool take_key(struct task *t, struct keystore *ks, const char *label,
                     struct keystore_key **ret)
{
    EVP_PKEY *found;
    struct keystore_key *key = known_key(ks, label);
    if (key == NULL) {
        TRY(token_find_key(t, &ks->token, label, &found));
        if (!make_handle(t, ks, label, found, &key)) {
            EVP_PKEY_free(found);
            return false;
        }
        key->in_token = found;
        key->next = ks->keys;
        ks->keys = key;
    }
    *ret = key;
    return true;
}

bool keystore_find(struct task *t, struct keystore *ks, const char *label,
                   struct keystore_key **ret)
{
    TRY(use_exclusively(t, ks));
    bool good = ensure_open(t, ks) && take_key(t, ks, label, ret);
    use_end(ks);
    return good;
}

bool keystore_generate(struct task *t, struct keystore *ks, const char *label,
                       enum keystore_kind kind, struct keystore_key **ret)
{
    TRY(use_exclusively(t, ks));
    bool good = ensure_open(t, ks) &&
                generate_key_pair(t, ks->token.module, token_slot(&ks->token), label, kind) &&
                take_key(t, ks, label, ret);
    use_end(ks);
    return good;
}

const char *keystore_key_label(const struct keystore_key *key)
{
    return key->label;
}

struct bytes keystore_key_spki(const struct keystore_key *key)
{
    return key->spki;
}

EVP_PKEY *keystore_key_evp(struct keystore_key *key)
{
    return key->evp;
}

gnutls_privkey_t keystore_key_gnutls(struct keystore_key *key)
{
    return key->gnutls;
}

/* ---- Signing ---- */

static bool sign_once(struct task *t, struct keystore_key *key, struct bytes digest,
                      uint64_t *ret_opening, struct bytes *ret)
{
    struct keystore *ks = key->keystore;
    TRY(use_shared(t, ks));
    *ret_opening = ks->opening;
    bool good = key->in_token == NULL
                    ? fail(t, E_TOKEN_KEY, "key %s is not in the token now", key->label)
                    : token_sign(t, key->in_token, digest, ret);
    use_end(ks);
    if (good && !atomic_load(&ks->proven))
        atomic_store(&ks->proven, true);
    return good;
}

static bool sign_digest(struct task *t, struct keystore_key *key, struct bytes digest,
                        struct bytes *ret)
{
    uint64_t opening = 0;
    if (sign_once(t, key, digest, &opening, ret))
        return true;
    if (opening == 0) /* it was not even our turn */
        return false;
    /* Modules differ in what they say when a session is lost: any failure is taken for that. */
    TRY(reopen(t, key->keystore, opening));
    task_forgive(t);
    return sign_once(t, key, digest, &opening, ret);
}

bool keystore_sign_digest(struct task *t, struct keystore_key *key, struct bytes digest,
                          struct bytes *ret)
{
    struct keystore *ks = key->keystore;
    ENSURE(t, digest.len == 32 || digest.len == 48 || digest.len == 64, E_INVALID,
           "%zu octets are no digest of SHA-256, SHA-384 or SHA-512", digest.len);
    if (digest.len > key->bits / 8)
        digest.len = key->bits / 8;
    if (!sign_digest(t, key, digest, ret)) {
        atomic_fetch_add(&ks->failures, 1);
        return fail_context(t, "signing with %s", key->label);
    }
    atomic_fetch_add(&ks->signatures, 1);
    return true;
}

bool keystore_sign(struct task *t, struct keystore_key *key, enum keystore_hash hash,
                   struct bytes data, struct bytes *ret)
{
    const EVP_MD *md = hash == KEYSTORE_SHA256   ? EVP_sha256()
                       : hash == KEYSTORE_SHA384 ? EVP_sha384()
                                                 : EVP_sha512();
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    ENSURE(t, EVP_Digest(data.data, data.len, digest, &len, md, NULL) == 1, E_INTERNAL,
           "no digest");
    return keystore_sign_digest(t, key, bytes_make(digest, len), ret);
}

/* ---- Sealing ---- */

/*
 * What is sealed: a version, the IV and the encrypted data key as the token's AES key has made
 * them, and the octets as the data key has encrypted them, behind their nonce.
 */
#define SEAL_VERSION 1
#define SEAL_NONCE   crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define SEAL_TAG     crypto_aead_xchacha20poly1305_ietf_ABYTES
#define SEAL_HEAD    (1U + SEAL_IV_LEN + SEAL_BLOCK_LEN + SEAL_NONCE)
static_assert(SEAL_BLOCK_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "the data key's size");

/* seal_encrypt() or seal_decrypt() */
typedef bool (*seal_fn)(struct task *t, CK_FUNCTION_LIST *module, CK_SLOT_ID slot,
                        const uint8_t *iv, const uint8_t *in, uint8_t *out);

static bool crypt_once(struct task *t, struct keystore *ks, seal_fn crypt, const uint8_t *iv,
                       const uint8_t *in, uint8_t *out)
{
    TRY(use_shared(t, ks));
    bool good = ks->token.slot == NULL
                    ? fail(t, E_TOKEN_FAILED, "the token is not open now")
                    : crypt(t, ks->token.module, token_slot(&ks->token), iv, in, out);
    use_end(ks);
    return good;
}

/* The token is logged in, and when `make` it has the sealing key. */
static bool mend(struct task *t, struct keystore *ks, bool make)
{
    TRY(use_exclusively(t, ks));
    bool good = ensure_open(t, ks) &&
                (!make || seal_key_ensure(t, ks->token.module, token_slot(&ks->token)));
    use_end(ks);
    return good;
}

/* A token that was lost shows no keys, so any failure may be that. */
static bool crypt_in_token(struct task *t, struct keystore *ks, seal_fn crypt, const uint8_t *iv,
                           const uint8_t *in, uint8_t *out)
{
    if (crypt_once(t, ks, crypt, iv, in, out))
        return true;
    task_forgive(t);
    return mend(t, ks, crypt == seal_encrypt) && crypt_once(t, ks, crypt, iv, in, out);
}

bool keystore_seal(struct task *t, struct keystore *ks, struct bytes plain, struct bytes context,
                   struct bytes *ret)
{
    const size_t len = SEAL_HEAD + plain.len + SEAL_TAG;
    uint8_t *sealed = arena_alloc(t->arena, len);
    uint8_t *iv = sealed + 1;
    uint8_t *wrapped = iv + SEAL_IV_LEN;
    uint8_t *nonce = wrapped + SEAL_BLOCK_LEN;
    uint8_t *key = arena_secret(t->arena, SEAL_BLOCK_LEN);
    sealed[0] = SEAL_VERSION;
    randombytes_buf(iv, SEAL_IV_LEN);
    randombytes_buf(nonce, SEAL_NONCE);
    randombytes_buf(key, SEAL_BLOCK_LEN);
    TRY(crypt_in_token(t, ks, seal_encrypt, iv, key, wrapped));
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + SEAL_HEAD, NULL, plain.data,
                                                     plain.len, context.data, context.len, NULL,
                                                     nonce, key);
    *ret = bytes_make(sealed, len);
    return true;
}

bool keystore_unseal(struct task *t, struct keystore *ks, struct bytes sealed, struct bytes context,
                     struct bytes *ret)
{
    ENSURE(t, sealed.len >= SEAL_HEAD + SEAL_TAG && sealed.data[0] == SEAL_VERSION, E_TOKEN_SEAL,
           "%zu octets are nothing that was sealed here", sealed.len);
    const uint8_t *iv = sealed.data + 1;
    const uint8_t *wrapped = iv + SEAL_IV_LEN;
    const uint8_t *nonce = wrapped + SEAL_BLOCK_LEN;
    const size_t len = sealed.len - SEAL_HEAD - SEAL_TAG;
    uint8_t *key = arena_secret(t->arena, SEAL_BLOCK_LEN);
    uint8_t *plain = arena_secret(t->arena, len);
    TRY(crypt_in_token(t, ks, seal_decrypt, iv, wrapped, key));
    ENSURE(t,
           crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed.data + SEAL_HEAD,
                                                      len + SEAL_TAG, context.data, context.len,
                                                      nonce, key) == 0,
           E_TOKEN_SEAL, "it was sealed by another token, in another context, or was altered");
    *ret = bytes_make(plain, len);
    return true;
}

struct keystore_figures keystore_figures(struct keystore *ks)
{
    return (struct keystore_figures){
        .signatures = atomic_load(&ks->signatures),
        .failures = atomic_load(&ks->failures),
        .reopened = atomic_load(&ks->reopened),
    };
}
