/* A wrong PIN is never tried twice. */
#include "tests/unit/softhsm.h"

#include "core/base/file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct scene {
    struct task *t;
    struct softhsm *hsm;
    struct token_shim *shim;
    struct bytes right_pin;
    const char *marker;
};

static struct scene scene_open(void **state)
{
    struct scene s = {.t = test_task(state), .shim = softhsm_controls()};
    s.hsm = softhsm_fresh(state, SOFTHSM_SHIM);
    assert_ok(s.t, file_read_secret(s.t, s.hsm->options.pin_file, PIN_MAX, &s.right_pin));
    s.marker = arena_printf(s.t->arena, "%s/refused-pin", s.hsm->options.state);
    return s;
}

static void put_pin(const struct scene *s, struct bytes pin)
{
    assert_ok(s->t, file_write(s->t, s->hsm->options.pin_file, pin, 0600));
}

static bool opens(const struct scene *s)
{
    struct keystore *ks;
    if (!keystore_open(s->t, &s->hsm->options, &ks))
        return false;
    keystore_close(ks);
    return true;
}

/* What the token itself remembers: has a wrong PIN been tried since the last right one? */
static bool token_saw_wrong_pin(const struct scene *s)
{
    CK_TOKEN_INFO info;
    assert_int_equal(s->hsm->raw->C_GetTokenInfo(softhsm_slot(s->hsm), &info), CKR_OK);
    return (info.flags & CKF_USER_PIN_COUNT_LOW) != 0;
}

static void wrong_pin_is_tried_once_across_restarts(void **state)
{
    struct scene s = scene_open(state);
    put_pin(&s, BYTES_LITERAL("wrong"));
    assert_fails(s.t, opens(&s), E_TOKEN_PIN);
    assert_int_equal(atomic_load(&s.shim->logins), 1);
    assert_true(token_saw_wrong_pin(&s));
    for (int i = 0; i < 3; i++) {
        softhsm_restart(s.hsm);
        assert_fails(s.t, opens(&s), E_TOKEN_PIN);
        assert_detail(s.t, "refused this PIN before");
    }
    assert_int_equal(atomic_load(&s.shim->logins), 1);
}

static void marker_tells_nobody_the_pin(void **state)
{
    struct scene s = scene_open(state);
    struct bytes marker;
    struct stat facts;
    put_pin(&s, BYTES_LITERAL("wrong"));
    assert_fails(s.t, opens(&s), E_TOKEN_PIN);
    assert_null(strstr(s.t->detail, "wrong"));
    assert_ok(s.t, file_read(s.t, s.marker, 4096, &marker));
    assert_true(bytes_start_with(marker, BYTES_LITERAL("$argon2id$")));
    assert_null(memmem(marker.data, marker.len, "wrong", 5));
    assert_int_equal(stat(s.marker, &facts), 0);
    assert_int_equal(facts.st_mode & 07777U, 0600);
}

static void changed_pin_is_tried_and_clears_the_marker(void **state)
{
    struct scene s = scene_open(state);
    put_pin(&s, BYTES_LITERAL("wrong"));
    assert_fails(s.t, opens(&s), E_TOKEN_PIN);
    put_pin(&s, BYTES_LITERAL("wrong too"));
    assert_fails(s.t, opens(&s), E_TOKEN_PIN);
    assert_int_equal(atomic_load(&s.shim->logins), 2);
    put_pin(&s, s.right_pin);
    assert_ok(s.t, opens(&s));
    assert_int_equal(access(s.marker, F_OK), -1);
    assert_false(token_saw_wrong_pin(&s));
    assert_ok(s.t, opens(&s));
}

static void same_pin_is_tried_on_another_token(void **state)
{
    struct scene s = scene_open(state);
    bool made = false;
    put_pin(&s, BYTES_LITERAL("wrong"));
    assert_fails(s.t, opens(&s), E_TOKEN_PIN);
    s.hsm->options.token = "second token";
    assert_ok(s.t, keystore_prepare(s.t, &s.hsm->options, s.hsm->so_pin_file, &made));
    assert_true(made);
    assert_ok(s.t, opens(&s));
}

static void pin_changed_in_the_token_is_not_tried_again_and_again(void **state)
{
    struct scene s = scene_open(state);
    struct keystore *ks;
    struct keystore_key *key;
    struct bytes signature;
    assert_ok(s.t, keystore_open(s.t, &s.hsm->options, &ks));
    assert_ok(s.t, keystore_generate(s.t, ks, "one", KEYSTORE_P256, &key));
    put_pin(&s, BYTES_LITERAL("wrong"));
    softhsm_restart(s.hsm);
    unsigned before = atomic_load(&s.shim->logins);
    for (int i = 0; i < 8; i++) {
        assert_false(keystore_sign(s.t, key, KEYSTORE_SHA256, BYTES_LITERAL("x"), &signature));
        usleep(100 * 1000);
    }
    assert_int_equal(atomic_load(&s.shim->logins), before + 1);
    keystore_close(ks);
}

static void token_about_to_lock_itself_is_not_tried(void **state)
{
    static const CK_FLAGS cases[] = {CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED};
    struct scene s = scene_open(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        atomic_store(&s.shim->token_flags, cases[i]);
        assert_fails(s.t, opens(&s), E_TOKEN_PIN);
    }
    assert_int_equal(atomic_load(&s.shim->logins), 0);
    atomic_store(&s.shim->token_flags, CKF_USER_PIN_COUNT_LOW);
    assert_ok(s.t, opens(&s));
}

static void pin_is_not_tried_when_its_refusal_could_not_be_noted(void **state)
{
    struct scene s = scene_open(state);
    s.hsm->options.state = "/nonexistent/folder";
    assert_fails(s.t, opens(&s), E_IO);
    assert_int_equal(atomic_load(&s.shim->logins), 0);
}

static void damaged_marker_stands_for_every_pin(void **state)
{
    static const struct bytes cases[] = {{(const uint8_t *)"", 0},
                                         {(const uint8_t *)"nonsense", 8},
                                         {(const uint8_t *)"$argon2id$v=19$m=65536", 22}};
    struct scene s = scene_open(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_ok(s.t, file_write(s.t, s.marker, cases[i], 0600));
        task_forgive(s.t);
        assert_false(opens(&s));
        assert_non_null(strstr(s.t->detail, s.marker));
    }
    assert_int_equal(atomic_load(&s.shim->logins), 0);
}

static void pin_comes_from_the_systemd_credential(void **state)
{
    struct scene s = scene_open(state);
    const char *file = arena_printf(s.t->arena, "%s/%s", test_folder(state), PIN_CREDENTIAL);
    s.hsm->options.pin_file = NULL;
    assert_fails(s.t, opens(&s), E_TOKEN_PIN);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", test_folder(state), 1), 0);
    assert_fails(s.t, opens(&s), E_IO);
    assert_ok(s.t, file_write(s.t, file, s.right_pin, 0400));
    assert_ok(s.t, opens(&s));
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0); /* NOLINT(concurrency-mt-unsafe) */
}

static void pin_file_open_to_everybody_is_refused(void **state)
{
    struct scene s = scene_open(state);
    assert_int_equal(chmod(s.hsm->options.pin_file, 0644), 0);
    assert_fails(s.t, opens(&s), E_DENIED);
    assert_int_equal(atomic_load(&s.shim->logins), 0);
}

static void empty_pin_is_not_tried(void **state)
{
    struct scene s = scene_open(state);
    put_pin(&s, BYTES_LITERAL("\n"));
    assert_fails(s.t, opens(&s), E_TOKEN_PIN);
    put_pin(&s, BYTES_LITERAL("12\00034"));
    assert_fails(s.t, opens(&s), E_TOKEN_PIN);
    assert_int_equal(atomic_load(&s.shim->logins), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(wrong_pin_is_tried_once_across_restarts),
        UNIT_TEST(marker_tells_nobody_the_pin),
        UNIT_TEST(changed_pin_is_tried_and_clears_the_marker),
        UNIT_TEST(same_pin_is_tried_on_another_token),
        UNIT_TEST(pin_changed_in_the_token_is_not_tried_again_and_again),
        UNIT_TEST(token_about_to_lock_itself_is_not_tried),
        UNIT_TEST(pin_is_not_tried_when_its_refusal_could_not_be_noted),
        UNIT_TEST(damaged_marker_stands_for_every_pin),
        UNIT_TEST(pin_comes_from_the_systemd_credential),
        UNIT_TEST(pin_file_open_to_everybody_is_refused),
        UNIT_TEST(empty_pin_is_not_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
