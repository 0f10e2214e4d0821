#include "tests/unit/pki_fixture.h"

#include "core/base/clock.h"
#include "core/pki/chain.h"
#include "core/pki/revocations.h"

#include <string.h>

#include <openssl/pem.h>

struct list_plan {
    const struct identity *issuer;
    EVP_PKEY *key; /* NULL: the issuer's */
    const struct cert *revoked;
    const char *extension; /* OID of one more; NULL: none */
    bool critical;
    struct bytes value;
    const char *entry_extension;
    const EVP_MD *hash; /* NULL: SHA-256 */
    bool without_next;
};

static X509_EXTENSION *extension_of(const char *oid, bool critical, struct bytes value)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
    assert_int_equal(ASN1_OCTET_STRING_set(octets, value.data, (int)value.len), 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, critical, octets);
    ASN1_OCTET_STRING_free(octets);
    ASN1_OBJECT_free(object);
    return extension;
}

static void add_entry(X509_CRL *list, const struct list_plan *plan)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME *when = ASN1_TIME_set(NULL, YEAR_2020 / SECOND_MS);
    assert_int_equal(X509_REVOKED_set_revocationDate(entry, when), 1);
    assert_int_equal(X509_REVOKED_set_serialNumber(
                         entry, (ASN1_INTEGER *)X509_get0_serialNumber(plan->revoked->x509)),
                     1);
    if (plan->entry_extension != NULL) {
        X509_EXTENSION *extension =
            extension_of(plan->entry_extension, true, BYTES_LITERAL("\x30\x00"));
        assert_int_equal(X509_REVOKED_add_ext(entry, extension, -1), 1);
        X509_EXTENSION_free(extension);
    }
    assert_int_equal(X509_CRL_add0_revoked(list, entry), 1);
    ASN1_TIME_free(when);
}

static struct bytes make_list(struct task *t, const struct list_plan *plan)
{
    unsigned char *der = NULL;
    X509_CRL *list = X509_CRL_new();
    ASN1_TIME *last = ASN1_TIME_set(NULL, YEAR_2020 / SECOND_MS);
    ASN1_TIME *next = ASN1_TIME_set(NULL, (YEAR_2020 + DAY_MS) / SECOND_MS);
    assert_int_equal(X509_CRL_set_version(list, 1), 1);
    assert_int_equal(
        X509_CRL_set_issuer_name(list, X509_get_subject_name(plan->issuer->cert->x509)), 1);
    assert_int_equal(X509_CRL_set1_lastUpdate(list, last), 1);
    if (!plan->without_next)
        assert_int_equal(X509_CRL_set1_nextUpdate(list, next), 1);
    if (plan->revoked != NULL)
        add_entry(list, plan);
    if (plan->extension != NULL) {
        X509_EXTENSION *extension = extension_of(plan->extension, plan->critical, plan->value);
        assert_int_equal(X509_CRL_add_ext(list, extension, -1), 1);
        X509_EXTENSION_free(extension);
    }
    EVP_PKEY *key = plan->key == NULL ? plan->issuer->key : plan->key;
    assert_true(X509_CRL_sign(list, key, plan->hash == NULL ? EVP_sha256() : plan->hash) > 0);
    int len = i2d_X509_CRL(list, &der);
    struct bytes copy = bytes_copy(t->arena, bytes_make(der, (size_t)len));
    OPENSSL_free(der);
    ASN1_TIME_free(last);
    ASN1_TIME_free(next);
    X509_CRL_free(list);
    return copy;
}

static const struct crl *read_list(struct task *t, struct bytes der)
{
    const struct crl *crl = NULL;
    assert_ok(t, crl_parse(t, der, &crl));
    return crl;
}

static void revoked_certificate_is_listed_and_others_are_not(void **state)
{
    struct task *t = test_task(state);
    struct identity ca = make_ca(t, "CN=ca", NULL);
    struct identity other_ca = make_ca(t, "CN=other", NULL);
    struct identity bad = make_device(t, "serialNumber=1", &ca);
    struct identity good = make_device(t, "serialNumber=2", &ca);
    const struct list_plan plan = {.issuer = &ca, .revoked = bad.cert};
    const struct crl *crl = read_list(t, make_list(t, &plan));
    const struct cert *signer = NULL;
    struct cert_list anchors = cert_list_of(t, 2, other_ca.cert, ca.cert);
    assert_ok(t, crl_verify(t, crl, &anchors, &signer));
    assert_ptr_equal(signer, ca.cert);
    assert_true(crl_lists(crl, bad.cert));
    assert_false(crl_lists(crl, good.cert));
    assert_int_equal(crl->revoked, 1);
    assert_int_equal(crl->this_update, YEAR_2020);
    assert_int_equal(crl->next_update, YEAR_2020 + DAY_MS);
    assert_string_equal(crl_issuer(t, crl), "CN=ca");
    /* The same serial number under another issuer is another certificate. */
    X509 *x509 = copy_to_spoil(t, bad.cert);
    const struct cert *namesake = NULL;
    assert_int_equal(X509_set_issuer_name(x509, X509_get_subject_name(other_ca.cert->x509)), 1);
    assert_ok(t, cert_parse(t, sign_spoilt(x509, t, other_ca.key, EVP_sha256()), &namesake));
    assert_false(crl_lists(crl, namesake));
    /* A list may be empty, and may not say when there will be another. */
    const struct list_plan empty = {.issuer = &ca, .without_next = true};
    crl = read_list(t, make_list(t, &empty));
    assert_int_equal(crl->revoked, 0);
    assert_int_equal(crl->next_update, 0);
    assert_false(crl_lists(crl, bad.cert));
}

static void list_that_no_anchor_has_signed_is_untrusted(void **state)
{
    struct task *t = test_task(state);
    struct identity ca = make_ca(t, "CN=ca", NULL);
    struct identity namesake = make_ca(t, "CN=ca", NULL);
    struct identity device = make_device(t, "CN=device", &ca);
    struct identity old = make_identity(t, KEY_RSA, "CN=old", true, NULL);
    struct cert_list anchors = cert_list_of(t, 3, ca.cert, device.cert, old.cert);
    const struct list_plan plans[] = {
        {.issuer = &namesake},
        {.issuer = &ca, .key = namesake.key},
        {.issuer = &device}, /* an anchor, but not one that may sign lists */
        {.issuer = &old, .hash = EVP_md5()},
    };
    for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
        const struct cert *signer = NULL;
        const struct crl *crl = read_list(t, make_list(t, &plans[i]));
        assert_fails(t, crl_verify(t, crl, &anchors, &signer), E_CRL_UNTRUSTED);
        assert_null(signer);
    }
    const struct list_plan aged = {.issuer = &old, .hash = EVP_sha1()};
    const struct cert *ager = NULL;
    assert_ok(t, crl_verify(t, read_list(t, make_list(t, &aged)), &anchors, &ager));
    /* A renewed certificate for the same name and key will do. */
    const struct list_plan plan = {.issuer = &ca};
    const struct cert *renewed = NULL;
    const struct cert *signer = NULL;
    X509 *x509 = copy_to_spoil(t, ca.cert);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x509), 77), 1);
    assert_ok(t, cert_parse(t, sign_spoilt(x509, t, ca.key, EVP_sha256()), &renewed));
    struct cert_list only = cert_list_of(t, 1, renewed);
    assert_ok(t, crl_verify(t, read_list(t, make_list(t, &plan)), &only, &signer));
}

static void list_that_would_be_misunderstood_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity ca = make_ca(t, "CN=ca", NULL);
    struct identity device = make_device(t, "CN=device", &ca);
    const struct list_plan wrong[] = {
        {.issuer = &ca,
         .extension = "2.5.29.27",
         .critical = true,
         .value = BYTES_LITERAL("\x02\x01\x01")},
        {.issuer = &ca, .extension = "2.5.29.27", .value = BYTES_LITERAL("\x02\x01\x01")},
        {.issuer = &ca,
         .extension = "1.2.3.4",
         .critical = true,
         .value = BYTES_LITERAL("\x05\x00")},
        /* issuingDistributionPoint: indirectCRL, onlyContainsAttributeCerts, nonsense */
        {.issuer = &ca,
         .extension = "2.5.29.28",
         .critical = true,
         .value = BYTES_LITERAL("\x30\x03\x84\x01\xff")},
        {.issuer = &ca,
         .extension = "2.5.29.28",
         .critical = true,
         .value = BYTES_LITERAL("\x30\x03\x85\x01\xff")},
        {.issuer = &ca,
         .extension = "2.5.29.28",
         .critical = true,
         .value = BYTES_LITERAL("\x04\x00")},
        /* an entry's certificateIssuer */
        {.issuer = &ca, .revoked = device.cert, .entry_extension = "2.5.29.29"},
    };
    const struct crl *crl = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_fails(t, crl_parse(t, make_list(t, &wrong[i]), &crl), E_CRL_MALFORMED);
    const struct list_plan right[] = {
        {.issuer = &ca, .extension = "1.2.3.4", .value = BYTES_LITERAL("\x05\x00")},
        /* onlyContainsUserCerts */
        {.issuer = &ca,
         .extension = "2.5.29.28",
         .critical = true,
         .value = BYTES_LITERAL("\x30\x03\x81\x01\xff")},
        {.issuer = &ca, .extension = "2.5.29.20", .value = BYTES_LITERAL("\x02\x02\x01\x00")},
    };
    for (size_t i = 0; i < ARRAY_SIZE(right); i++)
        crl = read_list(t, make_list(t, &right[i]));
    assert_bytes_equal(t, crl->number, BYTES_LITERAL("\x01\x00"));
}

static void octets_that_are_no_list_are_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity ca = make_ca(t, "CN=ca", NULL);
    const struct list_plan plan = {.issuer = &ca};
    struct bytes der = make_list(t, &plan);
    struct bytes longer = bytes_concat(t->arena, (struct bytes[]){der, BYTES_LITERAL("\0")}, 2);
    uint8_t *zeros = arena_alloc(t->arena, CRL_SIZE_MAX + 1);
    const struct crl *crl = NULL;
    assert_fails(t, crl_parse(t, longer, &crl), E_CRL_MALFORMED);
    assert_fails(t, crl_parse(t, bytes_make(der.data, der.len - 1), &crl), E_CRL_MALFORMED);
    assert_fails(t, crl_parse(t, ca.cert->der, &crl), E_CRL_MALFORMED);
    assert_fails(t, crl_parse(t, BYTES_ABSENT, &crl), E_CRL_MALFORMED);
    assert_fails(t, crl_parse(t, bytes_make(zeros, CRL_SIZE_MAX + 1), &crl), E_CRL_MALFORMED);
}

/* As `openssl crl` writes it. */
static const char *in_pem(void **state, struct bytes der)
{
    const char *pem;
    const char *file = put_file(state, "list", der);
    assert_int_equal(RUN(state, &pem, "openssl", "crl", "-inform", "DER", "-in", file), 0);
    return pem;
}

static void files_hold_lists_in_pem_or_one_in_der(void **state)
{
    struct task *t = test_task(state);
    struct identity ca = make_ca(t, "CN=ca", NULL);
    struct identity other = make_ca(t, "CN=other", NULL);
    const struct list_plan plans[] = {{.issuer = &ca}, {.issuer = &other}};
    struct bytes lists[] = {make_list(t, &plans[0]), make_list(t, &plans[1])};
    struct bytes_list read = {NULL, 0};
    const char *text = arena_printf(t->arena, "for people\n%s%s\n%s", in_pem(state, lists[0]),
                                    cert_to_pem(t, ca.cert), in_pem(state, lists[1]));
    assert_ok(t, crls_from_file_octets(t, bytes_of_text(text), &read));
    assert_int_equal(read.count, 2);
    for (size_t i = 0; i < read.count; i++)
        assert_bytes_equal(t, read.items[i], lists[i]);
    assert_ok(t, crls_from_file_octets(t, lists[1], &read));
    assert_int_equal(read.count, 1);
    assert_bytes_equal(t, read.items[0], lists[1]);
    assert_fails(t, crls_from_file_octets(t, bytes_of_text(cert_to_pem(t, ca.cert)), &read),
                 E_CRL_MALFORMED);
    char *many = arena_strdup(t->arena, "");
    for (int i = 0; i <= CRL_COUNT_MAX; i++)
        many = arena_printf(t->arena, "%s%s", many, in_pem(state, lists[0]));
    assert_fails(t, crls_from_file_octets(t, bytes_of_text(many), &read), E_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(revoked_certificate_is_listed_and_others_are_not),
        PKI_TEST(list_that_no_anchor_has_signed_is_untrusted),
        PKI_TEST(list_that_would_be_misunderstood_is_refused),
        PKI_TEST(octets_that_are_no_list_are_refused),
        PKI_TEST(files_hold_lists_in_pem_or_one_in_der),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
