/* What the keystore seals: it opens in the same token and context, and nowhere else. */
#include "tests/unit/softhsm.h"

#include <string.h>

#define CONTEXT BYTES_LITERAL("order 1")
#define SECRET  BYTES_LITERAL("what nobody else may read")

static struct keystore *open_keystore(struct task *t, const struct softhsm *hsm)
{
    struct keystore *ks = NULL;
    assert_ok(t, keystore_open(t, &hsm->options, &ks));
    return ks;
}

static void sealed_octets_open_again_also_later(void **state)
{
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_fresh(state, SOFTHSM_MODULE);
    struct keystore *ks = open_keystore(t, hsm);
    struct bytes first;
    struct bytes second;
    struct bytes empty;
    struct bytes opened;
    assert_ok(t, keystore_seal(t, ks, SECRET, CONTEXT, &first));
    assert_ok(t, keystore_seal(t, ks, SECRET, CONTEXT, &second));
    assert_ok(t, keystore_seal(t, ks, BYTES_LITERAL(""), CONTEXT, &empty));
    assert_false(bytes_equal(first, second));
    assert_null(memmem(first.data, first.len, SECRET.data, SECRET.len));
    keystore_close(ks);
    ks = open_keystore(t, hsm);
    assert_ok(t, keystore_unseal(t, ks, first, CONTEXT, &opened));
    assert_true(bytes_equal(opened, SECRET));
    assert_ok(t, keystore_unseal(t, ks, second, CONTEXT, &opened));
    assert_true(bytes_equal(opened, SECRET));
    assert_ok(t, keystore_unseal(t, ks, empty, CONTEXT, &opened));
    assert_int_equal(opened.len, 0);
    keystore_close(ks);
}

static void sealed_octets_open_after_the_token_was_lost(void **state)
{
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_fresh(state, SOFTHSM_MODULE);
    struct keystore *ks = open_keystore(t, hsm);
    struct bytes sealed;
    struct bytes opened;
    assert_ok(t, keystore_seal(t, ks, SECRET, CONTEXT, &sealed));
    softhsm_restart(hsm);
    assert_ok(t, keystore_unseal(t, ks, sealed, CONTEXT, &opened));
    assert_true(bytes_equal(opened, SECRET));
    assert_int_equal(keystore_figures(ks).reopened, 1);
    keystore_close(ks);
}

static void another_context_opens_nothing(void **state)
{
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_fresh(state, SOFTHSM_MODULE);
    struct keystore *ks = open_keystore(t, hsm);
    struct bytes sealed;
    struct bytes opened = BYTES_ABSENT;
    assert_ok(t, keystore_seal(t, ks, SECRET, CONTEXT, &sealed));
    assert_fails(t, keystore_unseal(t, ks, sealed, BYTES_LITERAL("order 2"), &opened),
                 E_TOKEN_SEAL);
    assert_false(bytes_present(opened));
    keystore_close(ks);
}

static void altered_octets_do_not_open(void **state)
{
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_fresh(state, SOFTHSM_MODULE);
    struct keystore *ks = open_keystore(t, hsm);
    struct bytes sealed;
    struct bytes opened = BYTES_ABSENT;
    assert_ok(t, keystore_seal(t, ks, SECRET, CONTEXT, &sealed));
    for (size_t i = 0; i < sealed.len; i++) {
        uint8_t *copy = arena_alloc(t->arena, sealed.len);
        memcpy(copy, sealed.data, sealed.len);
        copy[i] ^= 1U;
        assert_fails(t, keystore_unseal(t, ks, bytes_make(copy, sealed.len), CONTEXT, &opened),
                     E_TOKEN_SEAL);
    }
    for (size_t len = 0; len < sealed.len; len++)
        assert_fails(t, keystore_unseal(t, ks, bytes_make(sealed.data, len), CONTEXT, &opened),
                     E_TOKEN_SEAL);
    keystore_close(ks);
}

static const char *tool(struct task *t, const struct softhsm *hsm, const char *options)
{
    return run_command(
        t, "pkcs11-tool --module %s --token-label '%s' --login --pin $(cat '%s') %s 2>&1",
        SOFTHSM_MODULE, hsm->options.token, hsm->options.pin_file, options);
}

static void another_sealing_key_opens_nothing(void **state)
{
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_fresh(state, SOFTHSM_MODULE);
    struct keystore *ks = open_keystore(t, hsm);
    struct bytes sealed;
    struct bytes other;
    struct bytes opened = BYTES_ABSENT;
    assert_ok(t, keystore_seal(t, ks, SECRET, CONTEXT, &sealed));
    keystore_close(ks);
    (void)tool(t, hsm, "--delete-object --type secrkey --label sealing");
    ks = open_keystore(t, hsm);
    assert_fails(t, keystore_unseal(t, ks, sealed, CONTEXT, &opened), E_TOKEN_KEY);
    assert_ok(t, keystore_seal(t, ks, SECRET, CONTEXT, &other));
    assert_fails(t, keystore_unseal(t, ks, sealed, CONTEXT, &opened), E_TOKEN_SEAL);
    assert_ok(t, keystore_unseal(t, ks, other, CONTEXT, &opened));
    keystore_close(ks);
}

static void sealing_key_is_one_and_cannot_leave(void **state)
{
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_fresh(state, SOFTHSM_MODULE);
    struct keystore *ks = open_keystore(t, hsm);
    struct bytes sealed;
    assert_ok(t, keystore_seal(t, ks, SECRET, CONTEXT, &sealed));
    assert_ok(t, keystore_seal(t, ks, SECRET, CONTEXT, &sealed));
    keystore_close(ks);
    const char *listed = tool(t, hsm, "-O --type secrkey");
    const char *label = strstr(listed, "sealing");
    assert_non_null(label);
    assert_null(strstr(label + 1, "sealing"));
    assert_non_null(strstr(listed, "never extractable"));
    assert_non_null(strstr(listed, "sensitive"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(sealed_octets_open_again_also_later),
        UNIT_TEST(sealed_octets_open_after_the_token_was_lost),
        UNIT_TEST(another_context_opens_nothing),
        UNIT_TEST(altered_octets_do_not_open),
        UNIT_TEST(another_sealing_key_opens_nothing),
        UNIT_TEST(sealing_key_is_one_and_cannot_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
