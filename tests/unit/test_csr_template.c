#include "tests/unit/pki_fixture.h"

#include "core/pki/csr_fill.h"
#include "core/pki/csrattrs.h"

#include <string.h>

#include <openssl/x509v3.h>

#define OID_COMMON_NAME   "2.5.4.3"
#define OID_ORG_UNIT      "2.5.4.11"
#define OID_ORGANIZATION  "2.5.4.10"
#define OID_UNSTRUCTURED  "1.2.840.113549.1.9.2"
#define OID_NAME_OF_OURS  "1.3.6.1.4.1.99999.1"
#define UTF8_MY_DEPT      BYTES_LITERAL("\x0C\x06myDept")
#define UTF8_MY_GROUP     BYTES_LITERAL("\x0C\x07myGroup")
#define SAN_WITH_GAPS     BYTES_LITERAL("\x30\x06\x87\x00\xA4\x02\x30\x00")
#define DIGITAL_SIGNATURE BYTES_LITERAL("\x03\x02\x07\x80")
#define CLIENT_AUTH       BYTES_LITERAL("\x30\x0A\x06\x08\x2B\x06\x01\x05\x05\x07\x03\x02")
#define ADDRESS           BYTES_LITERAL("\xC0\x00\x02\x07")

static struct csr_template decoded(struct task *t, struct bytes der)
{
    struct csr_template template = {.has_subject = false};
    assert_ok(t, csr_template_decode(t, der, &template));
    return template;
}

static struct bytes encoded(struct task *t, const struct csr_template *template)
{
    struct bytes der = BYTES_ABSENT;
    assert_ok(t, csr_template_encode(t, template, &der));
    return der;
}

/* --- the RFC's own --- */

static void worked_example_is_read(void **state)
{
    struct task *t = test_task(state);
    if (!vectors_present())
        skip();
    struct bytes der =
        vector_read(t, "rfc9908/constructed_s3.4_CertificationRequestInfoTemplate.der");
    struct csr_template template = decoded(t, der);
    assert_true(template.has_subject);
    assert_int_equal(template.rdn_count, 3);
    assert_string_equal(template.rdns[0].items[0].oid, OID_COMMON_NAME);
    assert_false(bytes_present(template.rdns[0].items[0].value));
    assert_string_equal(template.rdns[1].items[0].oid, OID_ORG_UNIT);
    assert_bytes_equal(t, template.rdns[1].items[0].value, UTF8_MY_DEPT);
    assert_bytes_equal(t, template.rdns[2].items[0].value, UTF8_MY_GROUP);
    assert_true(template.has_key);
    assert_int_equal(template.key, KEY_P256);
    assert_int_equal(template.extensions.count, 3);
    assert_string_equal(template.extensions.items[0].oid, OID_CE_SUBJECT_ALT_NAME);
    assert_int_equal(template.extensions.items[0].value.len, 22);
    assert_string_equal(template.extensions.items[1].oid, OID_CE_KEY_USAGE);
    assert_true(template.extensions.items[1].critical);
    assert_string_equal(template.extensions.items[2].oid, OID_CE_EXT_KEY_USAGE);
    assert_false(bytes_present(template.extensions.items[2].value));
    assert_bytes_equal(t, encoded(t, &template), der);
}

static void template_beside_legacy_elements_is_read(void **state)
{
    struct task *t = test_task(state);
    struct csrattrs attrs;
    if (!vectors_present())
        skip();
    assert_ok(t, csrattrs_decode(
                     t, vector_read(t, "rfc9908/constructed_s4_legacy_plus_template.der"), &attrs));
    assert_non_null(attrs.template);
    assert_int_equal(attrs.template->rdn_count, 1);
    assert_string_equal(attrs.template->rdns[0].items[0].oid, OID_AT_SERIAL_NUMBER);
    assert_int_equal(attrs.template->extensions.count, 1);
    assert_int_equal(attrs.extensions.count, 1);
}

/* --- both ways --- */

static void everything_in_the_model_survives_the_wire(void **state)
{
    struct task *t = test_task(state);
    struct name_attribute two[] = {{OID_COMMON_NAME, BYTES_ABSENT}, {OID_ORG_UNIT, UTF8_MY_DEPT}};
    struct name_attribute one[] = {{OID_AT_SERIAL_NUMBER, BYTES_ABSENT}};
    struct name_rdn rdns[] = {{one, 1}, {two, 2}};
    struct extension extensions[] = {
        {OID_CE_KEY_USAGE, true, BYTES_ABSENT},
        {OID_CE_EXT_KEY_USAGE, false, CLIENT_AUTH},
    };
    struct csr_attribute attributes[] = {
        {OID_UNSTRUCTURED, BYTES_LITERAL("\x31\x06\x16\x01\x61\x16\x01\x62")}};
    static const struct {
        enum key_kind kind;
        unsigned bits;
    } keys[] = {{KEY_P256, 0}, {KEY_P384, 0},   {KEY_P521, 0},   {KEY_ED25519, 0},
                {KEY_RSA, 0},  {KEY_RSA, 2048}, {KEY_RSA, 3072}, {KEY_RSA, 4096}};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        const struct csr_template given = {.has_subject = true,
                                           .rdns = rdns,
                                           .rdn_count = 2,
                                           .has_key = true,
                                           .key = keys[i].kind,
                                           .rsa_bits = keys[i].bits,
                                           .extensions = {extensions, 2},
                                           .attributes = attributes,
                                           .attribute_count = 1};
        struct bytes der = encoded(t, &given);
        struct csr_template read = decoded(t, der);
        assert_int_equal(read.key, keys[i].kind);
        assert_int_equal(read.rsa_bits, keys[i].bits);
        assert_int_equal(read.rdns[1].count, 2);
        assert_int_equal(read.extensions.count, 2);
        assert_true(read.extensions.items[0].critical);
        assert_false(bytes_present(read.extensions.items[0].value));
        assert_bytes_equal(t, read.extensions.items[1].value, CLIENT_AUTH);
        assert_int_equal(read.attribute_count, 1);
        assert_bytes_equal(t, read.attributes[0].values, attributes[0].values);
        assert_bytes_equal(t, encoded(t, &read), der);
    }
}

static void nothing_demanded_is_a_template_too(void **state)
{
    struct task *t = test_task(state);
    const struct csr_template nothing = {.has_subject = false};
    struct bytes der = encoded(t, &nothing);
    assert_bytes_equal(t, der, BYTES_LITERAL("\x30\x05\x02\x01\x00\xA1\x00"));
    struct csr_template read = decoded(t, der);
    assert_false(read.has_subject);
    assert_false(read.has_key);
    /* The module has [1] as mandatory; who leaves it out is understood nevertheless. */
    (void)decoded(t, BYTES_LITERAL("\x30\x03\x02\x01\x00"));
}

/* RFC 9908 3.4: which attribute it is depends on whether there is a gap. */
static void extensions_without_gaps_are_an_ordinary_request(void **state)
{
    struct task *t = test_task(state);
    struct extension usage = {OID_CE_KEY_USAGE, true, DIGITAL_SIGNATURE};
    struct csr_template template = {.extensions = {&usage, 1}};
    const struct bytes request = BYTES_LITERAL("\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x09\x0E");
    struct bytes der = encoded(t, &template);
    assert_non_null(memmem(der.data, der.len, request.data, request.len));
    usage.value = BYTES_ABSENT;
    der = encoded(t, &template);
    assert_null(memmem(der.data, der.len, request.data, request.len));
    assert_int_equal(decoded(t, der).extensions.count, 1);
}

static void what_cannot_be_said_is_not_written(void **state)
{
    struct task *t = test_task(state);
    struct bytes der = BYTES_LITERAL("unset");
    struct name_attribute wrong_oid = {"commonName", BYTES_ABSENT};
    struct name_attribute wrong_value = {OID_COMMON_NAME, BYTES_LITERAL("\x0C\x06my")};
    struct name_attribute good = {OID_COMMON_NAME, BYTES_ABSENT};
    struct name_rdn rdns[33] = {{&wrong_oid, 1}, {&wrong_value, 1}, {&good, 0}};
    struct extension twice[] = {{OID_CE_KEY_USAGE, true, BYTES_ABSENT},
                                {OID_CE_KEY_USAGE, true, BYTES_ABSENT}};
    const struct csr_template templates[] = {
        {.has_subject = true, .rdns = &rdns[0], .rdn_count = 1},
        {.has_subject = true, .rdns = &rdns[1], .rdn_count = 1},
        {.has_subject = true, .rdns = &rdns[2], .rdn_count = 1},
        {.has_subject = true, .rdns = rdns, .rdn_count = 33},
        {.has_key = true, .key = KEY_OTHER},
        {.has_key = true, .key = KEY_RSA, .rsa_bits = 16385},
        {.extensions = {twice, 2}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(templates); i++)
        assert_fails(t, csr_template_encode(t, &templates[i], &der), E_INVALID);
    assert_bytes_equal(t, der, BYTES_LITERAL("unset"));
}

/* --- what is no template --- */

#define VERSION   "\x02\x01\x00"
#define NO_MORE   "\xA1\x00"
#define EXT_REQ   "\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x09\x0E"
#define EXT_TMPL  "\x06\x0B\x2A\x86\x48\x86\xF7\x0D\x01\x09\x10\x02\x3E"
#define USAGE     "\x30\x05\x06\x03\x55\x1D\x0F"         /* an extension without a value */
#define USAGE_SET "\x30\x07\x06\x03\x55\x1D\x0F\x04\x00" /* and one with an empty one */

static void broken_templates_are_refused(void **state)
{
    static const struct {
        struct bytes der;
        const char *why;
    } cases[] = {
        {BYTES_LITERAL(""), "cannot be read"},
        {BYTES_LITERAL("\x30\x00"), "cannot be read"},
        {BYTES_LITERAL("\x30\x03\x02\x01\x01"), "another version"},
        {BYTES_LITERAL("\x30\x03\x02\x01\xFF"), "another version"},
        {BYTES_LITERAL("\x30\x05" VERSION NO_MORE "\x00"), "octets after"},
        {BYTES_LITERAL("\x30\x09" VERSION "\x30\x02\x31\x00" NO_MORE), "an RDN of 0"},
        /* A placeholder that is no RSA key. */
        {BYTES_LITERAL("\x30\x19" VERSION "\xA0\x12"
                       "\x30\x0D\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01\x05\x00"
                       "\x03\x01\x00" NO_MORE),
         "no RSA modulus"},
        /* One kind twice, and both kinds. */
        {BYTES_LITERAL("\x30\x37" VERSION "\xA1\x32"
                       "\x30\x16" EXT_TMPL "\x31\x07\x30\x05\x30\x03\x06\x01\x29"
                       "\x30\x18" EXT_TMPL "\x31\x09\x30\x07" USAGE),
         "twice"},
        {BYTES_LITERAL("\x30\x38" VERSION "\xA1\x33"
                       "\x30\x18" EXT_REQ "\x31\x0B\x30\x09" USAGE_SET "\x30\x17" EXT_TMPL
                       "\x31\x08\x30\x06\x30\x04\x06\x02\x55\x1D"),
         "twice"},
        {BYTES_LITERAL("\x30\x24" VERSION "\xA1\x1F"
                       "\x30\x1D" EXT_TMPL "\x31\x0E\x30\x0C\x30\x04\x06\x02\x55\x1D"
                       "\x30\x04\x06\x02\x55\x1D"),
         "twice"},
        {BYTES_LITERAL("\x30\x14" VERSION "\xA1\x0F\x30\x0D" EXT_REQ "\x31\x00"), "one SEQUENCE"},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct csr_template template;
        assert_fails(t, csr_template_decode(t, cases[i].der, &template), E_CSRATTRS_MALFORMED);
        assert_detail(t, cases[i].why);
    }
}

static void truncated_templates_are_refused(void **state)
{
    struct task *t = test_task(state);
    struct name_attribute one = {OID_COMMON_NAME, UTF8_MY_DEPT};
    struct name_rdn rdn = {&one, 1};
    struct extension usage = {OID_CE_KEY_USAGE, true, BYTES_ABSENT};
    const struct csr_template given = {.has_subject = true,
                                       .rdns = &rdn,
                                       .rdn_count = 1,
                                       .has_key = true,
                                       .key = KEY_RSA,
                                       .rsa_bits = 2048,
                                       .extensions = {&usage, 1}};
    struct bytes der = encoded(t, &given);
    for (size_t len = 0; len < der.len; len++) {
        struct csr_template template;
        assert_fails(t, csr_template_decode(t, bytes_make(der.data, len), &template),
                     E_CSRATTRS_MALFORMED);
    }
}

static void two_templates_contradict_each_other(void **state)
{
    struct task *t = test_task(state);
    const struct csr_template nothing = {.has_subject = false};
    const struct csrattrs attrs = {.template = &nothing};
    struct bytes one = BYTES_ABSENT;
    struct csrattrs read;
    assert_ok(t, csrattrs_encode(t, &attrs, &one));
    struct bytes element = bytes_make(one.data + 2, one.len - 2);
    const struct bytes parts[] = {
        bytes_make((const uint8_t[]){0x30, (uint8_t)(2 * element.len)}, 2), element, element};
    assert_fails(t, csrattrs_decode(t, bytes_concat(t->arena, parts, 3), &read),
                 E_CSRATTRS_MALFORMED);
    assert_detail(t, "a template twice");
}

/* An algorithm that nobody here knows is read: whoever must make a key will say that it cannot. */
static void unknown_kind_of_key_is_read(void **state)
{
    struct task *t = test_task(state);
    struct csr_template template =
        decoded(t, BYTES_LITERAL("\x30\x0D" VERSION "\xA0\x06\x30\x04\x06\x02\x55\x1D" NO_MORE));
    assert_true(template.has_key);
    assert_int_equal(template.key, KEY_OTHER);
}

/* --- filling --- */

static struct csr_facts device(struct task *t, const char *subject)
{
    struct identity identity = make_identity(t, KEY_P256, subject, false, NULL);
    return (struct csr_facts){.idevid = identity.cert, .key = identity.key, .address = ADDRESS};
}

/* Filled, made a request of, and read again. */
static struct csr filled(struct task *t, const struct csr_template *template,
                         const struct csr_facts *facts)
{
    struct csr_content content;
    struct bytes der = BYTES_ABSENT;
    struct csr csr = {.request = NULL};
    assert_ok(t, csr_fill(t, template, facts, &content));
    assert_ok(t, csr_write(t, facts->key, &content, &der));
    assert_ok(t, csr_parse(t, der, &csr));
    assert_ok(t, csr_verify(t, &csr));
    return csr;
}

static void worked_example_is_filled(void **state)
{
    struct task *t = test_task(state);
    struct text_list names;
    if (!vectors_present())
        skip();
    struct csr_template template =
        decoded(t, vector_read(t, "rfc9908/constructed_s3.4_CertificationRequestInfoTemplate.der"));
    struct csr_facts facts = device(t, "serialNumber=S1,CN=phone,O=Maker");
    struct csr csr = filled(t, &template, &facts);
    assert_string_equal(csr_subject(t, &csr), "OU=myGroup,OU=myDept,CN=phone");
    assert_int_equal(csr.extensions.count, 3);
    assert_ok(t, alt_names_to_text(t, csr.extensions.items[0].value, &names));
    assert_string_equal(names.items[0], "DNS:www.myServer.com");
    assert_string_equal(names.items[1], "IP:192.0.2.7");
    assert_true(csr.extensions.items[1].critical);
    assert_bytes_equal(t, csr.extensions.items[1].value, template.extensions.items[1].value);
    assert_bytes_equal(t, csr.extensions.items[2].value, CLIENT_AUTH);
}

static void gaps_get_what_the_device_has(void **state)
{
    struct task *t = test_task(state);
    struct name_attribute items[] = {{OID_AT_SERIAL_NUMBER, BYTES_ABSENT},
                                     {OID_COMMON_NAME, BYTES_ABSENT},
                                     {OID_ORGANIZATION, BYTES_LITERAL("\x13\x05Owner")}};
    struct name_rdn rdns[] = {{&items[0], 1}, {&items[1], 2}};
    struct extension extensions[] = {
        {OID_CE_SUBJECT_ALT_NAME, false, SAN_WITH_GAPS},
        {OID_CE_KEY_USAGE, true, BYTES_ABSENT},
        {OID_CE_BASIC_CONSTRAINTS, true, BYTES_ABSENT},
        {OID_CE_SUBJECT_KEY_ID, false, BYTES_ABSENT},
        {OID_NAME_OF_OURS, false, BYTES_LITERAL("\x05\x00")},
    };
    const struct csr_template template = {
        .has_subject = true, .rdns = rdns, .rdn_count = 2, .extensions = {extensions, 5}};
    /* No commonName of its own: the serial number takes its place. */
    struct csr_facts facts = device(t, "serialNumber=S1,O=Maker");
    struct csr csr = filled(t, &template, &facts);
    struct text_list names;
    assert_string_equal(csr_subject(t, &csr), "O=Owner+CN=S1,serialNumber=S1");
    assert_ok(t, alt_names_to_text(t, csr.extensions.items[0].value, &names));
    assert_string_equal(names.items[0], "IP:192.0.2.7");
    assert_memory_equal(names.items[1], "dirName:", 8);
    assert_bytes_equal(t, csr.extensions.items[1].value, DIGITAL_SIGNATURE);
    assert_bytes_equal(t, csr.extensions.items[2].value, BYTES_LITERAL("\x30\x00"));
    assert_int_equal(csr.extensions.items[3].value.len, 22);
    assert_bytes_equal(t, csr.extensions.items[4].value, extensions[4].value);
}

static void subject_is_the_idevids_when_none_is_demanded(void **state)
{
    struct task *t = test_task(state);
    const struct csr_template none = {.has_subject = false};
    const struct csr_template empty = {.has_subject = true};
    struct csr_facts facts = device(t, "serialNumber=S1,O=Maker");
    struct csr csr = filled(t, &none, &facts);
    assert_string_equal(csr_subject(t, &csr), "serialNumber=S1,O=Maker");
    csr = filled(t, &empty, &facts);
    assert_string_equal(csr_subject(t, &csr), "");
}

static void gap_without_anything_to_fill_it_is_said(void **state)
{
    struct task *t = test_task(state);
    struct name_attribute unit = {OID_ORG_UNIT, BYTES_ABSENT};
    struct name_rdn rdn = {&unit, 1};
    struct extension names[] = {{OID_CE_SUBJECT_ALT_NAME, false, SAN_WITH_GAPS},
                                {OID_CE_SUBJECT_ALT_NAME, false, BYTES_ABSENT}};
    const struct csr_template templates[] = {
        {.has_subject = true, .rdns = &rdn, .rdn_count = 1},
        {.extensions = {&names[0], 1}},
        {.extensions = {&names[1], 1}},
    };
    struct csr_facts facts = device(t, "serialNumber=S1,O=Maker");
    facts.address = BYTES_ABSENT;
    for (size_t i = 0; i < ARRAY_SIZE(templates); i++) {
        struct csr_content content;
        assert_fails(t, csr_fill(t, &templates[i], &facts, &content), E_CSRATTRS_UNMET);
    }
}

static void other_attributes_are_copied(void **state)
{
    struct task *t = test_task(state);
    struct csr_attribute attribute = {OID_UNSTRUCTURED, BYTES_LITERAL("\x31\x03\x16\x01\x61")};
    const struct csr_template template = {.attributes = &attribute, .attribute_count = 1};
    struct csr_facts facts = device(t, "serialNumber=S1");
    struct csr csr = filled(t, &template, &facts);
    int at = X509_REQ_get_attr_by_NID(csr.request, NID_pkcs9_unstructuredName, -1);
    assert_true(at >= 0);
}

static void filled_request_is_read_by_openssl(void **state)
{
    struct task *t = test_task(state);
    struct csr_content content;
    struct bytes der = BYTES_ABSENT;
    const char *output;
    struct extension names = {OID_CE_SUBJECT_ALT_NAME, false, SAN_WITH_GAPS};
    const struct csr_template template = {.extensions = {&names, 1}};
    struct csr_facts facts = device(t, "serialNumber=S1,O=Maker");
    assert_ok(t, csr_fill(t, &template, &facts, &content));
    assert_ok(t, csr_write(t, facts.key, &content, &der));
    const char *path = put_file(state, "request.der", der);
    assert_int_equal(RUN(state, &output, "openssl", "req", "-inform", "DER", "-in", path, "-noout",
                         "-text", "-verify"),
                     0);
    assert_non_null(strstr(output, "IP Address:192.0.2.7"));
    assert_non_null(strstr(output, "DirName:/O=Maker/serialNumber=S1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(worked_example_is_read),
        PKI_TEST(template_beside_legacy_elements_is_read),
        PKI_TEST(everything_in_the_model_survives_the_wire),
        PKI_TEST(nothing_demanded_is_a_template_too),
        PKI_TEST(extensions_without_gaps_are_an_ordinary_request),
        PKI_TEST(what_cannot_be_said_is_not_written),
        PKI_TEST(broken_templates_are_refused),
        PKI_TEST(truncated_templates_are_refused),
        PKI_TEST(two_templates_contradict_each_other),
        PKI_TEST(unknown_kind_of_key_is_read),
        PKI_TEST(worked_example_is_filled),
        PKI_TEST(gaps_get_what_the_device_has),
        PKI_TEST(subject_is_the_idevids_when_none_is_demanded),
        PKI_TEST(gap_without_anything_to_fill_it_is_said),
        PKI_TEST(other_attributes_are_copied),
        PKI_TEST(filled_request_is_read_by_openssl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
