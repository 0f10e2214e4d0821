/* Lists of weak keys, made as the openssl-blacklist packages say, with openssl and sha1sum. */
#include "tests/unit/pki_fixture.h"

#include "core/pki/weak_key_list.h"

#include <string.h>

/* `openssl rsa -noout -modulus -in KEY | sha1sum | cut -c 21-40` */
static const char *line_of(void **state, EVP_PKEY *key)
{
    struct task *t = test_task(state);
    const char *output;
    const char *file = put_file(state, "weak.key", bytes_of_text(key_to_pem(t, key)));
    const char *command =
        arena_printf(t->arena, "openssl rsa -noout -modulus -in %s 2>/dev/null | sha1sum", file);
    assert_int_equal(RUN(state, &output, "sh", "-c", command), 0);
    return arena_strndup(t->arena, output + 20, 20);
}

static const struct weak_key_list *read_list(struct task *t, const char *text)
{
    const struct weak_key_list *list = NULL;
    assert_ok(t, weak_key_list_read(t, bytes_of_text(text), &list));
    return list;
}

static void listed_key_is_found_and_no_other(void **state)
{
    struct task *t = test_task(state);
    EVP_PKEY *weak;
    EVP_PKEY *sound;
    EVP_PKEY *curve;
    assert_ok(t, key_generate(t, KEY_RSA, 2048, &weak));
    assert_ok(t, key_generate(t, KEY_RSA, 2048, &sound));
    assert_ok(t, key_generate(t, KEY_P256, 0, &curve));
    const char *line = line_of(state, weak);
    const struct weak_key_list *list =
        read_list(t, arena_printf(t->arena,
                                  "# made by hand\n\nffffffffffffffffffff\n%s\r\n"
                                  "00000000000000000000\n",
                                  line));
    assert_int_equal(weak_key_list_count(list), 3);
    assert_true(weak_key_listed(t, list, weak));
    assert_false(weak_key_listed(t, list, sound));
    assert_false(weak_key_listed(t, list, curve));
    assert_false(weak_key_listed(t, NULL, weak));
    assert_false(weak_key_listed(t, read_list(t, "# nothing\n"), weak));
}

static void several_lists_are_one(void **state)
{
    struct task *t = test_task(state);
    EVP_PKEY *key;
    assert_ok(t, key_generate(t, KEY_RSA, 2048, &key));
    const struct weak_key_list *mine = read_list(t, line_of(state, key));
    const struct weak_key_list *other = read_list(t, "0123456789abcdef0123\nABCDEF0123456789ABCD");
    const struct weak_key_list *both = weak_key_list_join(t, other, mine);
    assert_int_equal(weak_key_list_count(both), 3);
    assert_true(weak_key_listed(t, both, key));
    assert_false(weak_key_listed(t, other, key));
}

static void line_that_is_no_key_is_named(void **state)
{
    static const char *const bad[] = {
        "# a list\n0123456789abcdef012\n",
        "0123456789abcdef0123\n0123456789abcdef01234\n",
        "0123456789abcdef0123\n0123456789abcdef012g\n",
        "# whole digests\n0123456789abcdef01230123456789abcdef0123\n",
    };
    struct task *t = test_task(state);
    const struct weak_key_list *list = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_fails(t, weak_key_list_read(t, bytes_of_text(bad[i]), &list), E_CONFIG);
        assert_detail(t, "line 2");
    }
    assert_null(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(listed_key_is_found_and_no_other),
        PKI_TEST(several_lists_are_one),
        PKI_TEST(line_that_is_no_key_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
