/* The public-key operations of one onboarding, or of one enrolment by EST, and nothing else. */
#include "tests/bench/floors.h"

#include <openssl/ec.h>
#include <openssl/evp.h>

#define DIGEST_LEN    32
#define SIGNATURE_MAX 80
#define SHARED_LEN    32

struct operations {
    int signatures;
    int verifications;
    int agreements;
};
/*
 * Signatures: the TLS server's, the registrar's request, the certificate.  Verifications: client's
 * in TLS, its chain, request, voucher and its chain, CSR, ...
 */
static const struct operations of_onboarding = {3, 7, 1};
/* The certificate; the CSR. */
static const struct operations of_enrolment = {1, 1, 0};
/* The TLS server's besides; the client's in TLS and its certificate's. */
static const struct operations of_enrolment_anew = {2, 3, 1};

struct bare {
    const struct operations *operations;
    EVP_PKEY *key;
    EVP_PKEY_CTX *signing;
    EVP_PKEY_CTX *verifying;
    uint8_t digest[DIGEST_LEN];
    uint8_t signature[SIGNATURE_MAX];
    size_t signature_len;
};

static bool agree(EVP_PKEY *peer)
{
    uint8_t shared[SHARED_LEN];
    size_t len = sizeof(shared);
    EVP_PKEY *own = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    EVP_PKEY_CTX *ctx = own == NULL ? NULL : EVP_PKEY_CTX_new(own, NULL);
    bool good = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
                EVP_PKEY_derive_set_peer(ctx, peer) == 1 && EVP_PKEY_derive(ctx, shared, &len) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(own);
    return good;
}

static bool sign(struct bare *bare)
{
    bare->signature_len = sizeof(bare->signature);
    return EVP_PKEY_sign(bare->signing, bare->signature, &bare->signature_len, bare->digest,
                         sizeof(bare->digest)) == 1;
}

static bool verify(struct bare *bare)
{
    return EVP_PKEY_verify(bare->verifying, bare->signature, bare->signature_len, bare->digest,
                           sizeof(bare->digest)) == 1;
}

static bool operate(struct task *t, void *arg, struct stopwatch *watch)
{
    struct bare *bare = arg;
    bool good = true;
    stopwatch_go(watch);
    for (int i = 0; i < bare->operations->signatures; i++)
        good = good && sign(bare);
    for (int i = 0; i < bare->operations->verifications; i++)
        good = good && verify(bare);
    for (int i = 0; i < bare->operations->agreements; i++)
        good = good && agree(bare->key);
    stopwatch_halt(watch);
    ENSURE(t, good, E_INTERNAL, "libcrypto did not do what was asked");
    return true;
}

static bool prepare(struct task *t, const struct operations *operations, void **ret)
{
    struct bare *bare = arena_alloc(t->arena, sizeof(*bare));
    bare->operations = operations;
    bare->key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    ARENA_DEFER(t->arena, EVP_PKEY_free, bare->key);
    bare->signing = EVP_PKEY_CTX_new(bare->key, NULL);
    ARENA_DEFER(t->arena, EVP_PKEY_CTX_free, bare->signing);
    bare->verifying = EVP_PKEY_CTX_new(bare->key, NULL);
    ARENA_DEFER(t->arena, EVP_PKEY_CTX_free, bare->verifying);
    *ret = bare;
    ENSURE(t, EVP_PKEY_sign_init(bare->signing) == 1 && EVP_PKEY_verify_init(bare->verifying) == 1,
           E_INTERNAL, "libcrypto did not do what was asked");
    return true;
}

static bool prepare_onboarding(struct task *t, const struct scene *scene, void **ret)
{
    (void)scene;
    return prepare(t, &of_onboarding, ret);
}

static bool prepare_enrolment(struct task *t, const struct scene *scene, void **ret)
{
    (void)scene;
    return prepare(t, &of_enrolment, ret);
}

static bool prepare_enrolment_anew(struct task *t, const struct scene *scene, void **ret)
{
    (void)scene;
    return prepare(t, &of_enrolment_anew, ret);
}

const struct part part_bare = {
    .name = "bare",
    .at_once = 1,
    .prepare = prepare_onboarding,
    .once = operate,
};
const struct part part_bare_enrolment = {
    .name = "bare-enrolment",
    .at_once = 1,
    .prepare = prepare_enrolment,
    .once = operate,
};
const struct part part_bare_enrolment_anew = {
    .name = "bare-enrolment-anew",
    .at_once = 1,
    .prepare = prepare_enrolment_anew,
    .once = operate,
};
