#include "tests/unit/support.h"

#include <string.h>

static void absent_octets_equal_empty_ones(void **state)
{
    (void)state;
    assert_true(bytes_equal(BYTES_ABSENT, BYTES_LITERAL("")));
    assert_false(bytes_present(BYTES_ABSENT));
    assert_true(bytes_present(BYTES_LITERAL("")));
    assert_false(bytes_present(bytes_of_text(NULL)));
    assert_true(bytes_equal_secret(BYTES_ABSENT, BYTES_ABSENT));
}

static void comparison_sees_content_and_length(void **state)
{
    (void)state;
    assert_true(bytes_equal(BYTES_LITERAL("abc"), bytes_of_text("abc")));
    assert_false(bytes_equal(BYTES_LITERAL("abc"), BYTES_LITERAL("abd")));
    assert_false(bytes_equal(BYTES_LITERAL("abc"), BYTES_LITERAL("ab")));
    assert_true(bytes_equal_secret(BYTES_LITERAL("abc"), BYTES_LITERAL("abc")));
    assert_false(bytes_equal_secret(BYTES_LITERAL("abc"), BYTES_LITERAL("abd")));
    assert_true(bytes_start_with(BYTES_LITERAL("abc"), BYTES_LITERAL("ab")));
    assert_true(bytes_start_with(BYTES_LITERAL("abc"), BYTES_ABSENT));
    assert_false(bytes_start_with(BYTES_LITERAL("ab"), BYTES_LITERAL("abc")));
    assert_true(bytes_compare(BYTES_LITERAL("ab"), BYTES_LITERAL("abc")) < 0);
    assert_true(bytes_compare(BYTES_LITERAL("b"), BYTES_LITERAL("abc")) > 0);
    assert_true(bytes_compare(BYTES_LITERAL("\xff"), BYTES_LITERAL("\x01")) > 0);
    assert_int_equal(bytes_compare(BYTES_LITERAL("abc"), BYTES_LITERAL("abc")), 0);
}

static void copies_keep_absent_and_empty_apart(void **state)
{
    struct arena *arena = test_task(state)->arena;
    assert_false(bytes_present(bytes_copy(arena, BYTES_ABSENT)));
    assert_true(bytes_present(bytes_copy(arena, BYTES_LITERAL(""))));
    struct bytes parts[] = {BYTES_LITERAL("ab"), BYTES_ABSENT, BYTES_LITERAL("c")};
    struct bytes whole = bytes_concat(arena, parts, ARRAY_SIZE(parts));
    assert_true(bytes_equal(whole, BYTES_LITERAL("abc")));
}

static void octets_with_nul_are_no_text(void **state)
{
    struct arena *arena = test_task(state)->arena;
    assert_null(bytes_to_text(arena, BYTES_LITERAL("a\0b")));
    assert_string_equal(bytes_to_text(arena, BYTES_LITERAL("ab")), "ab");
    assert_string_equal(bytes_to_text(arena, BYTES_ABSENT), "");
}

/* The borders of RFC 3629 section 4's table. */
static void only_well_formed_utf8_is_utf8(void **state)
{
    static const char *const good[] = {
        "",
        "plain",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
    };
    static const char *const bad[] = {
        "\x80",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc2",
        "\xc2\x41",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xe2\x82",
        "\xff",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_true(bytes_are_utf8(bytes_of_text(good[i])));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(bytes_are_utf8(bytes_of_text(bad[i])));
    assert_false(bytes_are_utf8(BYTES_LITERAL("a\0b")));
}

static void hexadecimal_is_read_in_either_case_and_written_in_lower(void **state)
{
    struct task *t = test_task(state);
    struct bytes octets;
    assert_true(bytes_from_hex(t->arena, "DEadBEef", &octets));
    assert_bytes_equal(t, octets, BYTES_LITERAL("\xde\xad\xbe\xef"));
    assert_string_equal(bytes_to_hex(t->arena, octets), "deadbeef");
    assert_true(bytes_from_hex(t->arena, "", &octets));
    assert_int_equal(octets.len, 0);
}

static void what_means_something_in_a_url_is_escaped(void **state)
{
    struct task *t = test_task(state);
    assert_string_equal(bytes_to_url(t->arena, BYTES_LITERAL("aZ09-._~")), "aZ09-._~");
    assert_string_equal(bytes_to_url(t->arena, BYTES_LITERAL("a/b?c=d&e %\xc3\xa9")),
                        "a%2Fb%3Fc%3Dd%26e%20%25%C3%A9");
    assert_string_equal(bytes_to_url(t->arena, bytes_make("\0", 1)), "%00");
    assert_string_equal(bytes_to_url(t->arena, BYTES_ABSENT), "");
}

static void what_is_not_hexadecimal_is_refused(void **state)
{
    static const char *const bad[] = {"d", "dea", "xx", "de:ad", " dead", "dead ", "0xde"};
    struct task *t = test_task(state);
    struct bytes octets = BYTES_LITERAL("untouched");
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(bytes_from_hex(t->arena, bad[i], &octets));
    assert_bytes_equal(t, octets, BYTES_LITERAL("untouched"));
}

/* RFC 4648 section 10. */
static void base64_agrees_with_the_test_vectors_of_rfc_4648(void **state)
{
    static const char *const vectors[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        struct bytes plain = bytes_of_text(vectors[i][0]);
        struct bytes read;
        assert_string_equal(bytes_to_base64(t->arena, plain), vectors[i][1]);
        assert_true(bytes_from_base64(t->arena, bytes_of_text(vectors[i][1]), &read));
        assert_bytes_equal(t, read, plain);
    }
}

static void base64_is_read_as_peers_send_it(void **state)
{
    static const char *const forms[] = {
        "+/+/Zg==", "-_-_Zg==", "-_-_Zg", "+/\r\n+/Zg==\r\n", " +/+/\tZ g= =\n", "+/+/Zg=",
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        struct bytes read;
        if (!bytes_from_base64(t->arena, bytes_of_text(forms[i]), &read))
            fail_msg("not read: %s", forms[i]);
        assert_bytes_equal(t, read, BYTES_LITERAL("\xfb\xff\xbf\x66"));
    }
    assert_string_equal(bytes_to_base64url(t->arena, BYTES_LITERAL("\xfb\xff\xbf\x66")), "-_-_Zg");
}

static void armour_is_taken_off(void **state)
{
    struct task *t = test_task(state);
    const struct {
        const char *text;
        const char *inner;
    } cases[] = {
        {"-----BEGIN CMS-----\nQUJD\n-----END CMS-----\n", "\nQUJD\n"},
        {"words before\n-----BEGIN X-----QUJD-----END Y-----", "QUJD"},
        {"-----BEGIN A-----1-----END A-----\n-----BEGIN B-----2-----END B-----", "1"},
        {"QUJD", "QUJD"},
        {"", ""},
        {"-----BEGIN CMS-----QUJD", "-----BEGIN CMS-----QUJD"}, /* does not end */
        {"-----BEGIN CMS", "-----BEGIN CMS"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_bytes_equal(t, bytes_without_armour(bytes_of_text(cases[i].text)),
                           bytes_of_text(cases[i].inner));
}

static void what_is_not_base64_is_refused(void **state)
{
    static const char *const bad[] = {
        "Z", "Zg===", "Zh==", "Zm9", "Zg==Zg==", "Zm9v!", "=Zg", "Zm8.", "Zm9vY"};
    struct task *t = test_task(state);
    struct bytes read = BYTES_LITERAL("untouched");
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (bytes_from_base64(t->arena, bytes_of_text(bad[i]), &read))
            fail_msg("read: %s", bad[i]);
    }
    assert_false(bytes_from_base64(t->arena, BYTES_LITERAL("Zm9v\0"), &read));
    assert_bytes_equal(t, read, BYTES_LITERAL("untouched"));
}

/* FIPS 180-4's example, and the digest of nothing. */
static void sha256_agrees_with_its_examples(void **state)
{
    struct task *t = test_task(state);
    assert_string_equal(bytes_to_hex(t->arena, bytes_sha256(t->arena, BYTES_LITERAL("abc"))),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(bytes_to_hex(t->arena, bytes_sha256(t->arena, BYTES_ABSENT)),
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void random_octets_differ(void **state)
{
    struct arena *arena = test_task(state)->arena;
    struct bytes a = bytes_random(arena, 32);
    struct bytes b = bytes_random(arena, 32);
    assert_int_equal(a.len, 32);
    assert_false(bytes_equal(a, b));
}

static void letters_of_ascii_alone_are_put_in_lower_case(void **state)
{
    struct task *t = test_task(state);
    assert_string_equal(text_to_lower(t->arena, "ABC-xyz @[`{ 09 ÄÖ"), "abc-xyz @[`{ 09 ÄÖ");
    assert_string_equal(text_to_lower(t->arena, ""), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(absent_octets_equal_empty_ones),
        UNIT_TEST(comparison_sees_content_and_length),
        UNIT_TEST(copies_keep_absent_and_empty_apart),
        UNIT_TEST(octets_with_nul_are_no_text),
        UNIT_TEST(only_well_formed_utf8_is_utf8),
        UNIT_TEST(hexadecimal_is_read_in_either_case_and_written_in_lower),
        UNIT_TEST(what_means_something_in_a_url_is_escaped),
        UNIT_TEST(what_is_not_hexadecimal_is_refused),
        UNIT_TEST(base64_agrees_with_the_test_vectors_of_rfc_4648),
        UNIT_TEST(base64_is_read_as_peers_send_it),
        UNIT_TEST(what_is_not_base64_is_refused),
        UNIT_TEST(armour_is_taken_off),
        UNIT_TEST(sha256_agrees_with_its_examples),
        UNIT_TEST(random_octets_differ),
        UNIT_TEST(letters_of_ascii_alone_are_put_in_lower_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
