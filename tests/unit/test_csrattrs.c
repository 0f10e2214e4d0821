#include "tests/unit/pki_fixture.h"

#include "core/pki/csrattrs.h"

#include <string.h>

#define OID_MAC_ADDRESS   "1.3.6.1.1.1.1.22"
#define OID_FRIENDLY_NAME "1.2.840.113549.1.9.20"

static struct csrattrs decoded(struct task *t, struct bytes der)
{
    struct csrattrs attrs = {.challenge_password = false};
    assert_ok(t, csrattrs_decode(t, der, &attrs));
    return attrs;
}

static void published_attributes_are_read(void **state)
{
    static const struct {
        const char *file;
        const char *signature;
        const char *first_fill;
        size_t extensions;
        size_t fill;
        enum key_kind key;
        unsigned rsa_bits;
        bool challenge;
        bool template;
    } files[] = {
        {"rfc9908/s5.1_acp_subjectAltName.der", NULL, NULL, 1, 0, KEY_OTHER, 0, false, false},
        {"rfc9908/s5.2_rfc7030_original_corrected.der", OID_ECDSA_SHA384, OID_MAC_ADDRESS, 0, 1,
         KEY_P384, 0, true, false},
        /* Printed in section 5.3, but it is section 5.6's; what the prose says is below. */
        {"rfc9908/s5.3_as_published_WRONG_same_as_5.6.der", OID_ECDSA_SHA512, OID_FRIENDLY_NAME, 0,
         3, KEY_P521, 0, true, false},
        {"rfc9908/constructed_s5.3_as_described_in_prose.der", OID_ECDSA_SHA512, NULL, 1, 0,
         KEY_P521, 0, true, false},
        {"rfc9908/s5.4_rsa4096_sha256.der", OID_RSA_SHA256, NULL, 0, 0, KEY_RSA, 4096, true, false},
        {"rfc9908/s5.5_p384_serial_sha384.der", OID_ECDSA_SHA384, OID_AT_SERIAL_NUMBER, 0, 1,
         KEY_P384, 0, true, false},
        {"rfc9908/s5.6_p521_extensions_attrs_sha512.der", OID_ECDSA_SHA512, OID_FRIENDLY_NAME, 0, 3,
         KEY_P521, 0, true, false},
        {"rfc9908/constructed_empty_sequence.der", NULL, NULL, 0, 0, KEY_OTHER, 0, false, false},
        {"rfc9908/constructed_s3.4_csrattrs_with_template.der", NULL, NULL, 0, 0, KEY_OTHER, 0,
         false, true},
        {"rfc9908/constructed_s4_legacy_plus_template.der", OID_ECDSA_SHA256, NULL, 1, 0, KEY_P256,
         0, true, true},
        /* The bare OID in its id-ExtensionReq is what RFC 9908 calls wrong. */
        {"rfc7030/s4.5.2_csrattrs_example.der", OID_ECDSA_SHA384, NULL, 0, 0, KEY_P384, 0, true,
         false},
        /* Attributes nobody knows are passed over; what stands bare is the client's to fill. */
        {"rfc7030/A2_csrattrs_response.der", NULL, OID_MAC_ADDRESS, 0, 3, KEY_OTHER, 0, true,
         false},
    };
    struct task *t = test_task(state);
    if (!vectors_present())
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        struct csrattrs attrs = decoded(t, vector_read(t, files[i].file));
        assert_int_equal(attrs.challenge_password, files[i].challenge);
        if (files[i].signature == NULL)
            assert_null(attrs.signature_oid);
        else
            assert_string_equal(attrs.signature_oid, files[i].signature);
        assert_int_equal(attrs.key, files[i].key);
        assert_int_equal(attrs.rsa_bits, files[i].rsa_bits);
        assert_int_equal(attrs.extensions.count, files[i].extensions);
        assert_int_equal(attrs.fill.count, files[i].fill);
        if (files[i].first_fill != NULL)
            assert_string_equal(attrs.fill.items[0], files[i].first_fill);
        assert_int_equal(attrs.template != NULL, files[i].template);
    }
}

static void published_extension_is_kept_octet_for_octet(void **state)
{
    struct task *t = test_task(state);
    struct text_list names = {NULL, 0};
    if (!vectors_present())
        skip();
    struct csrattrs attrs = decoded(t, vector_read(t, "rfc9908/s5.1_acp_subjectAltName.der"));
    const struct extension *san = extension_find(&attrs.extensions, OID_CE_SUBJECT_ALT_NAME);
    assert_non_null(san);
    assert_true(san->critical);
    assert_int_equal(san->value.len, 75);
    attrs = decoded(t, vector_read(t, "rfc9908/constructed_s5.3_as_described_in_prose.der"));
    san = extension_find(&attrs.extensions, OID_CE_SUBJECT_ALT_NAME);
    assert_non_null(san);
    assert_ok(t, alt_names_to_text(t, san->value, &names));
    assert_string_equal(names.items[0], "email:potato@example.com");
}

static void published_attributes_are_written_octet_for_octet(void **state)
{
    static const char *const files[] = {
        "rfc9908/s5.1_acp_subjectAltName.der",
        "rfc9908/s5.2_rfc7030_original_corrected.der",
        "rfc9908/constructed_s5.3_as_described_in_prose.der",
        "rfc9908/s5.4_rsa4096_sha256.der",
        "rfc9908/s5.5_p384_serial_sha384.der",
        "rfc9908/s5.6_p521_extensions_attrs_sha512.der",
        "rfc9908/constructed_empty_sequence.der",
        "rfc9908/constructed_s3.4_csrattrs_with_template.der",
        "rfc9908/constructed_s4_legacy_plus_template.der",
    };
    struct task *t = test_task(state);
    if (!vectors_present())
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        struct bytes published = vector_read(t, files[i]);
        struct csrattrs attrs = decoded(t, published);
        struct bytes ours = BYTES_ABSENT;
        assert_ok(t, csrattrs_encode(t, &attrs, &ours));
        assert_bytes_equal(t, ours, published);
    }
}

static void everything_in_the_model_survives_the_wire(void **state)
{
    static const struct {
        enum key_kind key;
        unsigned bits;
    } keys[] = {{KEY_OTHER, 0}, {KEY_P256, 0}, {KEY_P384, 0},
                {KEY_P521, 0},  {KEY_RSA, 0},  {KEY_RSA, 3072}};
    struct task *t = test_task(state);
    struct extension items[] = {
        {OID_CE_SUBJECT_ALT_NAME, true, BYTES_LITERAL("\x30\x03\x82\x01\x61")},
        {OID_CE_KEY_USAGE, false, BYTES_LITERAL("\x03\x02\x07\x80")},
    };
    const char *fill[] = {OID_AT_SERIAL_NUMBER, OID_MAC_ADDRESS};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        const struct csrattrs given = {.challenge_password = true,
                                       .signature_oid = OID_RSA_SHA512,
                                       .key = keys[i].key,
                                       .rsa_bits = keys[i].bits,
                                       .extensions = {items, 2},
                                       .fill = {fill, 2}};
        struct bytes der = BYTES_ABSENT;
        assert_ok(t, csrattrs_encode(t, &given, &der));
        struct csrattrs read = decoded(t, der);
        assert_true(read.challenge_password);
        assert_string_equal(read.signature_oid, OID_RSA_SHA512);
        assert_int_equal(read.key, keys[i].key);
        assert_int_equal(read.rsa_bits, keys[i].bits);
        assert_int_equal(read.extensions.count, 2);
        assert_true(read.extensions.items[0].critical);
        assert_bytes_equal(t, read.extensions.items[1].value, items[1].value);
        assert_int_equal(read.fill.count, 2);
        assert_string_equal(read.fill.items[1], OID_MAC_ADDRESS);
        assert_null(read.template);
    }
}

static void what_cannot_be_said_is_not_written(void **state)
{
    struct task *t = test_task(state);
    struct bytes der = BYTES_LITERAL("unset");
    struct extension twice[] = {{OID_CE_KEY_USAGE, true, BYTES_LITERAL("\x03\x02\x07\x80")},
                                {OID_CE_KEY_USAGE, true, BYTES_LITERAL("\x03\x02\x07\x80")}};
    const char *fill[65];
    for (size_t i = 0; i < ARRAY_SIZE(fill); i++)
        fill[i] = OID_AT_SERIAL_NUMBER;
    const char *wrong = "serialNumber";
    const struct csrattrs attrs[] = {
        {.extensions = {twice, 2}}, {.key = KEY_ED25519},        {.fill = {&wrong, 1}},
        {.fill = {fill, 65}},       {.signature_oid = "sha256"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(attrs); i++)
        assert_fails(t, csrattrs_encode(t, &attrs[i], &der), E_INVALID);
    assert_bytes_equal(t, der, BYTES_LITERAL("unset"));
}

/* One TLV around the parts; `count` of them, each a struct bytes. */
static struct bytes tlv(struct task *t, uint8_t tag, size_t count, ...)
{
    struct bytes *parts = arena_array(t->arena, count + 1, sizeof(*parts));
    size_t len = 0;
    va_list args;
    va_start(args, count);
    for (size_t i = 1; i <= count; i++) {
        parts[i] = va_arg(args, struct bytes);
        len += parts[i].len;
    }
    va_end(args);
    assert_true(len < 128);
    uint8_t *header = arena_alloc(t->arena, 2);
    header[0] = tag;
    header[1] = (uint8_t)len;
    parts[0] = bytes_make(header, 2);
    return bytes_concat(t->arena, parts, count + 1);
}

#define SEQUENCE_OF(...) tlv(t, 0x30, ARRAY_SIZE(((struct bytes[]){__VA_ARGS__})), __VA_ARGS__)
#define SET_OF(...)      tlv(t, 0x31, ARRAY_SIZE(((struct bytes[]){__VA_ARGS__})), __VA_ARGS__)

#define DER_EXTENSION_REQUEST BYTES_LITERAL("\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x09\x0E")
#define DER_RSA               BYTES_LITERAL("\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01")
#define DER_EC                BYTES_LITERAL("\x06\x07\x2A\x86\x48\xCE\x3D\x02\x01")
#define DER_P256              BYTES_LITERAL("\x06\x08\x2A\x86\x48\xCE\x3D\x03\x01\x07")
#define DER_SECP256K1         BYTES_LITERAL("\x06\x05\x2B\x81\x04\x00\x0A")
#define DER_NULL              BYTES_LITERAL("\x05\x00")
/* keyUsage with nothing in it */
#define DER_EXTENSION BYTES_LITERAL("\x30\x07\x06\x03\x55\x1D\x0F\x04\x00")

static void what_is_no_sequence_of_oids_and_attributes_is_refused(void **state)
{
    struct task *t = test_task(state);
    const struct bytes nothing = BYTES_LITERAL("");
    const struct bytes empty_set = tlv(t, 0x31, 0);
    const struct {
        struct bytes der;
        const char *why;
    } cases[] = {
        {BYTES_ABSENT, "0 octets"},
        {nothing, "0 octets"},
        {BYTES_LITERAL("\x30"), "no SEQUENCE"},
        {BYTES_LITERAL("\x30\x81\x2E"), "no SEQUENCE"},
        {BYTES_LITERAL("\x30\x84\xFF\xFF\xFF\xFF"), "no SEQUENCE"},
        {BYTES_LITERAL("\x30\x00\x00"), "octets after the SEQUENCE"},
        {empty_set, "no SEQUENCE"},
        {DER_NULL, "no SEQUENCE"},
        {DER_RSA, "no SEQUENCE"},
        {SEQUENCE_OF(DER_NULL), "element 1 is neither"},
        {SEQUENCE_OF(DER_RSA, empty_set), "element 2 is neither"},
        {SEQUENCE_OF(SEQUENCE_OF(DER_NULL)), "no attribute"},
        {SEQUENCE_OF(SEQUENCE_OF(DER_RSA)), "no attribute"},
        {SEQUENCE_OF(SEQUENCE_OF(DER_RSA, DER_NULL)), "no attribute"},
        {SEQUENCE_OF(SEQUENCE_OF(DER_RSA, empty_set, DER_NULL)), "no attribute"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct csrattrs attrs;
        assert_fails(t, csrattrs_decode(t, cases[i].der, &attrs), E_CSRATTRS_MALFORMED);
        assert_detail(t, cases[i].why);
    }
}

static void extensions_must_be_unmistakable(void **state)
{
    struct task *t = test_task(state);
    const struct bytes one = SEQUENCE_OF(DER_EXTENSION);
    const struct bytes request = SEQUENCE_OF(DER_EXTENSION_REQUEST, SET_OF(one));
    const struct bytes bare = SEQUENCE_OF(DER_EXTENSION_REQUEST, SET_OF(DER_RSA));
    const struct {
        struct bytes der;
        const char *why;
    } cases[] = {
        {SEQUENCE_OF(request, request), "id-ExtensionReq twice"},
        {SEQUENCE_OF(bare, request), "id-ExtensionReq twice"},
        {SEQUENCE_OF(SEQUENCE_OF(DER_EXTENSION_REQUEST, SET_OF(one, one))), "two Extensions"},
        {SEQUENCE_OF(
             SEQUENCE_OF(DER_EXTENSION_REQUEST, SET_OF(SEQUENCE_OF(DER_EXTENSION, DER_EXTENSION)))),
         "the extension 2.5.29.15 twice"},
        {SEQUENCE_OF(SEQUENCE_OF(DER_EXTENSION_REQUEST, SET_OF(SEQUENCE_OF(DER_NULL)))),
         "extensions that cannot be read"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct csrattrs attrs;
        assert_fails(t, csrattrs_decode(t, cases[i].der, &attrs), E_CSRATTRS_MALFORMED);
        assert_detail(t, cases[i].why);
    }
    assert_int_equal(decoded(t, SEQUENCE_OF(request)).extensions.count, 1);
    assert_int_equal(decoded(t, SEQUENCE_OF(bare)).extensions.count, 0);
}

/* Two kinds of key, two hashes: the first counts. */
static void what_is_said_twice_is_taken_once(void **state)
{
    struct task *t = test_task(state);
    const struct csrattrs first = {.key = KEY_P256, .signature_oid = OID_ECDSA_SHA256};
    const struct csrattrs second = {.key = KEY_P384, .signature_oid = OID_ECDSA_SHA512};
    struct bytes a = BYTES_ABSENT;
    struct bytes b = BYTES_ABSENT;
    assert_ok(t, csrattrs_encode(t, &first, &a));
    assert_ok(t, csrattrs_encode(t, &second, &b));
    struct csrattrs attrs = decoded(
        t, SEQUENCE_OF(bytes_make(a.data + 2, a.len - 2), bytes_make(b.data + 2, b.len - 2)));
    assert_int_equal(attrs.key, KEY_P256);
    assert_string_equal(attrs.signature_oid, OID_ECDSA_SHA256);
    assert_int_equal(attrs.fill.count, 0);
}

static void key_attribute_that_is_not_understood_leaves_the_choice(void **state)
{
    struct task *t = test_task(state);
    const struct bytes negative = BYTES_LITERAL("\x02\x02\xF0\x00");
    const struct bytes zero = BYTES_LITERAL("\x02\x01\x00");
    const struct bytes huge = BYTES_LITERAL("\x02\x03\x01\x00\x00");
    const struct bytes beyond = BYTES_LITERAL("\x02\x09\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF");
    const struct bytes attributes[] = {
        SEQUENCE_OF(DER_EC, SET_OF(DER_SECP256K1)), SEQUENCE_OF(DER_EC, SET_OF(DER_P256, DER_P256)),
        SEQUENCE_OF(DER_EC, SET_OF(DER_NULL)),      SEQUENCE_OF(DER_EC, tlv(t, 0x31, 0)),
        SEQUENCE_OF(DER_RSA, SET_OF(negative)),     SEQUENCE_OF(DER_RSA, SET_OF(zero)),
        SEQUENCE_OF(DER_RSA, SET_OF(huge)),         SEQUENCE_OF(DER_RSA, SET_OF(beyond)),
        SEQUENCE_OF(DER_RSA, SET_OF(DER_NULL)),
    };
    for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
        assert_int_equal(decoded(t, SEQUENCE_OF(attributes[i])).key, KEY_OTHER);
        /* It does not stand in the way of one that is understood. */
        const struct bytes good = SEQUENCE_OF(DER_EC, SET_OF(DER_P256));
        assert_int_equal(decoded(t, SEQUENCE_OF(attributes[i], good)).key, KEY_P256);
    }
}

static void more_than_64_elements_or_16_kib_are_refused(void **state)
{
    struct task *t = test_task(state);
    struct csrattrs attrs;
    static const uint8_t oid[] = {0x06, 0x01, 0x29};
    uint8_t der[3 + 65 * sizeof(oid)] = {0x30, 0x81, 65 * sizeof(oid)};
    for (size_t i = 0; i < 65; i++)
        memcpy(der + 3 + i * sizeof(oid), oid, sizeof(oid));
    assert_fails(t, csrattrs_decode(t, BYTES_ARRAY(der), &attrs), E_CSRATTRS_MALFORMED);
    assert_detail(t, "65 elements");
    struct bytes large =
        bytes_make(arena_alloc(t->arena, CSRATTRS_SIZE_MAX + 1), CSRATTRS_SIZE_MAX + 1);
    assert_fails(t, csrattrs_decode(t, large, &attrs), E_CSRATTRS_MALFORMED);
    assert_detail(t, "16385 octets");
}

static void truncated_attributes_are_refused(void **state)
{
    struct task *t = test_task(state);
    struct extension usage = {OID_CE_KEY_USAGE, true, BYTES_LITERAL("\x03\x02\x07\x80")};
    const struct csrattrs given = {.challenge_password = true,
                                   .signature_oid = OID_ECDSA_SHA256,
                                   .key = KEY_P256,
                                   .extensions = {&usage, 1}};
    struct bytes der = BYTES_ABSENT;
    assert_ok(t, csrattrs_encode(t, &given, &der));
    for (size_t len = 0; len < der.len; len++) {
        struct csrattrs attrs;
        struct bytes prefix = bytes_copy(t->arena, bytes_make(der.data, len));
        assert_fails(t, csrattrs_decode(t, prefix, &attrs), E_CSRATTRS_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(published_attributes_are_read),
        PKI_TEST(published_extension_is_kept_octet_for_octet),
        PKI_TEST(published_attributes_are_written_octet_for_octet),
        PKI_TEST(everything_in_the_model_survives_the_wire),
        PKI_TEST(what_cannot_be_said_is_not_written),
        PKI_TEST(what_is_no_sequence_of_oids_and_attributes_is_refused),
        PKI_TEST(extensions_must_be_unmistakable),
        PKI_TEST(what_is_said_twice_is_taken_once),
        PKI_TEST(key_attribute_that_is_not_understood_leaves_the_choice),
        PKI_TEST(more_than_64_elements_or_16_kib_are_refused),
        PKI_TEST(truncated_attributes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
