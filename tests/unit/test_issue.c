#include "tests/unit/pki_fixture.h"
#include "tests/unit/token_key.h"

#include "core/base/clock.h"
#include "core/pki/chain.h"
#include "core/pki/issue.h"

#include <string.h>

#include <openssl/x509v3.h>

/* A certificate to issue under `issuer`, for a new key; the caller changes what matters to it. */
static struct issue draft(struct task *t, const char *subject, const struct identity *issuer)
{
    struct issue issue = {.not_before = YEAR_2020,
                          .not_after = YEAR_9999,
                          .path_length = -1,
                          .issuer = issuer->cert,
                          .issuer_key = issuer->key};
    assert_ok(t, key_generate(t, KEY_P256, 0, &issue.key));
    assert_ok(t, name_from_text(t, subject, &issue.subject));
    return issue;
}

static struct extension dns_name(struct task *t, const char *text)
{
    struct extension san = {.oid = OID_CE_SUBJECT_ALT_NAME};
    assert_ok(t, extension_dns_names(t, &(struct text_list){&text, 1}, &san.value));
    return san;
}

static void certificate_for_a_request_has_its_key_octet_for_octet(void **state)
{
    static const enum key_kind kinds[] = {KEY_P256, KEY_P384, KEY_P521, KEY_RSA, KEY_ED25519};
    struct task *t = test_task(state);
    struct identity root = make_identity(t, KEY_P256, "CN=root", true, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        EVP_PKEY *key;
        struct bytes der;
        struct csr csr;
        const struct cert *leaf = NULL;
        struct issue issue = draft(t, "CN=device", &root);
        assert_ok(t, key_generate(t, kinds[i], 2048, &key));
        assert_ok(t, csr_build(t, key, NULL, NULL, NULL, NULL, &der));
        assert_ok(t, csr_parse(t, der, &csr));
        issue.csr = &csr; /* and not issue.key, which is another */
        assert_ok(t, issue_certificate(t, &issue, &leaf));
        assert_true(bytes_equal(cert_spki(t, leaf), csr.spki));
        const struct cert *again;
        assert_ok(t, cert_parse(t, leaf->der, &again));
        assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(again->x509), key), 1);
    }
}

static void other_programs_accept_what_we_issue(void **state)
{
    struct task *t = test_task(state);
    const char *purposes[] = {"clientAuth", "serverAuth", "cmcRA"};
    struct extension items[3] = {dns_name(t, "a.example"),
                                 {OID_CE_KEY_USAGE, true, BYTES_LITERAL("\x03\x02\x07\x80")},
                                 {.oid = OID_CE_EXT_KEY_USAGE}};
    assert_ok(t, extension_ext_key_usage(t, &(struct text_list){purposes, 3}, &items[2].value));
    struct identity root = make_identity(t, KEY_P384, "CN=root,O=owner", true, NULL);
    struct identity middle = make_identity(t, KEY_RSA, "CN=middle,O=owner", true, &root);
    struct issue issue = draft(t, "CN=a.example,O=owner", &middle);
    issue.extensions = (struct extension_list){items, 3};
    const struct cert *leaf = NULL;
    assert_ok(t, issue_certificate(t, &issue, &leaf));
    const char *root_pem = cert_to_pem(t, root.cert);
    const char *anchor = put_file(state, "root.pem", bytes_of_text(root_pem));
    const char *between = put_file(state, "middle.pem", bytes_of_text(cert_to_pem(t, middle.cert)));
    const char *file = put_file(state, "leaf.pem", bytes_of_text(cert_to_pem(t, leaf)));
    const char *chain =
        put_file(state, "chain.pem",
                 bytes_of_text(arena_printf(t->arena, "%s%s%s", cert_to_pem(t, leaf),
                                            cert_to_pem(t, middle.cert), root_pem)));
    const char *output;
    if (RUN(state, &output, "openssl", "verify", "-x509_strict", "-CAfile", anchor, "-untrusted",
            between, file) != 0)
        fail_msg("openssl verify says: %s", output);
    if (RUN(state, &output, "certtool", "--verify", "--load-ca-certificate", anchor, "--infile",
            chain) != 0)
        fail_msg("certtool --verify says: %s", output);
    assert_non_null(strstr(output, "Chain verification output: Verified."));
    assert_int_equal(RUN(state, &output, "openssl", "x509", "-in", file, "-noout", "-text"), 0);
    assert_non_null(strstr(output, "Version: 3"));
    assert_non_null(strstr(output, "CMC Registration Authority"));
    assert_null(strstr(output, "Basic Constraints"));
}

static void serial_number_is_random_positive_and_of_20_octets(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct issue issue = draft(t, "CN=a", &root);
    struct bytes serials[32];
    for (size_t i = 0; i < ARRAY_SIZE(serials); i++) {
        const struct cert *cert = NULL;
        assert_ok(t, issue_certificate(t, &issue, &cert));
        serials[i] = cert_serial(t, cert);
        assert_int_equal(serials[i].len, ISSUE_SERIAL_LEN);
        assert_int_equal(ASN1_STRING_type(X509_get0_serialNumber(cert->x509)), V_ASN1_INTEGER);
        /* RFC 5280 4.1.2.2: at most 20 octets, the sign's included. */
        assert_true((serials[i].data[0] & 0x80) == 0);
        for (size_t j = 0; j < i; j++)
            assert_false(bytes_equal(serials[i], serials[j]));
    }
}

static void key_identifiers_are_those_of_rfc_7093(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity device = make_device(t, "CN=device", &root);
    /* An EC point on P-256 is the last 65 octets of its SubjectPublicKeyInfo. */
    struct bytes spki = cert_spki(t, root.cert);
    struct bytes digest = bytes_sha256(t->arena, bytes_make(spki.data + spki.len - 65, 65));
    struct bytes ski = cert_extension(t, root.cert, OID_CE_SUBJECT_KEY_ID);
    struct bytes aki = cert_extension(t, device.cert, OID_CE_AUTHORITY_KEY_ID);
    assert_int_equal(ski.len, 22);
    assert_bytes_equal(t, bytes_make(ski.data + 2, 20), bytes_make(digest.data, 20));
    assert_int_equal(aki.len, 24);
    assert_bytes_equal(t, bytes_make(aki.data + 4, 20), bytes_make(digest.data, 20));
}

static void issuer_without_ski_is_named_by_its_key_all_the_same(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct bytes ski = cert_extension(t, root.cert, OID_CE_SUBJECT_KEY_ID);
    X509 *x509 = copy_to_spoil(t, root.cert);
    X509_EXTENSION_free(
        X509_delete_ext(x509, X509_get_ext_by_NID(x509, NID_subject_key_identifier, -1)));
    struct identity bare = {NULL, root.key};
    assert_ok(t, cert_parse(t, sign_spoilt(x509, t, root.key, EVP_sha256()), &bare.cert));
    struct identity device = make_device(t, "CN=device", &bare);
    struct bytes aki = cert_extension(t, device.cert, OID_CE_AUTHORITY_KEY_ID);
    assert_bytes_equal(t, bytes_make(aki.data + 4, 20), bytes_make(ski.data + 2, 20));
}

static void basic_constraints_are_in_ca_certificates_only(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct issue issue = draft(t, "CN=ca", &root);
    const struct cert *cert = NULL;
    issue.ca = true;
    issue.path_length = 0;
    assert_ok(t, issue_certificate(t, &issue, &cert));
    assert_true(cert_is_ca(cert));
    assert_int_equal(X509_get_pathlen(cert->x509), 0);
    int at = X509_get_ext_by_NID(cert->x509, NID_basic_constraints, -1);
    assert_int_equal(X509_EXTENSION_get_critical(X509_get_ext(cert->x509, at)), 1);
    issue.path_length = -1;
    assert_ok(t, issue_certificate(t, &issue, &cert));
    assert_int_equal(X509_get_pathlen(cert->x509), -1);
    issue.ca = false;
    assert_ok(t, issue_certificate(t, &issue, &cert));
    assert_false(bytes_present(cert_extension(t, cert, OID_CE_BASIC_CONSTRAINTS)));
}

static void extensions_made_here_cannot_be_given(void **state)
{
    static const char *const ours[] = {OID_CE_BASIC_CONSTRAINTS, OID_CE_SUBJECT_KEY_ID,
                                       OID_CE_AUTHORITY_KEY_ID};
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct issue issue = draft(t, "CN=a", &root);
    const struct cert *cert = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
        struct extension given = {ours[i], true, BYTES_LITERAL("\x30\x03\x01\x01\xFF")};
        issue.extensions = (struct extension_list){&given, 1};
        assert_fails(t, issue_certificate(t, &issue, &cert), E_INVALID);
    }
    struct extension twice[] = {dns_name(t, "a.example"), dns_name(t, "b.example")};
    issue.extensions = (struct extension_list){twice, 2};
    assert_fails(t, issue_certificate(t, &issue, &cert), E_INVALID);
    assert_null(cert);
}

static void validity_is_whole_seconds_within_the_issuers(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct issue issue = draft(t, "CN=a", &root);
    const struct cert *cert = NULL;
    issue.not_before = YEAR_2020 + 999;
    issue.not_after = YEAR_2020 + 1999;
    assert_ok(t, issue_certificate(t, &issue, &cert));
    assert_int_equal(cert_not_before(cert), YEAR_2020);
    assert_int_equal(cert_not_after(cert), YEAR_2020 + 1000);
    issue.not_after = YEAR_9999 + 999;
    assert_ok(t, issue_certificate(t, &issue, &cert));
    assert_int_equal(cert_not_after(cert), YEAR_9999);
    assert_non_null(memmem(cert->der.data, cert->der.len, "99991231235959Z", 15));
    issue.not_after = YEAR_9999 + 1000;
    assert_fails(t, issue_certificate(t, &issue, &cert), E_INVALID);
    issue.not_after = YEAR_9999;
    issue.not_before = YEAR_2020 - 1;
    assert_fails(t, issue_certificate(t, &issue, &cert), E_INVALID);
    assert_detail(t, "exceeds the issuer's");
    struct identity brief = {NULL, issue.key};
    issue.not_before = YEAR_2020;
    issue.not_after = YEAR_2020 + DAY_MS;
    assert_ok(t, issue_certificate(t, &issue, &brief.cert));
    struct issue longer = draft(t, "CN=b", &brief);
    longer.not_after = YEAR_2020 + DAY_MS;
    assert_ok(t, issue_certificate(t, &longer, &cert));
    longer.not_after += SECOND_MS;
    assert_fails(t, issue_certificate(t, &longer, &cert), E_INVALID);
    assert_detail(t, "exceeds the issuer's");
    issue.not_before = YEAR_9999;
    issue.not_after = YEAR_2020;
    assert_fails(t, issue_certificate(t, &issue, &cert), E_INVALID);
}

static void times_that_no_certificate_holds_are_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct issue issue = draft(t, "CN=self", &root);
    const struct cert *cert = NULL;
    issue.issuer = NULL;
    issue.issuer_key = issue.key;
    issue.not_after = YEAR_9999 + SECOND_MS;
    assert_fails(t, issue_certificate(t, &issue, &cert), E_INVALID);
    issue.not_after = INT64_MAX;
    assert_fails(t, issue_certificate(t, &issue, &cert), E_INVALID);
    issue.not_after = YEAR_9999;
    issue.not_before = INT64_MIN / 2;
    assert_fails(t, issue_certificate(t, &issue, &cert), E_INVALID);
    /* 2049 is the last year of UTCTime. */
    issue.not_before = 2524607999000LL;
    issue.not_after = 2524608000000LL;
    assert_ok(t, issue_certificate(t, &issue, &cert));
    assert_non_null(memmem(cert->der.data, cert->der.len,
                           "\x17\x0D"
                           "491231235959Z",
                           15));
    assert_non_null(memmem(cert->der.data, cert->der.len,
                           "\x18\x0F"
                           "20500101000000Z",
                           17));
}

static void empty_subject_makes_the_alternative_name_critical(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct issue issue = draft(t, "", &root);
    struct extension san = dns_name(t, "a.example");
    const struct cert *cert = NULL;
    assert_fails(t, issue_certificate(t, &issue, &cert), E_INVALID);
    assert_null(cert);
    issue.extensions = (struct extension_list){&san, 1};
    assert_ok(t, issue_certificate(t, &issue, &cert));
    assert_string_equal(cert_subject(t, cert), "");
    int at = X509_get_ext_by_NID(cert->x509, NID_subject_alt_name, -1);
    assert_int_equal(X509_EXTENSION_get_critical(X509_get_ext(cert->x509, at)), 1);
}

static void key_in_a_token_issues(void **state)
{
    static const enum key_kind kinds[] = {KEY_P256, KEY_P384, KEY_RSA};
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct identity root = make_identity(t, kinds[i], "CN=root", true, NULL);
        unsigned signatures = 0;
        struct identity handle = {root.cert, token_key_make(t, root.key, &signatures)};
        struct identity device = make_device(t, "CN=device", &handle);
        const struct cert_list certs = {&root.cert, 1};
        const struct anchors *anchors = NULL;
        assert_int_equal(signatures, 1);
        assert_ok(t, anchors_make(t, &certs, &anchors));
        assert_ok(t, chain_verify(t, anchors, device.cert, NULL, NULL, NULL));
    }
}

/* The owner's own PKI: also the subject's key is a handle there. */
static void key_in_a_token_gets_a_certificate(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity own = make_device(t, "CN=own", &root);
    unsigned signatures = 0;
    struct issue issue = draft(t, "CN=registrar", &root);
    const struct cert *cert = NULL;
    issue.key = token_key_make(t, own.key, &signatures);
    assert_ok(t, issue_certificate(t, &issue, &cert));
    assert_bytes_equal(t, cert_spki(t, cert), cert_spki(t, own.cert));
    issue.issuer = NULL;
    issue.issuer_key = issue.key;
    assert_ok(t, issue_certificate(t, &issue, &cert));
    assert_int_equal(signatures, 1);
    assert_true(cert_is_self_signed(cert));
}

static void issuers_key_must_be_its_own(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity other = make_ca(t, "CN=other", NULL);
    struct issue issue = draft(t, "CN=a", &root);
    const struct cert *cert = NULL;
    issue.issuer_key = other.key;
    assert_fails(t, issue_certificate(t, &issue, &cert), E_INVALID);
    assert_null(cert);
}

static const char *shown(struct task *t, const char *text)
{
    struct identity root = make_ca(t, "CN=root", NULL);
    struct issue issue = draft(t, text, &root);
    struct extension san = dns_name(t, "a.example");
    const struct cert *cert = NULL;
    issue.extensions = (struct extension_list){&san, 1};
    assert_ok(t, issue_certificate(t, &issue, &cert));
    return cert_subject(t, cert);
}

static void names_are_what_they_were_written_as(void **state)
{
    static const struct {
        const char *text;
        const char *shown;
    } names[] = {
        {"", ""},
        {"CN=a", "CN=a"},
        {"CN=a,O=b,C=DE", "CN=a,O=b,C=DE"},
        {"CN=a, O=b", "CN=a,O=b"},
        {"cn = a , o = b ", "CN=a,O=b"},
        {"DC=example,DC=com", "DC=example,DC=com"},
        {"CN=a+serialNumber=1,O=b", "serialNumber=1+CN=a,O=b"}, /* a SET has no order */
        {"O=b,CN=a+serialNumber=1", "O=b,serialNumber=1+CN=a"},
        {"2.5.4.3=a", "CN=a"},
        {"1.2.3.4=a", "1.2.3.4=#0C0161"},
        {"1.2.3.4=#0C0161", "1.2.3.4=#0C0161"},
        {"CN=a\\,b\\+c\\\"d\\\\e\\;f\\<g\\>", "CN=a\\,b\\+c\\\"d\\\\e\\;f\\<g\\>"},
        {"CN=\\ a\\ ", "CN=\\ a\\ "},
        {"CN=\\#a", "CN=\\#a"},
        {"CN=\xC3\xA4", "CN=\\C3\\A4"},
        {"CN=\\C3\\A4", "CN=\\C3\\A4"},
        {"CN=a=b", "CN=a=b"},
        {"serialNumber=PID:C9500-16X SN:FCW2117A56M", "serialNumber=PID:C9500-16X SN:FCW2117A56M"},
        {"UID=u,emailAddress=a@example.com,STREET=s,L=l,ST=st,OU=ou",
         "UID=u,emailAddress=a@example.com,street=s,L=l,ST=st,OU=ou"},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_string_equal(shown(t, names[i].text), names[i].shown);
}

static void last_part_of_a_name_is_the_first_in_der(void **state)
{
    struct task *t = test_task(state);
    X509_NAME *name = NULL;
    assert_ok(t, name_from_text(t, "CN=a,O=b,C=DE", &name));
    assert_int_equal(X509_NAME_get_index_by_NID(name, NID_countryName, -1), 0);
    assert_int_equal(X509_NAME_get_index_by_NID(name, NID_commonName, -1), 2);
}

static void text_that_is_no_name_is_refused(void **state)
{
    static const char *const wrong[] = {
        "a",
        "=a",
        "CN",
        "CN=",
        "CN=a,",
        "CN=a,,O=b",
        ",CN=a",
        "CN=a+",
        "CN=a\\",
        "CN=a\\x",
        "CN=a\\0",
        "CN=a\\00",
        "CN=#",
        "CN=#0",
        "CN=#0C0161",
        "1.2.3.4=#0C02",
        "1.2.3.4=#0C0161FF",
        "1.2.3.4=#020101",
        "1.2.3.4=#0C01A1",
        "1.2.3.4=#0C010A",
        "CN=a\\0Ab",
        "CN=a\nb",
        "1.2.3.4=#0C0161 x",
        "nonsense=a",
        "1.2.x=a",
        "C=Germany",
        "CN=\xE4",
        "CN=\\E4",
        "1.=a",
        "1.2..3=a",
    };
    struct task *t = test_task(state);
    X509_NAME *name = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        if (name_from_text(t, wrong[i], &name))
            fail_msg("\"%s\" was taken for a name", wrong[i]);
        assert_ptr_equal(t->problem, E_INVALID);
    }
    /* More of a dotted type than would be shown again. */
    assert_ok(t, name_from_text(t, arena_printf(t->arena, "1.2.%060d=a", 3), &name));
    name = NULL;
    assert_fails(t, name_from_text(t, arena_printf(t->arena, "1.2.%061d=a", 3), &name), E_INVALID);
    char *text = arena_alloc(t->arena, 5000);
    memset(text, 'a', 4999);
    memcpy(text, "CN=", 3);
    assert_fails(t, name_from_text(t, text, &name), E_INVALID);
    text[68] = '\0'; /* 65 characters; X.520 allows 64 */
    assert_fails(t, name_from_text(t, text, &name), E_INVALID);
    assert_null(name);
    text[67] = '\0';
    assert_ok(t, name_from_text(t, text, &name));
}

static void name_with_too_many_parts_is_refused(void **state)
{
    struct task *t = test_task(state);
    X509_NAME *name = NULL;
    const char *text = "CN=a";
    for (int i = 1; i < 64; i++)
        text = arena_printf(t->arena, "%s,CN=a", text);
    assert_ok(t, name_from_text(t, text, &name));
    assert_fails(t, name_from_text(t, arena_printf(t->arena, "%s,CN=a", text), &name), E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(certificate_for_a_request_has_its_key_octet_for_octet),
        PKI_TEST(other_programs_accept_what_we_issue),
        PKI_TEST(serial_number_is_random_positive_and_of_20_octets),
        PKI_TEST(key_identifiers_are_those_of_rfc_7093),
        PKI_TEST(issuer_without_ski_is_named_by_its_key_all_the_same),
        PKI_TEST(basic_constraints_are_in_ca_certificates_only),
        PKI_TEST(extensions_made_here_cannot_be_given),
        PKI_TEST(validity_is_whole_seconds_within_the_issuers),
        PKI_TEST(times_that_no_certificate_holds_are_refused),
        PKI_TEST(empty_subject_makes_the_alternative_name_critical),
        PKI_TEST(key_in_a_token_issues),
        PKI_TEST(key_in_a_token_gets_a_certificate),
        PKI_TEST(issuers_key_must_be_its_own),
        PKI_TEST(names_are_what_they_were_written_as),
        PKI_TEST(last_part_of_a_name_is_the_first_in_der),
        PKI_TEST(text_that_is_no_name_is_refused),
        PKI_TEST(name_with_too_many_parts_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
