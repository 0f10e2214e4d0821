/* What a profile asks of a request. */
#include "tests/unit/asking_fixture.h"

#include "core/store/records/device_name.h"

#include <string.h>

#define ANY "\"key\":\"any\",\"hash\":\"any\""

static void examples_of_rfc_9908_are_expressed_octet_for_octet(void **state)
{
    static const struct {
        const char *file;
        const char *profile;
    } examples[] = {
        {"constructed_empty_sequence.der", "{" ANY "}"},
        {"s5.1_acp_subjectAltName.der",
         "{" ANY ",\"alt-names-critical\":true,\"alt-names\":[{\"kind\":\"acp-node-name\","
         "\"value\":\"rfc8994+fd739fc23c3440112233445500000000+@acp.example.com\"}]}"},
        {"s5.2_rfc7030_original_corrected.der",
         "{\"key\":\"p384\",\"hash\":\"sha384\",\"challenge-password\":true,"
         "\"fill\":[\"1.3.6.1.1.1.1.22\"]}"},
        {"constructed_s5.3_as_described_in_prose.der",
         "{\"key\":\"p521\",\"hash\":\"sha512\",\"challenge-password\":true,"
         "\"alt-names\":[{\"kind\":\"email\",\"value\":\"potato@example.com\"}]}"},
        {"s5.4_rsa4096_sha256.der", "{\"key\":\"rsa4096\",\"challenge-password\":true}"},
        {"s5.5_p384_serial_sha384.der",
         "{\"key\":\"p384\",\"hash\":\"sha384\",\"challenge-password\":true,"
         "\"fill\":[\"2.5.4.5\"]}"},
        {"s5.6_p521_extensions_attrs_sha512.der",
         "{\"key\":\"p521\",\"hash\":\"sha512\",\"challenge-password\":true,"
         "\"fill\":[\"1.2.840.113549.1.9.20\",\"0.9.2342.19200300.100.1.5\",\"2.5.4.5\"]}"},
        {"constructed_s3.4_csrattrs_with_template.der",
         "{\"csrattrs\":\"template\",\"hash\":\"any\",\"subject\":[{\"type\":\"CN\"},"
         "{\"type\":\"OU\",\"value\":\"myDept\"},{\"type\":\"OU\",\"value\":\"myGroup\"}],"
         "\"alt-names\":[{\"value\":\"www.myServer.com\"},{\"kind\":\"ip\"}],"
         "\"key-usage\":[\"digitalSignature\",\"keyAgreement\"],\"ask-key-usage\":\"value\","
         "\"ask-ext-key-usage\":\"fill\"}"},
        {"constructed_s4_legacy_plus_template.der",
         "{\"csrattrs\":\"both\",\"challenge-password\":true,"
         "\"subject\":[{\"type\":\"serialNumber\"}],"
         "\"alt-names\":[{\"value\":\"pledge.example.com\"}]}"},
    };
    struct task *t = test_task(state);
    if (!vectors_present())
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
        struct profile profile = profile_of(t, examples[i].profile);
        struct wishes wishes = wishes_of(t, &profile, router());
        struct bytes der = BYTES_ABSENT;
        assert_ok(t, csrattrs_encode(t, &wishes.attrs, &der));
        assert_bytes_equal(t, der,
                           vector_read(t, arena_printf(t->arena, "rfc9908/%s", examples[i].file)));
        assert_int_equal(wishes.claims.count, 0);
    }
}

#define EVERYTHING                                                                                 \
    "{\"dns-pattern\":\"{serial}.example.com\",\"csrattrs\":\"both\",\"subject\":["                \
    "{\"type\":\"O\",\"value\":\"Example\"},{\"type\":\"OU\",\"value\":\"{column:rack}\"},"        \
    "{\"type\":\"CN\",\"value\":\"{name}\"},{\"type\":\"serialNumber\"}],\"alt-names\":["          \
    "{\"kind\":\"ip\",\"value\":\"{column:ip}\"},"                                                 \
    "{\"kind\":\"uri\",\"value\":\"urn:dev:{device}\"},"                                           \
    "{\"kind\":\"email\",\"value\":\"{opaque}@example.com\"},"                                     \
    "{\"kind\":\"registered-id\",\"value\":\"1.3.6.1.4.1.99999.7\"},"                              \
    "{\"kind\":\"acp-node-name\",\"value\":\"{column:acp}@acp.example.com\"},"                     \
    "{\"kind\":\"directory-name\",\"value\":\"CN={serial},OU={column:rack},O=Example\"},"          \
    "{\"kind\":\"other-name\",\"type-id\":\"1.3.6.1.4.1.99999.8\",\"value\":\"{manufacturer}\"}]," \
    "\"extensions\":[{\"oid\":\"1.3.6.1.4.1.99999.1\",\"value\":\"0500\"},"                        \
    "{\"oid\":\"1.3.6.1.4.1.99999.2\",\"critical\":true,\"text\":\"{profile}/{serial}\"},"         \
    "{\"oid\":\"1.3.6.1.4.1.99999.3\"}],\"ask-key-usage\":\"value\",\"ask-ext-key-usage\":"        \
    "\"value\"}"

static bool lists(const struct text_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], text) == 0)
            return true;
    }
    return false;
}

static void names_of_every_kind_are_made_of_a_devices_own_values(void **state)
{
    static const char *const names[] = {
        "DNS:r-1-e28e45a4.example.com",
        "IP:192.0.2.7",
        "URI:urn:dev:00112233445566778899aabbccddeeff",
        "email:" OPAQUE "@example.com",
    };
    static const char *const claims[] = {
        "ip:192.0.2.7",
        "uri:urn:dev:00112233445566778899aabbccddeeff",
        "email:" OPAQUE "@example.com",
        "acp-node-name:fd89b714f3db00000200000064000000+area51@acp.example.com",
        "directory-name:CN=R\\2F1,OU=R\\2012\\2C\\20left\\2Bright,O=Example",
    };
    struct task *t = test_task(state);
    struct profile profile = profile_of(t, EVERYTHING);
    struct wishes wishes = wishes_of(t, &profile, router());
    const struct extension *san = extension_find(&wishes.attrs.extensions, OID_CE_SUBJECT_ALT_NAME);
    struct text_list texts = {NULL, 0};
    assert_ok(t, alt_names_to_text(t, san->value, &texts));
    assert_int_equal(texts.count, 8);
    assert_true(strncmp(texts.items[0], "DNS:", 4) == 0);
    for (size_t i = 1; i < ARRAY_SIZE(names); i++)
        assert_true(lists(&texts, names[i]));
    /* registeredID and the manufacturer are the same for others, too: nobody's own. */
    assert_int_equal(wishes.claims.count, 6);
    for (size_t i = 0; i < ARRAY_SIZE(claims); i++)
        assert_true(lists(&wishes.claims, claims[i]));
}

static void nobody_is_told_what_is_a_devices_own(void **state)
{
    static const char *const own[] = {"R/1", "r-1", OPAQUE, "192.0.2.7", "left+right", "acme"};
    struct task *t = test_task(state);
    struct profile profile = profile_of(t, EVERYTHING);
    struct wishes wishes = wishes_of(t, &profile, NULL);
    struct bytes der = BYTES_ABSENT;
    assert_ok(t, csrattrs_encode(t, &wishes.attrs, &der));
    for (size_t i = 0; i < ARRAY_SIZE(own); i++)
        assert_null(memmem(der.data, der.len, own[i], strlen(own[i])));
    assert_non_null(memmem(der.data, der.len, "Example", 7));
    assert_int_equal(wishes.claims.count, 0);
}

#define ACP_NAME(value) "{\"alt-names\":[{\"kind\":\"acp-node-name\",\"value\":\"" value "\"}]}"

/* RFC 8994 6.2.2, and the form of the examples in RFC 9908. */
static void acp_node_names_are_taken_in_each_form(void **state)
{
    static const char *const right[] = {
        ACP_NAME("fd89b714F3db00000200000064000000@acp.example.com"),
        ACP_NAME("fd89b714F3db00000200000064000000+area51.research@acp.example.com"),
        ACP_NAME("0+area51@acp.example.com"),
        ACP_NAME("0@acp.example.com"),
        ACP_NAME("+area51@acp.example.com"),
        ACP_NAME("rfc8994@acp.example.com"),
        ACP_NAME("rfc8994+fd739fc23c3440112233445500000000+@acp.example.com"),
        ACP_NAME("rfc8994+fd739fc23c3440112233445500000000+area51+ext@acp.example.com"),
    };
    struct task *t = test_task(state);
    struct profile profile;
    for (size_t i = 0; i < ARRAY_SIZE(right); i++)
        assert_ok(t, read_profile(t, right[i], &profile));
}

static void profiles_that_cannot_be_are_refused(void **state)
{
    static const struct {
        const char *profile;
        const char *why;
    } wrong[] = {
        {"{\"subject\":[{\"type\":\"O\",\"value\":\"x\"}]}", "only the template"},
        {"{\"csrattrs\":\"both\",\"subject\":[{\"type\":\"nonsense\",\"value\":\"x\"}]}",
         "no attribute of a name"},
        {"{\"csrattrs\":\"both\",\"subject\":[{\"type\":\"C\",\"value\":\"Wonderland\"}]}", "C="},
        {"{\"alt-names\":[{\"value\":\"{seril}.example.com\"}]}", "{seril} stands for nothing"},
        {"{\"alt-names\":[{\"value\":\"{serial.example.com\"}]}", "a brace"},
        {"{\"alt-names\":[{\"value\":\"not a name\"}]}", "no DNS name"},
        {"{\"alt-names\":[{\"value\":\"{name}\"}]}", "dns-pattern"},
        {"{\"alt-names\":[{\"kind\":\"ip\",\"value\":\"300.1.1.1\"}]}", "no IP address"},
        {"{\"alt-names\":[{\"kind\":\"ip\"}]}", "only the template"},
        {"{\"csrattrs\":\"template\",\"alt-names\":[{\"kind\":\"uri\"}]}", "needs a value"},
        {"{\"alt-names\":[{\"kind\":\"uri\",\"value\":\"no-scheme\"}]}", "no absolute URI"},
        {"{\"alt-names\":[{\"kind\":\"email\",\"value\":\"a@b@c\"}]}", "no mail address"},
        {ACP_NAME("@acp.example"), "no AcpNodeName"},
        {ACP_NAME("hello@acp.example"), "no AcpNodeName"},
        {ACP_NAME("fd89b714f3db0000020000006400000@acp.example"), "no AcpNodeName"},
        {ACP_NAME("fd89b714f3db000002000000640000000@acp.example"), "no AcpNodeName"},
        {ACP_NAME("fd89b714f3db0000020000006400000g@acp.example"), "no AcpNodeName"},
        {ACP_NAME("fd89b714f3db00000200000064000000.area51@acp.example"), "no AcpNodeName"},
        {ACP_NAME("rfc8994fd89b714f3db00000200000064000000@acp.example"), "no AcpNodeName"},
        {ACP_NAME("rfc8994+hello@acp.example"), "no AcpNodeName"},
        {ACP_NAME("1@acp.example"), "no AcpNodeName"},
        {"{\"alt-names\":[{\"kind\":\"registered-id\",\"value\":\"x.1\"}]}", "no dotted OID"},
        {"{\"alt-names\":[{\"kind\":\"other-name\",\"value\":\"x\"}]}", "type-id"},
        {"{\"alt-names\":[{\"kind\":\"directory-name\",\"value\":\"CN\"}]}", "\"=\""},
        {"{\"extensions\":[{\"oid\":\"2.5.29.19\",\"value\":\"3000\"}]}", "for the CA to give"},
        {"{\"extensions\":[{\"oid\":\"2.5.29.17\",\"value\":\"3000\"}]}", "items of its own"},
        {"{\"extensions\":[{\"oid\":\"1.2.3\"}]}", "only the template"},
        {"{\"extensions\":[{\"oid\":\"1.2.3\",\"value\":\"0500\",\"text\":\"x\"}]}", "both"},
        {"{\"extensions\":[{\"oid\":\"1.2.3\",\"text\":\"x\"},{\"oid\":\"1.2.3\",\"text\":\"y\"}]}",
         "twice"},
        {"{\"fill\":[\"1.2.840.113549.1.9.7\"]}", "item of its own"},
        {"{\"csrattrs\":\"template\",\"fill\":[\"2.5.4.5\"]}", "not with csrattrs template"},
        {"{\"key\":\"any\"}", "hash: must be any"},
        {"{\"key\":\"ed25519\"}", "only the template"},
        {"{\"key-usage\":[],\"ask-key-usage\":\"value\"}", "has no key-usage"},
        {"{\"ask-ext-key-usage\":\"fill\"}", "only the template"},
    };
    struct task *t = test_task(state);
    struct profile profile;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_fails(t, read_profile(t, wrong[i].profile, &profile), E_INVALID);
        assert_detail(t, wrong[i].why);
    }
}

static void value_that_a_device_lacks_or_that_does_not_fit_is_told(void **state)
{
    struct task *t = test_task(state);
    struct asking_device device = *router();
    struct expected_column column = {.name = "ip", .value = "somewhere"};
    struct wishes wishes;
    struct profile profile =
        profile_of(t, "{\"alt-names\":[{\"kind\":\"ip\",\"value\":\"{column:ip}\"}]}");
    device.columns = (struct record_list){NULL, 0};
    assert_fails(t, wishes_compile(t, &profile, &device, false, &wishes), E_PROFILE_VALUE);
    assert_detail(t, "{column:ip}");
    device.columns = (struct record_list){&column, 1};
    assert_fails(t, wishes_compile(t, &profile, &device, false, &wishes), E_PROFILE_VALUE);
    assert_detail(t, "no IP address");
    char *endless = arena_alloc(t->arena, PROFILE_TEXT_MAX + 2);
    memset(endless, 'a', PROFILE_TEXT_MAX + 1);
    column.value = endless;
    assert_fails(t, wishes_compile(t, &profile, &device, false, &wishes), E_PROFILE_VALUE);
    assert_detail(t, "more than 1024 octets");
    column.value = "192.0.2.7\n";
    assert_fails(t, wishes_compile(t, &profile, &device, false, &wishes), E_PROFILE_VALUE);
    assert_detail(t, "control characters");
    device.opaque = NULL;
    profile = profile_of(t, "{\"alt-names\":[{\"value\":\"{opaque}.example.com\"}]}");
    assert_fails(t, wishes_compile(t, &profile, &device, false, &wishes), E_PROFILE_VALUE);
}

/* A record of before there was any of this: key, hash and the pattern's name, as it was. */
static void profile_of_an_earlier_version_asks_for_what_it_did(void **state)
{
    static const uint8_t record[] = "\xA4\x00\x01\x01\x67"
                                    "earlier"
                                    "\x02\x65"
                                    "local"
                                    "\x03\x6C"
                                    "{serial}.a.b";
    struct task *t = test_task(state);
    struct profile profile;
    struct bytes der = BYTES_ABSENT;
    struct bytes again = BYTES_ABSENT;
    const char *name = NULL;
    assert_ok(t, record_decode(t, &profile_type, bytes_make(record, sizeof(record) - 1), &profile));
    assert_ok(t, profile_check(t, &profile));
    struct wishes wishes = wishes_of(t, &profile, router());
    assert_ok(t, device_name_make(t, "{serial}.a.b", "R/1", &name));
    struct text_list names = {&name, 1};
    struct extension san = {.oid = OID_CE_SUBJECT_ALT_NAME};
    assert_ok(t, extension_dns_names(t, &names, &san.value));
    const struct csrattrs before = {
        .key = KEY_P256, .signature_oid = OID_ECDSA_SHA256, .extensions = {&san, 1}};
    assert_ok(t, csrattrs_encode(t, &before, &again));
    assert_ok(t, csrattrs_encode(t, &wishes.attrs, &der));
    assert_bytes_equal(t, der, again);
    assert_int_equal(wishes.claims.count, 1);
    assert_string_equal(wishes.claims.items[0], name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(examples_of_rfc_9908_are_expressed_octet_for_octet),
        PKI_TEST(names_of_every_kind_are_made_of_a_devices_own_values),
        PKI_TEST(nobody_is_told_what_is_a_devices_own),
        PKI_TEST(acp_node_names_are_taken_in_each_form),
        PKI_TEST(profiles_that_cannot_be_are_refused),
        PKI_TEST(value_that_a_device_lacks_or_that_does_not_fit_is_told),
        PKI_TEST(profile_of_an_earlier_version_asks_for_what_it_did),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
