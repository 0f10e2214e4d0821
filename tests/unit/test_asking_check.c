/* Whether a request is what was asked for. */
#include "tests/unit/asking_fixture.h"

#include "core/asking/check.h"
#include "core/pki/csr_fill.h"

#include <string.h>

#define ADDRESS       BYTES_LITERAL("\xC0\x00\x02\x07")
#define OTHER_ADDRESS BYTES_LITERAL("\xC0\x00\x02\x08")

struct scene {
    struct profile profile;
    struct csrattrs asked;
    struct identity idevid;
    struct sender sender;
};

/* What the device was told, read from the octets that it was handed. */
static struct scene scene_of(struct task *t, const char *json)
{
    struct scene s = {.profile = profile_of(t, json)};
    struct bytes der = BYTES_ABSENT;
    struct wishes wishes = wishes_of(t, &s.profile, router());
    assert_ok(t, csrattrs_encode(t, &wishes.attrs, &der));
    assert_ok(t, csrattrs_decode(t, der, &s.asked));
    s.idevid = make_device(t, "serialNumber=R/1,O=Acme", NULL);
    s.sender = (struct sender){.serial = "R/1", .idevid = s.idevid.cert, .address = ADDRESS};
    return s;
}

static struct csr parsed(struct task *t, struct bytes der)
{
    struct csr csr = {.request = NULL};
    assert_ok(t, csr_parse(t, der, &csr));
    return csr;
}

static struct csr csr_of(struct task *t, enum key_kind kind, const char *subject,
                         const struct extension_list *extensions, const char *signature)
{
    EVP_PKEY *key = NULL;
    X509_NAME *name = NULL;
    struct bytes der = BYTES_ABSENT;
    assert_ok(t, key_generate(t, kind, 2048, &key));
    assert_ok(t, name_from_text(t, subject, &name));
    assert_ok(t, csr_build(t, key, name, extensions, NULL, signature, &der));
    return parsed(t, der);
}

static void refused(struct task *t, const struct scene *s, const struct csr *csr, const char *why)
{
    struct sender sender = s->sender;
    sender.profile = &s->profile;
    assert_fails(t, csr_as_asked(t, csr, &s->asked, &sender), E_CSR_NOT_AS_ASKED);
    assert_detail(t, why);
}

static void taken(struct task *t, const struct scene *s, const struct csr *csr)
{
    struct sender sender = s->sender;
    sender.profile = &s->profile;
    assert_ok(t, csr_as_asked(t, csr, &s->asked, &sender));
}

static struct extension_list names(struct task *t, const char *const *items, size_t count)
{
    struct extension *san = arena_alloc(t->arena, sizeof(*san));
    const struct text_list list = {(const char **)items, count};
    san->oid = OID_CE_SUBJECT_ALT_NAME;
    assert_ok(t, extension_dns_names(t, &list, &san->value));
    return (struct extension_list){san, 1};
}

static void legacy_request_is_held_against_each_element(void **state)
{
    static const char *const right[] = {"r.example.com", "s.example.com"};
    static const char *const other[] = {"r.example.com", "t.example.com"};
    struct task *t = test_task(state);
    struct scene s = scene_of(t, "{\"alt-names\":[{\"value\":\"s.example.com\"},"
                                 "{\"value\":\"r.example.com\"}],\"fill\":[\"2.5.4.5\"]}");
    struct extension_list both = names(t, right, 2);
    struct extension_list one = names(t, right, 1);
    struct extension_list wrong = names(t, other, 2);
    struct extension more[] = {both.items[0], {"1.2.3", false, BYTES_LITERAL("\x05\x00")}};
    const struct extension_list besides = {more, 2};
    struct csr csr = csr_of(t, KEY_P256, "serialNumber=R/1,O=Acme", &both, NULL);
    taken(t, &s, &csr); /* in whatever order */
    csr = csr_of(t, KEY_P256, "CN=r.example.com,serialNumber=R/1", &both, NULL);
    taken(t, &s, &csr); /* a given name may be the common name */
    csr = csr_of(t, KEY_P384, "serialNumber=R/1", &both, OID_ECDSA_SHA256);
    refused(t, &s, &csr, "key is EC P-384, asked for is EC P-256");
    csr = csr_of(t, KEY_P256, "serialNumber=R/1", &both, OID_ECDSA_SHA512);
    refused(t, &s, &csr, "asked for is ecdsa-with-SHA256");
    csr = csr_of(t, KEY_P256, "serialNumber=R/1", &one, NULL);
    refused(t, &s, &csr, "the name DNS:s.example.com is asked for; the request has DNS:r");
    csr = csr_of(t, KEY_P256, "serialNumber=R/1", &wrong, NULL);
    refused(t, &s, &csr, "the name DNS:s.example.com is asked for");
    csr = csr_of(t, KEY_P256, "serialNumber=R/1", NULL, NULL);
    refused(t, &s, &csr, "the request has none");
    csr = csr_of(t, KEY_P256, "serialNumber=R/1", &besides, NULL);
    refused(t, &s, &csr, "extension 1.2.3 was not asked for");
    csr = csr_of(t, KEY_P256, "O=Acme", &both, NULL);
    refused(t, &s, &csr, "serialNumber (2.5.4.5) is to be filled");
    csr = csr_of(t, KEY_P256, "serialNumber=R/1,O=Other", &both, NULL);
    refused(t, &s, &csr, "neither the IDevID");
}

static void name_that_nobody_asked_for_is_refused(void **state)
{
    static const char *const two[] = {"r.example.com", "bank.example.com"};
    struct task *t = test_task(state);
    struct scene s = scene_of(t, "{\"alt-names\":[{\"value\":\"r.example.com\"}]}");
    struct extension_list list = names(t, two, 2);
    struct csr csr = csr_of(t, KEY_P256, "serialNumber=R/1", &list, NULL);
    refused(t, &s, &csr, "the name DNS:bank.example.com was not asked for");
    s.sender.serial = NULL; /* of others est/names.h knows which they may have */
    taken(t, &s, &csr);
}

#define TEMPLATE                                                                                   \
    "{\"csrattrs\":\"template\",\"subject\":[{\"type\":\"O\",\"value\":\"Example\"},"              \
    "{\"type\":\"L\"},{\"type\":\"serialNumber\"}],\"alt-names\":[{\"value\":\"r.example.com\"},"  \
    "{\"kind\":\"ip\"},{\"kind\":\"directory-name\"}],"                                            \
    "\"key-usage\":[\"digitalSignature\",\"keyAgreement\"],\"ask-key-usage\":\"fill\","            \
    "\"ask-ext-key-usage\":\"fill\",\"extensions\":[{\"oid\":\"1.2.3\",\"text\":\"{serial}\"}]}"

#define CLIENT_AUTH BYTES_LITERAL("\x30\x0A\x06\x08\x2B\x06\x01\x05\x05\x07\x03\x02")
#define SERVER_AUTH BYTES_LITERAL("\x30\x0A\x06\x08\x2B\x06\x01\x05\x05\x07\x03\x01")

/* What the template leaves to the device, filled. */
struct filling {
    const char *subject;
    struct bytes address;
    struct bytes key_usage;
    struct bytes ext_key_usage;
    struct bytes text;
};

static const struct filling right_filling = {
    .subject = "serialNumber=R/1,L=Basement,O=Example",
    .address = ADDRESS,
    .key_usage = BYTES_LITERAL("\x03\x02\x07\x80"),
    .ext_key_usage = CLIENT_AUTH,
    .text = BYTES_LITERAL("\x0C\x03R/1"),
};

static struct csr csr_filled(struct task *t, const struct filling *f)
{
    X509_NAME *subject = NULL;
    struct extension items[] = {
        {OID_CE_SUBJECT_ALT_NAME, false, BYTES_ABSENT},
        {OID_CE_KEY_USAGE, true, f->key_usage},
        {OID_CE_EXT_KEY_USAGE, false, f->ext_key_usage},
        {"1.2.3", false, f->text},
    };
    assert_ok(t, name_from_text(t, f->subject, &subject));
    const unsigned char *der;
    size_t len;
    assert_int_equal(X509_NAME_get0_der(subject, &der, &len), 1);
    const uint8_t dns[] = "\x82\x0Dr.example.com";
    const uint8_t ip[] = {0x87, (uint8_t)f->address.len};
    const uint8_t directory[] = {0xA4, (uint8_t)len};
    struct bytes parts[] = {bytes_make(dns, sizeof(dns) - 1), bytes_make(ip, sizeof(ip)),
                            f->address, bytes_make(directory, sizeof(directory)),
                            bytes_make(der, len)};
    struct bytes content = bytes_concat(t->arena, parts, ARRAY_SIZE(parts));
    const uint8_t head[] = {0x30, (uint8_t)content.len};
    struct bytes all[] = {bytes_make(head, sizeof(head)), content};
    items[0].value = bytes_concat(t->arena, all, 2);
    const struct extension_list list = {items, ARRAY_SIZE(items)};
    return csr_of(t, KEY_P256, f->subject, &list, NULL);
}

static void gaps_of_a_template_are_filled_with_what_is_the_devices_own(void **state)
{
    static const struct {
        struct filling filling;
        const char *why;
    } wrong[] = {
        {{.subject = "serialNumber=R/2,L=Basement,O=Example"}, "serialNumber (2.5.4.5) is to be "},
        {{.subject = "serialNumber=R/1,O=Example"}, "RDN 2 of the subject is to be L"},
        {{.subject = "L=Basement,serialNumber=R/1,O=Example"}, "RDN 2 of the subject is to be L"},
        {{.subject = "CN=r,serialNumber=R/1,L=Basement,O=Example"}, "more than the 3 attributes"},
        {{.subject = "serialNumber=R/1,L=Basement,O=Acme"}, "O (2.5.4.10) is Acme, asked for is"},
        {{.subject = "serialNumber=R/1,L=Basement+O=Example"}, "RDN 2"},
        {{.address = OTHER_ADDRESS}, "IP:192.0.2.8 and sends from another"},
        {{.key_usage = BYTES_LITERAL("\x03\x02\x05\xA0")}, "beyond what the profile gives"},
        {{.ext_key_usage = SERVER_AUTH}, "beyond what the profile gives"},
        {{.text = BYTES_LITERAL("\x0C\x03R/2")}, "asked for is 0c03522f31"},
    };
    struct task *t = test_task(state);
    struct scene s = scene_of(t, TEMPLATE);
    struct csr csr = csr_filled(t, &right_filling);
    taken(t, &s, &csr);
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct filling f = right_filling;
        const struct filling *w = &wrong[i].filling;
        f.subject = w->subject == NULL ? f.subject : w->subject;
        f.address = bytes_present(w->address) ? w->address : f.address;
        f.key_usage = bytes_present(w->key_usage) ? w->key_usage : f.key_usage;
        f.ext_key_usage = bytes_present(w->ext_key_usage) ? w->ext_key_usage : f.ext_key_usage;
        f.text = bytes_present(w->text) ? w->text : f.text;
        csr = csr_filled(t, &f);
        refused(t, &s, &csr, wrong[i].why);
    }
}

/* What our own pledge makes of the template is what is asked. */
static void request_filled_by_the_template_is_as_asked(void **state)
{
    static const char *const texts[] = {
        "{\"csrattrs\":\"template\",\"subject\":[{\"type\":\"O\",\"value\":\"Example\"},"
        "{\"type\":\"CN\"}],\"alt-names\":[{\"value\":\"r.example.com\"},{\"kind\":\"ip\"},"
        "{\"kind\":\"directory-name\"}],\"ask-key-usage\":\"fill\",\"ask-ext-key-usage\":"
        "\"value\"}",
        "{\"csrattrs\":\"template\",\"subject\":[{\"type\":\"serialNumber\","
        "\"value\":\"{opaque}\"}],\"alt-names\":[{\"value\":\"{opaque}.example.com\"}]}",
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct scene s = scene_of(t, texts[i]);
        struct csr_content content;
        EVP_PKEY *key = NULL;
        struct bytes der = BYTES_ABSENT;
        assert_ok(t, key_generate(t, KEY_P256, 0, &key));
        const struct csr_facts facts = {s.idevid.cert, key, ADDRESS};
        assert_ok(t, csr_fill(t, s.asked.template, &facts, &content));
        content.signature_oid = s.asked.signature_oid;
        assert_ok(t, csr_write(t, key, &content, &der));
        struct csr csr = parsed(t, der);
        taken(t, &s, &csr);
    }
}

static void either_way_of_asking_may_be_followed(void **state)
{
    static const char *const name[] = {"r.example.com"};
    struct task *t = test_task(state);
    struct scene s = scene_of(t, "{\"csrattrs\":\"both\",\"subject\":[{\"type\":\"O\",\"value\":"
                                 "\"Example\"}],\"alt-names\":[{\"value\":\"r.example.com\"}]}");
    struct extension_list list = names(t, name, 1);
    struct csr csr = csr_of(t, KEY_P256, "O=Example", &list, NULL);
    taken(t, &s, &csr);
    csr = csr_of(t, KEY_P256, "serialNumber=R/1,O=Acme", &list, NULL);
    taken(t, &s, &csr);
    csr = csr_of(t, KEY_P256, "O=Bank", &list, NULL);
    refused(t, &s, &csr, "not as the template asks: the subject's O");
    assert_detail(t, "nor as the rest does: the subject O=Bank states what neither");
}

static void serial_number_stays_out_where_an_opaque_identifier_takes_its_place(void **state)
{
    static const char *const name[] = {OPAQUE ".example.com"};
    struct task *t = test_task(state);
    struct scene s = scene_of(t, "{\"alt-names\":[{\"value\":\"{opaque}.example.com\"}]}");
    struct extension_list list = names(t, name, 1);
    struct csr csr = csr_of(t, KEY_P256, "serialNumber=R/1,O=Acme", &list, NULL);
    refused(t, &s, &csr, "tells the serial number");
    csr = csr_of(t, KEY_P256, "O=Acme", &list, NULL);
    taken(t, &s, &csr);
}

static void channel_binding_is_missed(void **state)
{
    struct task *t = test_task(state);
    struct scene s = scene_of(t, "{\"challenge-password\":true}");
    struct csr csr = csr_of(t, KEY_P256, "serialNumber=R/1", NULL, NULL);
    refused(t, &s, &csr, "challengePassword");
    s.sender.binds_itself = true;
    taken(t, &s, &csr);
}

/* What the CA would put into the certificate is asked for, also of those who may ask for more. */
static void nothing_is_taken_from_a_request_that_was_not_asked_for(void **state)
{
    struct task *t = test_task(state);
    struct extension items[] = {{"1.2.3", false, BYTES_LITERAL("\x0C\x03spy")},
                                {"1.2.4", false, BYTES_LITERAL("\x05\x00")}};
    struct extension usage = {OID_CE_KEY_USAGE, true, BYTES_LITERAL("\x03\x02\x05\xA0")};
    const struct extension_list first = {items, 1};
    const struct extension_list second = {items + 1, 1};
    const struct extension_list usages = {&usage, 1};
    struct scene s = scene_of(t, "{\"csrattrs\":\"both\",\"ask-key-usage\":\"fill\",\"extensions\":"
                                 "[{\"oid\":\"1.2.3\",\"text\":\"{serial}\"}]}");
    struct wishes anybody = wishes_of(t, &s.profile, NULL);
    s.asked = anybody.attrs;
    s.sender = (struct sender){.serial = NULL};
    struct csr csr = csr_of(t, KEY_P256, "CN=a", &first, NULL);
    refused(t, &s, &csr, "extension 1.2.3 was not asked for");
    csr = csr_of(t, KEY_P256, "CN=a", &second, NULL);
    taken(t, &s, &csr);
    csr = csr_of(t, KEY_P256, "CN=a", &usages, NULL);
    refused(t, &s, &csr, "beyond what the profile gives");
}

/* Of a renewal: key and usages are those that the profile asks for now, names are not looked at. */
static void renewal_is_held_against_all_but_the_names(void **state)
{
    struct task *t = test_task(state);
    struct extension usage = {OID_CE_KEY_USAGE, true, BYTES_LITERAL("\x03\x02\x07\x80")};
    const struct extension_list with = {&usage, 1};
    struct scene s = scene_of(t, "{\"csrattrs\":\"template\",\"ask-key-usage\":\"value\","
                                 "\"subject\":[{\"type\":\"O\",\"value\":\"New\"}]}");
    s.sender.profile = &s.profile;
    struct csr csr = csr_of(t, KEY_P256, "O=Old", &with, NULL);
    assert_ok(t, csr_renewal_as_asked(t, &csr, &s.asked, &s.sender));
    csr = csr_of(t, KEY_P256, "O=Old", NULL, NULL);
    assert_fails(t, csr_renewal_as_asked(t, &csr, &s.asked, &s.sender), E_CSR_NOT_AS_ASKED);
    assert_detail(t, "keyUsage (2.5.29.15) is asked for and missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(legacy_request_is_held_against_each_element),
        PKI_TEST(name_that_nobody_asked_for_is_refused),
        PKI_TEST(gaps_of_a_template_are_filled_with_what_is_the_devices_own),
        PKI_TEST(request_filled_by_the_template_is_as_asked),
        PKI_TEST(either_way_of_asking_may_be_followed),
        PKI_TEST(serial_number_stays_out_where_an_opaque_identifier_takes_its_place),
        PKI_TEST(channel_binding_is_missed),
        PKI_TEST(nothing_is_taken_from_a_request_that_was_not_asked_for),
        PKI_TEST(renewal_is_held_against_all_but_the_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
