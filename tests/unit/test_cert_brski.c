#include "tests/unit/pki_fixture.h"

#include "core/pki/status_urls.h"

#include <string.h>

#include <openssl/x509v3.h>

#define IDEVID "rfc8995/idevid_00-D0-E5-F2-00-02.cert.pem"

/* The cursor moves past the field; fields are parted by two blanks. */
static char *next_field(char **line)
{
    char *field = *line;
    char *gap = strstr(field, "  ");
    if (gap == NULL) {
        *line = field + strlen(field);
        return field;
    }
    *gap = '\0';
    *line = gap + 2;
    return field;
}

static void check_line(struct task *t, const char *what, const struct cert *cert, const char *value)
{
    struct bytes octets = BYTES_ABSENT;
    const char *text = NULL;
    if (strcmp(what, "idevid-issuer") == 0) {
        assert_ok(t, cert_idevid_issuer(t, cert, &octets));
        assert_string_equal(bytes_to_base64(t->arena, octets), value);
    } else if (strcmp(what, "domainID") == 0) {
        assert_ok(t, cert_domain_id(t, cert, &octets));
        assert_string_equal(bytes_to_base64(t->arena, octets), value);
    } else if (strcmp(what, "masa-url") == 0) {
        assert_ok(t, cert_masa_url(t, cert, &text));
        assert_non_null(text);
        assert_ok(t, masa_base_url(t, text, &text));
        assert_string_equal(text, value);
    } else {
        assert_string_equal(what, "serial-number");
        assert_ok(t, cert_subject_serial(t, cert, &text));
        if (text == NULL) /* the one whose serial number is its CN */
            assert_non_null(strstr(cert_subject(t, cert), value));
        else
            assert_string_equal(text, value);
    }
}

static void derived_values_are_those_of_the_vectors(void **state)
{
    struct task *t = test_task(state);
    size_t lines = 0;
    if (!vectors_present())
        skip();
    char *text = bytes_to_text(t->arena, vector_read(t, "derived/expected_values.txt"));
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        if (*line == '#' || *line == '\0')
            continue;
        const char *what = next_field(&line);
        char *source = next_field(&line);
        source[strcspn(source, " ")] = '\0';
        check_line(t, what, vector_cert(t, source), line);
        lines++;
    }
    assert_int_equal(lines, 13);
}

static void real_idevids_have_what_they_have(void **state)
{
    static const struct {
        const char *file;
        const char *serial;
        const char *subject;
        bool has_aki;
    } devices[] = {
        {"idevid-real/cisco-act2-sudi.pem", "PID:CHIMAY-U-AC SN:FDO27361XTF",
         "CN=InsiemeHardware,OU=ACT-2 Lite SUDI,O=Cisco,serialNumber=PID:CHIMAY-U-AC "
         "SN:FDO27361XTF",
         true},
        {"idevid-real/cisco-sudi.pem", "PID:C9500-16X SN:FCW2117A56M",
         "CN=C9500-16X,OU=ACT-2 Lite SUDI,O=Cisco,serialNumber=PID:C9500-16X SN:FCW2117A56M",
         false},
        {"idevid-real/huawei-ek.pem", NULL, "", true},
        {"idevid-real/huawei-iak.pem", NULL,
         "CN=2102351TQD10K1000126.huawei.com,OU=Router and Carrier Ethernet Product "
         "Line,O=Huawei,C=CN",
         true},
    };
    struct task *t = test_task(state);
    if (!vectors_present())
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        const struct cert *cert = vector_cert(t, devices[i].file);
        const char *serial = "unset";
        const char *url = "unset";
        struct bytes issuer = BYTES_ABSENT;
        assert_ok(t, cert_subject_serial(t, cert, &serial));
        if (devices[i].serial == NULL)
            assert_null(serial);
        else
            assert_string_equal(serial, devices[i].serial);
        assert_string_equal(cert_subject(t, cert), devices[i].subject);
        assert_ok(t, cert_masa_url(t, cert, &url));
        assert_null(url); /* none of these makers has BRSKI */
        assert_ok(t, cert_idevid_issuer(t, cert, &issuer));
        struct bytes aki = cert_extension(t, cert, OID_CE_AUTHORITY_KEY_ID);
        assert_int_equal(bytes_present(aki), devices[i].has_aki);
        if (devices[i].has_aki) /* whole, behind tag and length */
            assert_bytes_equal(t, bytes_make(issuer.data + 2, issuer.len - 2), aki);
        assert_int_equal(issuer.data[0], 0x04);
        assert_int_equal(issuer.len, 2U + issuer.data[1]);
        assert_false(cert_is_ca(cert));
    }
    /* One has expired years ago and is in the field all the same. */
    assert_true(cert_not_after(vector_cert(t, "idevid-real/huawei-iak.pem")) < 1609459200000LL);
}

static void idevid_issuer_of_a_certificate_without_aki_is_built_from_its_own_key(void **state)
{
    static const uint8_t shape[] = {0x04, 0x18, 0x30, 0x16, 0x80, 0x14};
    struct task *t = test_task(state);
    struct bytes issuer = BYTES_ABSENT;
    if (!vectors_present())
        skip();
    /* This one's SKI is the SHA-1 of its key, which is what must be found here. */
    const struct cert *idevid = vector_cert(t, IDEVID);
    assert_false(bytes_present(cert_extension(t, idevid, OID_CE_AUTHORITY_KEY_ID)));
    assert_ok(t, cert_idevid_issuer(t, idevid, &issuer));
    assert_int_equal(issuer.len, 26);
    assert_true(bytes_start_with(issuer, BYTES_ARRAY(shape)));
    struct bytes ski = cert_extension(t, idevid, OID_CE_SUBJECT_KEY_ID);
    assert_bytes_equal(t, bytes_make(issuer.data + 6, 20), bytes_make(ski.data + 2, 20));
}

/* What a voucher is asked for with, before the device has come, is what its IDevID will say. */
static void idevid_issuer_that_a_ca_gives_is_the_one_of_its_devices(void **state)
{
    struct task *t = test_task(state);
    struct identity ca = make_ca(t, "CN=maker", NULL);
    struct identity device = make_device(t, "serialNumber=1", &ca);
    struct bytes of_ca = BYTES_ABSENT;
    struct bytes of_device = BYTES_ABSENT;
    assert_ok(t, cert_idevid_issuer_of_ca(t, ca.cert, &of_ca));
    assert_ok(t, cert_idevid_issuer(t, device.cert, &of_device));
    assert_bytes_equal(t, of_ca, of_device);
}

/* A certificate whose subject has these serialNumber attributes. */
static const struct cert *with_serials(struct task *t, int type, const struct bytes *serials,
                                       size_t count)
{
    struct identity device = make_device(t, "CN=a", NULL);
    X509 *x509 = copy_to_spoil(t, device.cert);
    const struct cert *cert = NULL;
    X509_NAME *name = X509_NAME_new();
    for (size_t i = 0; i < count; i++)
        assert_int_equal(X509_NAME_add_entry_by_NID(name, NID_serialNumber, type, serials[i].data,
                                                    (int)serials[i].len, -1, 0),
                         1);
    assert_int_equal(X509_set_subject_name(x509, name), 1);
    X509_NAME_free(name);
    assert_ok(t, cert_parse(t, sign_spoilt(x509, t, device.key, EVP_sha256()), &cert));
    return cert;
}

static void serial_number_of_the_subject_is_read_in_any_character_string(void **state)
{
    struct task *t = test_task(state);
    static const uint8_t bmp[] = {0, 'A', 0, '1'};
    const struct bytes text = BYTES_LITERAL("A1");
    const struct bytes wide = BYTES_ARRAY(bmp);
    const struct cert *certs[] = {
        with_serials(t, V_ASN1_PRINTABLESTRING, &text, 1),
        with_serials(t, V_ASN1_UTF8STRING, &text, 1),
        with_serials(t, V_ASN1_T61STRING, &text, 1),
        with_serials(t, V_ASN1_BMPSTRING, &wide, 1),
    };
    for (size_t i = 0; i < ARRAY_SIZE(certs); i++) {
        const char *serial = NULL;
        assert_ok(t, cert_subject_serial(t, certs[i], &serial));
        assert_string_equal(serial, "A1");
    }
}

static void serial_number_that_is_no_single_text_is_refused(void **state)
{
    struct task *t = test_task(state);
    const struct bytes two[] = {BYTES_LITERAL("A1"), BYTES_LITERAL("A1")};
    const struct bytes nul = BYTES_LITERAL("A1\0B");
    const struct bytes line = BYTES_LITERAL("A1\nB");
    const struct bytes nothing = BYTES_LITERAL("");
    const struct cert *certs[] = {
        with_serials(t, V_ASN1_PRINTABLESTRING, two, 2),
        with_serials(t, V_ASN1_UTF8STRING, &nul, 1),
        with_serials(t, V_ASN1_UTF8STRING, &line, 1),
        with_serials(t, V_ASN1_UTF8STRING, &nothing, 1),
        with_serials(t, V_ASN1_BIT_STRING, two, 1),
    };
    for (size_t i = 0; i < ARRAY_SIZE(certs); i++) {
        const char *serial = "unset";
        assert_fails(t, cert_subject_serial(t, certs[i], &serial), E_CERT_MALFORMED);
        assert_string_equal(serial, "unset");
    }
}

static void utf8string_that_is_no_utf8_makes_a_malformed_certificate(void **state)
{
    struct task *t = test_task(state);
    const struct bytes text = BYTES_LITERAL("serial-1234");
    const struct cert *cert = with_serials(t, V_ASN1_UTF8STRING, &text, 1);
    struct bytes der = bytes_copy(t->arena, cert->der);
    uint8_t *at = memmem(der.data, der.len, text.data, text.len);
    assert_non_null(at);
    at[1] = 0xE4;
    assert_fails(t, cert_parse(t, der, &cert), E_CERT_MALFORMED);
}

static void masa_url_extension_that_is_no_ia5string_is_refused(void **state)
{
    struct task *t = test_task(state);
    const struct bytes values[] = {
        BYTES_LITERAL("\x0C\x04"
                      "host"), /* UTF8String */
        BYTES_LITERAL("host"),
        BYTES_LITERAL("\x16\x00"),
        BYTES_LITERAL("\x16\x04"
                      "hostx"),
        BYTES_LITERAL("\x16\x05"
                      "host"),
        BYTES_LITERAL("\x16\x05"
                      "ho\0st"),
        BYTES_LITERAL("\x16\x05"
                      "ho\nst"),
        BYTES_LITERAL("\x16\x04"
                      "h\xF6st"),
        BYTES_LITERAL(""),
    };
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        const char *url = "unset";
        const struct cert *cert = cert_with_extension(t, OID_PE_MASA_URL, values[i]);
        assert_fails(t, cert_masa_url(t, cert, &url), E_CERT_MALFORMED);
        assert_string_equal(url, "unset");
    }
    const char *url = NULL;
    assert_ok(t, cert_masa_url(t,
                               cert_with_extension(t, OID_PE_MASA_URL,
                                                   BYTES_LITERAL("\x16\x04"
                                                                 "host")),
                               &url));
    assert_string_equal(url, "host");
}

static void masa_url_in_other_forms_is_found_and_told(void **state)
{
    struct task *t = test_task(state);
    const struct {
        const char *oid;
        struct bytes value;
        bool no_ia5_string;
        bool old_oid;
    } rows[] = {
        {OID_PE_MASA_URL, BYTES_LITERAL("\x16\x04host"), false, false},
        {OID_PE_MASA_URL, BYTES_LITERAL("\x0C\x04host"), true, false},
        {OID_PE_MASA_URL, BYTES_LITERAL("host"), true, false},
        {OID_PE_MASA_URL_OLD, BYTES_LITERAL("\x16\x04host"), false, true},
        {OID_PE_MASA_URL_OLD, BYTES_LITERAL("\x0C\x04host"), true, true},
    };
    struct masa_url found = {.text = "unset"};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *strict = NULL;
        const struct cert *cert = cert_with_extension(t, rows[i].oid, rows[i].value);
        assert_ok(t, cert_masa_url_found(t, cert, &found));
        assert_string_equal(found.text, "host");
        assert_int_equal(found.no_ia5_string, rows[i].no_ia5_string);
        assert_int_equal(found.old_oid, rows[i].old_oid);
        if (rows[i].old_oid) /* no extension that RFC 8995 knows */
            assert_ok(t, cert_masa_url(t, cert, &strict));
        assert_null(strict);
    }
    const struct cert *wrong =
        cert_with_extension(t, OID_PE_MASA_URL, BYTES_LITERAL("\x13\x04host"));
    assert_fails(t, cert_masa_url_found(t, wrong, &found), E_CERT_MALFORMED);
    assert_ok(t, cert_masa_url_found(t, make_device(t, "CN=a", NULL).cert, &found));
    assert_null(found.text);
}

static void masa_url_becomes_the_base_of_its_resources(void **state)
{
    static const struct {
        const char *text;
        const char *base;
    } urls[] = {
        {"masa.example.com", "https://masa.example.com/.well-known/brski"},
        {"host:9443", "https://host:9443/.well-known/brski"},
        {"192.0.2.1:443", "https://192.0.2.1:443/.well-known/brski"},
        {"[2001:db8::1]", "https://[2001:db8::1]/.well-known/brski"},
        {"[2001:db8::1]:9443", "https://[2001:db8::1]:9443/.well-known/brski"},
        {"https://masa.example.com", "https://masa.example.com/.well-known/brski"},
        {"https://masa.example.com/", "https://masa.example.com/.well-known/brski"},
        {"HTTPS://masa.example.com:1/", "https://masa.example.com:1/.well-known/brski"},
        {"https://masa.example.com/a/b", "https://masa.example.com/a/b"},
        {"https://masa.example.com/a%20b/", "https://masa.example.com/a%20b"},
        {"https://masa.example.com/.well-known/brski",
         "https://masa.example.com/.well-known/brski"},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
        const char *base = NULL;
        assert_ok(t, masa_base_url(t, urls[i].text, &base));
        assert_string_equal(base, urls[i].base);
    }
}

static void masa_url_that_is_more_or_less_than_https_host_and_path_is_refused(void **state)
{
    static const char *const urls[] = {
        "",
        "/",
        "//host/",
        "host/path",
        "http://host/",
        "ldap://host/",
        "https:/host",
        "https:///path",
        "https://user@host/",
        "https://user:secret@host/",
        "user@host",
        "https://host/?query",
        "https://host?query",
        "https://host/#fragment",
        "host#fragment",
        "host?query",
        "host:",
        "host:0",
        "host:65536",
        "host:99999999999",
        "host:4294967739",
        "host:9443x",
        "host:94:43",
        ":9443",
        "ho st",
        "https://host/a b",
        "https://host/%2",
        "https://host/%zz",
        "https://host/a\\b",
        "https://host/\x01",
        "host\x80",
        "[2001:db8::1",
        "2001:db8::1",
        "[::1]x",
        "[fe80::1%eth0]",
        ".host",
        "host..name",
        "-host",
    };
    struct task *t = test_task(state);
    const char *base = "unset";
    for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
        if (masa_base_url(t, urls[i], &base))
            fail_msg("\"%s\" was taken for \"%s\"", urls[i], base);
        assert_ptr_equal(t->problem, E_INVALID);
    }
    char *long_host = arena_alloc(t->arena, 2000);
    memset(long_host, 'a', 1999);
    assert_fails(t, masa_base_url(t, long_host, &base), E_INVALID);
    long_host[300] = '\0';
    assert_fails(t, masa_base_url(t, long_host, &base), E_INVALID);
    assert_string_equal(base, "unset");
}

static void domain_id_of_an_unreadable_ski_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity device = make_device(t, "serialNumber=1", NULL);
    struct bytes id = BYTES_ABSENT;
    const struct cert *cert = NULL;
    X509 *x509 = copy_to_spoil(t, device.cert);
    int at = X509_get_ext_by_NID(x509, NID_subject_key_identifier, -1);
    X509_EXTENSION_free(X509_delete_ext(x509, at));
    assert_ok(t, cert_parse(t, sign_spoilt(x509, t, device.key, EVP_sha256()), &cert));
    assert_ok(t, cert_domain_id(t, cert, &id));
    assert_bytes_equal(t, id, cert_spki_sha256(t, cert));
    add_extension(x509, OID_CE_SUBJECT_KEY_ID, false, BYTES_LITERAL("\x30\x00"));
    assert_ok(t, cert_parse(t, sign_spoilt(x509, t, device.key, EVP_sha256()), &cert));
    assert_fails(t, cert_domain_id(t, cert, &id), E_CERT_MALFORMED);
}

/* RFC 5280 4.2.1.13: what a MASA follows in a registrar's certificate. */
static void revocation_lists_that_a_certificate_names_are_found(void **state)
{
    struct task *t = test_task(state);
    struct bytes value = BYTES_ABSENT;
    struct text_list urls = {NULL, 0};
    assert_ok(t, extension_crl_url(t, "http://crl.example/ca.crl", &value));
    assert_ok(t, cert_crl_urls(t, cert_with_extension(t, OID_CE_CRL_POINTS, value), &urls));
    assert_int_equal(urls.count, 1);
    assert_string_equal(urls.items[0], "http://crl.example/ca.crl");
    const struct identity device = make_device(t, "CN=a", NULL);
    assert_ok(t, cert_crl_urls(t, device.cert, &urls));
    assert_int_equal(urls.count, 0);
    /* An LDAP URL, and a name relative to the issuer's. */
    const struct bytes others =
        BYTES_LITERAL("\x30\x1F\x30\x0E\xA0\x0C\xA0\x0A\x86\x08ldap://a\x30\x0D\xA0\x0B\xA1\x09"
                      "\x30\x07\x06\x03\x55\x04\x03\x0C\x00");
    assert_ok(t, cert_crl_urls(t, cert_with_extension(t, OID_CE_CRL_POINTS, others), &urls));
    assert_int_equal(urls.count, 0);
    assert_fails(t,
                 cert_crl_urls(t,
                               cert_with_extension(t, OID_CE_CRL_POINTS, BYTES_LITERAL("\x30\x01")),
                               &urls),
                 E_CERT_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(derived_values_are_those_of_the_vectors),
        PKI_TEST(real_idevids_have_what_they_have),
        PKI_TEST(idevid_issuer_of_a_certificate_without_aki_is_built_from_its_own_key),
        PKI_TEST(idevid_issuer_that_a_ca_gives_is_the_one_of_its_devices),
        PKI_TEST(serial_number_of_the_subject_is_read_in_any_character_string),
        PKI_TEST(serial_number_that_is_no_single_text_is_refused),
        PKI_TEST(utf8string_that_is_no_utf8_makes_a_malformed_certificate),
        PKI_TEST(masa_url_extension_that_is_no_ia5string_is_refused),
        PKI_TEST(masa_url_in_other_forms_is_found_and_told),
        PKI_TEST(masa_url_becomes_the_base_of_its_resources),
        PKI_TEST(masa_url_that_is_more_or_less_than_https_host_and_path_is_refused),
        PKI_TEST(domain_id_of_an_unreadable_ski_is_refused),
        PKI_TEST(revocation_lists_that_a_certificate_names_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
