#include "tests/unit/pki_fixture.h"

#include "core/pki/cms.h"

#include <string.h>

static void published_certificate_sets_are_read(void **state)
{
    static const struct {
        const char *file;
        size_t count;
    } sets[] = {
        {"rfc7030/A1_cacerts_response.p7.der", 4},
        {"rfc7030/A3_simpleenroll_response.p7.der", 1},
        {"rfc7030/A4_serverkeygen_response_cert.p7.der", 1},
        {"rfc9148/A1_crts_response.p7.der", 1},
        {"rfc9148/A2_sen_response.p7.der", 1},
        {"rfc9148/A3_skg_response_cert.p7.der", 1},
    };
    struct task *t = test_task(state);
    if (!vectors_present())
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
        struct cert_list certs = {NULL, 0};
        assert_ok(t, cms_certs_only_read(t, vector_read(t, sets[i].file), &certs));
        assert_int_equal(certs.count, sets[i].count);
    }
}

static void certificate_set_is_what_other_programs_read(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity middle = make_ca(t, "CN=middle", &root);
    struct cert_list given = cert_list_of(t, 3, root.cert, middle.cert, root.cert);
    struct cert_list read = {NULL, 0};
    struct bytes message = BYTES_ABSENT;
    const char *output;
    assert_ok(t, cms_certs_only(t, &given, &message));
    assert_ok(t, cms_certs_only_read(t, message, &read));
    assert_int_equal(read.count, 2);
    const char *file = put_file(state, "certs.p7", message);
    assert_int_equal(RUN(state, &output, "openssl", "pkcs7", "-inform", "DER", "-in", file,
                         "-print_certs", "-noout"),
                     0);
    assert_non_null(strstr(output, "subject=CN = root"));
    assert_non_null(strstr(output, "subject=CN = middle"));
    assert_int_equal(RUN(state, &output, "certtool", "--p7-info", "--inder", "--infile", file), 0);
    assert_non_null(strstr(output, "Number of certificates: 2"));
}

static void certificate_set_that_is_signed_empty_or_broken_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity signer = make_device(t, "CN=signer", NULL);
    const struct cert_list certs = {&signer.cert, 1};
    const struct cert_list none = {NULL, 0};
    struct cert_list read;
    struct bytes message = BYTES_ABSENT;
    assert_ok(t,
              cms_sign(t, BYTES_LITERAL("x"), OID_DATA, signer.cert, signer.key, &certs, &message));
    assert_fails(t, cms_certs_only_read(t, message, &read), E_CMS_MALFORMED);
    assert_detail(t, "signed");
    assert_ok(t, cms_certs_only(t, &none, &message));
    assert_fails(t, cms_certs_only_read(t, message, &read), E_CMS_MALFORMED);
    assert_ok(t, cms_certs_only(t, &certs, &message));
    for (size_t len = 0; len < message.len; len++) {
        struct bytes prefix = bytes_copy(t->arena, bytes_make(message.data, len));
        assert_fails(t, cms_certs_only_read(t, prefix, &read), E_CMS_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(published_certificate_sets_are_read),
        PKI_TEST(certificate_set_is_what_other_programs_read),
        PKI_TEST(certificate_set_that_is_signed_empty_or_broken_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
