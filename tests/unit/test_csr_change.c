/* ChangeSubjectName in a certification request (RFC 6402 2.8). */
#include "tests/unit/pki_fixture.h"

#define CHANGE "1.3.6.1.5.5.7.7.36"

/* Ready to be parsed, with this ChangeSubjectName. */
static struct bytes with_change(struct task *t, struct bytes value)
{
    const uint8_t head[] = {0x31, (uint8_t)value.len};
    const struct bytes parts[] = {bytes_make(head, sizeof(head)), value};
    struct csr_attribute change = {CHANGE, bytes_concat(t->arena, parts, 2)};
    struct csr_content content = {.attributes = &change, .attribute_count = 1};
    struct bytes der = BYTES_ABSENT;
    EVP_PKEY *key = NULL;
    assert_ok(t, name_from_text(t, "CN=old", &content.subject));
    assert_ok(t, key_generate(t, KEY_P256, 0, &key));
    assert_ok(t, csr_write(t, key, &content, &der));
    return der;
}

#define NEW_SUBJECT "\x30\x0E\x31\x0C\x30\x0A\x06\x03\x55\x04\x03\x0C\x03new"
#define NEW_NAMES   "\x05\x82\x03x.y"

static void names_to_be_changed_are_read_with_and_without_a_tag(void **state)
{
    static const struct {
        struct bytes value;
        const char *subject;
        bool names;
    } right[] = {
        {BYTES_LITERAL("\x30\x10" NEW_SUBJECT), "CN=new", false},
        {BYTES_LITERAL("\x30\x17" NEW_SUBJECT "\x30" NEW_NAMES), "CN=new", true},
        {BYTES_LITERAL("\x30\x17" NEW_SUBJECT "\xA1" NEW_NAMES), "CN=new", true},
        {BYTES_LITERAL("\x30\x07\x30" NEW_NAMES), "CN=old", true},
        {BYTES_LITERAL("\x30\x07\xA1" NEW_NAMES), "CN=old", true},
        {BYTES_LITERAL("\x30\x02\x30\x00"), "", false},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
        struct csr csr;
        assert_ok(t, csr_parse(t, with_change(t, right[i].value), &csr));
        assert_true(csr.change.asked);
        assert_string_equal(csr_wanted_subject_text(t, &csr), right[i].subject);
        assert_string_equal(csr_subject(t, &csr), "CN=old");
        if (right[i].names)
            assert_bytes_equal(t, csr_wanted_alt_names(&csr), BYTES_LITERAL("\x30" NEW_NAMES));
        else
            assert_false(bytes_present(csr_wanted_alt_names(&csr)));
    }
}

static void change_of_names_that_is_none_is_refused(void **state)
{
    static const struct bytes wrong[] = {
        BYTES_LITERAL("\x30\x00"),                                /* names nothing */
        BYTES_LITERAL("\x0C\x03new"),                             /* no SEQUENCE */
        BYTES_LITERAL("\x30\x05\x0C\x03new"),                     /* no name */
        BYTES_LITERAL("\x30\x17\x30" NEW_NAMES NEW_SUBJECT),      /* the wrong way round */
        BYTES_LITERAL("\x30\x0E\x30" NEW_NAMES "\xA1" NEW_NAMES), /* twice */
        BYTES_LITERAL("\x30\x20" NEW_SUBJECT NEW_SUBJECT),        /* twice */
        BYTES_LITERAL("\x30\x02\xA1\x00"),                        /* no name in it */
        BYTES_LITERAL("\x30\x05\xA1\x03\x30\x01\x00"),            /* a name that is none */
    };
    struct task *t = test_task(state);
    struct csr csr;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_fails(t, csr_parse(t, with_change(t, wrong[i]), &csr), E_CSR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(names_to_be_changed_are_read_with_and_without_a_tag),
        PKI_TEST(change_of_names_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
