/* Revocation lists and OCSP responses as openssl reads them; OCSP requests as others write them. */
#include "tests/unit/pki_fixture.h"

#include "core/base/clock.h"
#include "core/pki/crl_issue.h"
#include "core/pki/ocsp.h"

#include <string.h>

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

static struct identity make_issuer(struct task *t, const char *usage)
{
    struct identity ca = {.key = NULL};
    struct extension extension = {.oid = OID_CE_KEY_USAGE, .critical = true};
    struct issue issue = {.not_before = YEAR_2020,
                          .not_after = YEAR_9999,
                          .ca = true,
                          .path_length = -1,
                          .extensions = {&extension, 1}};
    assert_ok(t, extension_key_usage(t, &(struct text_list){&usage, 1}, &extension.value));
    assert_ok(t, key_generate(t, KEY_P256, 0, &ca.key));
    assert_ok(t, name_from_text(t, "CN=ca", &issue.subject));
    issue.key = issue.issuer_key = ca.key;
    assert_ok(t, issue_certificate(t, &issue, &ca.cert));
    return ca;
}

/* ---- CRLs ---- */

static void list_is_what_openssl_reads_and_verifies(void **state)
{
    struct task *t = test_task(state);
    struct identity ca = make_issuer(t, "cRLSign");
    const struct crl_entry entries[] = {
        {BYTES_LITERAL("\x90\x01"), YEAR_2020, 1},
        {BYTES_LITERAL("\x05"), YEAR_2020 + SECOND_MS, 0},
        {BYTES_LITERAL("\x07"), YEAR_2020, 6},
    };
    const struct crl_issue issue = {.issuer = ca.cert,
                                    .issuer_key = ca.key,
                                    .number = 77,
                                    .this_update = YEAR_2020,
                                    .next_update = YEAR_2020 + DAY_MS,
                                    .entries = entries,
                                    .count = ARRAY_SIZE(entries)};
    struct bytes der = BYTES_ABSENT;
    const char *output;
    assert_ok(t, crl_issue(t, &issue, &der));
    const char *list = put_file(state, "list.crl", der);
    const char *cert = put_file(state, "ca.pem", bytes_of_text(cert_to_pem(t, ca.cert)));
    assert_int_equal(RUN(state, &output, "openssl", "crl", "-inform", "DER", "-in", list, "-text",
                         "-noout", "-CAfile", cert),
                     0);
    static const char *const wanted[] = {
        "verify OK",
        "Version 2",
        "X509v3 CRL Number",
        "77",
        "Key Compromise",
        "Certificate Hold",
        "Serial Number: 9001",
        "Serial Number: 05",
        "Jan  1 00:00:00 2020 GMT",
    };
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
        assert_non_null(strstr(output, wanted[i]));
    assert_null(strstr(output, "Unspecified"));
    (void)RUN(state, &output, "certtool", "--crl-info", "--inder", "--infile", list);
    assert_non_null(strstr(output, "CRL Number (not critical): 4d"));
    assert_non_null(strstr(output, "Revoked certificates (3)"));
}

#define MANY 3000

/* Serial numbers of up to 14 octets, in no order; times before and after 2050; some with reasons.
 */
static struct crl_entry *make_entries(struct task *t)
{
    static const char front[] = "\xF1\x02\x83\x04\x05\x06\x07\x08\x09\x0A\x0B\x0C";
    struct crl_entry *entries = arena_array(t->arena, MANY, sizeof(*entries));
    for (size_t i = 0; i < MANY; i++) {
        size_t number = i * 7919 % MANY;
        const uint8_t octets[] = {(uint8_t)(number >> 8), (uint8_t)number};
        const struct bytes parts[] = {bytes_make(front, i % sizeof(front)),
                                      bytes_make(octets, sizeof(octets))};
        entries[i] = (struct crl_entry){
            .serial = bytes_concat(t->arena, parts, ARRAY_SIZE(parts)),
            .revoked = i % 2 == 0 ? YEAR_2020 : YEAR_9999 - DAY_MS,
            .reason = (int)(i % 3),
        };
    }
    return entries;
}

static void check_entry(X509_CRL *crl, const struct crl_entry *entry)
{
    BIGNUM *number = BN_bin2bn(entry->serial.data, (int)entry->serial.len, NULL);
    ASN1_INTEGER *serial = BN_to_ASN1_INTEGER(number, NULL);
    X509_REVOKED *revoked;
    assert_int_equal(X509_CRL_get0_by_serial(crl, &revoked, serial), 1);
    assert_int_equal(ASN1_STRING_type(X509_REVOKED_get0_revocationDate(revoked)),
                     entry->revoked == YEAR_2020 ? V_ASN1_UTCTIME : V_ASN1_GENERALIZEDTIME);
    ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(revoked, NID_crl_reason, NULL, NULL);
    assert_int_equal(reason == NULL ? 0 : ASN1_ENUMERATED_get(reason), entry->reason);
    ASN1_ENUMERATED_free(reason);
    ASN1_INTEGER_free(serial);
    BN_free(number);
}

static void long_list_is_in_order(void **state)
{
    struct task *t = test_task(state);
    struct identity ca = make_issuer(t, "cRLSign");
    struct crl_entry *entries = make_entries(t);
    struct crl_issue issue = {.issuer = ca.cert,
                              .issuer_key = ca.key,
                              .number = 1,
                              .this_update = YEAR_2020,
                              .next_update = YEAR_2020 + DAY_MS,
                              .entries = entries,
                              .count = MANY};
    struct bytes der = BYTES_ABSENT;
    assert_ok(t, crl_issue(t, &issue, &der));
    const unsigned char *at = der.data;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.len);
    assert_non_null(crl);
    assert_int_equal(X509_CRL_verify(crl, ca.key), 1);
    assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), MANY);
    for (size_t i = 0; i < MANY; i++)
        check_entry(crl, &entries[i]);
    assert_int_equal(X509_CRL_sort(crl), 1);
    unsigned char *again = NULL;
    int len = i2d_re_X509_CRL_tbs(crl, &again);
    assert_true(len > 0 && (size_t)len < der.len);
    assert_non_null(memmem(der.data, der.len, again, (size_t)len));
    OPENSSL_free(again);
    X509_CRL_free(crl);
}

static void empty_list_has_no_entries_at_all(void **state)
{
    struct task *t = test_task(state);
    struct identity ca = make_issuer(t, "cRLSign");
    const struct crl_issue issue = {.issuer = ca.cert,
                                    .issuer_key = ca.key,
                                    .number = 1,
                                    .this_update = YEAR_2020,
                                    .next_update = YEAR_9999};
    struct bytes der = BYTES_ABSENT;
    assert_ok(t, crl_issue(t, &issue, &der));
    const unsigned char *at = der.data;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.len);
    assert_non_null(crl);
    assert_null(X509_CRL_get_REVOKED(crl)); /* RFC 5280 5.1.2.6: absent, not empty */
    assert_int_equal(ASN1_STRING_type(X509_CRL_get0_nextUpdate(crl)), V_ASN1_GENERALIZEDTIME);
    X509_CRL_free(crl);
}

static void issuer_must_be_allowed_to_sign_lists(void **state)
{
    struct task *t = test_task(state);
    struct identity ca = make_issuer(t, "keyCertSign");
    struct identity other = make_issuer(t, "cRLSign");
    struct crl_issue issue = {.issuer = ca.cert,
                              .issuer_key = ca.key,
                              .this_update = YEAR_2020,
                              .next_update = YEAR_9999};
    struct bytes der;
    assert_fails(t, crl_issue(t, &issue, &der), E_INVALID);
    issue.issuer = other.cert; /* another's key */
    assert_fails(t, crl_issue(t, &issue, &der), E_INVALID);
    issue.issuer_key = other.key;
    issue.next_update = issue.this_update;
    assert_fails(t, crl_issue(t, &issue, &der), E_INVALID);
}

/* ---- OCSP ---- */

static struct bytes encode(struct task *t, OCSP_REQUEST *request)
{
    unsigned char *der = NULL;
    int len = i2d_OCSP_REQUEST(request, &der);
    assert_true(len > 0);
    struct bytes copy = bytes_copy(t->arena, bytes_make(der, (size_t)len));
    OPENSSL_free(der);
    OCSP_REQUEST_free(request);
    return copy;
}

static OCSP_REQUEST *ask(const struct cert *issuer, int64_t first, int count)
{
    OCSP_REQUEST *request = OCSP_REQUEST_new();
    for (int i = 0; i < count; i++) {
        ASN1_INTEGER *serial = ASN1_INTEGER_new();
        assert_int_equal(ASN1_INTEGER_set_int64(serial, first + i), 1);
        OCSP_CERTID *id = OCSP_cert_id_new(EVP_sha1(), X509_get_subject_name(issuer->x509),
                                           X509_get0_pubkey_bitstr(issuer->x509), serial);
        assert_non_null(OCSP_request_add0_id(request, id));
        ASN1_INTEGER_free(serial);
    }
    return request;
}

static void requests_are_read_within_bounds(void **state)
{
    struct task *t = test_task(state);
    struct identity ca = make_issuer(t, "cRLSign");
    struct ocsp_request request;
    unsigned char nonce[40] = {1};
    assert_ok(t, ocsp_request_read(t, encode(t, ask(ca.cert, 0x1234, 1)), &request));
    assert_int_equal(request.count, 1);
    assert_false(request.has_nonce);
    assert_bytes_equal(t, request.asked[0].serial, BYTES_LITERAL("\x12\x34"));
    assert_true(ocsp_asks_about(&request.asked[0], ca.cert));
    assert_false(ocsp_asks_about(&request.asked[0], make_issuer(t, "cRLSign").cert));
    assert_ok(t, ocsp_request_read(t, encode(t, ask(ca.cert, 1, OCSP_ASKED_MAX)), &request));
    assert_fails(t, ocsp_request_read(t, encode(t, ask(ca.cert, 1, OCSP_ASKED_MAX + 1)), &request),
                 E_OCSP_MALFORMED);
    assert_fails(t, ocsp_request_read(t, encode(t, ask(ca.cert, 1, 0)), &request),
                 E_OCSP_MALFORMED);
    assert_fails(t, ocsp_request_read(t, encode(t, ask(ca.cert, -5, 1)), &request),
                 E_OCSP_MALFORMED);
    OCSP_REQUEST *nonced = ask(ca.cert, 1, 1);
    assert_int_equal(OCSP_request_add1_nonce(nonced, nonce, OCSP_NONCE_MAX), 1);
    assert_ok(t, ocsp_request_read(t, encode(t, nonced), &request));
    assert_true(request.has_nonce);
    nonced = ask(ca.cert, 1, 1);
    assert_int_equal(OCSP_request_add1_nonce(nonced, nonce, OCSP_NONCE_MAX + 1), 1);
    assert_fails(t, ocsp_request_read(t, encode(t, nonced), &request), E_OCSP_MALFORMED);
    struct bytes good = encode(t, ask(ca.cert, 1, 1));
    const struct bytes parts[] = {good, BYTES_LITERAL("\0")};
    assert_fails(t, ocsp_request_read(t, bytes_concat(t->arena, parts, 2), &request),
                 E_OCSP_MALFORMED);
    assert_fails(t, ocsp_request_read(t, BYTES_ABSENT, &request), E_OCSP_MALFORMED);
}

static void response_says_what_was_judged(void **state)
{
    struct task *t = test_task(state);
    struct identity ca = make_issuer(t, "cRLSign");
    struct identity signer = make_device(t, "CN=responder", &ca);
    struct ocsp_request request;
    const struct ocsp_verdict verdicts[] = {
        {OCSP_GOOD, 0, 0}, {OCSP_REVOKED, YEAR_2020, 4}, {OCSP_UNKNOWN, 0, 0}};
    const struct ocsp_signer as = {signer.cert, signer.key};
    struct bytes der = BYTES_ABSENT;
    OCSP_REQUEST *asked = ask(ca.cert, 1, 3);
    assert_int_equal(OCSP_request_add1_nonce(asked, NULL, 16), 1);
    assert_ok(t, ocsp_request_read(t, encode(t, asked), &request));
    assert_ok(t, ocsp_response_make(t, &request, verdicts, &as, YEAR_2020, YEAR_9999, &der));
    const char *output;
    const char *file = put_file(state, "response.der", der);
    assert_int_equal(
        RUN(state, &output, "openssl", "ocsp", "-respin", file, "-noverify", "-resp_text"), 0);
    static const char *const wanted[] = {
        "successful (0x0)",     "Cert Status: good",
        "Cert Status: revoked", "Revocation Reason: superseded",
        "Cert Status: unknown", "OCSP Nonce",
        "Responder Id: ",       "Subject: CN",
    };
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
        if (strstr(output, wanted[i]) == NULL)
            fail_msg("no \"%s\" in:\n%s", wanted[i], output);
}

static void errors_are_unsigned(void **state)
{
    struct task *t = test_task(state);
    struct bytes der = BYTES_ABSENT;
    assert_ok(t, ocsp_error_make(t, OCSP_ERROR_UNAUTHORIZED, &der));
    assert_bytes_equal(t, der, BYTES_LITERAL("\x30\x03\x0a\x01\x06"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(list_is_what_openssl_reads_and_verifies),
        PKI_TEST(long_list_is_in_order),
        PKI_TEST(empty_list_has_no_entries_at_all),
        PKI_TEST(issuer_must_be_allowed_to_sign_lists),
        PKI_TEST(requests_are_read_within_bounds),
        PKI_TEST(response_says_what_was_judged),
        PKI_TEST(errors_are_unsigned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
