#include "tests/unit/pki_fixture.h"

#include <string.h>

#include <openssl/x509v3.h>

#define IDEVID "rfc8995/idevid_00-D0-E5-F2-00-02.cert.pem"

static void every_published_certificate_is_read_and_written_again(void **state)
{
    static const char *const files[] = {
        IDEVID,
        "rfc8995/vendor.cert.pem",
        "rfc8995/masa.cert.pem",
        "rfc8995/ownerca_secp384r1.cert.pem",
        "rfc8995/jrc_prime256v1.cert.pem",
        "rfc8366bis/00-D0-E5-F2-00-02.crt",
        "rfc8366bis/vendor-00-D0-E5-F2-00-02.crt",
        "rfc8366bis/masa-00-D0-E5-F2-00-02.crt",
        "cbrski/domain_ca.cert.pem",
        "cbrski/pledge.cert.pem",
        "jws/pledge.crt.pem",
        "jws/masa-voucher-signer.crt.pem",
        "idevid-real/cisco-act2-sudi.pem",
        "idevid-real/cisco-sudi.pem",
        "idevid-real/huawei-ek.pem",
        "idevid-real/huawei-iak.pem",
        "rfc7030/A3_issued.pem",
    };
    struct task *t = test_task(state);
    if (!vectors_present())
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        struct cert_list again = {NULL, 0};
        const struct cert *cert = vector_cert(t, files[i]);
        assert_ok(t, certs_from_file_octets(t, bytes_of_text(cert_to_pem(t, cert)), &again));
        assert_int_equal(again.count, 1);
        assert_bytes_equal(t, again.items[0]->der, cert->der);
        assert_true(cert_not_before(cert) < cert_not_after(cert));
    }
}

static void truncated_certificate_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity device = make_device(t, "serialNumber=1", NULL);
    for (size_t len = 0; len < device.cert->der.len; len++) {
        const struct cert *cert = NULL;
        /* In memory of its own size, so that reading beyond it is seen. */
        struct bytes prefix = bytes_copy(t->arena, bytes_make(device.cert->der.data, len));
        assert_fails(t, cert_parse(t, prefix, &cert), E_CERT_MALFORMED);
        assert_null(cert);
    }
}

static void octets_after_a_certificate_are_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity device = make_device(t, "serialNumber=1", NULL);
    const struct bytes parts[] = {device.cert->der, BYTES_LITERAL("\0")};
    const struct cert *cert;
    assert_fails(t, cert_parse(t, bytes_concat(t->arena, parts, 2), &cert), E_CERT_MALFORMED);
    assert_detail(t, "1 octets after");
}

static void ber_certificate_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity device = make_device(t, "serialNumber=1", NULL);
    static const uint8_t begin[] = {0x30, 0x80};
    static const uint8_t end[] = {0x00, 0x00};
    assert_int_equal(device.cert->der.data[1], 0x82);
    const struct bytes parts[] = {
        BYTES_ARRAY(begin),
        bytes_make(device.cert->der.data + 4, device.cert->der.len - 4),
        BYTES_ARRAY(end),
    };
    const struct cert *cert;
    assert_fails(t, cert_parse(t, bytes_concat(t->arena, parts, 3), &cert), E_CERT_MALFORMED);
    assert_detail(t, "BER");
}

static void oversized_certificate_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity device = make_device(t, "serialNumber=1", NULL);
    const struct cert *cert;
    X509 *x509 = copy_to_spoil(t, device.cert);
    add_extension(x509, "1.2.3.4", false,
                  bytes_make(arena_alloc(t->arena, CERT_SIZE_MAX), CERT_SIZE_MAX));
    struct bytes der = sign_spoilt(x509, t, device.key, EVP_sha256());
    assert_fails(t, cert_parse(t, der, &cert), E_CERT_MALFORMED);
    assert_detail(t, "octets; a certificate has");
}

static void doubled_extension_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity device = make_device(t, "serialNumber=1", NULL);
    const struct cert *cert;
    X509 *x509 = copy_to_spoil(t, device.cert);
    add_extension(x509, OID_PE_MASA_URL, false,
                  BYTES_LITERAL("\x16\x01"
                                "a"));
    add_extension(x509, OID_PE_MASA_URL, false,
                  BYTES_LITERAL("\x16\x01"
                                "b"));
    struct bytes der = sign_spoilt(x509, t, device.key, EVP_sha256());
    assert_fails(t, cert_parse(t, der, &cert), E_CERT_MALFORMED);
    assert_detail(t, OID_PE_MASA_URL " twice");
}

static void more_than_64_extensions_are_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity device = make_device(t, "serialNumber=1", NULL);
    const struct cert *cert;
    X509 *x509 = copy_to_spoil(t, device.cert);
    for (int i = 0; i < 65; i++)
        add_extension(x509, arena_printf(t->arena, "1.2.3.%d", i), false, BYTES_LITERAL("\x05\0"));
    struct bytes der = sign_spoilt(x509, t, device.key, EVP_sha256());
    assert_fails(t, cert_parse(t, der, &cert), E_CERT_MALFORMED);
    assert_detail(t, "at most 64");
}

static void lists_of_certificates_are_read_and_written(void **state)
{
    struct task *t = test_task(state);
    struct identity device = make_device(t, "serialNumber=1", NULL);
    struct bytes items[17];
    struct cert_list certs = {NULL, 0};
    for (size_t i = 0; i < ARRAY_SIZE(items); i++)
        items[i] = device.cert->der;
    assert_ok(t, certs_parse(t, &(struct bytes_list){items, 16}, &certs));
    assert_int_equal(certs.count, 16);
    assert_int_equal(certs_der(t, &certs).count, 16);
}

static void file_may_hold_a_key_and_remarks_beside_certificates(void **state)
{
    struct task *t = test_task(state);
    struct identity a = make_ca(t, "CN=a", NULL);
    struct identity b = make_device(t, "CN=b", &a);
    struct cert_list certs = {NULL, 0};
    const char *text = arena_printf(t->arena, "subject=b\n%s\nremark\n%s%s", cert_to_pem(t, b.cert),
                                    key_to_pem(t, b.key), cert_to_pem(t, a.cert));
    assert_ok(t, certs_from_file_octets(t, bytes_of_text(text), &certs));
    assert_int_equal(certs.count, 2);
    assert_bytes_equal(t, certs.items[0]->der, b.cert->der);
    assert_bytes_equal(t, certs.items[1]->der, a.cert->der);
    assert_ok(t, certs_from_file_octets(t, a.cert->der, &certs));
    assert_int_equal(certs.count, 1);
}

static void file_without_a_whole_certificate_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity a = make_ca(t, "CN=a", NULL);
    struct cert_list certs;
    const char *pem = cert_to_pem(t, a.cert);
    char *broken = arena_strdup(t->arena, pem);
    broken[strlen(broken) / 2] = '!';
    const char *const texts[] = {
        "",
        "no certificate",
        key_to_pem(t, a.key),
        arena_strndup(t->arena, pem, strlen(pem) / 2),
        arena_printf(t->arena, "%s%s", pem, broken),
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        assert_fails(t, certs_from_file_octets(t, bytes_of_text(texts[i]), &certs),
                     E_CERT_MALFORMED);
}

static void last_moment_of_9999_is_a_time_like_any_other(void **state)
{
    struct task *t = test_task(state);
    if (!vectors_present())
        skip();
    assert_int_equal(cert_not_after(vector_cert(t, "jws/pledge.crt.pem")), YEAR_9999);
    assert_int_equal(cert_not_before(vector_cert(t, IDEVID)), 1619548170000LL);
    struct identity own = make_ca(t, "CN=a", NULL);
    assert_int_equal(cert_not_after(own.cert), YEAR_9999);
}

static void names_are_escaped_and_printable(void **state)
{
    struct task *t = test_task(state);
    struct identity device = make_device(t, "serialNumber=1", NULL);
    X509 *x509 = copy_to_spoil(t, device.cert);
    const struct cert *cert = NULL;
    static const uint8_t hostile[] = {'a', 0x1B, '[', '2', 'J', '\n', 0, ',', 0xC3, 0xA4};
    X509_NAME *name = X509_NAME_new();
    assert_int_equal(X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING, hostile,
                                                sizeof(hostile), -1, 0),
                     1);
    assert_int_equal(X509_set_subject_name(x509, name), 1);
    X509_NAME_free(name);
    assert_ok(t, cert_parse(t, sign_spoilt(x509, t, device.key, EVP_sha256()), &cert));
    assert_string_equal(cert_subject(t, cert), "CN=a\\1B[2J\\0A\\00\\,\\C3\\A4");
    assert_string_equal(cert_issuer(t, cert), "serialNumber=1");
}

static void extended_key_usage_is_found_by_oid(void **state)
{
    struct task *t = test_task(state);
    if (!vectors_present())
        skip();
    const struct cert *registrar = vector_cert(t, "cbrski/registrar.cert.pem");
    assert_true(cert_has_eku(registrar, OID_KP_CMC_RA));
    assert_true(cert_has_eku(registrar, OID_KP_SERVER_AUTH));
    assert_true(cert_has_eku(registrar, OID_KP_CLIENT_AUTH));
    assert_false(cert_has_eku(registrar, OID_KP_CMC_CA));
    const struct cert *jrc = vector_cert(t, "rfc8995/jrc_prime256v1.cert.pem");
    assert_true(cert_has_eku(jrc, OID_KP_CMC_RA));
    assert_false(cert_has_eku(jrc, OID_KP_SERVER_AUTH));
    assert_false(cert_has_eku(vector_cert(t, IDEVID), OID_KP_CLIENT_AUTH));
    assert_false(cert_has_eku(registrar, "no OID"));
}

static const struct cert *with_alt_names(struct task *t, const char *config)
{
    struct identity device = make_device(t, "CN=cn.example", NULL);
    X509 *x509 = copy_to_spoil(t, device.cert);
    const struct cert *cert = NULL;
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, config);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
    assert_ok(t, cert_parse(t, sign_spoilt(x509, t, device.key, EVP_sha256()), &cert));
    return cert;
}

static void alternative_names_have_their_type_before_them(void **state)
{
    static const char *const expected[] = {
        "DNS:a.example",           "IP:192.0.2.1",        "IP:2001:db8::1",
        "URI:https://a.example/x", "email:a@example.com", "RID:88032a0304",
    };
    struct task *t = test_task(state);
    struct text_list names = {NULL, 0};
    const struct cert *cert =
        with_alt_names(t, "DNS:a.example,IP:192.0.2.1,IP:2001:db8::1,URI:https://a.example/x,"
                          "email:a@example.com,RID:1.2.3.4");
    assert_ok(t, cert_alt_names(t, cert, &names));
    assert_int_equal(names.count, ARRAY_SIZE(expected));
    for (size_t i = 0; i < names.count; i++)
        assert_string_equal(names.items[i], expected[i]);
    assert_ok(t, cert_alt_names(t, make_device(t, "CN=a", NULL).cert, &names));
    assert_int_equal(names.count, 0);
}

static void hostile_alternative_names_are_escaped_or_refused(void **state)
{
    struct task *t = test_task(state);
    struct text_list names = {NULL, 0};
    const struct bytes escape = BYTES_LITERAL("\x30\x07\x82\x05"
                                              "a\0\\\x1B\xE4");
    const struct bytes odd_address = BYTES_LITERAL("\x30\x03\x87\x01\x7F");
    const struct bytes trailing = BYTES_LITERAL("\x30\x00\x00");
    assert_ok(t,
              cert_alt_names(t, cert_with_extension(t, OID_CE_SUBJECT_ALT_NAME, escape), &names));
    assert_string_equal(names.items[0], "DNS:a\\00\\5C\\1B\\E4");
    assert_ok(
        t, cert_alt_names(t, cert_with_extension(t, OID_CE_SUBJECT_ALT_NAME, odd_address), &names));
    assert_string_equal(names.items[0], "IP:7f");
    const struct cert *cert = cert_with_extension(t, OID_CE_SUBJECT_ALT_NAME, trailing);
    assert_fails(t, cert_alt_names(t, cert, &names), E_CERT_MALFORMED);
    uint8_t many[4 + 514] = {0x30, 0x82, 0x02, 0x02};
    for (size_t i = 0; i < 257; i++)
        many[4 + 2 * i] = 0x82;
    cert = cert_with_extension(t, OID_CE_SUBJECT_ALT_NAME, BYTES_ARRAY(many));
    assert_fails(t, cert_alt_names(t, cert, &names), E_CERT_MALFORMED);
    assert_detail(t, "257 alternative names");
}

static void host_is_named_by_dns_id_or_address_only(void **state)
{
    static const struct {
        const char *host;
        bool named;
    } hosts[] = {
        {"a.example", true},        {"A.EXAMPLE", true},   {"b.w.example", true},
        {"192.0.2.1", true},        {"2001:db8::1", true}, {"cn.example", false},
        {"a.b.w.example", false},   {"w.example", false},  {"192.0.2.2", false},
        {".example", false},        {"", false},           {"example", false},
        {"ab.part.example", false},
    };
    struct task *t = test_task(state);
    const struct cert *cert = with_alt_names(
        t, "DNS:a.example,DNS:*.w.example,DNS:a*.part.example,IP:192.0.2.1,IP:2001:db8::1");
    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
        if (cert_names_host(cert, hosts[i].host) != hosts[i].named)
            fail_msg("%s", hosts[i].host);
    }
}

static void serial_of_the_certificate_has_no_sign_octet(void **state)
{
    struct task *t = test_task(state);
    if (!vectors_present())
        skip();
    assert_string_equal(bytes_to_hex(t->arena, cert_serial(t, vector_cert(t, IDEVID))), "1f18fee7");
    struct identity device = make_device(t, "CN=a", NULL);
    X509 *x509 = copy_to_spoil(t, device.cert);
    const struct cert *cert = NULL;
    assert_int_equal(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), 0x9A58DE75193B7A9CULL),
                     1);
    assert_ok(t, cert_parse(t, sign_spoilt(x509, t, device.key, EVP_sha256()), &cert));
    assert_string_equal(bytes_to_hex(t->arena, cert_serial(t, cert)), "9a58de75193b7a9c");
}

static void ca_and_self_signature_are_told(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity impostor = make_ca(t, "CN=root", NULL);
    struct identity sub = make_ca(t, "CN=sub", &root);
    struct identity device = make_device(t, "CN=device", NULL);
    assert_true(cert_is_ca(root.cert));
    assert_true(cert_is_ca(sub.cert));
    assert_false(cert_is_ca(device.cert));
    assert_true(cert_is_self_signed(root.cert));
    assert_true(cert_is_self_signed(device.cert));
    assert_false(cert_is_self_signed(sub.cert));
    /* Same name for subject and issuer, but another's signature. */
    const struct cert *cert = NULL;
    X509 *x509 = copy_to_spoil(t, root.cert);
    assert_ok(t, cert_parse(t, sign_spoilt(x509, t, impostor.key, EVP_sha256()), &cert));
    assert_false(cert_is_self_signed(cert));
    /* No cA, no CA: neither version 1 nor keyCertSign is taken for it. */
    while (X509_get_ext_count(x509) > 0)
        X509_EXTENSION_free(X509_delete_ext(x509, 0));
    add_extension(x509, OID_CE_KEY_USAGE, true, BYTES_LITERAL("\x03\x02\x01\x06"));
    assert_ok(t, cert_parse(t, sign_spoilt(x509, t, root.key, EVP_sha256()), &cert));
    assert_false(cert_is_ca(cert));
    X509_EXTENSION_free(X509_delete_ext(x509, 0));
    assert_int_equal(X509_set_version(x509, X509_VERSION_1), 1);
    assert_ok(t, cert_parse(t, sign_spoilt(x509, t, root.key, EVP_sha256()), &cert));
    assert_false(cert_is_ca(cert));
}

static void unreadable_validity_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity device = make_device(t, "CN=a", NULL);
    const struct cert *cert;
    struct bytes der = bytes_copy(t->arena, device.cert->der);
    uint8_t *date = memmem(der.data, der.len, "200101000000Z", 13);
    assert_non_null(date);
    date[2] = '9'; /* month 91 */
    assert_fails(t, cert_parse(t, der, &cert), E_CERT_MALFORMED);
    date[2] = '0';
    date[12] = '0'; /* no "Z" */
    assert_fails(t, cert_parse(t, der, &cert), E_CERT_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(every_published_certificate_is_read_and_written_again),
        PKI_TEST(truncated_certificate_is_refused),
        PKI_TEST(octets_after_a_certificate_are_refused),
        PKI_TEST(ber_certificate_is_refused),
        PKI_TEST(oversized_certificate_is_refused),
        PKI_TEST(doubled_extension_is_refused),
        PKI_TEST(more_than_64_extensions_are_refused),
        PKI_TEST(lists_of_certificates_are_read_and_written),
        PKI_TEST(file_may_hold_a_key_and_remarks_beside_certificates),
        PKI_TEST(file_without_a_whole_certificate_is_refused),
        PKI_TEST(last_moment_of_9999_is_a_time_like_any_other),
        PKI_TEST(names_are_escaped_and_printable),
        PKI_TEST(extended_key_usage_is_found_by_oid),
        PKI_TEST(alternative_names_have_their_type_before_them),
        PKI_TEST(hostile_alternative_names_are_escaped_or_refused),
        PKI_TEST(host_is_named_by_dns_id_or_address_only),
        PKI_TEST(serial_of_the_certificate_has_no_sign_octet),
        PKI_TEST(ca_and_self_signature_are_told),
        PKI_TEST(unreadable_validity_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
