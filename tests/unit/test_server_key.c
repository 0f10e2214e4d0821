/* Keys that are made for clients: what is read in requests, and what `openssl cms` opens. */
#include "tests/unit/pki_fixture.h"

#include "core/base/file.h"
#include "core/pki/library.h"
#include "core/pki/server_key.h"

#include <string.h>

#include <openssl/evp.h>

#define OID_DECRYPT_KEY_ID    "1.2.840.113549.1.9.16.2.37"
#define OID_ASYMMETRIC_KEY_ID "1.2.840.113549.1.9.16.2.54"
#define OID_CAPABILITIES      "1.2.840.113549.1.9.15"
#define AES256_CBC            "2.16.840.1.101.3.4.1.42"
#define AES128_CBC            "2.16.840.1.101.3.4.1.2"
#define AES192_WRAP           "2.16.840.1.101.3.4.1.25"
#define TRIPLE_DES            "1.2.840.113549.3.7"

static struct bytes set_of(struct task *t, struct bytes value)
{
    return der_set(t, &value, 1);
}

static struct csr_attribute identifier(struct task *t, const char *oid, struct bytes octets)
{
    ASN1_OCTET_STRING *string = IN_ARENA(t, ASN1_OCTET_STRING_free, ASN1_OCTET_STRING_new());
    assert_int_equal(ASN1_OCTET_STRING_set(string, octets.data, (int)octets.len), 1);
    return (struct csr_attribute){oid, set_of(t, ENCODE(t, i2d_ASN1_OCTET_STRING, string))};
}

static struct csr_attribute capabilities(struct task *t, size_t count, const char *const *oids)
{
    struct bytes parts[8];
    for (size_t i = 0; i < count; i++)
        assert_ok(t, der_pair(t, oids[i], BYTES_LITERAL(""), &parts[i]));
    return (struct csr_attribute){OID_CAPABILITIES, set_of(t, der_sequence(t, parts, count))};
}

static struct csr request_with(struct task *t, struct csr_attribute *attributes, size_t count)
{
    const struct csr_content content = {.attributes = attributes, .attribute_count = count};
    EVP_PKEY *key;
    struct bytes der;
    struct csr csr = {.der = BYTES_ABSENT};
    assert_ok(t, key_generate(t, KEY_P256, 0, &key));
    assert_ok(t, csr_write(t, key, &content, &der));
    assert_ok(t, csr_parse(t, der, &csr));
    return csr;
}

static void request_that_asks_for_nothing_special_has_no_wish(void **state)
{
    struct task *t = test_task(state);
    struct csr csr = request_with(t, NULL, 0);
    struct key_wish wish;
    assert_ok(t, key_wish_read(t, &csr, &wish));
    assert_false(bytes_present(wish.shared_key) || bytes_present(wish.certificate_key));
    assert_int_equal(wish.capabilities.count, 0);
}

static void identifiers_and_capabilities_are_read(void **state)
{
    struct task *t = test_task(state);
    const char *const oids[] = {TRIPLE_DES, AES128_CBC};
    struct csr_attribute attributes[] = {
        identifier(t, OID_DECRYPT_KEY_ID, BYTES_LITERAL("vault")),
        capabilities(t, 2, oids),
    };
    struct csr csr = request_with(t, attributes, 2);
    struct key_wish wish;
    assert_ok(t, key_wish_read(t, &csr, &wish));
    assert_bytes_equal(t, wish.shared_key, BYTES_LITERAL("vault"));
    assert_int_equal(wish.capabilities.count, 2);
    assert_string_equal(wish.capabilities.items[0], TRIPLE_DES);
    assert_string_equal(wish.capabilities.items[1], AES128_CBC);
}

static void what_cannot_be_meant_is_refused(void **state)
{
    struct task *t = test_task(state);
    const char *const oids[] = {AES256_CBC};
    struct bytes text = BYTES_LITERAL("\x0C\x01x"); /* UTF8String */
    struct csr_attribute name = identifier(t, OID_DECRYPT_KEY_ID, BYTES_LITERAL("vault"));
    struct csr_attribute other = identifier(t, OID_ASYMMETRIC_KEY_ID, BYTES_LITERAL("key"));
    struct csr_attribute can = capabilities(t, 1, oids);
    uint8_t *octets = arena_alloc(t->arena, KEY_IDENTIFIER_MAX + 1);
    struct csr_attribute cases[][3] = {
        {name, other, can},
        {name, {"1.2.3.4", text}, {"1.2.3.5", text}},
        {name, {OID_CAPABILITIES, set_of(t, text)}, {"1.2.3.4", text}},
        {{OID_DECRYPT_KEY_ID, set_of(t, text)}, can, {"1.2.3.4", text}},
        {can, identifier(t, OID_DECRYPT_KEY_ID, BYTES_LITERAL("")), {"1.2.3.4", text}},
        {can,
         identifier(t, OID_DECRYPT_KEY_ID, bytes_make(octets, KEY_IDENTIFIER_MAX + 1)),
         {"1.2.3.4", text}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct csr_attribute attributes[3];
        size_t count = 0;
        for (size_t n = 0; n < 3; n++) {
            if (strncmp(cases[i][n].oid, "1.2.3.", 6) != 0)
                attributes[count++] = cases[i][n];
        }
        struct csr csr = request_with(t, attributes, count);
        struct key_wish wish;
        assert_fails(t, key_wish_read(t, &csr, &wish), E_KEY_WISH);
    }
}

static void strongest_cipher_of_the_client_is_taken(void **state)
{
    static const struct {
        const char *oids[3];
        size_t count;
        unsigned bits;
    } cases[] = {
        {{AES128_CBC, AES256_CBC}, 2, 256},
        {{TRIPLE_DES, AES128_CBC}, 2, 128},
        {{AES192_WRAP}, 1, 192},
        {{AES192_WRAP, AES128_CBC}, 2, 128},
    };
    struct task *t = test_task(state);
    struct cms_recipient recipient = {.cert = NULL};
    unsigned bits = 0;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *oids[3];
        memcpy(oids, cases[i].oids, sizeof(oids));
        const struct key_wish wish = {.capabilities = {oids, cases[i].count}};
        assert_ok(t, key_wish_algorithms(t, &wish, &recipient, &bits));
        assert_int_equal(bits, cases[i].bits);
    }
    const char *oids[] = {TRIPLE_DES};
    const struct key_wish wish = {.capabilities = {oids, 1}};
    assert_fails(t, key_wish_algorithms(t, &wish, &recipient, &bits), E_KEY_WISH);
}

static void key_identifier_is_that_of_the_certificate(void **state)
{
    struct task *t = test_task(state);
    struct identity ca = make_ca(t, "CN=ca", NULL);
    const struct cert *cert = make_device(t, "CN=device", &ca).cert;
    const ASN1_OCTET_STRING *stated = X509_get0_subject_key_id(cert->x509);
    assert_non_null(stated);
    assert_true(key_wish_names(cert, octets_of(stated)));
    assert_false(key_wish_names(ca.cert, octets_of(stated)));
    assert_false(key_wish_names(cert, BYTES_LITERAL("")));
}

/* Self-signed, with these key usages; NULL: with no such extension. */
static const struct cert *holder(struct task *t, enum key_kind kind, const struct text_list *usages)
{
    struct extension usage = {.oid = OID_CE_KEY_USAGE, .critical = true};
    const struct cert *cert = NULL;
    EVP_PKEY *key;
    struct issue issue = {.not_before = YEAR_2020, .not_after = YEAR_9999};
    assert_ok(t, key_generate(t, kind, kind == KEY_RSA ? 2048 : 0, &key));
    assert_ok(t, name_from_text(t, "CN=holder", &issue.subject));
    if (usages != NULL) {
        assert_ok(t, extension_key_usage(t, usages, &usage.value));
        issue.extensions = (struct extension_list){&usage, 1};
    }
    issue.key = key;
    issue.issuer_key = key;
    assert_ok(t, issue_certificate(t, &issue, &cert));
    return cert;
}

static void usage_must_allow_it(void **state)
{
    struct task *t = test_task(state);
    const char *both[] = {"digitalSignature", "keyAgreement"};
    const char *enciphers[] = {"keyEncipherment"};
    const struct text_list signs = {both, 1};
    const struct text_list agrees = {both, 2};
    const struct text_list transports = {enciphers, 1};
    assert_ok(t, key_wish_fits(t, holder(t, KEY_P256, &agrees)));
    assert_ok(t, key_wish_fits(t, holder(t, KEY_P384, NULL)));
    assert_ok(t, key_wish_fits(t, holder(t, KEY_RSA, &transports)));
    assert_ok(t, key_wish_fits(t, holder(t, KEY_RSA, NULL)));
    assert_fails(t, key_wish_fits(t, holder(t, KEY_P256, &signs)), E_KEY_WISH);
    assert_fails(t, key_wish_fits(t, holder(t, KEY_P256, &transports)), E_KEY_WISH);
    assert_fails(t, key_wish_fits(t, holder(t, KEY_RSA, &agrees)), E_KEY_WISH);
    assert_fails(t, key_wish_fits(t, holder(t, KEY_ED25519, NULL)), E_KEY_WISH);
}

/* The program takes the envelope away; within is what cms_verify() reads. */
static void openssl_opens(void **state, const struct identity *maker, EVP_PKEY *key,
                          struct bytes envelope, const char *option, const char *value,
                          const char *option2, const char *value2)
{
    struct task *t = test_task(state);
    const char *output;
    const char *in = put_file(state, "envelope", envelope);
    const char *out = put_file(state, "signed", BYTES_LITERAL(""));
    assert_int_equal(RUN(state, &output, "openssl", "cms", "-decrypt", "-binary", "-inform", "DER",
                         "-in", in, "-out", out, option, value, option2, value2),
                     0);
    struct bytes content;
    struct bytes info;
    struct cms cms;
    const struct cert *signer;
    assert_ok(t, file_read(t, out, CMS_SIZE_MAX, &content));
    struct bytes tagged = der_tagged(t, 0, &content, 1);
    assert_ok(t, der_pair(t, "1.2.840.113549.1.7.2", tagged, &info));
    assert_ok(t, cms_open(t, info, NULL, &cms));
    assert_ok(t, cms_verify(t, &cms, NULL, &signer));
    assert_bytes_equal(t, signer->der, maker->cert->der);
    assert_string_equal(cms.content_type, "2.16.840.1.101.2.1.2.78.5");
    struct bytes pkcs8;
    assert_ok(t, key_to_pkcs8(t, key, &pkcs8));
    assert_bytes_equal(t, cms.content, der_sequence(t, &pkcs8, 1));
}

static void package_opens_with_the_key_it_is_for(void **state)
{
    static const enum key_kind kinds[] = {KEY_P256, KEY_P384, KEY_RSA};
    struct task *t = test_task(state);
    struct identity ca = make_ca(t, "CN=ca", NULL);
    struct identity maker = make_device(t, "CN=maker", &ca);
    const struct key_maker by = {maker.cert, maker.key, cert_list_of(t, 2, maker.cert, ca.cert)};
    for (size_t i = 0; i < 2 * ARRAY_SIZE(kinds); i++) {
        struct identity client = make_identity(t, kinds[i / 2], "CN=client", false, &ca);
        const struct cms_recipient to = {
            .cert = client.cert, .oaep = i % 2 == 1, .kdf = i % 2 == 1 ? EVP_sha1() : EVP_sha256()};
        EVP_PKEY *key;
        struct bytes envelope;
        assert_ok(t, key_generate(t, i % 2 == 1 ? KEY_RSA : KEY_P256, i % 2 == 1 ? 2048 : 0, &key));
        assert_ok(t, key_package(t, key, &by, 256, &to, &envelope));
        const char *pem = key_to_pem(t, client.key);
        openssl_opens(state, &maker, key, envelope, "-inkey",
                      put_file(state, "client.key", bytes_of_text(pem)), "-recip",
                      put_file(state, "client.pem", bytes_of_text(cert_to_pem(t, client.cert))));
    }
}

static void package_opens_with_the_shared_key(void **state)
{
    struct task *t = test_task(state);
    struct identity maker = make_ca(t, "CN=maker", NULL);
    const struct key_maker by = {maker.cert, maker.key, cert_list_of(t, 1, maker.cert)};
    for (size_t len = 16; len <= 32; len += 8) {
        struct bytes shared = bytes_random(t->arena, len);
        const struct cms_recipient to = {.key = shared, .key_id = BYTES_LITERAL("vault")};
        EVP_PKEY *key;
        struct bytes envelope;
        assert_ok(t, key_generate(t, KEY_P256, 0, &key));
        assert_ok(t, key_package(t, key, &by, (unsigned)len * 8, &to, &envelope));
        openssl_opens(state, &maker, key, envelope, "-secretkey", bytes_to_hex(t->arena, shared),
                      "-secretkeyid", bytes_to_hex(t->arena, to.key_id));
    }
}

static void request_with_a_key_that_nobody_can_read_is_still_one(void **state)
{
    struct task *t = test_task(state);
    struct csr csr = request_with(t, NULL, 0);
    static const uint8_t curve[] = {0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
    uint8_t *octets = arena_alloc(t->arena, csr.der.len);
    memcpy(octets, csr.der.data, csr.der.len);
    uint8_t *at = memmem(octets, csr.der.len, curve, sizeof(curve));
    assert_non_null(at);
    at[sizeof(curve) - 1] = 0x63;
    struct csr odd;
    assert_fails(t, csr_parse(t, bytes_make(octets, csr.der.len), &odd), E_CSR_MALFORMED);
    assert_ok(t, csr_parse_keyless(t, bytes_make(octets, csr.der.len), &odd));
    assert_null(odd.key);
    assert_int_equal(odd.key_kind, KEY_OTHER);
    assert_true(odd.spki.len > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(request_that_asks_for_nothing_special_has_no_wish),
        PKI_TEST(identifiers_and_capabilities_are_read),
        PKI_TEST(what_cannot_be_meant_is_refused),
        PKI_TEST(strongest_cipher_of_the_client_is_taken),
        PKI_TEST(key_identifier_is_that_of_the_certificate),
        PKI_TEST(usage_must_allow_it),
        PKI_TEST(package_opens_with_the_key_it_is_for),
        PKI_TEST(package_opens_with_the_shared_key),
        PKI_TEST(request_with_a_key_that_nobody_can_read_is_still_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
