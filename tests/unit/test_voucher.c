#include "tests/unit/pki_fixture.h"

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/pki/cms.h"
#include "registrar/voucher/voucher.h"

#include <string.h>

#define EXAMPLE "00-D0-E5-F2-00-02"

static struct signed_voucher opened(struct task *t, struct bytes octets)
{
    struct signed_voucher sv = {.form = NULL};
    assert_ok(t, voucher_form_cms.open(t, octets, 0, NULL, &sv));
    return sv;
}

/* --- the published artifacts --- */

/* `name` of the one container in a JSON vector; NULL when it has no such member. */
static const char *json_member(struct task *t, const char *file, const char *name)
{
    json_t *root = NULL;
    assert_ok(t, json_parse(t, vector_read(t, file), &root));
    json_t *body = json_object_iter_value(json_object_iter(root));
    return json_string_value(json_object_get(body, name));
}

static void assert_text(const char *actual, const char *expected)
{
    if (expected == NULL)
        assert_null(actual);
    else
        assert_string_equal(actual, expected);
}

static void assert_binary(struct task *t, struct bytes actual, const char *base64)
{
    struct bytes expected = BYTES_ABSENT;
    if (base64 == NULL) {
        assert_false(bytes_present(actual));
        return;
    }
    assert_true(bytes_from_base64(t->arena, bytes_of_text(base64), &expected));
    assert_bytes_equal(t, actual, expected);
}

static void published_artifacts_open_and_verify_and_say_what_their_json_says(void **state)
{
    static const struct {
        const char *artifact;
        const char *json;
        enum voucher_kind kind;
        int64_t created_on;
    } artifacts[] = {
        {"rfc8995/vr_" EXAMPLE ".cms.der", "rfc8995/vr_" EXAMPLE ".json", VOUCHER_REQUEST,
         1618350203747},
        {"rfc8995/parboiled_vr_" EXAMPLE ".cms.der", "rfc8995/parboiled_vr_" EXAMPLE ".json",
         VOUCHER_REQUEST, 1618350203787},
        {"rfc8995/voucher_" EXAMPLE ".cms.der", "rfc8995/voucher_" EXAMPLE ".json", VOUCHER,
         1618350204589},
        {"rfc8366bis/vr_" EXAMPLE ".pkcs", "rfc8366bis/vr.json", VOUCHER_REQUEST, 1657487298598},
        {"rfc8366bis/voucher_" EXAMPLE ".pkcs", "rfc8366bis/voucher.json", VOUCHER, 1657487298720},
        {"derived/rvr_constructed.cms.der", "derived/rvr_constructed.json", VOUCHER_REQUEST,
         1618350203787},
        {"derived/voucher_constructed.cms.der", "derived/voucher_constructed.json", VOUCHER,
         1618350204000},
    };
    struct task *t = test_task(state);
    if (!vectors_present())
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(artifacts); i++) {
        const char *json = artifacts[i].json;
        const struct cert *signer = NULL;
        struct bytes octets = vector_read(t, artifacts[i].artifact);
        struct signed_voucher sv = opened(t, octets);
        const struct voucher *v = &sv.voucher;
        assert_ok(t, sv.form->verify(t, &sv, NULL, &signer));
        assert_non_null(signer);
        assert_bytes_equal(t, sv.octets, octets);
        assert_int_equal(v->kind, artifacts[i].kind);
        assert_int_equal(v->created_on, artifacts[i].created_on);
        assert_string_equal(v->serial_number, EXAMPLE);
        assert_text(v->assertion, json_member(t, json, "assertion"));
        assert_text(v->nonce, json_member(t, json, "nonce"));
        assert_binary(t, v->idevid_issuer, json_member(t, json, "idevid-issuer"));
        assert_binary(t, v->pinned_domain_cert, json_member(t, json, "pinned-domain-cert"));
        assert_binary(t, v->proximity_registrar_cert,
                      json_member(t, json, "proximity-registrar-cert"));
        assert_binary(t, v->prior_signed_voucher_request,
                      json_member(t, json, "prior-signed-voucher-request"));
        assert_int_equal(v->unknown.count, 0);
        assert_int_equal(v->expires_on, 0);
    }
}

/* RFC 8995 Appendix C.2, with all that is unusual in it. */
static void example_of_rfc_8995_is_read_with_its_peculiarities(void **state)
{
    struct task *t = test_task(state);
    const struct cert *pinned = NULL;
    const struct cert *signer = NULL;
    if (!vectors_present())
        skip();
    struct bytes pledge_request = vector_read(t, "rfc8995/vr_" EXAMPLE ".cms.der");
    struct signed_voucher pvr = opened(t, pledge_request);
    struct signed_voucher rvr =
        opened(t, vector_read(t, "rfc8995/parboiled_vr_" EXAMPLE ".cms.der"));
    struct signed_voucher voucher =
        opened(t, vector_read(t, "rfc8995/voucher_" EXAMPLE ".cms.der"));
    const struct cert *jrc = vector_cert(t, "rfc8995/jrc_prime256v1.cert.pem");
    /* The nonce is base64url without padding: a string like any other, the same in all three. */
    assert_string_equal(pvr.voucher.nonce, "-_XE9zK9q8Ll1qylMtLKeg");
    assert_string_equal(rvr.voucher.nonce, pvr.voucher.nonce);
    assert_string_equal(voucher.voucher.nonce, pvr.voucher.nonce);
    /* created-on "2021-04-13T17:43:23.747-04:00" */
    assert_string_equal(time_to_text(t->arena, pvr.voucher.created_on), "2021-04-13T21:43:23.747Z");
    /* The registrar's request: no idevid-issuer, the pledge's request inside, EE and CA carried. */
    assert_false(bytes_present(rvr.voucher.idevid_issuer));
    assert_bytes_equal(t, rvr.voucher.prior_signed_voucher_request, pledge_request);
    assert_int_equal(rvr.certs.count, 2);
    assert_ok(t, rvr.form->verify(t, &rvr, NULL, &signer));
    assert_bytes_equal(t, cert_spki(t, signer), cert_spki(t, jrc));
    assert_true(cert_has_eku(signer, OID_KP_CMC_RA));
    assert_false(bytes_present(rvr.voucher.proximity_registrar_cert));
    /* The voucher pins the end entity that the pledge met. */
    assert_bytes_equal(t, voucher.voucher.pinned_domain_cert, pvr.voucher.proximity_registrar_cert);
    assert_ok(t, cert_parse(t, voucher.voucher.pinned_domain_cert, &pinned));
    assert_bytes_equal(t, cert_spki(t, pinned), cert_spki(t, jrc));
    assert_string_equal(voucher.voucher.assertion, "logged");
    assert_string_equal(pvr.voucher.assertion, "proximity");
}

/* --- our own --- */

static struct voucher sample(enum voucher_kind kind)
{
    return (struct voucher){.kind = kind,
                            .assertion = "proximity",
                            .created_on = 1618350203787,
                            .serial_number = "00-D0-E5-F2-00-02",
                            .nonce = "-_XE9zK9q8Ll1qylMtLKeg"};
}

static struct bytes sealed(struct task *t, const struct voucher *v, const struct identity *who)
{
    const struct voucher_signer signer = {who->cert, who->key, cert_list_of(t, 1, who->cert)};
    struct bytes octets = BYTES_ABSENT;
    assert_ok(t, voucher_form_cms.seal(t, v, &signer, &octets));
    return octets;
}

static void sealed_voucher_is_opened_and_verified(void **state)
{
    struct task *t = test_task(state);
    struct identity masa = make_device(t, "CN=masa", NULL);
    const struct voucher given = sample(VOUCHER);
    const struct cert *signer = NULL;
    struct signed_voucher sv = opened(t, sealed(t, &given, &masa));
    assert_ptr_equal(sv.form, &voucher_form_cms);
    assert_int_equal(sv.certs.count, 1);
    assert_string_equal(sv.voucher.serial_number, given.serial_number);
    assert_ok(t, sv.form->verify(t, &sv, NULL, &signer));
    assert_bytes_equal(t, signer->der, masa.cert->der);
    /* Without its certificate the signer must be known. */
    const struct voucher_signer silent = {masa.cert, masa.key, {NULL, 0}};
    const struct cert_list known = {&masa.cert, 1};
    struct bytes octets = BYTES_ABSENT;
    assert_ok(t, voucher_form_cms.seal(t, &given, &silent, &octets));
    sv = opened(t, octets);
    assert_int_equal(sv.certs.count, 0);
    assert_fails(t, sv.form->verify(t, &sv, NULL, &signer), E_SIGNATURE);
    assert_ok(t, sv.form->verify(t, &sv, &known, &signer));
}

static void sealed_request_is_what_rfc_8366_says(void **state)
{
    struct task *t = test_task(state);
    struct identity registrar = make_device(t, "CN=registrar", NULL);
    const struct voucher given = sample(VOUCHER_REQUEST);
    const char *file = put_file(state, "rvr.vcj", sealed(t, &given, &registrar));
    const char *anchor =
        put_file(state, "registrar.pem", bytes_of_text(cert_to_pem(t, registrar.cert)));
    const char *output;
    assert_int_equal(
        RUN(state, &output, "openssl", "cms", "-cmsout", "-print", "-inform", "DER", "-in", file),
        0);
    assert_non_null(strstr(output, "d.signedData: \n    version: 3\n"));
    assert_non_null(strstr(output, "eContentType: undefined (" OID_ANIMA_JSON_VOUCHER ")"));
    assert_int_equal(RUN(state, &output, "openssl", "cms", "-verify", "-binary", "-inform", "DER",
                         "-in", file, "-CAfile", anchor, "-purpose", "any", "-partial_chain"),
                     0);
    assert_non_null(strstr(output, "{\"ietf-voucher-request:voucher\":{\"created-on\":"));
}

static void voucher_that_cannot_be_written_is_not_sealed(void **state)
{
    struct task *t = test_task(state);
    struct identity masa = make_device(t, "CN=masa", NULL);
    const struct voucher_signer signer = {masa.cert, masa.key, {NULL, 0}};
    const struct voucher empty = {.kind = VOUCHER};
    struct bytes octets = BYTES_ABSENT;
    assert_fails(t, voucher_form_cms.seal(t, &empty, &signer, &octets), E_INVALID);
    assert_false(bytes_present(octets));
}

static void other_content_is_no_voucher(void **state)
{
    struct task *t = test_task(state);
    struct identity masa = make_device(t, "CN=masa", NULL);
    struct signed_voucher sv = {.form = NULL};
    struct bytes octets = BYTES_ABSENT;
    const struct bytes json = BYTES_LITERAL("{\"ietf-voucher-request:voucher\":{}}");
    assert_ok(t, cms_sign(t, json, OID_DATA, masa.cert, masa.key, NULL, &octets));
    assert_ok(t, voucher_form_cms.open(t, octets, 0, NULL, &sv));
    sv.form = NULL;
    /* id-ct-animaCBORVoucher is not ours. */
    assert_ok(t,
              cms_sign(t, json, "1.2.840.113549.1.9.16.1.41", masa.cert, masa.key, NULL, &octets));
    assert_fails(t, voucher_form_cms.open(t, octets, 0, NULL, &sv), E_VOUCHER_MALFORMED);
    assert_ok(t, cms_sign(t, BYTES_LITERAL("no JSON"), OID_ANIMA_JSON_VOUCHER, masa.cert, masa.key,
                          NULL, &octets));
    assert_fails(t, voucher_form_cms.open(t, octets, 0, NULL, &sv), E_VOUCHER_MALFORMED);
    assert_fails(t, voucher_form_cms.open(t, json, 0, NULL, &sv), E_CMS_MALFORMED);
    const uint8_t *zeros = arena_alloc(t->arena, VOUCHER_SIZE_MAX + 1);
    assert_fails(t, voucher_form_cms.open(t, bytes_make(zeros, VOUCHER_SIZE_MAX + 1), 0, NULL, &sv),
                 E_VOUCHER_MALFORMED);
    assert_null(sv.form);
}

static void truncated_artifact_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity masa = make_device(t, "CN=masa", NULL);
    const struct voucher given = sample(VOUCHER);
    struct bytes octets = sealed(t, &given, &masa);
    for (size_t len = 0; len < octets.len; len++) {
        struct signed_voucher sv = {.form = NULL};
        struct bytes prefix = bytes_copy(t->arena, bytes_make(octets.data, len));
        assert_fails(t, voucher_form_cms.open(t, prefix, 0, NULL, &sv), E_CMS_MALFORMED);
        assert_null(sv.form);
    }
}

static void form_is_found_by_media_type(void **state)
{
    (void)state;
    assert_ptr_equal(voucher_form_of("application/voucher-cms+json"), &voucher_form_cms);
    assert_ptr_equal(voucher_form_of("Application/Voucher-CMS+JSON"), &voucher_form_cms);
    assert_null(voucher_form_of("application/voucher-cms+jso"));
    assert_null(voucher_form_of("application/voucher-cms+json; charset=utf-8"));
    assert_null(voucher_form_of("application/json"));
    assert_null(voucher_form_of(""));
    for (size_t i = 0; voucher_forms[i] != NULL; i++)
        assert_ptr_equal(voucher_form_of(voucher_forms[i]->media_type), voucher_forms[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(published_artifacts_open_and_verify_and_say_what_their_json_says),
        PKI_TEST(example_of_rfc_8995_is_read_with_its_peculiarities),
        PKI_TEST(sealed_voucher_is_opened_and_verified),
        PKI_TEST(sealed_request_is_what_rfc_8366_says),
        PKI_TEST(voucher_that_cannot_be_written_is_not_sealed),
        PKI_TEST(other_content_is_no_voucher),
        PKI_TEST(truncated_artifact_is_refused),
        PKI_TEST(form_is_found_by_media_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
