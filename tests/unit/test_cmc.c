/* Full CMC's structures: CRMF as libcrypto makes it, PKIData put together by hand. */
#include "tests/unit/pki_fixture.h"

#include "core/pki/cmc.h"
#include "core/pki/cms.h"
#include "core/pki/crmf.h"
#include "core/pki/library.h"

#include <string.h>

#include <openssl/cms.h>
#include <openssl/crmf.h>

/* ---- CRMF ---- */

struct wish {
    EVP_PKEY *key;
    const char *subject;
    int popo; /* OSSL_CRMF_POPO_... */
    bool serial;
};

static OSSL_CRMF_MSG *make_message(struct task *t, const struct wish *wish)
{
    OSSL_CRMF_MSG *message = IN_ARENA(t, OSSL_CRMF_MSG_free, OSSL_CRMF_MSG_new());
    X509_NAME *subject = NULL;
    ASN1_INTEGER *serial = IN_ARENA(t, ASN1_INTEGER_free, ASN1_INTEGER_new());
    if (wish->subject != NULL)
        assert_ok(t, name_from_text(t, wish->subject, &subject));
    assert_true(ASN1_INTEGER_set(serial, 1) == 1);
    assert_true(OSSL_CRMF_MSG_set_certReqId(message, 42) == 1);
    assert_true(OSSL_CRMF_CERTTEMPLATE_fill(OSSL_CRMF_MSG_get0_tmpl(message), wish->key, subject,
                                            NULL, wish->serial ? serial : NULL) == 1);
    return message;
}

static struct bytes message_der(struct task *t, const struct wish *wish, const char *dns_name)
{
    OSSL_CRMF_MSG *message = make_message(t, wish);
    const struct text_list names = {&dns_name, dns_name == NULL ? 0 : 1};
    struct extension san = {.oid = OID_CE_SUBJECT_ALT_NAME};
    const struct extension_list list = {&san, 1};
    X509_EXTENSIONS *stack = NULL;
    if (dns_name != NULL) {
        assert_ok(t, extension_dns_names(t, &names, &san.value));
        assert_ok(t, extensions_write(t, &list, &stack));
        assert_true(OSSL_CRMF_MSG_push0_extension(
                        message, X509_EXTENSION_dup(sk_X509_EXTENSION_value(stack, 0))) == 1);
    }
    assert_true(
        OSSL_CRMF_MSG_create_popo(wish->popo, message, wish->key, EVP_sha256(), NULL, NULL) == 1);
    return ENCODE(t, i2d_OSSL_CRMF_MSG, message);
}

static EVP_PKEY *new_key(struct task *t, enum key_kind kind)
{
    EVP_PKEY *key = NULL;
    assert_ok(t, key_generate(t, kind, 2048, &key));
    return key;
}

static void crmf_of_libcrypto_is_read_and_proves_possession(void **state)
{
    static const enum key_kind kinds[] = {KEY_P256, KEY_P384, KEY_RSA};
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        const struct wish wish = {new_key(t, kinds[i]), "CN=a,O=b", OSSL_CRMF_POPO_SIGNATURE,
                                  false};
        struct crmf crmf = {.id = 0};
        struct csr csr = {.request = NULL};
        struct text_list names;
        assert_ok(t, crmf_parse(t, message_der(t, &wish, "a.example"), &crmf));
        assert_int_equal(crmf.id, 42);
        assert_int_equal(crmf.proof, CRMF_PROOF_SIGNATURE);
        assert_ok(t, crmf_to_csr(t, &crmf, &csr));
        assert_ok(t, crmf_verify(t, &crmf, &csr));
        assert_string_equal(csr_subject(t, &csr), "CN=a,O=b");
        assert_int_equal(csr.key_kind, kinds[i]);
        assert_true(EVP_PKEY_eq(csr.key, wish.key) == 1);
        assert_int_equal(csr.extensions.count, 1);
        assert_ok(t, alt_names_to_text(t, csr.extensions.items[0].value, &names));
        assert_string_equal(names.items[0], "DNS:a.example");
        /* As PKCS#10 it proves nothing. */
        assert_fails(t, csr_verify(t, &csr), E_CSR_POP);
    }
}

static void proof_by_another_key_or_over_another_request_is_none(void **state)
{
    struct task *t = test_task(state);
    struct wish wish = {new_key(t, KEY_P256), "CN=a", OSSL_CRMF_POPO_SIGNATURE, false};
    struct bytes der = message_der(t, &wish, NULL);
    struct crmf crmf = {.id = 0};
    struct crmf other = {.id = 0};
    struct csr csr = {.request = NULL};
    assert_ok(t, crmf_parse(t, der, &crmf));
    assert_ok(t, crmf_to_csr(t, &crmf, &csr));
    wish.subject = "CN=b";
    assert_ok(t, crmf_parse(t, message_der(t, &wish, NULL), &other));
    other.signature = crmf.signature;
    assert_fails(t, crmf_verify(t, &other, &csr), E_CSR_POP);
}

static void proofs_without_signature_are_told_apart(void **state)
{
    static const struct {
        int popo;
        enum crmf_proof proof;
    } proofs[] = {
        {OSSL_CRMF_POPO_NONE, CRMF_PROOF_NONE},
        {OSSL_CRMF_POPO_RAVERIFIED, CRMF_PROOF_RA},
        {OSSL_CRMF_POPO_KEYENC, CRMF_PROOF_OTHER},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(proofs); i++) {
        const struct wish wish = {new_key(t, KEY_P256), "CN=a", proofs[i].popo, false};
        struct crmf crmf = {.id = 0};
        struct csr csr = {.request = NULL};
        assert_ok(t, crmf_parse(t, message_der(t, &wish, NULL), &crmf));
        assert_int_equal(crmf.proof, proofs[i].proof);
        assert_ok(t, crmf_to_csr(t, &crmf, &csr));
        assert_string_equal(csr.signature_oid, OID_ECDSA_SHA256);
        assert_fails(t, crmf_verify(t, &crmf, &csr), E_POP_MISSING);
    }
}

/* RFC 4211 5: the serial number is the CA's to say. */
static void template_says_neither_too_little_nor_too_much(void **state)
{
    struct task *t = test_task(state);
    EVP_PKEY *key = new_key(t, KEY_P256);
    const struct wish serial = {key, "CN=a", OSSL_CRMF_POPO_SIGNATURE, true};
    const struct wish nobody = {key, NULL, OSSL_CRMF_POPO_RAVERIFIED, false};
    const struct wish keyless = {NULL, "CN=a", OSSL_CRMF_POPO_RAVERIFIED, false};
    struct crmf crmf = {.id = 0};
    assert_fails(t, crmf_parse(t, message_der(t, &serial, NULL), &crmf), E_CRMF_MALFORMED);
    assert_fails(t, crmf_parse(t, message_der(t, &nobody, NULL), &crmf), E_CRMF_MALFORMED);
    assert_fails(t, crmf_parse(t, message_der(t, &keyless, NULL), &crmf), E_CRMF_MALFORMED);
}

/* CertRequest ::= SEQUENCE { id, template { [5] subject, [6] key }, controls }. */
static struct bytes crmf_with_control(struct task *t, const char *oid, struct bytes value)
{
    EVP_PKEY *key = new_key(t, KEY_P256);
    struct bytes spki = ENCODE(t, i2d_PUBKEY, key);
    struct bytes control = BYTES_ABSENT;
    struct bytes empty = BYTES_LITERAL("\x30\x00");
    ((uint8_t *)spki.data)[0] = 0xA6;
    assert_ok(t, der_pair(t, oid, value, &control));
    const struct bytes fields[] = {der_tagged(t, 5, &empty, 1), spki};
    const struct bytes parts[] = {BYTES_LITERAL("\x02\x01\x01"), der_sequence(t, fields, 2),
                                  der_sequence(t, &control, 1)};
    struct bytes request = der_sequence(t, parts, ARRAY_SIZE(parts));
    return der_sequence(t, &request, 1);
}

static void change_of_names_is_asked_for_in_a_control(void **state)
{
    struct task *t = test_task(state);
    const struct bytes change = BYTES_LITERAL("\x30\x0D\xA1\x0B\x82\x09"
                                              "a.example");
    struct crmf crmf = {.id = 0};
    struct csr csr = {.request = NULL};
    struct text_list names;
    assert_ok(t, crmf_parse(t, crmf_with_control(t, OID_CMC_CHANGE_SUBJECT, change), &crmf));
    assert_int_equal(crmf.controls.count, 0);
    assert_bytes_equal(t, crmf.change, change);
    assert_ok(t, crmf_to_csr(t, &crmf, &csr));
    assert_true(csr.change.asked);
    assert_ok(t, alt_names_to_text(t, csr.change.alt_names, &names));
    assert_string_equal(names.items[0], "DNS:a.example");
    assert_ok(t, crmf_parse(t, crmf_with_control(t, "1.2.3", change), &crmf));
    assert_string_equal(crmf.controls.items[0], "1.2.3");
}

static void half_a_crmf_message_is_none(void **state)
{
    struct task *t = test_task(state);
    const struct wish wish = {new_key(t, KEY_P256), "CN=a", OSSL_CRMF_POPO_SIGNATURE, false};
    struct bytes der = message_der(t, &wish, "a.example");
    struct crmf crmf = {.id = 0};
    for (size_t len = 0; len < der.len; len++)
        assert_fails(t, crmf_parse(t, bytes_make(der.data, len), &crmf), E_CRMF_MALFORMED);
}

/* ---- PKIData ---- */

#define ONE        BYTES_LITERAL("\x02\x01\x01")
#define TWO        BYTES_LITERAL("\x02\x01\x02")
#define NOTHING    BYTES_LITERAL("\x30\x00")
#define NONCE      BYTES_LITERAL("\x04\x05nonce")
#define ZERO       BYTES_LITERAL("\x02\x01\x00")
#define TOO_MUCH   BYTES_LITERAL("\x02\x05\x01\x00\x00\x00\x00")
#define LONG_FORM  BYTES_LITERAL("\x02\x81\x01\x01")
#define INDEFINITE BYTES_LITERAL("\x30\x80\x00\x00")

static struct bytes control(struct task *t, struct bytes part, const char *oid, struct bytes value)
{
    struct bytes parts[] = {part, BYTES_ABSENT, der_set(t, &value, 1)};
    assert_ok(t, der_oid(t, oid, &parts[1]));
    return der_sequence(t, parts, ARRAY_SIZE(parts));
}

static struct bytes data_of(struct task *t, struct bytes controls, struct bytes requests)
{
    const struct bytes parts[] = {der_sequence(t, &controls, 1), der_sequence(t, &requests, 1),
                                  NOTHING, NOTHING};
    return der_sequence(t, parts, ARRAY_SIZE(parts));
}

static struct bytes pkcs10(struct task *t, struct bytes part)
{
    struct bytes parts[] = {part, BYTES_ABSENT};
    assert_ok(t, csr_build(t, new_key(t, KEY_P256), NULL, NULL, NULL, NULL, &parts[1]));
    return der_tagged(t, 0, parts, ARRAY_SIZE(parts));
}

static void requests_of_both_forms_are_read_as_they_stand(void **state)
{
    struct task *t = test_task(state);
    const struct wish wish = {new_key(t, KEY_P256), "CN=a", OSSL_CRMF_POPO_SIGNATURE, false};
    struct bytes crmf_der = message_der(t, &wish, NULL);
    struct bytes retagged = bytes_copy(t->arena, crmf_der);
    ((uint8_t *)retagged.data)[0] = 0xA1;
    const struct bytes both[] = {pkcs10(t, TWO), retagged};
    struct bytes requests = bytes_concat(t->arena, both, ARRAY_SIZE(both));
    struct cmc_data data = {.control_count = 0};
    struct csr csr = {.request = NULL};
    assert_ok(t, cmc_data_parse(
                     t, data_of(t, control(t, ONE, OID_CMC_SENDER_NONCE, NONCE), requests), &data));
    assert_int_equal(data.request_count, 2);
    assert_int_equal(data.requests[0].part, 2);
    assert_int_equal(data.requests[0].form, CMC_PKCS10);
    assert_ok(t, csr_parse(t, data.requests[0].der, &csr));
    assert_int_equal(data.requests[1].part, 42);
    assert_int_equal(data.requests[1].form, CMC_CRMF);
    assert_bytes_equal(t, data.requests[1].der, crmf_der);
    assert_bytes_equal(t, data.sender_nonce, BYTES_LITERAL("nonce"));
    assert_bytes_equal(t, data.request_sequence, der_sequence(t, &requests, 1));
}

static void controls_are_understood_or_named(void **state)
{
    struct task *t = test_task(state);
    const struct bytes list[] = {
        control(t, ONE, OID_CMC_TRANSACTION_ID, TWO),
        control(t, TWO, "1.2.3", NONCE),
    };
    struct cmc_data data = {.control_count = 0};
    assert_ok(t,
              cmc_data_parse(t, data_of(t, bytes_concat(t->arena, list, 2), BYTES_ABSENT), &data));
    assert_int_equal(data.control_count, 2);
    assert_true(data.controls[0].understood);
    assert_bytes_equal(t, data.transaction_id, TWO);
    assert_false(data.controls[1].understood);
    assert_string_equal(data.controls[1].oid, "1.2.3");
    assert_int_equal(data.controls[1].part, 2);
}

static void numbers_and_lengths_are_as_they_must_be(void **state)
{
    const struct bytes parts[] = {ZERO, TOO_MUCH, LONG_FORM, INDEFINITE, NOTHING};
    struct task *t = test_task(state);
    struct cmc_data data = {.control_count = 0};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        struct bytes der =
            data_of(t, control(t, parts[i], OID_CMC_SENDER_NONCE, NONCE), BYTES_ABSENT);
        assert_fails(t, cmc_data_parse(t, der, &data), E_CMC_MALFORMED);
    }
    const struct bytes twice[] = {
        control(t, ONE, OID_CMC_SENDER_NONCE, NONCE),
        control(t, TWO, OID_CMC_SENDER_NONCE, NONCE),
    };
    assert_fails(
        t, cmc_data_parse(t, data_of(t, bytes_concat(t->arena, twice, 2), BYTES_ABSENT), &data),
        E_CMC_MALFORMED);
    assert_fails(
        t,
        cmc_data_parse(t, data_of(t, control(t, ONE, OID_CMC_SENDER_NONCE, NONCE), pkcs10(t, ONE)),
                       &data),
        E_CMC_MALFORMED);
}

static void there_are_no_more_parts_than_allowed(void **state)
{
    struct task *t = test_task(state);
    struct cmc_data data = {.control_count = 0};
    struct bytes list[CMC_CONTROLS_MAX + 1];
    for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
        uint8_t part[] = {2, 1, (uint8_t)(i + 1)};
        list[i] = control(t, bytes_copy(t->arena, BYTES_ARRAY(part)), "1.2.3", NONCE);
    }
    struct bytes most = bytes_concat(t->arena, list, CMC_CONTROLS_MAX);
    struct bytes more = bytes_concat(t->arena, list, CMC_CONTROLS_MAX + 1);
    assert_ok(t, cmc_data_parse(t, data_of(t, most, BYTES_ABSENT), &data));
    assert_fails(t, cmc_data_parse(t, data_of(t, more, BYTES_ABSENT), &data), E_CMC_MALFORMED);
}

static void half_a_message_is_none(void **state)
{
    struct task *t = test_task(state);
    struct cmc_data data = {.control_count = 0};
    struct bytes der = data_of(t, control(t, ONE, OID_CMC_SENDER_NONCE, NONCE), pkcs10(t, TWO));
    for (size_t len = 0; len < der.len; len++)
        assert_fails(t, cmc_data_parse(t, bytes_make(der.data, len), &data), E_CMC_MALFORMED);
}

static void response_is_read_as_it_was_written(void **state)
{
    struct task *t = test_task(state);
    uint32_t parts[] = {0, UINT32_MAX};
    const struct cmc_response pending = {
        .transaction_id = TWO,
        .recipient_nonce = BYTES_LITERAL("theirs"),
        .sender_nonce = BYTES_LITERAL("ours"),
        .status = CMC_PENDING,
        .parts = parts,
        .part_count = ARRAY_SIZE(parts),
        .text = "not yet",
        .pending_token = BYTES_LITERAL("token"),
        .pending_until = YEAR_2020,
    };
    struct cmc_response read = {.part_count = 0};
    struct bytes der = BYTES_ABSENT;
    assert_ok(t, cmc_response_write(t, &pending, &der));
    assert_ok(t, cmc_response_parse(t, der, &read));
    assert_int_equal(read.status, CMC_PENDING);
    assert_int_equal(read.part_count, 2);
    assert_int_equal(read.parts[1], UINT32_MAX);
    assert_string_equal(read.text, "not yet");
    assert_bytes_equal(t, read.pending_token, pending.pending_token);
    assert_true(read.pending_until == YEAR_2020);
    assert_bytes_equal(t, read.transaction_id, TWO);
    assert_bytes_equal(t, read.recipient_nonce, pending.recipient_nonce);
    assert_bytes_equal(t, read.sender_nonce, pending.sender_nonce);
    assert_false(bytes_present(read.data_return));
    for (size_t len = 0; len < der.len; len++)
        assert_fails(t, cmc_response_parse(t, bytes_make(der.data, len), &read), E_CMC_MALFORMED);
}

/* ---- Signed by a key without a certificate ---- */

static void key_without_certificate_signs_for_itself_alone(void **state)
{
    struct task *t = test_task(state);
    struct identity self = make_identity(t, KEY_P256, "CN=x", false, NULL);
    struct cms cms = {.signers = 0};
    struct bytes der;
    const struct cert_list self_list = {&self.cert, 1};
    assert_ok(t, cms_sign(t, BYTES_LITERAL("x"), OID_CT_PKI_DATA, self.cert, self.key, NULL, &der));
    assert_ok(t, cms_open(t, der, NULL, &cms));
    assert_true(cms_hash_is_accepted(&cms) && cms_names_signer(&cms, self.cert));
    assert_true(cms_signing_time(&cms) > YEAR_2020);
    /* Named by issuer and number, with nobody at hand who has them. */
    assert_fails(t, cms_verify_with_key(t, &cms, self.key), E_SIGNATURE);
    assert_ok(
        t, cms_sign(t, BYTES_LITERAL("x"), OID_CT_PKI_DATA, self.cert, self.key, &self_list, &der));
    assert_ok(t, cms_open(t, der, NULL, &cms));
    assert_ok(t, cms_verify_with_key(t, &cms, self.key));
    assert_fails(t, cms_verify_with_key(t, &cms, new_key(t, KEY_P256)), E_SIGNATURE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(crmf_of_libcrypto_is_read_and_proves_possession),
        PKI_TEST(proof_by_another_key_or_over_another_request_is_none),
        PKI_TEST(proofs_without_signature_are_told_apart),
        PKI_TEST(template_says_neither_too_little_nor_too_much),
        PKI_TEST(change_of_names_is_asked_for_in_a_control),
        PKI_TEST(half_a_crmf_message_is_none),
        PKI_TEST(requests_of_both_forms_are_read_as_they_stand),
        PKI_TEST(controls_are_understood_or_named),
        PKI_TEST(numbers_and_lengths_are_as_they_must_be),
        PKI_TEST(there_are_no_more_parts_than_allowed),
        PKI_TEST(half_a_message_is_none),
        PKI_TEST(response_is_read_as_it_was_written),
        PKI_TEST(key_without_certificate_signs_for_itself_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
