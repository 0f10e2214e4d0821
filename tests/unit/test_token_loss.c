/* What the keystore does when the token drops its sessions, or is away, or hangs. */
#include "tests/unit/softhsm.h"

#include "core/base/clock.h"

#include <pthread.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

struct scene {
    struct task *t;
    struct softhsm *hsm;
    struct token_shim *shim;
    struct keystore *ks;
    struct keystore_key *key;
    EVP_PKEY *evp; /* the key as libcrypto got it before anything happened */
};

static struct scene scene_open(void **state)
{
    struct scene s = {.t = test_task(state), .shim = softhsm_controls()};
    s.hsm = softhsm_fresh(state, SOFTHSM_SHIM);
    assert_ok(s.t, keystore_open(s.t, &s.hsm->options, &s.ks));
    assert_ok(s.t, keystore_generate(s.t, s.ks, "registrar", KEYSTORE_P256, &s.key));
    s.evp = keystore_key_evp(s.key);
    return s;
}

static void sleep_ms(int64_t ms)
{
    const struct timespec pause = {.tv_sec = ms / SECOND_MS,
                                   .tv_nsec = ms % SECOND_MS * 1000 * 1000};
    (void)nanosleep(&pause, NULL);
}

/* Signs as libcrypto does, and verifies with the public key alone. */
static bool evp_signs(struct arena *arena, EVP_PKEY *key)
{
    uint8_t signature[256];
    size_t len = sizeof(signature);
    struct bytes data = bytes_random(arena, 50);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestSign(context, signature, &len, data.data, data.len) == 1;
    EVP_MD_CTX_free(context);
    if (!good)
        return false;
    unsigned char *der = NULL;
    int der_len = i2d_PUBKEY(key, &der);
    const unsigned char *at = der;
    EVP_PKEY *public_key = d2i_PUBKEY(NULL, &at, der_len);
    context = EVP_MD_CTX_new();
    good = EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, public_key) == 1 &&
           EVP_DigestVerify(context, signature, len, data.data, data.len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(public_key);
    OPENSSL_free(der);
    return good;
}

/* ---- Sessions dropped, in the ways an HSM or another user of the module can ---- */

static void drop_by_closing(const struct scene *s)
{
    assert_int_equal(s->hsm->raw->C_CloseAllSessions(softhsm_slot(s->hsm)), CKR_OK);
}

static void drop_by_logout(const struct scene *s)
{
    CK_SESSION_HANDLE session;
    assert_int_equal(
        s->hsm->raw->C_OpenSession(softhsm_slot(s->hsm), CKF_SERIAL_SESSION, NULL, NULL, &session),
        CKR_OK);
    assert_int_equal(s->hsm->raw->C_Logout(session), CKR_OK);
    assert_int_equal(s->hsm->raw->C_CloseSession(session), CKR_OK);
}

static void drop_by_restart(const struct scene *s)
{
    softhsm_restart(s->hsm);
}

static void drop_by_invalidating(const struct scene *s)
{
    atomic_store(&s->shim->dropped, atomic_load(&s->shim->latest));
}

static void (*const drops[])(const struct scene *) = {drop_by_closing, drop_by_logout,
                                                      drop_by_restart, drop_by_invalidating};

static void next_signature_opens_the_token_anew(void **state)
{
    struct scene s = scene_open(state);
    for (size_t i = 0; i < ARRAY_SIZE(drops); i++) {
        assert_true(evp_signs(s.t->arena, s.evp));
        sleep_ms(150);
        drops[i](&s);
        assert_true(evp_signs(s.t->arena, s.evp));
        assert_int_equal(keystore_figures(s.ks).reopened, i + 1);
    }
    assert_int_equal(keystore_figures(s.ks).failures, 0);
    assert_ptr_equal(keystore_key_evp(s.key), s.evp);
    keystore_close(s.ks);
}

static void next_search_opens_the_token_anew(void **state)
{
    struct scene s = scene_open(state);
    struct keystore_key *other;
    drop_by_logout(&s);
    assert_ok(s.t, keystore_generate(s.t, s.ks, "other", KEYSTORE_P384, &other));
    assert_int_equal(keystore_figures(s.ks).reopened, 1);
    assert_true(evp_signs(s.t->arena, keystore_key_evp(other)));
    assert_true(evp_signs(s.t->arena, s.evp));
    assert_int_equal(keystore_figures(s.ks).reopened, 1);
    keystore_close(s.ks);
}

#define THREADS 16
#define DROPS   5

struct signer {
    pthread_t thread;
    EVP_PKEY *key;
    const atomic_bool *stop;
    unsigned good;
    unsigned bad;
};

static void *sign_until_stopped(void *arg)
{
    struct signer *s = arg;
    while (!atomic_load(s->stop)) {
        CLEANUP(arena_cleanup) struct arena *arena = arena_create();
        if (evp_signs(arena, s->key))
            s->good++;
        else
            s->bad++;
    }
    return NULL;
}

static void no_thread_notices_that_sessions_were_dropped(void **state)
{
    struct scene s = scene_open(state);
    struct signer signers[THREADS] = {{.good = 0}};
    atomic_bool stop = false;
    for (size_t i = 0; i < THREADS; i++) {
        signers[i] = (struct signer){.key = s.evp, .stop = &stop};
        assert_int_equal(pthread_create(&signers[i].thread, NULL, sign_until_stopped, &signers[i]),
                         0);
    }
    atomic_store(&s.shim->sign_takes_ms, 2);
    for (unsigned i = 0; i < DROPS; i++) {
        sleep_ms(200);
        drop_by_invalidating(&s);
        int64_t until = clock_monotonic() + 10 * SECOND_MS;
        while (keystore_figures(s.ks).reopened <= i && clock_monotonic() < until)
            sleep_ms(10);
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(signers[i].thread, NULL), 0);
        assert_int_equal(signers[i].bad, 0);
        assert_true(signers[i].good > 0);
    }
    assert_int_equal(keystore_figures(s.ks).failures, 0);
    /* One thread opens it for all. */
    assert_int_equal(keystore_figures(s.ks).reopened, DROPS);
    /* And not while another is in the middle of a signature. */
    assert_int_equal(atomic_load(&s.shim->closed_while_signing), 0);
    keystore_close(s.ks);
}

static void more_threads_than_sessions_take_turns(void **state)
{
    struct scene s = scene_open(state);
    struct signer signers[THREADS] = {{.good = 0}};
    atomic_bool stop = false;
    atomic_store(&s.shim->most, 3);
    atomic_store(&s.shim->sign_takes_ms, 5);
    for (size_t i = 0; i < THREADS; i++) {
        signers[i] = (struct signer){.key = s.evp, .stop = &stop};
        assert_int_equal(pthread_create(&signers[i].thread, NULL, sign_until_stopped, &signers[i]),
                         0);
    }
    sleep_ms(500);
    atomic_store(&stop, true);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(signers[i].thread, NULL), 0);
        assert_int_equal(signers[i].bad, 0);
    }
    assert_true(atomic_load(&s.shim->open) <= 3);
    assert_int_equal(keystore_figures(s.ks).reopened, 0);
    keystore_close(s.ks);
}

/* ---- A token that is away ---- */

static void opening_does_not_hang_on_a_token_that_gives_no_session(void **state)
{
    struct task *t = test_task(state);
    struct token_shim *shim = softhsm_controls();
    struct softhsm *hsm = softhsm_fresh(state, SOFTHSM_SHIM);
    struct keystore *ks;
    atomic_store(&shim->open_session, CKR_DEVICE_ERROR);
    assert_fails(t, keystore_open(t, &hsm->options, &ks), E_TOKEN_FAILED);
    assert_int_equal(atomic_load(&shim->logins), 0);
    atomic_store(&shim->open_session, CKR_OK);
    assert_ok(t, keystore_open(t, &hsm->options, &ks));
    keystore_close(ks);
}

static void token_that_is_away_is_tried_now_and_then(void **state)
{
    struct scene s = scene_open(state);
    struct keystore_key *other;
    struct bytes signature;
    unsigned before = atomic_load(&s.shim->tries);
    drop_by_invalidating(&s);
    atomic_store(&s.shim->open_session, CKR_DEVICE_REMOVED);
    for (int i = 0; i < 1000; i++)
        assert_fails(s.t,
                     keystore_sign(s.t, s.key, KEYSTORE_SHA256, BYTES_LITERAL("x"), &signature),
                     E_TOKEN_FAILED);
    assert_detail(s.t, "registrar");
    assert_int_equal(keystore_figures(s.ks).failures, 1000);
    assert_true(atomic_load(&s.shim->tries) - before < 20);
    assert_fails(s.t, keystore_find(s.t, s.ks, "other", &other), E_TOKEN_FAILED);

    atomic_store(&s.shim->open_session, CKR_OK);
    int64_t until = clock_monotonic() + 10 * SECOND_MS;
    while (!evp_signs(s.t->arena, s.evp) && clock_monotonic() < until)
        sleep_ms(50);
    assert_true(evp_signs(s.t->arena, s.evp));
    keystore_close(s.ks);
}

static void key_that_is_gone_is_not_replaced_by_its_namesake(void **state)
{
    struct scene s = scene_open(state);
    struct bytes signature;
    const char *tool = arena_printf(
        s.t->arena, "pkcs11-tool --module %s --token-label '%s' --login --pin $(cat '%s')",
        SOFTHSM_MODULE, s.hsm->options.token, s.hsm->options.pin_file);
    (void)run_command(s.t, "%s --delete-object --type privkey --label registrar 2>&1", tool);
    (void)run_command(s.t, "%s --keypairgen --key-type EC:prime256v1 --label registrar 2>&1", tool);
    drop_by_restart(&s);
    assert_fails(s.t, keystore_sign(s.t, s.key, KEYSTORE_SHA256, BYTES_LITERAL("x"), &signature),
                 E_TOKEN_KEY);
    keystore_close(s.ks);
}

/* ---- The caller's patience ---- */

struct slow_signer {
    struct keystore_key *key;
    bool good;
};

static void *sign_slowly(void *arg)
{
    struct slow_signer *s = arg;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct bytes signature;
    task_init(&t, arena, NULL);
    s->good = keystore_sign(&t, s->key, KEYSTORE_SHA256, BYTES_LITERAL("x"), &signature);
    return NULL;
}

static void waiting_for_a_slow_signature_ends_at_the_deadline(void **state)
{
    struct scene s = scene_open(state);
    struct slow_signer slow = {.key = s.key};
    struct keystore_key *other;
    pthread_t thread;
    atomic_store(&s.shim->sign_takes_ms, 900);
    assert_int_equal(pthread_create(&thread, NULL, sign_slowly, &slow), 0);
    while (atomic_load(&s.shim->signing) == 0)
        sleep_ms(1);
    s.t->deadline = clock_monotonic() + 100;
    assert_fails(s.t, keystore_find(s.t, s.ks, "other", &other), E_TOKEN_FAILED);
    assert_detail(s.t, "waiting");
    assert_int_equal(atomic_load(&s.shim->signing), 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(slow.good);
    keystore_close(s.ks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(next_signature_opens_the_token_anew),
        UNIT_TEST(next_search_opens_the_token_anew),
        UNIT_TEST(no_thread_notices_that_sessions_were_dropped),
        UNIT_TEST(more_threads_than_sessions_take_turns),
        UNIT_TEST(opening_does_not_hang_on_a_token_that_gives_no_session),
        UNIT_TEST(token_that_is_away_is_tried_now_and_then),
        UNIT_TEST(key_that_is_gone_is_not_replaced_by_its_namesake),
        UNIT_TEST(waiting_for_a_slow_signature_ends_at_the_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
