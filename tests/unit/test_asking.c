/* What a profile asks of a request, and whether it is there. */
#include "tests/unit/pki_fixture.h"

#include "core/asking/check.h"
#include "core/base/json.h"
#include "core/pki/csr_fill.h"

#include <string.h>

#define ADDRESS       BYTES_LITERAL("\xC0\x00\x02\x07")
#define OTHER_ADDRESS BYTES_LITERAL("\xC0\x00\x02\x08")
#define OPAQUE        "0123456789abcdef0123456789abcdef"

/* ---- Profiles, as an administrator writes them ---- */

static bool read_profile(struct task *t, const char *json, struct profile *ret)
{
    json_t *object;
    struct profile profile;
    record_init(t, &profile_type, &profile);
    profile.name = "test";
    TRY(json_parse(t, bytes_of_text(json), &object));
    TRY(record_from_json(t, &profile_type, object, &profile));
    TRY(profile_check(t, &profile));
    TRY(wishes_check(t, &profile));
    *ret = profile;
    return true;
}

static struct profile profile_of(struct task *t, const char *json)
{
    struct profile profile;
    assert_ok(t, read_profile(t, json, &profile));
    return profile;
}

static const struct asking_device *router(void)
{
    static struct expected_column columns[] = {
        {.name = "ip", .value = "192.0.2.7"},
        {.name = "rack", .value = "R 12, left+right"},
        {.name = "acp", .value = "fd89b714f3db00000200000064000000+area51"},
    };
    static const struct asking_device device = {
        .serial = "R/1",
        .manufacturer = "acme",
        .id = "00112233445566778899aabbccddeeff",
        .opaque = OPAQUE,
        .columns = {columns, 3},
    };
    return &device;
}

static struct wishes wishes_of(struct task *t, const struct profile *profile,
                               const struct asking_device *device)
{
    struct wishes wishes = {.claims = {NULL, 0}};
    assert_ok(t, wishes_compile(t, profile, device, false, &wishes));
    return wishes;
}

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
        "other-name:acme",
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
    /* registeredID is the same for all: nobody's own. */
    assert_int_equal(wishes.claims.count, 7);
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
        {"{\"alt-names\":[{\"kind\":\"acp-node-name\",\"value\":\"@acp.example\"}]}",
         "no AcpNodeName"},
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
    device.opaque = NULL;
    profile = profile_of(t, "{\"alt-names\":[{\"value\":\"{opaque}.example.com\"}]}");
    assert_fails(t, wishes_compile(t, &profile, &device, false, &wishes), E_PROFILE_VALUE);
}

/* ---- Requests ---- */

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
        PKI_TEST(examples_of_rfc_9908_are_expressed_octet_for_octet),
        PKI_TEST(names_of_every_kind_are_made_of_a_devices_own_values),
        PKI_TEST(nobody_is_told_what_is_a_devices_own),
        PKI_TEST(profiles_that_cannot_be_are_refused),
        PKI_TEST(value_that_a_device_lacks_or_that_does_not_fit_is_told),
        PKI_TEST(legacy_request_is_held_against_each_element),
        PKI_TEST(name_that_nobody_asked_for_is_refused),
        PKI_TEST(gaps_of_a_template_are_filled_with_what_is_the_devices_own),
        PKI_TEST(request_filled_by_the_template_is_as_asked),
        PKI_TEST(either_way_of_asking_may_be_followed),
        PKI_TEST(serial_number_stays_out_where_an_opaque_identifier_takes_its_place),
        PKI_TEST(channel_binding_is_missed),
        PKI_TEST(renewal_is_held_against_all_but_the_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
