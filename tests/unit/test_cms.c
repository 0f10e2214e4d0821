#include "tests/unit/pki_fixture.h"
#include "tests/unit/token_key.h"

#include "core/base/file.h"
#include "core/pki/cms.h"

#include <string.h>

#include <openssl/cms.h>

#define CONTENT BYTES_LITERAL("{\"ietf-voucher:voucher\":{}}")

static struct bytes sign(struct task *t, const struct identity *signer,
                         const struct cert_list *certs)
{
    struct bytes message = BYTES_ABSENT;
    assert_ok(t, cms_sign(t, CONTENT, OID_ANIMA_JSON_VOUCHER, signer->cert, signer->key, certs,
                          &message));
    return message;
}

static struct cms opened(struct task *t, struct bytes message)
{
    struct cms cms = {.signers = 0};
    assert_ok(t, cms_open(t, message, NULL, &cms));
    return cms;
}

static struct bytes encoded(struct task *t, CMS_ContentInfo *info)
{
    unsigned char *der = NULL;
    assert_non_null(info);
    int len = i2d_CMS_ContentInfo(info, &der);
    assert_true(len > 0);
    struct bytes copy = bytes_copy(t->arena, bytes_make(der, (size_t)len));
    OPENSSL_free(der);
    CMS_ContentInfo_free(info);
    return copy;
}

/* Signed by the library with these flags; CMS_PARTIAL leaves the signing to finished(). */
static CMS_ContentInfo *library_signed(const struct identity *signer, const EVP_MD *hash,
                                       unsigned flags)
{
    CMS_ContentInfo *info = CMS_sign(NULL, NULL, NULL, NULL, CMS_BINARY | CMS_PARTIAL);
    assert_non_null(info);
    assert_non_null(CMS_add1_signer(info, signer->cert->x509, signer->key, hash,
                                    CMS_BINARY | CMS_PARTIAL | flags));
    return info;
}

static struct bytes finished(struct task *t, CMS_ContentInfo *info)
{
    BIO *content = BIO_new_mem_buf(CONTENT.data, (int)CONTENT.len);
    assert_int_equal(CMS_final(info, content, NULL, CMS_BINARY), 1);
    BIO_free(content);
    return encoded(t, info);
}

/* The message with the first occurrence of `from` made `to`, of the same length. */
static struct bytes replaced(struct task *t, struct bytes message, struct bytes from,
                             struct bytes to)
{
    struct bytes copy = bytes_copy(t->arena, message);
    uint8_t *at = memmem(copy.data, copy.len, from.data, from.len);
    assert_non_null(at);
    assert_int_equal(from.len, to.len);
    memcpy(at, to.data, to.len);
    return copy;
}

static void published_messages_verify(void **state)
{
    static const struct {
        const char *file;
        const char *content_type;
        size_t certs;
        const char *signer;
    } messages[] = {
        {"rfc8995/vr_00-D0-E5-F2-00-02.cms.der", OID_DATA, 1, "serialNumber=00-D0-E5-F2-00-02"},
        {"rfc8995/parboiled_vr_00-D0-E5-F2-00-02.cms.der", OID_DATA, 2,
         "CN=fountain-test.example.com,DC=sandelman,DC=ca"},
        {"rfc8995/voucher_00-D0-E5-F2-00-02.cms.der", OID_DATA, 1,
         "CN=highway-test.example.com MASA"},
        {"rfc8366bis/vr_00-D0-E5-F2-00-02.pkcs", OID_DATA, 1, "serialNumber=00-D0-E5-F2-00-02"},
        {"rfc8366bis/voucher_00-D0-E5-F2-00-02.pkcs", OID_DATA, 1,
         "CN=highway-test.example.com MASA"},
        {"derived/rvr_constructed.cms.der", OID_ANIMA_JSON_VOUCHER, 1,
         "CN=fountain-test.example.com,DC=sandelman,DC=ca"},
        {"derived/voucher_constructed.cms.der", OID_ANIMA_JSON_VOUCHER, 2,
         "CN=highway-test.example.com MASA"},
    };
    struct task *t = test_task(state);
    if (!vectors_present())
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
        const struct cert *signer = NULL;
        struct cms cms = opened(t, vector_read(t, messages[i].file));
        assert_string_equal(cms.content_type, messages[i].content_type);
        assert_int_equal(cms.certs.count, messages[i].certs);
        assert_int_equal(cms.signers, 1);
        assert_int_equal(cms.content.data[0], '{');
        assert_ok(t, cms_verify(t, &cms, NULL, &signer));
        assert_string_equal(cert_subject(t, signer), messages[i].signer);
    }
}

/* RFC 8995 C.2.1 was signed with the key of C.1.5 under another certificate. */
static void pledge_of_the_example_has_two_certificates_for_one_key(void **state)
{
    struct task *t = test_task(state);
    const struct cert *signer = NULL;
    if (!vectors_present())
        skip();
    const struct cert *idevid = vector_cert(t, "rfc8995/idevid_00-D0-E5-F2-00-02.cert.pem");
    struct cms cms = opened(t, vector_read(t, "rfc8995/vr_00-D0-E5-F2-00-02.cms.der"));
    assert_ok(t, cms_verify(t, &cms, NULL, &signer));
    assert_bytes_equal(t, cert_spki(t, signer), cert_spki(t, idevid));
    assert_false(bytes_equal(cert_serial(t, signer), cert_serial(t, idevid)));
}

static void what_we_sign_verifies_under_every_kind_of_key(void **state)
{
    static const enum key_kind kinds[] = {KEY_P256, KEY_P384, KEY_P521, KEY_RSA};
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct identity signer = make_identity(t, kinds[i], "CN=signer", false, NULL);
        const struct cert_list certs = {&signer.cert, 1};
        const struct cert *found = NULL;
        struct cms cms = opened(t, sign(t, &signer, &certs));
        assert_bytes_equal(t, cms.content, CONTENT);
        assert_string_equal(cms.content_type, OID_ANIMA_JSON_VOUCHER);
        assert_ok(t, cms_verify(t, &cms, NULL, &found));
        assert_bytes_equal(t, found->der, signer.cert->der);
    }
}

static void empty_content_can_be_signed(void **state)
{
    struct task *t = test_task(state);
    struct identity signer = make_device(t, "CN=signer", NULL);
    const struct cert_list certs = {&signer.cert, 1};
    struct bytes message = BYTES_ABSENT;
    const struct cert *found = NULL;
    assert_ok(t,
              cms_sign(t, BYTES_LITERAL(""), OID_DATA, signer.cert, signer.key, &certs, &message));
    struct cms cms = opened(t, message);
    assert_int_equal(cms.content.len, 0);
    assert_ok(t, cms_verify(t, &cms, NULL, &found));
}

static void key_in_a_token_signs_by_its_handle(void **state)
{
    static const enum key_kind kinds[] = {KEY_P256, KEY_P384, KEY_RSA};
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct identity signer = make_identity(t, kinds[i], "CN=signer", false, NULL);
        unsigned signatures = 0;
        struct identity handle = {signer.cert, token_key_make(t, signer.key, &signatures)};
        const struct cert_list certs = {&signer.cert, 1};
        const struct cert *found = NULL;
        struct cms cms = opened(t, sign(t, &handle, &certs));
        assert_int_equal(signatures, 1);
        assert_ok(t, cms_verify(t, &cms, NULL, &found));
    }
}

static void key_of_another_certificate_does_not_sign(void **state)
{
    struct task *t = test_task(state);
    struct identity signer = make_device(t, "CN=signer", NULL);
    struct identity other = make_device(t, "CN=other", NULL);
    struct bytes message = BYTES_LITERAL("unset");
    assert_fails(t, cms_sign(t, CONTENT, OID_DATA, signer.cert, other.key, NULL, &message),
                 E_CRYPTO);
    assert_fails(t, cms_sign(t, CONTENT, "no OID", signer.cert, signer.key, NULL, &message),
                 E_INVALID);
    assert_bytes_equal(t, message, BYTES_LITERAL("unset"));
}

static void openssl_verifies_what_we_sign(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity signer = make_device(t, "CN=signer", &root);
    struct cert_list certs = cert_list_of(t, 2, signer.cert, root.cert);
    struct bytes message = sign(t, &signer, &certs);
    const char *file = put_file(state, "message.der", message);
    const char *anchor = put_file(state, "root.pem", bytes_of_text(cert_to_pem(t, root.cert)));
    const char *output;
    int status = RUN(state, &output, "openssl", "cms", "-verify", "-binary", "-inform", "DER",
                     "-in", file, "-CAfile", anchor, "-purpose", "any");
    if (status != 0)
        fail_msg("openssl says: %s", output);
    assert_non_null(strstr(output, (const char *)CONTENT.data));
    assert_int_equal(
        RUN(state, &output, "openssl", "cms", "-cmsout", "-print", "-inform", "DER", "-in", file),
        0);
    assert_non_null(strstr(output, "d.signedData: \n    version: 3\n"));
    assert_non_null(strstr(output, "algorithm: sha256"));
    assert_non_null(strstr(output, "signingTime"));
    assert_null(strstr(output, "S/MIME Capabilities"));
    assert_int_equal(RUN(state, &output, "openssl", "asn1parse", "-inform", "DER", "-in", file), 0);
    assert_non_null(strstr(output, ":" OID_ANIMA_JSON_VOUCHER));
}

static void p384_signs_with_sha384(void **state)
{
    struct task *t = test_task(state);
    struct identity signer = make_identity(t, KEY_P384, "CN=signer", false, NULL);
    const char *file = put_file(state, "message.der", sign(t, &signer, NULL));
    const char *output;
    assert_int_equal(
        RUN(state, &output, "openssl", "cms", "-cmsout", "-print", "-inform", "DER", "-in", file),
        0);
    assert_non_null(strstr(output, "algorithm: sha384"));
    assert_non_null(strstr(output, "algorithm: ecdsa-with-SHA384"));
    assert_null(strstr(output, "sha256"));
}

static void only_listed_certificates_are_carried_and_each_once(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity signer = make_device(t, "CN=signer", &root);
    const struct cert_list none = {NULL, 0};
    struct cert_list twice = cert_list_of(t, 3, root.cert, root.cert, signer.cert);
    assert_int_equal(opened(t, sign(t, &signer, &none)).certs.count, 0);
    assert_int_equal(opened(t, sign(t, &signer, NULL)).certs.count, 0);
    assert_int_equal(opened(t, sign(t, &signer, &twice)).certs.count, 2);
}

static void signer_may_be_known_instead_of_carried(void **state)
{
    struct task *t = test_task(state);
    struct identity other = make_device(t, "CN=other", NULL);
    struct identity signer = make_device(t, "CN=signer", NULL);
    struct cert_list known = cert_list_of(t, 2, other.cert, signer.cert);
    struct cert_list wrong = cert_list_of(t, 1, other.cert);
    const struct cert *found = NULL;
    struct cms cms = opened(t, sign(t, &signer, NULL));
    assert_ok(t, cms_verify(t, &cms, &known, &found));
    assert_ptr_equal(found, signer.cert);
    found = NULL;
    assert_fails(t, cms_verify(t, &cms, &wrong, &found), E_SIGNATURE);
    assert_detail(t, "issuer CN=signer");
    assert_fails(t, cms_verify(t, &cms, NULL, &found), E_SIGNATURE);
    assert_null(found);
}

static void signer_may_be_named_by_key_identifier(void **state)
{
    struct task *t = test_task(state);
    struct identity signer = make_device(t, "CN=signer", NULL);
    const struct cert *found = NULL;
    struct cms cms = opened(t, finished(t, library_signed(&signer, EVP_sha256(), CMS_USE_KEYID)));
    assert_ok(t, cms_verify(t, &cms, NULL, &found));
    cms =
        opened(t, finished(t, library_signed(&signer, EVP_sha256(), CMS_USE_KEYID | CMS_NOCERTS)));
    assert_fails(t, cms_verify(t, &cms, NULL, &found), E_SIGNATURE);
    assert_detail(t, "key identifier");
}

static void key_of_another_certificate_with_the_signers_name_does_not_verify(void **state)
{
    struct task *t = test_task(state);
    struct identity signer = make_device(t, "CN=signer", NULL);
    struct identity impostor = make_device(t, "CN=signer", NULL);
    const struct cert *twin = NULL;
    const struct cert *found = NULL;
    X509 *x509 = copy_to_spoil(t, impostor.cert);
    assert_int_equal(X509_set_serialNumber(x509, X509_get_serialNumber(signer.cert->x509)), 1);
    assert_ok(t, cert_parse(t, sign_spoilt(x509, t, impostor.key, EVP_sha256()), &twin));
    struct cert_list known = cert_list_of(t, 1, twin);
    struct cms cms = opened(t, sign(t, &signer, NULL));
    assert_fails(t, cms_verify(t, &cms, &known, &found), E_SIGNATURE);
    assert_null(found);
}

static void altered_content_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity signer = make_device(t, "CN=signer", NULL);
    const struct cert_list certs = {&signer.cert, 1};
    const struct cert *found;
    struct bytes message = replaced(t, sign(t, &signer, &certs), BYTES_LITERAL("voucher:voucher"),
                                    BYTES_LITERAL("voucher:vouchex"));
    struct cms cms = opened(t, message);
    assert_fails(t, cms_verify(t, &cms, NULL, &found), E_SIGNATURE);
    assert_detail(t, "the content is not what was signed");
}

static void altered_signature_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity signer = make_device(t, "CN=signer", NULL);
    const struct cert_list certs = {&signer.cert, 1};
    const struct cert *found;
    struct bytes message = sign(t, &signer, &certs);
    struct cms cms = opened(t, with_octet_changed(t, message, message.len - 1));
    assert_fails(t, cms_verify(t, &cms, NULL, &found), E_SIGNATURE);
    assert_detail(t, "does not verify with the key of CN=signer");
}

/* Content and its digest both exchanged, as one would who cannot sign. */
static void altered_digest_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity signer = make_device(t, "CN=signer", NULL);
    const struct cert_list certs = {&signer.cert, 1};
    const struct cert *found;
    struct bytes other = replaced(t, CONTENT, BYTES_LITERAL("voucher"), BYTES_LITERAL("vouchex"));
    struct bytes message = replaced(t, sign(t, &signer, &certs), CONTENT, other);
    message = replaced(t, message, bytes_sha256(t->arena, CONTENT), bytes_sha256(t->arena, other));
    struct cms cms = opened(t, message);
    assert_fails(t, cms_verify(t, &cms, NULL, &found), E_SIGNATURE);
    assert_detail(t, "does not verify");
}

static void content_type_other_than_the_signed_one_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity signer = make_device(t, "CN=signer", NULL);
    const struct cert_list certs = {&signer.cert, 1};
    const struct cert *found;
    const struct bytes voucher = BYTES_LITERAL("\x2A\x86\x48\x86\xF7\x0D\x01\x09\x10\x01\x28");
    const struct bytes other = BYTES_LITERAL("\x2A\x86\x48\x86\xF7\x0D\x01\x09\x10\x01\x29");
    struct cms cms = opened(t, replaced(t, sign(t, &signer, &certs), voucher, other));
    assert_string_equal(cms.content_type, "1.2.840.113549.1.9.16.1.41");
    assert_fails(t, cms_verify(t, &cms, NULL, &found), E_SIGNATURE);
    assert_detail(t, "content type");
}

static void message_without_signed_attributes_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity signer = make_device(t, "CN=signer", NULL);
    const struct cert *found;
    struct cms cms = opened(t, finished(t, library_signed(&signer, EVP_sha256(), CMS_NOATTR)));
    assert_fails(t, cms_verify(t, &cms, NULL, &found), E_SIGNATURE);
    assert_detail(t, "no signed attributes");
}

static void weak_hashes_are_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity signer = make_identity(t, KEY_RSA, "CN=signer", false, NULL);
    const EVP_MD *const hashes[] = {EVP_sha1(), EVP_sha224(), EVP_md5()};
    const struct cert *found;
    for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
        struct cms cms = opened(t, finished(t, library_signed(&signer, hashes[i], 0)));
        assert_fails(t, cms_verify(t, &cms, NULL, &found), E_SIGNATURE);
        assert_detail(t, "the hash");
    }
}

static void hash_and_signature_algorithm_must_agree(void **state)
{
    struct task *t = test_task(state);
    struct identity signer = make_device(t, "CN=signer", NULL);
    const struct cert *found;
    CMS_ContentInfo *info = library_signed(&signer, EVP_sha256(), 0);
    X509_ALGOR *signature;
    CMS_SignerInfo_get0_algs(sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(info), 0), NULL, NULL,
                             NULL, &signature);
    X509_ALGOR_set0(signature, OBJ_nid2obj(NID_ecdsa_with_SHA1), V_ASN1_UNDEF, NULL);
    struct cms cms = opened(t, finished(t, info));
    assert_fails(t, cms_verify(t, &cms, NULL, &found), E_SIGNATURE);
    assert_detail(t, "does not fit");
}

static void weak_keys_are_refused(void **state)
{
    struct task *t = test_task(state);
    EVP_PKEY *key = EVP_RSA_gen(1024);
    ARENA_DEFER(t->arena, EVP_PKEY_free, key);
    struct identity signer = make_identity(t, KEY_RSA, "CN=signer", false, NULL);
    const struct cert *weak = NULL;
    const struct cert *found;
    X509 *x509 = copy_to_spoil(t, signer.cert);
    assert_int_equal(X509_set_pubkey(x509, key), 1);
    assert_ok(t, cert_parse(t, sign_spoilt(x509, t, key, EVP_sha256()), &weak));
    const struct cert_list certs = {&weak, 1};
    struct cms cms = opened(t, sign(t, &(struct identity){weak, key}, &certs));
    assert_fails(t, cms_verify(t, &cms, NULL, &found), E_SIGNATURE);
    assert_detail(t, "too weak: RSA 1024");
}

static void two_signers_are_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity one = make_device(t, "CN=one", NULL);
    struct identity two = make_device(t, "CN=two", NULL);
    const struct cert *found;
    CMS_ContentInfo *info = library_signed(&one, EVP_sha256(), 0);
    assert_non_null(
        CMS_add1_signer(info, two.cert->x509, two.key, EVP_sha256(), CMS_BINARY | CMS_PARTIAL));
    struct cms cms = opened(t, finished(t, info));
    assert_int_equal(cms.signers, 2);
    assert_fails(t, cms_verify(t, &cms, NULL, &found), E_SIGNATURE);
    assert_detail(t, "2 signers");
}

static void other_structures_are_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity signer = make_device(t, "CN=signer", NULL);
    const struct cert_list certs = {&signer.cert, 1};
    struct bytes certs_only = BYTES_ABSENT;
    struct cms cms;
    BIO *content = BIO_new_mem_buf(CONTENT.data, (int)CONTENT.len);
    struct bytes data = encoded(t, CMS_data_create(content, CMS_BINARY));
    BIO_free(content);
    content = BIO_new_mem_buf(CONTENT.data, (int)CONTENT.len);
    struct bytes detached = encoded(
        t, CMS_sign(signer.cert->x509, signer.key, NULL, content, CMS_BINARY | CMS_DETACHED));
    BIO_free(content);
    assert_ok(t, cms_certs_only(t, &certs, &certs_only));
    assert_fails(t, cms_open(t, data, NULL, &cms), E_CMS_MALFORMED);
    assert_detail(t, "not SignedData but " OID_DATA);
    assert_fails(t, cms_open(t, detached, NULL, &cms), E_CMS_MALFORMED);
    assert_detail(t, "the content is not inside");
    assert_fails(t, cms_open(t, certs_only, NULL, &cms), E_CMS_MALFORMED);
    CMS_ContentInfo *unsigned_data = CMS_ContentInfo_new();
    assert_int_equal(CMS_SignedData_init(unsigned_data), 1);
    *CMS_get0_content(unsigned_data) = ASN1_OCTET_STRING_new();
    assert_fails(t, cms_open(t, encoded(t, unsigned_data), NULL, &cms), E_CMS_MALFORMED);
    assert_detail(t, "nobody signed it");
    assert_fails(t, cms_open(t, signer.cert->der, NULL, &cms), E_CMS_MALFORMED);
    assert_fails(t, cms_open(t, BYTES_LITERAL(""), NULL, &cms), E_CMS_MALFORMED);
    assert_fails(t, cms_open(t, BYTES_ABSENT, NULL, &cms), E_CMS_MALFORMED);
    const uint8_t *zeros = arena_alloc(t->arena, CMS_SIZE_MAX + 1);
    assert_fails(t, cms_open(t, bytes_make(zeros, CMS_SIZE_MAX + 1), NULL, &cms), E_CMS_MALFORMED);
    assert_detail(t, "a message has 1 to");
}

static void seventeen_certificates_are_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity signer = make_device(t, "CN=signer", NULL);
    const struct cert *items[17];
    struct cms cms;
    for (size_t i = 0; i < ARRAY_SIZE(items); i++)
        items[i] = make_device(t, "CN=many", NULL).cert;
    assert_int_equal(opened(t, sign(t, &signer, &(struct cert_list){items, 16})).certs.count, 16);
    struct bytes message = sign(t, &signer, &(struct cert_list){items, 17});
    assert_fails(t, cms_open(t, message, NULL, &cms), E_CMS_MALFORMED);
    assert_detail(t, "17 certificates; at most 16");
}

static void malformed_certificate_inside_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity signer = make_device(t, "CN=signer", NULL);
    struct cms cms;
    X509 *x509 = copy_to_spoil(t, signer.cert);
    add_extension(x509, "1.2.3.4", false, BYTES_LITERAL("\x05\0"));
    add_extension(x509, "1.2.3.4", false, BYTES_LITERAL("\x05\0"));
    assert_true(sign_spoilt(x509, t, signer.key, EVP_sha256()).len > 0);
    CMS_ContentInfo *info = library_signed(&signer, EVP_sha256(), CMS_NOCERTS);
    assert_int_equal(CMS_add1_cert(info, x509), 1);
    assert_fails(t, cms_open(t, finished(t, info), NULL, &cms), E_CMS_MALFORMED);
    assert_detail(t, "certificate 1: the extension 1.2.3.4 twice");
}

static void octets_after_a_message_are_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity signer = make_device(t, "CN=signer", NULL);
    struct cms cms;
    const struct bytes parts[] = {sign(t, &signer, NULL), BYTES_LITERAL("\0")};
    assert_fails(t, cms_open(t, bytes_concat(t->arena, parts, 2), NULL, &cms), E_CMS_MALFORMED);
    assert_detail(t, "1 octets after");
}

static void truncated_message_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity signer = make_device(t, "CN=signer", NULL);
    const struct cert_list certs = {&signer.cert, 1};
    struct bytes message = sign(t, &signer, &certs);
    for (size_t len = 0; len < message.len; len++) {
        struct cms cms = {.signers = 0};
        struct bytes prefix = bytes_copy(t->arena, bytes_make(message.data, len));
        assert_fails(t, cms_open(t, prefix, NULL, &cms), E_CMS_MALFORMED);
        assert_int_equal(cms.signers, 0);
    }
}

/* Whichever octet is changed: what verifies still says what was signed. */
static void no_changed_octet_changes_what_verifies(void **state)
{
    struct task *t = test_task(state);
    struct identity signer = make_device(t, "CN=signer", NULL);
    const struct cert_list certs = {&signer.cert, 1};
    struct bytes message = sign(t, &signer, &certs);
    size_t refused = 0;
    for (size_t at = 0; at < message.len; at++) {
        struct arena_mark mark = arena_mark(t->arena);
        struct cms cms;
        const struct cert *found;
        if (cms_open(t, with_octet_changed(t, message, at), NULL, &cms) &&
            cms_verify(t, &cms, NULL, &found)) {
            assert_bytes_equal(t, cms.content, CONTENT);
            assert_string_equal(cms.content_type, OID_ANIMA_JSON_VOUCHER);
        } else {
            refused++;
        }
        task_forgive(t);
        arena_rewind(t->arena, mark);
    }
    assert_true(refused > message.len / 4);
}

/* RFC 8366 5.4 wants DER; BouncyCastle's default is this. */
static void indefinite_lengths_are_read(void **state)
{
    struct task *t = test_task(state);
    struct identity signer = make_device(t, "CN=signer", NULL);
    const struct cert_list certs = {&signer.cert, 1};
    const struct cert *found = NULL;
    const char *file = put_file(state, "message.der", sign(t, &signer, &certs));
    const char *stream = arena_printf(t->arena, "%s/stream.ber", test_folder(state));
    const char *key = put_file(state, "key.pem", bytes_of_text(key_to_pem(t, signer.key)));
    const char *cert = put_file(state, "cert.pem", bytes_of_text(cert_to_pem(t, signer.cert)));
    const char *output;
    int status =
        RUN(state, &output, "openssl", "cms", "-sign", "-binary", "-nodetach", "-stream", "-in",
            file, "-signer", cert, "-inkey", key, "-outform", "DER", "-out", stream);
    assert_int_equal(status, 0);
    struct bytes message = BYTES_ABSENT;
    assert_ok(t, file_read(t, stream, CMS_SIZE_MAX, &message));
    assert_int_equal(message.data[1], 0x80);
    struct cms cms = opened(t, message);
    assert_ok(t, cms_verify(t, &cms, NULL, &found));
    const struct bytes parts[] = {message, BYTES_LITERAL("\0")};
    assert_fails(t, cms_open(t, bytes_concat(t->arena, parts, 2), NULL, &cms), E_CMS_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(published_messages_verify),
        PKI_TEST(pledge_of_the_example_has_two_certificates_for_one_key),
        PKI_TEST(what_we_sign_verifies_under_every_kind_of_key),
        PKI_TEST(empty_content_can_be_signed),
        PKI_TEST(key_in_a_token_signs_by_its_handle),
        PKI_TEST(key_of_another_certificate_does_not_sign),
        PKI_TEST(openssl_verifies_what_we_sign),
        PKI_TEST(p384_signs_with_sha384),
        PKI_TEST(only_listed_certificates_are_carried_and_each_once),
        PKI_TEST(signer_may_be_known_instead_of_carried),
        PKI_TEST(signer_may_be_named_by_key_identifier),
        PKI_TEST(key_of_another_certificate_with_the_signers_name_does_not_verify),
        PKI_TEST(altered_content_is_refused),
        PKI_TEST(altered_signature_is_refused),
        PKI_TEST(altered_digest_is_refused),
        PKI_TEST(content_type_other_than_the_signed_one_is_refused),
        PKI_TEST(message_without_signed_attributes_is_refused),
        PKI_TEST(weak_hashes_are_refused),
        PKI_TEST(hash_and_signature_algorithm_must_agree),
        PKI_TEST(weak_keys_are_refused),
        PKI_TEST(two_signers_are_refused),
        PKI_TEST(other_structures_are_refused),
        PKI_TEST(seventeen_certificates_are_refused),
        PKI_TEST(malformed_certificate_inside_is_refused),
        PKI_TEST(octets_after_a_message_are_refused),
        PKI_TEST(truncated_message_is_refused),
        PKI_TEST(no_changed_octet_changes_what_verifies),
        PKI_TEST(indefinite_lengths_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
