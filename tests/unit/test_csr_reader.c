/* Requests read by a csr_reader: the same comes of it as of libcrypto's own way. */
#include "tests/unit/pki_fixture.h"

#include "core/pki/csr.h"

#include <string.h>

#include <openssl/core_names.h>

struct desk {
    struct csr_reader *reader;
    X509_NAME *subject;
};

static struct desk make_desk(struct task *t)
{
    struct desk desk = {.reader = csr_reader_make()};
    ARENA_DEFER(t->arena, csr_reader_free, desk.reader);
    assert_ok(t, name_from_text(t, "serialNumber=1", &desk.subject));
    return desk;
}

static struct bytes request_for(struct task *t, const struct desk *desk, EVP_PKEY *key)
{
    struct bytes der = BYTES_ABSENT;
    assert_ok(t, csr_build(t, key, desk->subject, NULL, "secret", NULL, &der));
    return der;
}

/* A P-256 key that writes itself in another way than the usual. */
static EVP_PKEY *odd_key(struct task *t, const char *parameter, const char *value)
{
    EVP_PKEY *key = NULL;
    assert_ok(t, key_generate(t, KEY_P256, 0, &key));
    assert_int_equal(EVP_PKEY_set_utf8_string_param(key, parameter, value), 1);
    return key;
}

static void check_same(struct task *t, const struct desk *desk, struct bytes der)
{
    struct csr one = {.key = NULL};
    struct csr other = {.key = NULL};
    assert_ok(t, csr_parse(t, der, &one));
    assert_ok(t, csr_parse_by(t, desk->reader, der, &other));
    assert_int_equal(EVP_PKEY_eq(one.key, other.key), 1);
    assert_int_equal(EVP_PKEY_get_base_id(one.key), EVP_PKEY_get_base_id(other.key));
    assert_int_equal(one.key_kind, other.key_kind);
    assert_int_equal(one.key_bits, other.key_bits);
    assert_bytes_equal(t, one.spki, other.spki);
    assert_bytes_equal(t, one.der, other.der);
    assert_string_equal(one.signature_oid, other.signature_oid);
    assert_string_equal(csr_subject(t, &one), csr_subject(t, &other));
    assert_int_equal(one.extensions.count, other.extensions.count);
    assert_ok(t, csr_verify(t, &other));
}

static void every_kind_of_key_is_read(void **state)
{
    static const enum key_kind kinds[] = {KEY_P256, KEY_P384, KEY_P521, KEY_RSA, KEY_ED25519};
    struct task *t = test_task(state);
    struct desk desk = make_desk(t);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        EVP_PKEY *key = NULL;
        assert_ok(t, key_generate(t, kinds[i], 2048, &key));
        check_same(t, &desk, request_for(t, &desk, key));
    }
}

static void unusual_ways_to_write_a_key_are_read_alike(void **state)
{
    struct task *t = test_task(state);
    struct desk desk = make_desk(t);
    check_same(t, &desk,
               request_for(t, &desk,
                           odd_key(t, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed")));
    check_same(t, &desk,
               request_for(t, &desk, odd_key(t, OSSL_PKEY_PARAM_EC_ENCODING, "explicit")));
}

static void published_requests_are_read_alike(void **state)
{
    static const char *const files[] = {
        "rfc7030/A3_simpleenroll_request.p10.der",
        "rfc7030/A4_serverkeygen_request.p10.der",
    };
    struct task *t = test_task(state);
    struct desk desk = make_desk(t);
    if (!vectors_present())
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        check_same(t, &desk, vector_read(t, files[i]));
}

static struct bytes with_last_octet_of(struct task *t, struct bytes der, struct bytes part)
{
    const uint8_t *found = memmem(der.data, der.len, part.data, part.len);
    assert_non_null(found);
    return with_octet_changed(t, der, (size_t)(found - der.data) + part.len - 1);
}

static void point_beside_the_curve_is_no_key(void **state)
{
    struct task *t = test_task(state);
    struct desk desk = make_desk(t);
    EVP_PKEY *key = NULL;
    struct csr csr = {.key = NULL};
    assert_ok(t, key_generate(t, KEY_P256, 0, &key));
    struct bytes der = request_for(t, &desk, key);
    assert_ok(t, csr_parse_by(t, desk.reader, der, &csr));
    struct bytes spoilt = with_last_octet_of(t, der, csr.spki);
    assert_fails(t, csr_parse(t, spoilt, &csr), E_CSR_MALFORMED);
    assert_fails(t, csr_parse_by(t, desk.reader, spoilt, &csr), E_CSR_MALFORMED);
    assert_detail(t, "the public key cannot be read");
}

static void possession_is_proved_or_not(void **state)
{
    struct task *t = test_task(state);
    struct desk desk = make_desk(t);
    EVP_PKEY *key = NULL;
    struct csr csr = {.key = NULL};
    assert_ok(t, key_generate(t, KEY_P256, 0, &key));
    struct bytes der = request_for(t, &desk, key);
    struct bytes spoilt = with_octet_changed(t, der, der.len - 1);
    assert_ok(t, csr_parse_by(t, desk.reader, spoilt, &csr));
    assert_fails(t, csr_verify(t, &csr), E_CSR_POP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(every_kind_of_key_is_read),
        PKI_TEST(unusual_ways_to_write_a_key_are_read_alike),
        PKI_TEST(published_requests_are_read_alike),
        PKI_TEST(point_beside_the_curve_is_no_key),
        PKI_TEST(possession_is_proved_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
