/* What JWS and COSE vouchers have of their own, and what all three forms have in common. */
#include "tests/unit/pki_fixture.h"

#include "core/pki/cose.h"
#include "core/pki/jws.h"
#include "registrar/voucher/voucher.h"

#include <string.h>

static struct signed_voucher opened(struct task *t, const struct voucher_form *form,
                                    struct bytes octets)
{
    struct signed_voucher sv = {.form = NULL};
    assert_ok(t, form->open(t, octets, 0, NULL, &sv));
    assert_ptr_equal(sv.form, form);
    assert_bytes_equal(t, sv.octets, octets);
    return sv;
}

static struct voucher sample(enum voucher_kind kind)
{
    return (struct voucher){.kind = kind,
                            .assertion = "proximity",
                            .created_on = 1618350203787,
                            .serial_number = "00-D0-E5-F2-00-02",
                            .nonce = "AQIDBAUGBwg="};
}

static struct bytes sealed(struct task *t, const struct voucher_form *form, const struct voucher *v,
                           const struct identity *who)
{
    const struct voucher_signer signer = {who->cert, who->key, cert_list_of(t, 1, who->cert)};
    struct bytes octets = BYTES_ABSENT;
    assert_ok(t, form->seal(t, v, &signer, &octets));
    return octets;
}

static void published_artifacts_verify(void **state)
{
    static const struct {
        const char *file;
        const struct voucher_form *form;
        enum voucher_kind kind;
        const char *serial;
        const char *nonce;
        const char *signer; /* COSE names none */
    } artifacts[] = {
        {"jws/pvr.jws.json", &voucher_form_jws, VOUCHER_REQUEST, "kit-987654321",
         "TauvK+Y/cc2RfIFvpZzfKQ==", NULL},
        {"jws/rvr.jws.json", &voucher_form_jws, VOUCHER_REQUEST, "kit-987654321",
         "TauvK+Y/cc2RfIFvpZzfKQ==", NULL},
        {"jws/voucher.jws.json", &voucher_form_jws, VOUCHER, "kit-987654321",
         "TauvK+Y/cc2RfIFvpZzfKQ==", NULL},
        {"jws/rfc8366bis-A4-voucher.jws.json", &voucher_form_jws, VOUCHER, "caffe-98745",
         "62a2e7693d82fcda2624de58fb6722e5", NULL},
        {"prm/pvr.jws.json", &voucher_form_jws, VOUCHER_REQUEST, "0123456789",
         "khNyKpMthccia1rXw44/vQ==", NULL},
        {"prm/rvr.jws.json", &voucher_form_jws, VOUCHER_REQUEST, "0123456789",
         "khNyKpMthccia1rXw44/vQ==", NULL},
        {"prm/voucher.jws.json", &voucher_form_jws, VOUCHER, "0123456789",
         "L3IJ6hptHCIQoNxaab9HWA==", NULL},
        {"prm/voucher-countersigned.jws.json", &voucher_form_jws, VOUCHER, "0123456789",
         "khNyKpMthccia1rXw44/vQ==", NULL},
        {"cbrski/pvr.cbor", &voucher_form_cose, VOUCHER_REQUEST, "JADA123456789",
         "I7+7ycK88hM=", "cbrski/pledge.cert.pem"},
        {"cbrski/rvr.cbor", &voucher_form_cose, VOUCHER_REQUEST, "JADA123456789",
         "I7+7ycK88hM=", NULL},
        {"cbrski/voucher.cbor", &voucher_form_cose, VOUCHER, "JADA123456789",
         "V+7Xhq1ASQc=", "cbrski/masa_ca.cert.pem"},
        {"cbrski/voucher-with-unprotected-x5bag.cbor", &voucher_form_cose, VOUCHER, "JADA123456789",
         "V+7Xhq1ASQc=", NULL},
    };
    struct task *t = test_task(state);
    if (!vectors_present())
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(artifacts); i++) {
        struct signed_voucher sv = opened(t, artifacts[i].form, vector_read(t, artifacts[i].file));
        const struct cert *known =
            artifacts[i].signer == NULL ? NULL : vector_cert(t, artifacts[i].signer);
        const struct cert_list list = {&known, known == NULL ? 0 : 1};
        const struct cert *signer = NULL;
        assert_ok(t, sv.form->verify(t, &sv, &list, &signer));
        assert_int_equal(sv.voucher.kind, artifacts[i].kind);
        assert_string_equal(sv.voucher.serial_number, artifacts[i].serial);
        assert_string_equal(sv.voucher.nonce, artifacts[i].nonce);
        assert_int_equal(sv.voucher.unknown.count, 0);
    }
}

static void sealed_artifact_is_opened_and_verified_in_each_form(void **state)
{
    struct task *t = test_task(state);
    struct identity who = make_device(t, "CN=somebody", NULL);
    for (size_t i = 0; voucher_forms[i] != NULL; i++) {
        for (int kind = VOUCHER; kind <= VOUCHER_REQUEST; kind++) {
            const struct voucher given = sample((enum voucher_kind)kind);
            const struct cert *signer = NULL;
            struct bytes octets = sealed(t, voucher_forms[i], &given, &who);
            struct signed_voucher sv = opened(t, voucher_forms[i], octets);
            assert_ok(t, sv.form->verify(t, &sv, NULL, &signer));
            assert_bytes_equal(t, signer->der, who.cert->der);
            assert_int_equal(sv.voucher.kind, kind);
            assert_string_equal(sv.voucher.serial_number, given.serial_number);
            assert_string_equal(sv.voucher.nonce, given.nonce);
            assert_int_equal(sv.voucher.created_on, given.created_on);
        }
    }
}

/* No form reads what another one wrote. */
static void form_reads_itself_and_no_other(void **state)
{
    struct task *t = test_task(state);
    struct identity who = make_device(t, "CN=somebody", NULL);
    const struct voucher given = sample(VOUCHER);
    for (size_t i = 0; voucher_forms[i] != NULL; i++) {
        struct bytes octets = sealed(t, voucher_forms[i], &given, &who);
        for (size_t j = 0; voucher_forms[j] != NULL; j++) {
            struct signed_voucher sv;
            task_forgive(t);
            assert_int_equal(voucher_forms[j]->open(t, octets, 0, NULL, &sv), i == j);
        }
    }
    task_forgive(t);
}

static void form_is_found_by_media_type(void **state)
{
    (void)state;
    assert_ptr_equal(voucher_form_of("application/voucher-cms+json"), &voucher_form_cms);
    assert_ptr_equal(voucher_form_of("Application/Voucher-JWS+JSON"), &voucher_form_jws);
    assert_ptr_equal(voucher_form_of("application/voucher+cose"), &voucher_form_cose);
    assert_null(voucher_form_of("application/voucher-cose+cbor")); /* by allowance alone */
}

/* --- JWS --- */

static const char json[] = "{\"ietf-voucher:voucher\":{\"serial-number\":\"1\"}}";
static const char request_json[] = "{\"ietf-voucher-request:voucher\":{\"serial-number\":\"1\"}}";

static struct bytes jws_of(struct task *t, const char *content, const char *type,
                           const struct identity *who)
{
    struct bytes octets = BYTES_ABSENT;
    struct cert_list certs = cert_list_of(t, 1, who->cert);
    assert_ok(t, jws_sign(t, bytes_of_text(content), type, who->key, &certs, &octets));
    return octets;
}

/* The part of a message between `begin` and the end, less `tail` characters. */
static struct bytes part_of(struct task *t, struct bytes message, const char *begin, size_t tail)
{
    const char *text = bytes_to_text(t->arena, message);
    const char *at = strstr(text, begin);
    assert_non_null(at);
    at += strlen(begin);
    return bytes_make(at, strlen(at) - tail);
}

/* The same payload with the signatures of both messages. */
static struct bytes countersigned(struct task *t, struct bytes first, struct bytes second)
{
    struct bytes whole = part_of(t, first, "", 2); /* up to "]}" */
    const struct bytes parts[] = {whole, BYTES_LITERAL(","),
                                  part_of(t, second, "\"signatures\":[", 0)};
    return bytes_concat(t->arena, parts, ARRAY_SIZE(parts));
}

static void type_of_a_jws_is_that_of_vouchers_or_none(void **state)
{
    static const char *const right[] = {"voucher-jws+json", "application/voucher-jws+json",
                                        "Voucher-JWS+JSON"};
    static const char *const wrong[] = {"JWT", "voucher-cms+json", "voucher-jws", ""};
    struct task *t = test_task(state);
    struct identity who = make_device(t, "CN=masa", NULL);
    struct signed_voucher sv;
    for (size_t i = 0; i < ARRAY_SIZE(right); i++)
        assert_ok(t, voucher_form_jws.open(t, jws_of(t, json, right[i], &who), 0, NULL, &sv));
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_fails(t, voucher_form_jws.open(t, jws_of(t, json, wrong[i], &who), 0, NULL, &sv),
                     E_VOUCHER_MALFORMED);
}

static void jws_without_certificate_is_no_voucher(void **state)
{
    static const char message[] = "{\"payload\":\"e30\",\"signatures\":[{\"protected\":"
                                  "\"eyJhbGciOiJFUzI1NiJ9\",\"signature\":\"AAAA\"}]}";
    struct task *t = test_task(state);
    struct signed_voucher sv;
    assert_fails(t, voucher_form_jws.open(t, bytes_of_text(message), 0, NULL, &sv),
                 E_VOUCHER_MALFORMED);
    assert_detail(t, "x5c");
}

static void every_signature_of_a_voucher_must_be_right(void **state)
{
    struct task *t = test_task(state);
    struct identity masa = make_device(t, "CN=masa", NULL);
    struct identity registrar = make_device(t, "CN=registrar", NULL);
    struct bytes first = jws_of(t, json, "voucher-jws+json", &masa);
    struct bytes second = jws_of(t, json, "voucher-jws+json", &registrar);
    struct bytes other = jws_of(t, "{\"ietf-voucher:voucher\":{\"serial-number\":\"2\"}}",
                                "voucher-jws+json", &registrar);
    const struct cert *signer = NULL;
    struct signed_voucher sv = opened(t, &voucher_form_jws, countersigned(t, first, second));
    assert_ok(t, sv.form->verify(t, &sv, NULL, &signer));
    /* The first one is the issuer's. */
    assert_bytes_equal(t, signer->der, masa.cert->der);
    assert_bytes_equal(t, sv.certs.items[0]->der, masa.cert->der);
    sv = opened(t, &voucher_form_jws, countersigned(t, first, other));
    assert_fails(t, sv.form->verify(t, &sv, NULL, &signer), E_SIGNATURE);
    assert_detail(t, "countersignature");
}

static void request_has_one_signature(void **state)
{
    struct task *t = test_task(state);
    struct identity pledge = make_device(t, "CN=pledge", NULL);
    struct bytes one = jws_of(t, request_json, "voucher-jws+json", &pledge);
    struct signed_voucher sv;
    assert_ok(t, voucher_form_jws.open(t, one, 0, NULL, &sv));
    assert_fails(t, voucher_form_jws.open(t, countersigned(t, one, one), 0, NULL, &sv),
                 E_VOUCHER_MALFORMED);
}

static void certificate_of_another_signer_does_not_verify(void **state)
{
    struct task *t = test_task(state);
    struct identity masa = make_device(t, "CN=masa", NULL);
    struct identity other = make_device(t, "CN=other", NULL);
    const struct identity mixed = {other.cert, masa.key};
    const struct cert_list known = {&masa.cert, 1};
    const struct cert *signer = NULL;
    struct signed_voucher sv =
        opened(t, &voucher_form_jws, jws_of(t, json, "voucher-jws+json", &mixed));
    /* Also where the right one is known: x5c says whose the signature is. */
    assert_fails(t, sv.form->verify(t, &sv, &known, &signer), E_SIGNATURE);
}

static void jws_is_sealed_with_the_signers_certificate_first(void **state)
{
    struct task *t = test_task(state);
    struct identity ca = make_ca(t, "CN=ca", NULL);
    struct identity who = make_device(t, "CN=masa", &ca);
    const struct voucher given = sample(VOUCHER);
    const struct voucher_signer wrong[] = {
        {who.cert, who.key, cert_list_of(t, 2, ca.cert, who.cert)},
        {who.cert, who.key, {NULL, 0}},
    };
    struct bytes octets = BYTES_ABSENT;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_fails(t, voucher_form_jws.seal(t, &given, &wrong[i], &octets), E_INVALID);
}

/* --- COSE --- */

static struct bytes cose_of(struct task *t, const struct voucher *v, const struct identity *who,
                            const struct cert_list *certs)
{
    struct bytes cbor = BYTES_ABSENT;
    struct bytes octets = BYTES_ABSENT;
    assert_ok(t, voucher_to_cbor(t, v, &cbor));
    assert_ok(t, cose_sign(t, cbor, who->key, certs, &octets));
    return octets;
}

static void missing_tag_is_read_only_where_it_is_allowed(void **state)
{
    struct task *t = test_task(state);
    struct identity who = make_device(t, "CN=pledge", NULL);
    const struct voucher given = sample(VOUCHER_REQUEST);
    struct bytes tagged = sealed(t, &voucher_form_cose, &given, &who);
    struct bytes untagged = bytes_make(tagged.data + 1, tagged.len - 1);
    struct signed_voucher sv = {.form = NULL};
    assert_fails(t, voucher_form_cose.open(t, untagged, 0, NULL, &sv), E_VOUCHER_COSE_UNTAGGED);
    assert_fails(t,
                 voucher_form_cose.open(t, untagged, ~(unsigned)VOUCHER_COSE_UNTAGGED, NULL, &sv),
                 E_VOUCHER_COSE_UNTAGGED);
    assert_ok(t, voucher_form_cose.open(t, untagged, VOUCHER_COSE_UNTAGGED, NULL, &sv));
    assert_int_equal(sv.voucher.departures, VOUCHER_COSE_UNTAGGED);
    assert_bytes_equal(t, sv.octets, untagged);
    assert_ok(t, voucher_form_cose.open(t, tagged, VOUCHER_COSE_UNTAGGED, NULL, &sv));
    assert_int_equal(sv.voucher.departures, 0);
}

/* cBRSKI 9.2, and cBRSKI 6.8 for the pledge. */
static void certificates_of_a_voucher_help_and_are_not_needed(void **state)
{
    struct task *t = test_task(state);
    struct identity masa = make_device(t, "CN=masa", NULL);
    const struct voucher given = sample(VOUCHER);
    const struct cert_list known = {&masa.cert, 1};
    const struct cert *signer = NULL;
    struct bytes left = BYTES_ABSENT;
    struct bytes octets = sealed(t, &voucher_form_cose, &given, &masa);
    struct signed_voucher sv = opened(t, &voucher_form_cose, octets);
    assert_true(sv.certs_unsigned);
    assert_ok(t, sv.form->verify(t, &sv, NULL, &signer));
    assert_ok(t, voucher_form_cose.for_pledge(t, octets, &left));
    assert_true(left.len < octets.len);
    sv = opened(t, &voucher_form_cose, left);
    assert_int_equal(sv.certs.count, 0);
    assert_false(sv.certs_unsigned);
    assert_fails(t, sv.form->verify(t, &sv, NULL, &signer), E_SIGNATURE);
    assert_ok(t, sv.form->verify(t, &sv, &known, &signer));
    /* The other forms go on as they are. */
    assert_null(voucher_form_cms.for_pledge);
    assert_null(voucher_form_jws.for_pledge);
}

static void what_is_no_certificate_is_no_help_and_no_harm(void **state)
{
    struct task *t = test_task(state);
    struct identity masa = make_device(t, "CN=masa", NULL);
    const struct voucher given = sample(VOUCHER);
    const struct cert junk = {NULL, BYTES_LITERAL("no certificate")};
    struct cert_list certs = cert_list_of(t, 2, &junk, masa.cert);
    const struct cert *signer = NULL;
    struct signed_voucher sv = opened(t, &voucher_form_cose, cose_of(t, &given, &masa, &certs));
    assert_int_equal(sv.certs.count, 1);
    assert_ok(t, sv.form->verify(t, &sv, NULL, &signer));
}

/* RFC 8995 5.5: verbatim; a pledge that speaks CBOR gets its own octets back. */
static void nonce_has_the_same_octets_on_the_way_there_and_back(void **state)
{
    struct task *t = test_task(state);
    struct identity who = make_device(t, "CN=somebody", NULL);
    struct voucher v = sample(VOUCHER_REQUEST);
    v.nonce = "-_8BAgMEBQY"; /* another alphabet, no padding */
    struct signed_voucher sv =
        opened(t, &voucher_form_cose, sealed(t, &voucher_form_cose, &v, &who));
    assert_string_equal(sv.voucher.nonce, "+/8BAgMEBQY=");
    assert_true(nonce_same_octets(t, sv.voucher.nonce, v.nonce));
    sv = opened(t, &voucher_form_jws, sealed(t, &voucher_form_jws, &v, &who));
    assert_string_equal(sv.voucher.nonce, v.nonce);
}

static void artifact_that_is_too_large_is_refused(void **state)
{
    struct task *t = test_task(state);
    const uint8_t *zeros = arena_alloc(t->arena, VOUCHER_SIZE_MAX + 1);
    for (size_t i = 0; voucher_forms[i] != NULL; i++) {
        struct signed_voucher sv;
        struct bytes octets = bytes_make(zeros, VOUCHER_SIZE_MAX + 1);
        assert_fails(t, voucher_forms[i]->open(t, octets, 0, NULL, &sv), E_VOUCHER_MALFORMED);
    }
}

static const struct cert *with_octets(const struct cert_list *certs, struct bytes der)
{
    for (size_t i = 0; i < certs->count; i++) {
        if (bytes_equal(certs->items[i]->der, der))
            return certs->items[i];
    }
    return NULL;
}

/* The very same, and only that: a namesake for another key is read. */
static void certificate_at_hand_is_not_read_again(void **state)
{
    struct task *t = test_task(state);
    struct identity who = make_device(t, "CN=MASA", NULL);
    struct identity namesake = make_device(t, "CN=MASA", NULL);
    struct identity ca = make_ca(t, "CN=CA", NULL);
    const struct voucher v = sample(VOUCHER);
    const struct voucher_signer signer = {who.cert, who.key, cert_list_of(t, 2, who.cert, ca.cert)};
    const struct cert_list known = cert_list_of(t, 2, namesake.cert, who.cert);
    for (size_t i = 0; voucher_forms[i] != NULL; i++) {
        const struct voucher_form *form = voucher_forms[i];
        struct signed_voucher sv = {.form = NULL};
        struct bytes octets = BYTES_ABSENT;
        const struct cert *found = NULL;
        assert_ok(t, form->seal(t, &v, &signer, &octets));
        assert_ok(t, form->open(t, octets, 0, &known, &sv));
        assert_int_equal(sv.certs.count, 2);
        assert_ptr_equal(with_octets(&sv.certs, who.cert->der), who.cert);
        assert_non_null(with_octets(&sv.certs, ca.cert->der));
        assert_ptr_not_equal(with_octets(&sv.certs, ca.cert->der), ca.cert);
        assert_ok(t, form->verify(t, &sv, NULL, &found));
        assert_ptr_equal(found, who.cert);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(published_artifacts_verify),
        PKI_TEST(sealed_artifact_is_opened_and_verified_in_each_form),
        PKI_TEST(form_reads_itself_and_no_other),
        PKI_TEST(form_is_found_by_media_type),
        PKI_TEST(type_of_a_jws_is_that_of_vouchers_or_none),
        PKI_TEST(jws_without_certificate_is_no_voucher),
        PKI_TEST(every_signature_of_a_voucher_must_be_right),
        PKI_TEST(request_has_one_signature),
        PKI_TEST(certificate_of_another_signer_does_not_verify),
        PKI_TEST(jws_is_sealed_with_the_signers_certificate_first),
        PKI_TEST(missing_tag_is_read_only_where_it_is_allowed),
        PKI_TEST(certificates_of_a_voucher_help_and_are_not_needed),
        PKI_TEST(what_is_no_certificate_is_no_help_and_no_harm),
        PKI_TEST(nonce_has_the_same_octets_on_the_way_there_and_back),
        PKI_TEST(artifact_that_is_too_large_is_refused),
        PKI_TEST(certificate_at_hand_is_not_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
