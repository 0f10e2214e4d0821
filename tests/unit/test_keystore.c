/* The keystore: preparing a token, making and finding keys, signing with them. */
#include "tests/unit/softhsm.h"

#include "core/base/file.h"

#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

static struct keystore *open_keystore(struct task *t, const struct softhsm *hsm)
{
    struct keystore *ks = NULL;
    assert_ok(t, keystore_open(t, &hsm->options, &ks));
    return ks;
}

static bool verifies(struct bytes spki, struct bytes data, const char *hash, struct bytes signature)
{
    const unsigned char *der = spki.data;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &der, (long)spki.len);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = key != NULL &&
                EVP_DigestVerifyInit_ex(context, NULL, hash, NULL, NULL, key, NULL) == 1 &&
                EVP_DigestVerify(context, signature.data, signature.len, data.data, data.len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return good;
}

static unsigned mode_of(const char *path)
{
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    return facts.st_mode & 07777U;
}

/* ---- Preparing ---- */

static void prepared_token_has_its_pins_in_private_files(void **state)
{
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_blank(state, SOFTHSM_MODULE);
    struct bytes user_pin;
    struct bytes so_pin;
    bool made = false;
    assert_ok(t, keystore_prepare(t, &hsm->options, hsm->so_pin_file, &made));
    assert_true(made);
    assert_int_equal(mode_of(hsm->options.pin_file), 0600);
    assert_int_equal(mode_of(hsm->so_pin_file), 0600);
    assert_ok(t, file_read_secret(t, hsm->options.pin_file, PIN_MAX, &user_pin));
    assert_ok(t, file_read_secret(t, hsm->so_pin_file, PIN_MAX, &so_pin));
    assert_true(user_pin.len >= 16);
    assert_false(bytes_equal(user_pin, so_pin));
    keystore_close(open_keystore(t, hsm));
}

static void token_that_is_there_is_left_alone(void **state)
{
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_fresh(state, SOFTHSM_MODULE);
    struct keystore_key *key;
    bool made = true;
    struct keystore *ks = open_keystore(t, hsm);
    assert_ok(t, keystore_generate(t, ks, "kept", KEYSTORE_P256, &key));
    keystore_close(ks);
    assert_ok(t, keystore_prepare(t, &hsm->options, hsm->so_pin_file, &made));
    assert_false(made);
    ks = open_keystore(t, hsm);
    assert_ok(t, keystore_find(t, ks, "kept", &key));
    keystore_close(ks);
}

static void preparing_that_was_cut_short_is_finished(void **state)
{
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_blank(state, SOFTHSM_MODULE);
    CK_UTF8CHAR so_pin[] = "123456789012";
    CK_UTF8CHAR label[33] = "test token                      ";
    CK_SLOT_ID slots[4];
    CK_ULONG count = ARRAY_SIZE(slots);
    bool made = false;
    assert_int_equal(hsm->raw->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    assert_int_equal(hsm->raw->C_InitToken(slots[0], so_pin, strlen((char *)so_pin), label),
                     CKR_OK);

    /* Without the SO PIN nobody can finish it. */
    assert_fails(t, keystore_prepare(t, &hsm->options, hsm->so_pin_file, &made), E_TOKEN_PIN);
    assert_ok(t, file_write(t, hsm->so_pin_file, bytes_of_text((char *)so_pin), 0600));
    assert_ok(t, keystore_prepare(t, &hsm->options, hsm->so_pin_file, &made));
    assert_true(made);
    keystore_close(open_keystore(t, hsm));
}

static void given_pin_is_used(void **state)
{
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_blank(state, SOFTHSM_MODULE);
    struct bytes pin;
    bool made = false;
    assert_ok(t, file_write(t, hsm->options.pin_file, BYTES_LITERAL("my own PIN\n"), 0600));
    assert_ok(t, keystore_prepare(t, &hsm->options, hsm->so_pin_file, &made));
    assert_ok(t, file_read_secret(t, hsm->options.pin_file, PIN_MAX, &pin));
    assert_bytes_equal(t, pin, BYTES_LITERAL("my own PIN"));
    keystore_close(open_keystore(t, hsm));
    (void)run_command(t, "pkcs11-tool --module %s --token-label '%s' --login --pin 'my own PIN' -O",
                      SOFTHSM_MODULE, hsm->options.token);
}

static void what_is_no_module_is_said_so(void **state)
{
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_fresh(state, SOFTHSM_MODULE);
    struct keystore *ks;
    hsm->options.module = "/nonexistent/module.so";
    assert_fails(t, keystore_open(t, &hsm->options, &ks), E_TOKEN_MODULE);
    assert_detail(t, "/nonexistent/module.so");
    hsm->options.module = "libm.so.6";
    assert_fails(t, keystore_open(t, &hsm->options, &ks), E_TOKEN_MODULE);
    assert_detail(t, "no PKCS#11 module");
}

static void absent_token_is_named(void **state)
{
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_fresh(state, SOFTHSM_MODULE);
    struct keystore *ks;
    hsm->options.token = "another token";
    assert_fails(t, keystore_open(t, &hsm->options, &ks), E_TOKEN_ABSENT);
    assert_detail(t, "another token");
}

/* ---- Keys ---- */

static void pkcs11_tool_sees_a_key_that_cannot_leave(void **state)
{
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_fresh(state, SOFTHSM_MODULE);
    struct keystore_key *key;
    struct keystore *ks = open_keystore(t, hsm);
    assert_ok(t, keystore_generate(t, ks, "gatehouse-root", KEYSTORE_P256, &key));
    const char *tool = arena_printf(
        t->arena, "pkcs11-tool --module %s --token-label '%s' --login --pin $(cat '%s')",
        SOFTHSM_MODULE, hsm->options.token, hsm->options.pin_file);
    const char *listing = run_command(t, "%s -O --type privkey", tool);
    assert_non_null(strstr(listing, "Private Key Object; EC"));
    assert_non_null(strstr(listing, "label:      gatehouse-root\n"));
    assert_non_null(strstr(listing, "Usage:      sign\n"));
    assert_non_null(
        strstr(listing, "Access:     sensitive, always sensitive, never extractable, local\n"));
    listing = run_command(t, "%s -O --type pubkey", tool);
    assert_non_null(strstr(listing, "Public Key Object; EC  EC_POINT 256 bits"));
    keystore_close(ks);
}

static void handle_is_the_same_each_time(void **state)
{
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_fresh(state, SOFTHSM_MODULE);
    struct keystore_key *made;
    struct keystore_key *found;
    struct keystore *ks = open_keystore(t, hsm);
    assert_ok(t, keystore_generate(t, ks, "one", KEYSTORE_P256, &made));
    assert_ok(t, keystore_find(t, ks, "one", &found));
    assert_ptr_equal(made, found);
    assert_string_equal(keystore_key_label(found), "one");
    struct bytes spki = bytes_copy(t->arena, keystore_key_spki(found));
    keystore_close(ks);
    ks = open_keystore(t, hsm);
    assert_ok(t, keystore_find(t, ks, "one", &found));
    assert_bytes_equal(t, keystore_key_spki(found), spki);
    keystore_close(ks);
}

static void taken_label_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_fresh(state, SOFTHSM_MODULE);
    struct keystore_key *key;
    struct keystore *ks = open_keystore(t, hsm);
    assert_ok(t, keystore_generate(t, ks, "one", KEYSTORE_P256, &key));
    assert_fails(t, keystore_generate(t, ks, "one", KEYSTORE_P384, &key), E_EXISTS);
    assert_detail(t, "one");
    keystore_close(ks);
}

static void missing_key_is_named(void **state)
{
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_fresh(state, SOFTHSM_MODULE);
    struct keystore_key *key;
    struct keystore *ks = open_keystore(t, hsm);
    assert_fails(t, keystore_find(t, ks, "nobody", &key), E_TOKEN_KEY);
    assert_detail(t, "nobody");
    assert_int_equal(keystore_figures(ks).reopened, 0);
    keystore_close(ks);
}

/* Makes a key as another program would. */
static void tool_makes_key(struct task *t, const struct softhsm *hsm, const char *type,
                           const char *label)
{
    (void)run_command(t,
                      "pkcs11-tool --module %s --token-label '%s' --login --pin $(cat '%s') "
                      "--keypairgen --key-type %s --label %s 2>&1",
                      SOFTHSM_MODULE, hsm->options.token, hsm->options.pin_file, type, label);
}

static void label_of_two_keys_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_fresh(state, SOFTHSM_MODULE);
    struct keystore_key *key;
    tool_makes_key(t, hsm, "EC:prime256v1 --id 01", "twin");
    tool_makes_key(t, hsm, "EC:prime256v1 --id 02", "twin");
    struct keystore *ks = open_keystore(t, hsm);
    assert_fails(t, keystore_find(t, ks, "twin", &key), E_TOKEN_KEY);
    assert_detail(t, "2 keys");
    keystore_close(ks);
}

static void keys_of_other_kinds_are_refused(void **state)
{
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_fresh(state, SOFTHSM_MODULE);
    struct keystore_key *key;
    tool_makes_key(t, hsm, "EC:secp521r1 --id 01", "long");
    tool_makes_key(t, hsm, "rsa:2048 --id 02", "other");
    struct keystore *ks = open_keystore(t, hsm);
    assert_fails(t, keystore_find(t, ks, "long", &key), E_TOKEN_KEY);
    assert_fails(t, keystore_find(t, ks, "other", &key), E_TOKEN_KEY);
    keystore_close(ks);
}

/* ---- Signing ---- */

static void each_hash_signs_with_each_curve(void **state)
{
    static const struct {
        enum keystore_kind kind;
        enum keystore_hash hash;
        const char *name;
    } cases[] = {
        {KEYSTORE_P256, KEYSTORE_SHA256, "SHA256"}, {KEYSTORE_P256, KEYSTORE_SHA384, "SHA384"},
        {KEYSTORE_P256, KEYSTORE_SHA512, "SHA512"}, {KEYSTORE_P384, KEYSTORE_SHA256, "SHA256"},
        {KEYSTORE_P384, KEYSTORE_SHA384, "SHA384"}, {KEYSTORE_P384, KEYSTORE_SHA512, "SHA512"},
    };
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_fresh(state, SOFTHSM_MODULE);
    struct bytes data = BYTES_LITERAL("registrar voucher request");
    struct keystore_key *keys[2];
    struct keystore *ks = open_keystore(t, hsm);
    assert_ok(t, keystore_generate(t, ks, "p256", KEYSTORE_P256, &keys[KEYSTORE_P256]));
    assert_ok(t, keystore_generate(t, ks, "p384", KEYSTORE_P384, &keys[KEYSTORE_P384]));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct keystore_key *key = keys[cases[i].kind];
        struct bytes signature;
        assert_ok(t, keystore_sign(t, key, cases[i].hash, data, &signature));
        assert_true(verifies(keystore_key_spki(key), data, cases[i].name, signature));
        assert_false(verifies(keystore_key_spki(key), BYTES_LITERAL("another one"), cases[i].name,
                              signature));
    }
    keystore_close(ks);
}

/* SoftHSM cuts it itself; other tokens refuse what is longer. */
static void token_gets_no_more_of_a_digest_than_the_curve_takes(void **state)
{
    struct task *t = test_task(state);
    struct token_shim *shim = softhsm_controls();
    struct softhsm *hsm = softhsm_fresh(state, SOFTHSM_SHIM);
    struct keystore_key *key;
    struct bytes signature;
    struct keystore *ks = open_keystore(t, hsm);
    assert_ok(t, keystore_generate(t, ks, "one", KEYSTORE_P256, &key));
    assert_ok(t, keystore_sign(t, key, KEYSTORE_SHA512, BYTES_LITERAL("data"), &signature));
    assert_int_equal(atomic_load(&shim->longest), 32);
    assert_true(verifies(keystore_key_spki(key), BYTES_LITERAL("data"), "SHA512", signature));
    keystore_close(ks);
}

static void what_is_no_digest_is_not_signed(void **state)
{
    static const uint8_t octets[65] = {1};
    static const size_t lengths[] = {0, 20, 28, 31, 33, 65};
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_fresh(state, SOFTHSM_MODULE);
    struct keystore_key *key;
    struct bytes signature;
    struct keystore *ks = open_keystore(t, hsm);
    assert_ok(t, keystore_generate(t, ks, "one", KEYSTORE_P256, &key));
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
        assert_fails(t, keystore_sign_digest(t, key, bytes_make(octets, lengths[i]), &signature),
                     E_INVALID);
    assert_int_equal(keystore_figures(ks).signatures, 0);
    keystore_close(ks);
}

#define THREADS          16
#define SIGNATURES_EACH  40
#define SIGNATURES_TOTAL ((uint64_t)THREADS * SIGNATURES_EACH)

struct signer {
    pthread_t thread;
    struct keystore_key *key;
    const char *failure; /* in static memory; NULL: all were good */
};

static void *sign_many(void *arg)
{
    struct signer *s = arg;
    for (int i = 0; i < SIGNATURES_EACH && s->failure == NULL; i++) {
        CLEANUP(arena_cleanup) struct arena *arena = arena_create();
        struct task t;
        struct bytes signature;
        task_init(&t, arena, NULL);
        struct bytes data = bytes_random(arena, 100);
        if (!keystore_sign(&t, s->key, KEYSTORE_SHA256, data, &signature))
            s->failure = t.problem->name;
        else if (!verifies(keystore_key_spki(s->key), data, "SHA256", signature))
            s->failure = "signature does not verify";
    }
    return NULL;
}

static void sign_in_many_threads(struct task *t, struct keystore *ks)
{
    struct signer signers[THREADS] = {{.failure = NULL}};
    struct keystore_key *keys[2];
    assert_ok(t, keystore_generate(t, ks, "even", KEYSTORE_P256, &keys[0]));
    assert_ok(t, keystore_generate(t, ks, "odd", KEYSTORE_P384, &keys[1]));
    for (size_t i = 0; i < THREADS; i++) {
        signers[i].key = keys[i % 2];
        assert_int_equal(pthread_create(&signers[i].thread, NULL, sign_many, &signers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(signers[i].thread, NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_string_equal(signers[i].failure == NULL ? "" : signers[i].failure, "");
    struct keystore_figures figures = keystore_figures(ks);
    assert_int_equal(figures.signatures, SIGNATURES_TOTAL);
    assert_int_equal(figures.failures, 0);
    assert_int_equal(figures.reopened, 0);
}

static void sixteen_threads_sign_at_once(void **state)
{
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_fresh(state, SOFTHSM_MODULE);
    struct keystore *ks = open_keystore(t, hsm);
    sign_in_many_threads(t, ks);
    keystore_close(ks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(prepared_token_has_its_pins_in_private_files),
        UNIT_TEST(token_that_is_there_is_left_alone),
        UNIT_TEST(preparing_that_was_cut_short_is_finished),
        UNIT_TEST(given_pin_is_used),
        UNIT_TEST(what_is_no_module_is_said_so),
        UNIT_TEST(absent_token_is_named),
        UNIT_TEST(pkcs11_tool_sees_a_key_that_cannot_leave),
        UNIT_TEST(handle_is_the_same_each_time),
        UNIT_TEST(taken_label_is_refused),
        UNIT_TEST(missing_key_is_named),
        UNIT_TEST(label_of_two_keys_is_refused),
        UNIT_TEST(keys_of_other_kinds_are_refused),
        UNIT_TEST(each_hash_signs_with_each_curve),
        UNIT_TEST(token_gets_no_more_of_a_digest_than_the_curve_takes),
        UNIT_TEST(what_is_no_digest_is_not_signed),
        UNIT_TEST(sixteen_threads_sign_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
