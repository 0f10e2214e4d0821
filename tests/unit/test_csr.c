#include "tests/unit/pki_fixture.h"
#include "tests/unit/token_key.h"

#include "core/pki/csr.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static X509_NAME *name(struct task *t, const char *text)
{
    X509_NAME *made = NULL;
    assert_ok(t, name_from_text(t, text, &made));
    return made;
}

static EVP_PKEY *new_key(struct task *t, enum key_kind kind)
{
    EVP_PKEY *key = NULL;
    assert_ok(t, key_generate(t, kind, 2048, &key));
    return key;
}

static struct bytes dns_names(struct task *t, const char *text)
{
    const struct text_list names = {&text, 1};
    struct bytes value = BYTES_ABSENT;
    assert_ok(t, extension_dns_names(t, &names, &value));
    return value;
}

static struct bytes sample(struct task *t)
{
    struct extension san = {OID_CE_SUBJECT_ALT_NAME, false, dns_names(t, "a.example")};
    const struct extension_list extensions = {&san, 1};
    struct bytes der = BYTES_ABSENT;
    assert_ok(t, csr_build(t, new_key(t, KEY_P256), name(t, "serialNumber=1"), &extensions,
                           "secret", NULL, &der));
    return der;
}

static void published_requests_are_read_and_prove_possession(void **state)
{
    static const struct {
        const char *file;
        const char *subject;
        enum key_kind kind;
        unsigned bits;
        const char *signature;
        const char *challenge;
        size_t extensions;
    } requests[] = {
        {"rfc7030/A3_simpleenroll_request.p10.der", "CN=demostep4 1368141352", KEY_RSA, 2048,
         "1.2.840.113549.1.1.5", "+rrCir/7+EYu50T4", 0},
        {"rfc7030/A4_serverkeygen_request.p10.der",
         "serialNumber=PID:Widget SN:10,CN=serverKeyGen req by client in demo step 12 1368141955",
         KEY_RSA, 2048, "1.2.840.113549.1.1.5", "dFsAXmJnjokBtDvr", 0},
        /* Its challenge password is no base64 of anything; it is UTF-8 and must be read. */
        {"rfc9148/A2_sen_request.p10.der",
         "serialNumber=Wt1234,OU=IoT,O=example Inc,L=LA,ST=CA,C=US", KEY_P256, 256,
         OID_ECDSA_SHA256, "vCv0)*&JKJ;\xC3\xA2\xC2\x80\xC2\x99/><.,=knv43##@= Nx~`", 1},
        {"rfc9148/A3_skg_request.p10.der", "O=skg example", KEY_P256, 256, OID_ECDSA_SHA256, NULL,
         0},
    };
    struct task *t = test_task(state);
    if (!vectors_present())
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        struct csr csr = {.request = NULL};
        assert_ok(t, csr_parse(t, vector_read(t, requests[i].file), &csr));
        assert_ok(t, csr_verify(t, &csr));
        assert_string_equal(csr_subject(t, &csr), requests[i].subject);
        assert_int_equal(csr.key_kind, requests[i].kind);
        assert_int_equal(csr.key_bits, requests[i].bits);
        assert_string_equal(csr.signature_oid, requests[i].signature);
        assert_int_equal(csr.extensions.count, requests[i].extensions);
        if (requests[i].challenge == NULL)
            assert_null(csr.challenge_password);
        else
            assert_string_equal(csr.challenge_password, requests[i].challenge);
    }
}

static void alternative_name_of_the_published_request_is_shown_by_type(void **state)
{
    struct task *t = test_task(state);
    struct csr csr = {.request = NULL};
    struct text_list names = {NULL, 0};
    if (!vectors_present())
        skip();
    assert_ok(t, csr_parse(t, vector_read(t, "rfc9148/A2_sen_request.p10.der"), &csr));
    const struct extension *san = extension_find(&csr.extensions, OID_CE_SUBJECT_ALT_NAME);
    assert_non_null(san);
    assert_ok(t, alt_names_to_text(t, san->value, &names));
    assert_int_equal(names.count, 1);
    assert_string_equal(names.items[0], "otherName:a01f06082b06010505070804a013301106092b060104"
                                        "01b43b0a01040401020304");
    assert_null(extension_find(&csr.extensions, OID_CE_KEY_USAGE));
}

static void what_we_build_is_read_again(void **state)
{
    struct task *t = test_task(state);
    struct csr csr = {.request = NULL};
    struct extension items[] = {
        {OID_CE_SUBJECT_ALT_NAME, false, dns_names(t, "a.example")},
        {OID_CE_KEY_USAGE, true, BYTES_LITERAL("\x03\x02\x07\x80")},
    };
    const struct extension_list extensions = {items, 2};
    struct bytes der = BYTES_ABSENT;
    EVP_PKEY *key = new_key(t, KEY_P384);
    assert_ok(t, csr_build(t, key, name(t, "CN=a,O=b"), &extensions, "aGVsbG8=", NULL, &der));
    assert_ok(t, csr_parse(t, der, &csr));
    assert_ok(t, csr_verify(t, &csr));
    assert_string_equal(csr_subject(t, &csr), "CN=a,O=b");
    assert_string_equal(csr.signature_oid, OID_ECDSA_SHA384);
    assert_string_equal(csr.challenge_password, "aGVsbG8=");
    assert_int_equal(csr.key_kind, KEY_P384);
    assert_bytes_equal(t, csr.der, der);
    assert_int_equal(csr.extensions.count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct extension *found = extension_find(&csr.extensions, items[i].oid);
        assert_non_null(found);
        assert_int_equal(found->critical, items[i].critical);
        assert_bytes_equal(t, found->value, items[i].value);
    }
    assert_ok(t, csr_build(t, key, NULL, NULL, NULL, NULL, &der));
    assert_ok(t, csr_parse(t, der, &csr));
    assert_string_equal(csr_subject(t, &csr), "");
    assert_int_equal(csr.extensions.count, 0);
}

static void request_is_signed_with_the_hash_asked_for(void **state)
{
    static const struct {
        enum key_kind kind;
        const char *asked;
        const char *got;
    } cases[] = {
        {KEY_P256, NULL, OID_ECDSA_SHA256},
        {KEY_P521, NULL, OID_ECDSA_SHA512},
        {KEY_RSA, NULL, OID_RSA_SHA256},
        {KEY_ED25519, NULL, "1.3.101.112"},
        {KEY_P256, OID_ECDSA_SHA384, OID_ECDSA_SHA384},
        {KEY_P384, OID_ECDSA_SHA256, OID_ECDSA_SHA256},
        {KEY_RSA, OID_RSA_SHA512, OID_RSA_SHA512},
        {KEY_RSA, OID_ECDSA_SHA384, OID_RSA_SHA384}, /* the hash alone counts */
        {KEY_ED25519, OID_ECDSA_SHA384, "1.3.101.112"},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct csr csr = {.request = NULL};
        struct bytes der = BYTES_ABSENT;
        EVP_PKEY *key = new_key(t, cases[i].kind);
        assert_ok(t, csr_build(t, key, NULL, NULL, NULL, cases[i].asked, &der));
        assert_ok(t, csr_parse(t, der, &csr));
        assert_ok(t, csr_verify(t, &csr));
        assert_string_equal(csr.signature_oid, cases[i].got);
        assert_int_equal(csr.key_kind, cases[i].kind);
    }
    struct bytes der = BYTES_LITERAL("unset");
    EVP_PKEY *key = new_key(t, KEY_P256);
    assert_fails(t, csr_build(t, key, NULL, NULL, NULL, OID_EC_PUBLIC_KEY, &der), E_INVALID);
    assert_fails(t, csr_build(t, key, NULL, NULL, NULL, "sha256", &der), E_INVALID);
    assert_bytes_equal(t, der, BYTES_LITERAL("unset"));
}

static void key_in_a_token_signs_a_request(void **state)
{
    static const enum key_kind kinds[] = {KEY_P256, KEY_P384, KEY_RSA};
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct csr csr = {.request = NULL};
        struct bytes der = BYTES_ABSENT;
        unsigned signatures = 0;
        EVP_PKEY *handle = token_key_make(t, new_key(t, kinds[i]), &signatures);
        assert_int_equal(key_kind_of(handle, NULL), kinds[i]);
        assert_null(key_to_pem(t, handle));
        assert_ok(t, csr_build(t, handle, name(t, "CN=a"), NULL, NULL, NULL, &der));
        assert_int_equal(signatures, 1);
        assert_ok(t, csr_parse(t, der, &csr));
        assert_ok(t, csr_verify(t, &csr));
    }
}

static void other_programs_verify_our_requests(void **state)
{
    struct task *t = test_task(state);
    const char *file = put_file(state, "request.der", sample(t));
    const char *output;
    assert_int_equal(RUN(state, &output, "openssl", "req", "-verify", "-noout", "-text", "-inform",
                         "DER", "-in", file),
                     0);
    assert_non_null(strstr(output, "self-signature verify OK"));
    assert_non_null(strstr(output, "DNS:a.example"));
    assert_non_null(strstr(output, "challengePassword"));
    assert_int_equal(RUN(state, &output, "certtool", "--crq-info", "--inder", "--infile", file), 0);
    assert_non_null(strstr(output, "Self signature: verified"));
}

static void altered_request_has_no_proof_of_possession(void **state)
{
    struct task *t = test_task(state);
    struct csr csr = {.request = NULL};
    struct bytes der = sample(t);
    uint8_t *at = memmem(der.data, der.len, "a.example", 9);
    assert_non_null(at);
    *at = 'b';
    assert_ok(t, csr_parse(t, der, &csr));
    assert_fails(t, csr_verify(t, &csr), E_CSR_POP);
    der = sample(t);
    assert_ok(t, csr_parse(t, with_octet_changed(t, der, der.len - 1), &csr));
    assert_fails(t, csr_verify(t, &csr), E_CSR_POP);
}

static void truncated_request_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct bytes der = sample(t);
    for (size_t len = 0; len < der.len; len++) {
        struct csr csr = {.request = NULL};
        struct bytes prefix = bytes_copy(t->arena, bytes_make(der.data, len));
        assert_fails(t, csr_parse(t, prefix, &csr), E_CSR_MALFORMED);
        assert_null(csr.request);
    }
}

static void octets_after_a_request_and_oversize_are_refused(void **state)
{
    struct task *t = test_task(state);
    struct csr csr;
    const struct bytes parts[] = {sample(t), BYTES_LITERAL("\0")};
    assert_fails(t, csr_parse(t, bytes_concat(t->arena, parts, 2), &csr), E_CSR_MALFORMED);
    assert_detail(t, "1 octets after");
    struct bytes der = BYTES_ABSENT;
    struct extension large = {"1.2.3.4", false,
                              bytes_make(arena_alloc(t->arena, CSR_SIZE_MAX), CSR_SIZE_MAX)};
    const struct extension_list extensions = {&large, 1};
    assert_ok(t, csr_build(t, new_key(t, KEY_P256), NULL, &extensions, NULL, NULL, &der));
    assert_fails(t, csr_parse(t, der, &csr), E_CSR_MALFORMED);
    assert_detail(t, "a request has 1 to 32768");
}

static X509_REQ *to_spoil(struct task *t, EVP_PKEY *key)
{
    X509_REQ *request = X509_REQ_new();
    ARENA_DEFER(t->arena, X509_REQ_free, request);
    assert_int_equal(X509_REQ_set_pubkey(request, key), 1);
    return request;
}

static struct bytes signed_request(struct task *t, X509_REQ *request, EVP_PKEY *key)
{
    unsigned char *der = NULL;
    assert_true(X509_REQ_sign(request, key, EVP_sha256()) > 0);
    int len = i2d_X509_REQ(request, &der);
    struct bytes copy = bytes_copy(t->arena, bytes_make(der, (size_t)len));
    OPENSSL_free(der);
    return copy;
}

/* SEQUENCE OF Extension with the same one `count` times. */
static struct bytes extensions_repeated(struct task *t, size_t count)
{
    static const uint8_t one[] = {0x30, 0x09, 0x06, 0x03, 0x55, 0x1D, 0x0F, 0x04, 0x02, 0x05, 0x00};
    uint8_t *der = arena_alloc(t->arena, 2 + count * sizeof(one));
    der[0] = 0x30;
    der[1] = (uint8_t)(count * sizeof(one));
    for (size_t i = 0; i < count; i++)
        memcpy(der + 2 + i * sizeof(one), one, sizeof(one));
    return bytes_make(der, 2 + count * sizeof(one));
}

static void add_attribute(X509_REQ *request, int nid, int type, struct bytes value)
{
    assert_int_equal(X509_REQ_add1_attr_by_NID(request, nid, type, value.data, (int)value.len), 1);
}

static void extension_asked_for_twice_is_refused(void **state)
{
    struct task *t = test_task(state);
    EVP_PKEY *key = new_key(t, KEY_P256);
    struct csr csr = {.request = NULL};
    X509_REQ *once = to_spoil(t, key);
    add_attribute(once, NID_ext_req, V_ASN1_SEQUENCE, extensions_repeated(t, 1));
    assert_ok(t, csr_parse(t, signed_request(t, once, key), &csr));
    assert_int_equal(csr.extensions.count, 1);
    X509_REQ *twice = to_spoil(t, key);
    add_attribute(twice, NID_ext_req, V_ASN1_SEQUENCE, extensions_repeated(t, 2));
    assert_fails(t, csr_parse(t, signed_request(t, twice, key), &csr), E_CSR_MALFORMED);
    assert_detail(t, "the extension 2.5.29.15 twice");
    struct bytes der;
    struct extension items[] = {{"1.2.3", false, BYTES_LITERAL("\x05\0")},
                                {"1.2.3", true, BYTES_LITERAL("\x05\0")}};
    assert_fails(t, csr_build(t, key, NULL, &(struct extension_list){items, 2}, NULL, NULL, &der),
                 E_INVALID);
}

static void extensions_asked_for_in_two_places_are_refused(void **state)
{
    struct task *t = test_task(state);
    EVP_PKEY *key = new_key(t, KEY_P256);
    struct csr csr = {.request = NULL};
    struct bytes value = extensions_repeated(t, 1);
    X509_REQ *two_values = to_spoil(t, key);
    add_attribute(two_values, NID_ext_req, V_ASN1_SEQUENCE, value);
    assert_int_equal(X509_ATTRIBUTE_set1_data(X509_REQ_get_attr(two_values, 0), V_ASN1_SEQUENCE,
                                              value.data, (int)value.len),
                     1);
    assert_fails(t, csr_parse(t, signed_request(t, two_values, key), &csr), E_CSR_MALFORMED);
    /* The library adds no attribute twice: its neighbour's OID becomes the same afterwards. */
    X509_REQ *twice = to_spoil(t, key);
    add_attribute(twice, NID_ext_req, V_ASN1_SEQUENCE, value);
    add_attribute(twice, NID_SMIMECapabilities, V_ASN1_SEQUENCE, value);
    struct bytes der = signed_request(t, twice, key);
    uint8_t *oid = memmem(der.data, der.len, "\x0D\x01\x09\x0F", 4);
    assert_non_null(oid);
    assert_ok(t, csr_parse(t, der, &csr));
    oid[3] = 0x0E;
    assert_fails(t, csr_parse(t, der, &csr), E_CSR_MALFORMED);
    assert_detail(t, "more than one value");
    /* The older attribute counts: an upstream CA might honour what it says. */
    X509_REQ *older = to_spoil(t, key);
    add_attribute(older, NID_ms_ext_req, V_ASN1_SEQUENCE, value);
    assert_ok(t, csr_parse(t, signed_request(t, older, key), &csr));
    assert_int_equal(csr.extensions.count, 1);
    add_attribute(older, NID_ext_req, V_ASN1_SEQUENCE, value);
    assert_fails(t, csr_parse(t, signed_request(t, older, key), &csr), E_CSR_MALFORMED);
    assert_detail(t, "two OIDs");
}

static void attribute_of_the_wrong_type_is_refused(void **state)
{
    struct task *t = test_task(state);
    EVP_PKEY *key = new_key(t, KEY_P256);
    const struct {
        int nid;
        int type;
        struct bytes value;
    } attributes[] = {
        {NID_ext_req, V_ASN1_OCTET_STRING, BYTES_LITERAL("\x30\0")},
        {NID_ext_req, V_ASN1_SEQUENCE, BYTES_LITERAL("\x30\x02\x05\0")},
        {NID_ext_req, V_ASN1_SEQUENCE, BYTES_LITERAL("\x30\x00")},
        {NID_pkcs9_challengePassword, V_ASN1_OCTET_STRING, BYTES_LITERAL("x")},
        {NID_pkcs9_challengePassword, V_ASN1_INTEGER, BYTES_LITERAL("x")},
        {NID_pkcs9_challengePassword, V_ASN1_UTF8STRING, BYTES_LITERAL("a\0b")},
        {NID_pkcs9_challengePassword, V_ASN1_UTF8STRING, BYTES_LITERAL("a\xE4")},
    };
    for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
        struct csr csr = {.request = NULL};
        X509_REQ *request = to_spoil(t, key);
        add_attribute(request, attributes[i].nid, attributes[i].type, attributes[i].value);
        struct bytes der = signed_request(t, request, key);
        if (i == 2) /* an empty list asks for nothing */
            assert_ok(t, csr_parse(t, der, &csr));
        else
            assert_fails(t, csr_parse(t, der, &csr), E_CSR_MALFORMED);
    }
    X509_REQ *request = to_spoil(t, key);
    assert_int_equal(X509_REQ_add1_attr_by_NID(request, NID_pkcs9_challengePassword, V_ASN1_OBJECT,
                                               (const unsigned char *)OBJ_nid2obj(NID_sha256), -1),
                     1);
    struct csr csr;
    assert_fails(t, csr_parse(t, signed_request(t, request, key), &csr), E_CSR_MALFORMED);
}

static void version_other_than_0_is_refused(void **state)
{
    struct task *t = test_task(state);
    EVP_PKEY *key = new_key(t, KEY_P256);
    struct csr csr;
    X509_REQ *request = to_spoil(t, key);
    assert_int_equal(X509_REQ_set_version(request, 1), 1);
    assert_fails(t, csr_parse(t, signed_request(t, request, key), &csr), E_CSR_MALFORMED);
    assert_detail(t, "version");
}

static void curve_spelt_out_is_no_kind_of_ours(void **state)
{
    struct task *t = test_task(state);
    unsigned bits = 0;
    EVP_PKEY *named = new_key(t, KEY_P256);
    assert_int_equal(EVP_PKEY_set_utf8_string_param(named, OSSL_PKEY_PARAM_EC_ENCODING,
                                                    OSSL_PKEY_EC_ENCODING_EXPLICIT),
                     1);
    struct csr csr = {.request = NULL};
    struct bytes der = BYTES_ABSENT;
    assert_ok(t, csr_build(t, named, NULL, NULL, NULL, NULL, &der));
    assert_ok(t, csr_parse(t, der, &csr));
    assert_int_equal(csr.key_kind, KEY_OTHER);
    EVP_PKEY *curve = EVP_EC_gen("secp256k1");
    ARENA_DEFER(t->arena, EVP_PKEY_free, curve);
    assert_int_equal(key_kind_of(curve, &bits), KEY_OTHER);
    assert_int_equal(bits, 256);
}

static void kinds_of_keys_have_names(void **state)
{
    struct task *t = test_task(state);
    assert_string_equal(key_kind_text(t, KEY_P256, 256), "EC P-256");
    assert_string_equal(key_kind_text(t, KEY_P521, 521), "EC P-521");
    assert_string_equal(key_kind_text(t, KEY_RSA, 3072), "RSA 3072");
    assert_string_equal(key_kind_text(t, KEY_RSA, 0), "RSA");
    assert_string_equal(key_kind_text(t, KEY_ED25519, 256), "Ed25519");
    assert_string_equal(key_kind_text(t, KEY_OTHER, 0), "other");
}

static void keys_that_are_too_small_or_none_are_not_made(void **state)
{
    struct task *t = test_task(state);
    EVP_PKEY *key = NULL;
    assert_fails(t, key_generate(t, KEY_RSA, 1024, &key), E_INVALID);
    assert_fails(t, key_generate(t, KEY_RSA, 65536, &key), E_INVALID);
    assert_fails(t, key_generate(t, KEY_OTHER, 0, &key), E_INVALID);
    assert_null(key);
}

static void private_keys_are_read_in_every_common_form(void **state)
{
    static const enum key_kind kinds[] = {KEY_P256, KEY_RSA, KEY_ED25519};
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        EVP_PKEY *key = new_key(t, kinds[i]);
        EVP_PKEY *again = NULL;
        unsigned char *der = NULL;
        char *pem = key_to_pem(t, key);
        assert_ok(t, key_from_file_octets(t, bytes_of_text(pem), &again));
        assert_int_equal(EVP_PKEY_eq(key, again), 1);
        int len = i2d_PrivateKey(key, &der);
        assert_true(len > 0);
        assert_ok(t, key_from_file_octets(t, bytes_make(der, (size_t)len), &again));
        assert_int_equal(EVP_PKEY_eq(key, again), 1);
        const struct bytes parts[] = {bytes_make(der, (size_t)len), BYTES_LITERAL("x")};
        assert_fails(t, key_from_file_octets(t, bytes_concat(t->arena, parts, 2), &again),
                     E_INVALID);
        OPENSSL_free(der);
    }
    if (vectors_present())
        assert_int_equal(key_kind_of(vector_key(t, "rfc8995/masa.key.pem"), NULL), KEY_P256);
}

static void encrypted_or_public_keys_are_refused_without_a_question(void **state)
{
    struct task *t = test_task(state);
    struct identity device = make_device(t, "CN=a", NULL);
    EVP_PKEY *key = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    assert_int_equal(
        PEM_write_bio_PKCS8PrivateKey(bio, device.key, EVP_aes_128_cbc(), "pass", 4, NULL, NULL),
        1);
    long len = BIO_get_mem_data(bio, &data);
    struct bytes encrypted = bytes_copy(t->arena, bytes_make(data, (size_t)len));
    BIO_free(bio);
    assert_fails(t, key_from_file_octets(t, encrypted, &key), E_INVALID);
    assert_fails(t, key_from_file_octets(t, bytes_of_text(cert_to_pem(t, device.cert)), &key),
                 E_INVALID);
    assert_fails(t, key_from_file_octets(t, BYTES_LITERAL(""), &key), E_INVALID);
    assert_fails(t, key_from_file_octets(t, BYTES_LITERAL("no key"), &key), E_INVALID);
    assert_null(key);
}

static void dns_names_are_checked(void **state)
{
    static const char *const wrong[] = {"",    ".",        "a..b", ".a", "a b",
                                        "a/b", "\xC3\xA4", "*",    "*.", "a.*.b"};
    struct task *t = test_task(state);
    struct text_list names = {NULL, 0};
    struct bytes value = BYTES_ABSENT;
    const char *given[] = {"a.example", "*.b.example"};
    assert_ok(t, extension_dns_names(t, &(struct text_list){given, 2}, &value));
    assert_ok(t, alt_names_to_text(t, value, &names));
    assert_int_equal(names.count, 2);
    assert_string_equal(names.items[1], "DNS:*.b.example");
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        const char *one = wrong[i];
        if (extension_dns_names(t, &(struct text_list){&one, 1}, &value))
            fail_msg("\"%s\" was taken for a DNS name", one);
        assert_ptr_equal(t->problem, E_INVALID);
    }
    assert_fails(t, extension_dns_names(t, &(struct text_list){NULL, 0}, &value), E_INVALID);
}

static void key_usages_are_encoded_by_name(void **state)
{
    static const struct {
        const char *names[2];
        size_t count;
        const char *der;
    } cases[] = {
        {{"digitalSignature", NULL}, 1, "03020780"},
        {{"digitalSignature", "keyEncipherment"}, 2, "030205a0"},
        {{"keyCertSign", "cRLSign"}, 2, "03020106"},
        {{"decipherOnly", NULL}, 1, "0303070080"},
    };
    struct task *t = test_task(state);
    struct bytes value = BYTES_ABSENT;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct text_list names = {(const char **)cases[i].names, cases[i].count};
        assert_ok(t, extension_key_usage(t, &names, &value));
        assert_string_equal(bytes_to_hex(t->arena, value), cases[i].der);
    }
    const char *wrong = "everything";
    assert_fails(t, extension_key_usage(t, &(struct text_list){&wrong, 1}, &value), E_INVALID);
    assert_fails(t, extension_key_usage(t, &(struct text_list){NULL, 0}, &value), E_INVALID);
}

static void extended_key_usages_are_named_or_dotted(void **state)
{
    struct task *t = test_task(state);
    struct bytes value = BYTES_ABSENT;
    const char *given[] = {"clientAuth", "serverAuth", "cmcRA", "1.2.3.4"};
    assert_ok(t, extension_ext_key_usage(t, &(struct text_list){given, 4}, &value));
    assert_string_equal(
        bytes_to_hex(t->arena, value),
        "302306082b0601050507030206082b0601050507030106082b0601050507031c06032a0304");
    const char *const wrong[] = {"", "everything", "1", "1.2.x", "9.9.9", "1..2", "1.2."};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        const char *one = wrong[i];
        assert_fails(t, extension_ext_key_usage(t, &(struct text_list){&one, 1}, &value),
                     E_INVALID);
    }
    const char *one = arena_printf(t->arena, "1.2.%0400d", 3);
    assert_fails(t, extension_ext_key_usage(t, &(struct text_list){&one, 1}, &value), E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(published_requests_are_read_and_prove_possession),
        PKI_TEST(alternative_name_of_the_published_request_is_shown_by_type),
        PKI_TEST(what_we_build_is_read_again),
        PKI_TEST(request_is_signed_with_the_hash_asked_for),
        PKI_TEST(key_in_a_token_signs_a_request),
        PKI_TEST(other_programs_verify_our_requests),
        PKI_TEST(altered_request_has_no_proof_of_possession),
        PKI_TEST(truncated_request_is_refused),
        PKI_TEST(octets_after_a_request_and_oversize_are_refused),
        PKI_TEST(extension_asked_for_twice_is_refused),
        PKI_TEST(extensions_asked_for_in_two_places_are_refused),
        PKI_TEST(attribute_of_the_wrong_type_is_refused),
        PKI_TEST(version_other_than_0_is_refused),
        PKI_TEST(curve_spelt_out_is_no_kind_of_ours),
        PKI_TEST(kinds_of_keys_have_names),
        PKI_TEST(keys_that_are_too_small_or_none_are_not_made),
        PKI_TEST(private_keys_are_read_in_every_common_form),
        PKI_TEST(encrypted_or_public_keys_are_refused_without_a_question),
        PKI_TEST(dns_names_are_checked),
        PKI_TEST(key_usages_are_encoded_by_name),
        PKI_TEST(extended_key_usages_are_named_or_dotted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
