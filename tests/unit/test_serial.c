#include "tests/unit/pki_fixture.h"

#include "core/pki/serial.h"

#include <string.h>

/* DER of a SubjectAltName with one otherName: of that type, with that value. */
static struct bytes other_name(struct task *t, struct bytes oid, struct bytes value)
{
    struct bytes parts[] = {
        {(const uint8_t[]){0x30, (uint8_t)(oid.len + value.len + 4)}, 2},
        {(const uint8_t[]){0xA0, (uint8_t)(oid.len + value.len + 2)}, 2},
        oid,
        {(const uint8_t[]){0xA0, (uint8_t)value.len}, 2},
        value,
    };
    return bytes_concat(t->arena, parts, ARRAY_SIZE(parts));
}

#define HARDWARE_NAME BYTES_LITERAL("\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x04")
#define ANOTHER_NAME  BYTES_LITERAL("\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x05")
/* SEQUENCE { OID 1.2.3, OCTET STRING ... } */
#define HARDWARE(digits, number) BYTES_LITERAL("\x30" digits "\x06\x02\x2a\x03" number)

static const struct cert *with_name(struct task *t, struct bytes oid, struct bytes value)
{
    return cert_with_extension(t, OID_CE_SUBJECT_ALT_NAME, other_name(t, oid, value));
}

static const char *serial_of(struct task *t, const struct cert *cert, enum serial_source source,
                             const char *pattern)
{
    const char *serial = NULL;
    const struct serial_rule rule = {source, pattern};
    assert_ok(t, serial_rule_check(t, &rule));
    assert_ok(t, cert_device_serial(t, cert, &rule, &serial));
    return serial;
}

#define CISCO "^PID:[^ ]+ SN:([A-Z0-9]{11})$"

static void serial_numbers_of_real_idevids_are_read(void **state)
{
    static const struct {
        const char *file;
        enum serial_source source;
        const char *pattern;
        const char *serial; /* NULL: there is none */
    } rows[] = {
        {"cisco-sudi", SERIAL_FROM_SUBJECT, NULL, "PID:C9500-16X SN:FCW2117A56M"},
        {"cisco-sudi", SERIAL_FROM_SUBJECT, CISCO, "FCW2117A56M"},
        {"cisco-sudi", SERIAL_FROM_SUBJECT, "SN:(.*)", "FCW2117A56M"},
        {"cisco-sudi", SERIAL_FROM_COMMON_NAME, NULL, "C9500-16X"},
        {"cisco-act2-sudi", SERIAL_FROM_SUBJECT, CISCO, "FDO27361XTF"},
        {"cisco-act2-sudi", SERIAL_FROM_SUBJECT, "^PID:([^ ]*)", "CHIMAY-U-AC"},
        {"huawei-iak", SERIAL_FROM_COMMON_NAME, "^([A-Z0-9]+)\\.huawei\\.com$",
         "2102351TQD10K1000126"},
        {"huawei-iak", SERIAL_FROM_SUBJECT, NULL, NULL},
        /* Their alternative names are others: a chip's, a TPM's. */
        {"cisco-sudi", SERIAL_FROM_HARDWARE_MODULE_NAME, NULL, NULL},
        {"cisco-act2-sudi", SERIAL_FROM_HARDWARE_MODULE_NAME, NULL, NULL},
        {"huawei-iak", SERIAL_FROM_HARDWARE_MODULE_NAME, NULL, NULL},
        /* An endorsement key's certificate names no device at all. */
        {"huawei-ek", SERIAL_FROM_SUBJECT, NULL, NULL},
        {"huawei-ek", SERIAL_FROM_COMMON_NAME, "(.*)", NULL},
        {"huawei-ek", SERIAL_FROM_HARDWARE_MODULE_NAME, NULL, NULL},
    };
    struct task *t = test_task(state);
    if (!vectors_present())
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *file = arena_printf(t->arena, "idevid-real/%s.pem", rows[i].file);
        const char *serial = serial_of(t, vector_cert(t, file), rows[i].source, rows[i].pattern);
        if (rows[i].serial == NULL)
            assert_null(serial);
        else
            assert_string_equal(serial, rows[i].serial);
    }
}

static void value_that_does_not_match_is_told(void **state)
{
    struct task *t = test_task(state);
    const struct cert *cert = make_device(t, "serialNumber=PID:X SN:", NULL).cert;
    const struct serial_rule rules[] = {
        {SERIAL_FROM_SUBJECT, "SN:([0-9]+)"},
        {SERIAL_FROM_SUBJECT, "SN:([0-9]*)"},  /* matches, with nothing in the group */
        {SERIAL_FROM_SUBJECT, "SN:([0-9]+)?"}, /* matches without the group */
    };
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        const char *serial = "unset";
        assert_fails(t, cert_device_serial(t, cert, &rules[i], &serial), E_SERIAL_PATTERN);
        assert_string_equal(serial, "unset");
        assert_detail(t, "PID:X SN:");
    }
}

static void pattern_must_have_one_group_and_a_price_that_can_be_paid(void **state)
{
    static const char *const wrong[] = {
        "",
        "SN:.*",
        "(SN:)(.*)",
        "((SN:).*)",
        "(",
        "(a",
        "[(]",
        "(a)\\1",
        "([{]b)\\1",
        "(a{2}\\2)",
        "(a{2,1})",
        "([[:none:]])",
        "(a{600})",
        "((a{30}){30})",
        "(a{100}b{500})",
        "([]a(]{600})",
        "(a+*)",
        "(a?{2})",
        "(a{99999999999999999999})",
        "([)]x{30}){30}()",
    };
    static const char *const right[] = {
        "(.*)",
        "^([A-Z]{3}[0-9]{4}[0-9A-Z]{4})$",
        "(a\\(b\\)c)",
        "([()]+)",
        "([]{9}]*)",
        "(\\{9})",
        "SN:([[:alnum:]]{11})",
        "(a|b){32}",
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        if (serial_rule_check(t, &(struct serial_rule){SERIAL_FROM_SUBJECT, wrong[i]}))
            fail_msg("%s passed", wrong[i]);
        assert_ptr_equal(t->problem, E_INVALID);
        task_forgive(t);
    }
    for (size_t i = 0; i < ARRAY_SIZE(right); i++)
        assert_ok(t, serial_rule_check(t, &(struct serial_rule){SERIAL_FROM_SUBJECT, right[i]}));
    char *text = arena_alloc(t->arena, SERIAL_PATTERN_MAX + 2);
    memset(text, 'a', SERIAL_PATTERN_MAX + 1);
    text[0] = '(';
    text[SERIAL_PATTERN_MAX] = ')';
    const struct serial_rule rule = {SERIAL_FROM_SUBJECT, text};
    assert_fails(t, serial_rule_check(t, &rule), E_INVALID);
    text[SERIAL_PATTERN_MAX - 1] = ')';
    text[SERIAL_PATTERN_MAX] = '\0';
    assert_ok(t, serial_rule_check(t, &rule));
    /* Nor is a pattern used that has not been checked. */
    const struct cert *cert = make_device(t, "serialNumber=aa", NULL).cert;
    const char *serial;
    assert_fails(t, cert_device_serial(t, cert, &(struct serial_rule){0, "(a)\\1"}, &serial),
                 E_INVALID);
}

static void hardware_module_name_is_read_as_text_or_digits(void **state)
{
    struct task *t = test_task(state);
    const enum serial_source source = SERIAL_FROM_HARDWARE_MODULE_NAME;
    const struct cert *cert = with_name(t, HARDWARE_NAME, HARDWARE("\x0c", "\x04\x06SN-123"));
    assert_string_equal(serial_of(t, cert, source, NULL), "SN-123");
    assert_string_equal(serial_of(t, cert, source, "^SN-(.*)$"), "123");
    cert = with_name(t, HARDWARE_NAME, HARDWARE("\x09", "\x04\x03\x01\xFE\x20"));
    assert_string_equal(serial_of(t, cert, source, NULL), "01fe20");
    cert = with_name(t, ANOTHER_NAME, HARDWARE("\x0c", "\x04\x06SN-123"));
    assert_null(serial_of(t, cert, source, NULL));
    assert_null(serial_of(t, make_device(t, "CN=a", NULL).cert, source, NULL));
}

static void hardware_module_name_that_is_none_is_refused(void **state)
{
    struct task *t = test_task(state);
    const struct bytes wrong[] = {
        BYTES_LITERAL("\x0c\x02SN"),
        BYTES_LITERAL("\x30\x00"),
        HARDWARE("\x06", "\x04\x00"),
        HARDWARE("\x04", ""),
        HARDWARE("\x08", "\x0c\x02SN"),              /* UTF8String */
        HARDWARE("\x0a", "\x04\x02SN\x05\x00"),      /* one item more */
        BYTES_LITERAL("\x30\x06\x04\x02SN\x05\x00"), /* no OID first */
    };
    const struct serial_rule rule = {SERIAL_FROM_HARDWARE_MODULE_NAME, NULL};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        const char *serial = "unset";
        const struct cert *cert = with_name(t, HARDWARE_NAME, wrong[i]);
        assert_fails(t, cert_device_serial(t, cert, &rule, &serial), E_CERT_MALFORMED);
        assert_string_equal(serial, "unset");
    }
}

/* A certificate with this commonName alone, however long. */
static const struct cert *with_common_name(struct task *t, const char *text)
{
    struct identity device = make_device(t, "CN=a", NULL);
    X509 *x509 = copy_to_spoil(t, device.cert);
    const struct cert *cert = NULL;
    X509_NAME *name = X509_NAME_new();
    X509_NAME_ENTRY *entry = X509_NAME_ENTRY_create_by_NID(
        NULL, NID_commonName, V_ASN1_UTF8STRING, (const unsigned char *)text, (int)strlen(text));
    assert_int_equal(X509_NAME_add_entry(name, entry, -1, 0), 1);
    assert_int_equal(X509_set_subject_name(x509, name), 1);
    X509_NAME_ENTRY_free(entry);
    X509_NAME_free(name);
    assert_ok(t, cert_parse(t, sign_spoilt(x509, t, device.key, EVP_sha256()), &cert));
    return cert;
}

static void value_that_is_too_long_or_there_twice_is_refused(void **state)
{
    struct task *t = test_task(state);
    const char *serial = "unset";
    const char *longest = arena_printf(t->arena, "%0*d", SERIAL_VALUE_MAX, 7);
    const char *longer = arena_printf(t->arena, "0%s", longest);
    const struct serial_rule rule = {SERIAL_FROM_COMMON_NAME, "(.)$"};
    assert_fails(t, cert_device_serial(t, with_common_name(t, longer), &rule, &serial),
                 E_CERT_MALFORMED);
    assert_fails(t, cert_device_serial(t, make_device(t, "CN=a,CN=b", NULL).cert, &rule, &serial),
                 E_CERT_MALFORMED);
    assert_string_equal(serial, "unset");
    assert_string_equal(serial_of(t, with_common_name(t, longest), rule.source, rule.pattern), "7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(serial_numbers_of_real_idevids_are_read),
        PKI_TEST(value_that_does_not_match_is_told),
        PKI_TEST(pattern_must_have_one_group_and_a_price_that_can_be_paid),
        PKI_TEST(hardware_module_name_is_read_as_text_or_digits),
        PKI_TEST(hardware_module_name_that_is_none_is_refused),
        PKI_TEST(value_that_is_too_long_or_there_twice_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
