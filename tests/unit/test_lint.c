/* Each rule by a certificate that breaks it alone. */
#include "tests/unit/pki_fixture.h"

#include "core/base/clock.h"
#include "core/pki/lint.h"
#include "core/pki/status_urls.h"

#include <string.h>

#include <openssl/x509v3.h>

#define FROM YEAR_2020
#define TO   (YEAR_2020 + 366 * DAY_MS)

struct scene {
    struct task *t;
    struct identity ca;
    EVP_PKEY *key;
    const struct cert *good;
};

static struct extension dns_name(struct task *t, const char *name)
{
    struct extension names = {.oid = OID_CE_SUBJECT_ALT_NAME};
    assert_ok(t, extension_dns_names(t, &(struct text_list){&name, 1}, &names.value));
    return names;
}

static struct extension usage_of(struct task *t, const char *name)
{
    struct extension usage = {.oid = OID_CE_KEY_USAGE, .critical = true};
    assert_ok(t, extension_key_usage(t, &(struct text_list){&name, 1}, &usage.value));
    return usage;
}

static struct scene scene_make(void **state)
{
    struct scene s = {.t = test_task(state)};
    s.ca = make_ca(s.t, "CN=Device CA", NULL);
    assert_ok(s.t, key_generate(s.t, KEY_P256, 0, &s.key));
    struct extension extensions[] = {dns_name(s.t, "a.example.com"),
                                     usage_of(s.t, "digitalSignature")};
    struct issue issue = {.key = s.key,
                          .not_before = FROM,
                          .not_after = TO,
                          .path_length = -1,
                          .extensions = {extensions, ARRAY_SIZE(extensions)},
                          .issuer = s.ca.cert,
                          .issuer_key = s.ca.key};
    assert_ok(s.t, name_from_text(s.t, "CN=phone,serialNumber=1", &issue.subject));
    assert_ok(s.t, issue_certificate(s.t, &issue, &s.good));
    return s;
}

static void refuse(const struct scene *s, X509 *x509, const char *section)
{
    struct lint lint = {.key = s->key, .issuer = s->ca.cert};
    struct bytes der = sign_spoilt(x509, s->t, s->ca.key, EVP_sha256());
    assert_ok(s->t, cert_parse(s->t, der, &lint.cert));
    assert_fails(s->t, lint_certificate(s->t, &lint), E_LINT);
    assert_detail(s->t, section);
    task_forgive(s->t);
}

/* ---- Tests ---- */

static void good_certificate_passes(void **state)
{
    struct scene s = scene_make(state);
    struct lint lint = {s.good, s.key, s.ca.cert};
    assert_ok(s.t, lint_certificate(s.t, &lint));
    lint.issuer = NULL;
    assert_ok(s.t, lint_certificate(s.t, &lint));
}

static void serial_numbers_are_positive_and_short(void **state)
{
    static const uint8_t long_one[21] = {1};
    static const uint8_t high_one[20] = {0x80};
    struct scene s = scene_make(state);
    X509 *x509 = copy_to_spoil(s.t, s.good);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x509), 0), 1);
    refuse(&s, x509, "4.1.2.2");
    assert_int_equal(ASN1_INTEGER_set_int64(X509_get_serialNumber(x509), -5), 1);
    refuse(&s, x509, "4.1.2.2");
    assert_int_equal(ASN1_STRING_set(X509_get_serialNumber(x509), long_one, sizeof(long_one)), 1);
    refuse(&s, x509, "4.1.2.2");
    assert_int_equal(ASN1_STRING_set(X509_get_serialNumber(x509), high_one, sizeof(high_one)), 1);
    refuse(&s, x509, "4.1.2.2"); /* 21 octets with the one for the sign */
}

static void version_names_and_validity_are_right(void **state)
{
    struct scene s = scene_make(state);
    X509 *x509 = copy_to_spoil(s.t, s.good);
    X509_NAME *other;
    assert_int_equal(X509_set_version(x509, X509_VERSION_2), 1);
    refuse(&s, x509, "4.1.2.1");
    x509 = copy_to_spoil(s.t, s.good);
    assert_ok(s.t, name_from_text(s.t, "CN=Other CA", &other));
    assert_int_equal(X509_set_issuer_name(x509, other), 1);
    refuse(&s, x509, "4.1.2.4");
    x509 = copy_to_spoil(s.t, s.good);
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x509), (FROM - DAY_MS) / SECOND_MS));
    refuse(&s, x509, "4.1.2.5");
    x509 = copy_to_spoil(s.t, s.good);
    assert_int_equal(ASN1_TIME_set_string(X509_getm_notAfter(x509), "20300101000000Z"), 1);
    refuse(&s, x509, "4.1.2.5"); /* GeneralizedTime before 2050 */
}

static void signature_is_not_by_a_broken_hash(void **state)
{
    struct scene s = scene_make(state);
    struct lint lint = {.key = s.key, .issuer = s.ca.cert};
    struct bytes der = sign_spoilt(copy_to_spoil(s.t, s.good), s.t, s.ca.key, EVP_sha1());
    assert_ok(s.t, cert_parse(s.t, der, &lint.cert));
    assert_fails(s.t, lint_certificate(s.t, &lint), E_LINT);
    assert_detail(s.t, "broken hash");
}

static void subject_attributes_are_plain_and_within_bounds(void **state)
{
    static const struct {
        int nid;
        int type;
        const char *value;
    } cases[] = {
        {NID_commonName, V_ASN1_UTF8STRING,
         "12345678901234567890123456789012345678901234567890123456789012345"},
        {NID_countryName, V_ASN1_PRINTABLESTRING, "DEU"},
        {NID_serialNumber, V_ASN1_UTF8STRING, "ABC123"},
        {NID_commonName, V_ASN1_UTF8STRING, "a\nb"},
    };
    struct scene s = scene_make(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        X509 *x509 = copy_to_spoil(s.t, s.good);
        X509_NAME *name = X509_NAME_new();
        assert_int_equal(X509_NAME_add_entry_by_NID(name, cases[i].nid, cases[i].type,
                                                    (const unsigned char *)cases[i].value, -1, -1,
                                                    0),
                         1);
        assert_int_equal(X509_set_subject_name(x509, name), 1);
        X509_NAME_free(name);
        refuse(&s, x509, i < 3 ? "A.1" : "4.1.2.4");
    }
}

static void subject_may_be_empty_only_with_critical_names(void **state)
{
    struct scene s = scene_make(state);
    X509 *x509 = copy_to_spoil(s.t, s.good);
    X509_NAME *none = X509_NAME_new();
    assert_int_equal(X509_set_subject_name(x509, none), 1);
    X509_NAME_free(none);
    refuse(&s, x509, "4.2.1.6");
    int at = X509_get_ext_by_NID(x509, NID_subject_alt_name, -1);
    (void)X509_EXTENSION_set_critical(X509_get_ext(x509, at), 1);
    struct lint lint = {.key = s.key, .issuer = s.ca.cert};
    assert_ok(s.t, cert_parse(s.t, sign_spoilt(x509, s.t, s.ca.key, EVP_sha256()), &lint.cert));
    assert_ok(s.t, lint_certificate(s.t, &lint));
}

static void identifiers_are_there_and_fit(void **state)
{
    struct scene s = scene_make(state);
    struct identity other = make_ca(s.t, "CN=Device CA", NULL);
    static const int nids[] = {NID_subject_key_identifier, NID_authority_key_identifier};
    for (size_t i = 0; i < ARRAY_SIZE(nids); i++) {
        X509 *x509 = copy_to_spoil(s.t, s.good);
        X509_EXTENSION_free(X509_delete_ext(x509, X509_get_ext_by_NID(x509, nids[i], -1)));
        refuse(&s, x509, "4.2.1");
    }
    struct lint lint = {s.good, s.key, other.cert}; /* the same name, another key */
    assert_fails(s.t, lint_certificate(s.t, &lint), E_LINT);
    assert_detail(s.t, "AuthorityKeyIdentifier");
}

static X509 *with_extension(const struct scene *s, int instead_of, const char *oid, bool critical,
                            struct bytes value)
{
    X509 *x509 = copy_to_spoil(s->t, s->good);
    int at = X509_get_ext_by_NID(x509, instead_of, -1);
    if (at >= 0)
        X509_EXTENSION_free(X509_delete_ext(x509, at));
    add_extension(x509, oid, critical, value);
    return x509;
}

static void device_has_no_powers_of_a_ca(void **state)
{
    struct scene s = scene_make(state);
    refuse(&s,
           with_extension(&s, NID_basic_constraints, OID_CE_BASIC_CONSTRAINTS, true,
                          BYTES_LITERAL("\x30\x03\x01\x01\xFF")),
           "4.2.1.9");
    refuse(&s,
           with_extension(&s, NID_key_usage, OID_CE_KEY_USAGE, true,
                          usage_of(s.t, "keyCertSign").value),
           "4.2.1.3");
    refuse(&s,
           with_extension(&s, NID_key_usage, OID_CE_KEY_USAGE, false,
                          usage_of(s.t, "digitalSignature").value),
           "not critical");
    refuse(&s,
           with_extension(&s, NID_key_usage, OID_CE_KEY_USAGE, true,
                          usage_of(s.t, "keyEncipherment").value),
           "cannot encipher");
    refuse(&s,
           with_extension(&s, NID_key_usage, OID_CE_KEY_USAGE, true, BYTES_LITERAL("\x03\x01\x00")),
           "without any use");
    refuse(&s,
           with_extension(&s, NID_ext_key_usage, OID_CE_EXT_KEY_USAGE, false,
                          BYTES_LITERAL("\x30\x00")),
           "4.2.1.12");
}

static void alternative_names_are_names(void **state)
{
    static const struct bytes values[] = {
        {(const uint8_t *)"\x30\x00", 2},          /* none */
        {(const uint8_t *)"\x30\x03\x82\x01-", 5}, /* "-" */
        {(const uint8_t *)"\x30\x05\x82\x03"
                          "a..",
         7},
        {(const uint8_t *)"\x30\x05\x82\x03"
                          "a_b",
         7},
        {(const uint8_t *)"\x30\x05\x87\x03"
                          "abc",
         7}, /* an address of three octets */
        {(const uint8_t *)"\x30\x05\x86\x03"
                          "abc",
         7},                               /* a URI without scheme */
        {(const uint8_t *)"\x04\x01x", 3}, /* no names at all */
    };
    struct scene s = scene_make(state);
    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        refuse(&s,
               with_extension(&s, NID_subject_alt_name, OID_CE_SUBJECT_ALT_NAME, false, values[i]),
               "4.2.1.6");
}

static void key_is_strong_enough(void **state)
{
    struct scene s = scene_make(state);
    EVP_PKEY *weak = EVP_RSA_gen(1024);
    struct lint lint = {s.good, weak, s.ca.cert};
    assert_fails(s.t, lint_certificate(s.t, &lint), E_LINT);
    assert_detail(s.t, "1024 bits");
    lint.key = NULL;
    task_forgive(s.t);
    assert_fails(s.t, lint_certificate(s.t, &lint), E_LINT);
    EVP_PKEY_free(weak);
}

static void certificate_does_not_outlive_its_issuer(void **state)
{
    struct scene s = scene_make(state);
    struct identity brief = make_ca(s.t, "CN=Device CA", NULL);
    X509 *ca = copy_to_spoil(s.t, brief.cert);
    struct lint lint = {.key = s.key};
    X509 *x509 = copy_to_spoil(s.t, s.good);
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(ca), (FROM + DAY_MS) / SECOND_MS));
    assert_ok(s.t, cert_parse(s.t, sign_spoilt(ca, s.t, brief.key, EVP_sha256()), &lint.issuer));
    X509_EXTENSION_free(
        X509_delete_ext(x509, X509_get_ext_by_NID(x509, NID_authority_key_identifier, -1)));
    assert_ok(s.t, cert_parse(s.t, sign_spoilt(x509, s.t, brief.key, EVP_sha256()), &lint.cert));
    assert_fails(s.t, lint_certificate(s.t, &lint), E_LINT);
    assert_detail(s.t, "outlives");
}

static void status_urls_are_plain_http(void **state)
{
    static const char *const bad[] = {"https://a/", "http://", "ftp://a", "http://a b",
                                      "http://\xC3\xA4"};
    struct task *t = test_task(state);
    struct bytes value;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_fails(t, extension_crl_url(t, bad[i], &value), E_INVALID);
    assert_fails(t, extension_authority_info(t, NULL, NULL, &value), E_INVALID);
    assert_ok(t, extension_crl_url(t, "http://a.example/x.crl", &value));
    assert_ok(t, extension_authority_info(t, "http://a.example/ocsp", NULL, &value));
}

static void acp_node_names_are_ia5_strings(void **state)
{
    struct scene s = scene_make(state);
    X509 *x509 = copy_to_spoil(s.t, s.good);
    X509_EXTENSION_free(X509_delete_ext(x509, X509_get_ext_by_NID(x509, NID_subject_alt_name, -1)));
    /* otherName id-on-AcpNodeName, "a@b" as a UTF8String (RFC 8994 6.2.2) */
    add_extension(x509, OID_CE_SUBJECT_ALT_NAME, false,
                  BYTES_LITERAL("\x30\x13\xA0\x11\x06\x08\x2B\x06\x01\x05\x05\x07\x08\x0A\xA0\x05"
                                "\x0C\x03"
                                "a@b"));
    refuse(&s, x509, "AcpNodeName");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(good_certificate_passes),
        PKI_TEST(serial_numbers_are_positive_and_short),
        PKI_TEST(version_names_and_validity_are_right),
        PKI_TEST(signature_is_not_by_a_broken_hash),
        PKI_TEST(subject_attributes_are_plain_and_within_bounds),
        PKI_TEST(subject_may_be_empty_only_with_critical_names),
        PKI_TEST(identifiers_are_there_and_fit),
        PKI_TEST(device_has_no_powers_of_a_ca),
        PKI_TEST(alternative_names_are_names),
        PKI_TEST(key_is_strong_enough),
        PKI_TEST(certificate_does_not_outlive_its_issuer),
        PKI_TEST(status_urls_are_plain_http),
        PKI_TEST(acp_node_names_are_ia5_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
