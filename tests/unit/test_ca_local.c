/* The local CA, the registry that opens it, and what no CA may give a device. */
#include "tests/unit/pki_fixture.h"
#include "tests/unit/softhsm.h"
#include "tests/unit/store_fixture.h"

#include "ca-connectors/ca_internal.h"
#include "ca-connectors/local.h"
#include "core/base/clock.h"
#include "core/store/records/authority.h"

#include <string.h>

#include <openssl/x509v3.h>

struct scene {
    struct task *t;
    struct store *store;
    struct keystore *keys;
    struct ca_environment env;
    struct ca_registry *registry; /* NULL until opened */
    struct identity root;         /* its key is in memory */
    const struct cert *device_ca; /* its key is in the token */
    struct profile profile;
};

static void close_store(void *object)
{
    store_close(object);
}

static void close_keystore(void *object)
{
    keystore_close(object);
}

static void close_registry(void *object)
{
    ca_registry_close(object);
}

struct put {
    const struct table *table;
    const void *record;
};

static bool put_record(struct task *t, struct tx *tx, void *arg)
{
    const struct put *put = arg;
    return table_put(t, tx, put->table, put->record);
}

static void put(const struct scene *s, const struct table *table, const void *record)
{
    struct put what = {table, record};
    assert_ok(s->t, store_update(s->t, s->store, put_record, &what));
}

static void put_authority(const struct scene *s, const char *name, const char *issuer,
                          const struct cert *cert)
{
    struct authority authority = {.name = name,
                                  .certificate = cert->der,
                                  .issuer = issuer,
                                  .key_label = name,
                                  .created = clock_wall()};
    put(s, &authorities, &authority);
}

static void put_ca(const struct scene *s, const char *name, const char *connector,
                   const char *authority)
{
    struct local_settings settings = {.authority = authority};
    struct ca_record record = {.name = name, .connector = connector};
    assert_ok(s->t, record_encode(s->t, &local_settings_type, &settings, &record.settings));
    put(s, &cas, &record);
}

static const struct cert *make_device_ca(const struct scene *s, struct keystore_key *key,
                                         int64_t not_before, int64_t not_after)
{
    const char *usages[] = {"keyCertSign"};
    const struct text_list usage = {usages, ARRAY_SIZE(usages)};
    struct extension key_usage = {.oid = OID_CE_KEY_USAGE, .critical = true};
    const struct cert *cert;
    struct issue issue = {.key = keystore_key_evp(key),
                          .not_before = not_before,
                          .not_after = not_after,
                          .ca = true,
                          .extensions = {&key_usage, 1},
                          .issuer = s->root.cert,
                          .issuer_key = s->root.key};
    assert_ok(s->t, extension_key_usage(s->t, &usage, &key_usage.value));
    assert_ok(s->t, name_from_text(s->t, "CN=Device CA", &issue.subject));
    assert_ok(s->t, issue_certificate(s->t, &issue, &cert));
    return cert;
}

/* Everything but the registry; the device CA is valid for these times from now. */
static struct scene scene_make(void **state, int64_t since, int64_t until)
{
    struct scene s = {.t = test_task(state)};
    struct softhsm *hsm = softhsm_fresh(state, SOFTHSM_MODULE);
    struct keystore_key *key;
    assert_ok(s.t, keystore_open(s.t, &hsm->options, &s.keys));
    ARENA_DEFER(s.t->arena, close_keystore, s.keys);
    s.store = store_fixture_open(state);
    ARENA_DEFER(s.t->arena, close_store, s.store);
    s.env = (struct ca_environment){.store = s.store, .keys = s.keys};
    s.root = make_ca(s.t, "CN=Root", NULL);
    assert_ok(s.t, keystore_generate(s.t, s.keys, AUTHORITY_DEVICE_CA, KEYSTORE_P256, &key));
    s.device_ca = make_device_ca(&s, key, clock_wall() + since, clock_wall() + until);
    put_authority(&s, AUTHORITY_ROOT, AUTHORITY_ROOT, s.root.cert);
    put_authority(&s, AUTHORITY_DEVICE_CA, AUTHORITY_ROOT, s.device_ca);
    record_init(s.t, &profile_type, &s.profile);
    s.profile.name = PROFILE_DEFAULT;
    return s;
}

static void open_registry(struct scene *s)
{
    assert_ok(s->t, ca_registry_open(s->t, &s->env, &s->registry));
    ARENA_DEFER(s->t->arena, close_registry, s->registry);
}

static struct scene scene_open(void **state)
{
    struct scene s = scene_make(state, -DAY_MS, 3650 * DAY_MS);
    put_ca(&s, "local", CA_LOCAL, AUTHORITY_DEVICE_CA);
    open_registry(&s);
    return s;
}

/* A device's request with this subject and these DNS names (NULL: none). */
static struct csr make_csr(struct task *t, const char *subject, const char *dns_name)
{
    struct extension names = {.oid = OID_CE_SUBJECT_ALT_NAME};
    struct extension_list extensions = {&names, dns_name == NULL ? 0 : 1};
    struct text_list list = {&dns_name, 1};
    X509_NAME *name = NULL;
    EVP_PKEY *key;
    struct bytes der;
    struct csr csr;
    if (dns_name != NULL)
        assert_ok(t, extension_dns_names(t, &list, &names.value));
    if (subject != NULL)
        assert_ok(t, name_from_text(t, subject, &name));
    assert_ok(t, key_generate(t, KEY_P256, 0, &key));
    assert_ok(t, csr_build(t, key, name, &extensions, NULL, NULL, &der));
    assert_ok(t, csr_parse(t, der, &csr));
    return csr;
}

static bool enrol(const struct scene *s, const char *ca_name, const struct csr *csr,
                  struct ca_result *ret)
{
    const struct ca *ca;
    const struct ca_request request = {.csr = csr, .profile = &s->profile, .serial = "4711"};
    return ca_find(s->t, s->registry, ca_name, &ca) && ca_enrol(s->t, ca, &request, ret);
}

/* ---- Issuing ---- */

static void device_gets_what_it_asked_for(void **state)
{
    struct scene s = scene_open(state);
    struct csr csr = make_csr(s.t, "serialNumber=4711", "4711.phones.example.com");
    struct ca_result result = {.certificate = NULL};
    struct text_list names;
    assert_ok(s.t, enrol(&s, "local", &csr, &result));
    assert_int_equal(result.outcome, CA_ISSUED);
    const struct cert *cert = result.certificate;
    if (cert == NULL) {
        fail_msg("no certificate");
        return;
    }
    assert_string_equal(csr_subject(s.t, &csr), cert_subject(s.t, cert));
    assert_ok(s.t, cert_alt_names(s.t, cert, &names));
    assert_int_equal(names.count, 1);
    assert_string_equal(names.items[0], "DNS:4711.phones.example.com");
    assert_bytes_equal(s.t, cert_spki(s.t, cert), csr.spki);
    assert_false(cert_is_ca(cert));
    assert_true(cert_has_eku(cert, OID_KP_CLIENT_AUTH));
    assert_false(cert_has_eku(cert, OID_KP_SERVER_AUTH));
    assert_int_equal(X509_get_key_usage(cert->x509), KU_DIGITAL_SIGNATURE);
}

static void openssl_accepts_the_certificate(void **state)
{
    struct scene s = scene_open(state);
    struct csr csr = make_csr(s.t, NULL, "4711.phones.example.com");
    struct ca_result result = {.certificate = NULL};
    assert_ok(s.t, enrol(&s, "local", &csr, &result));
    const char *root = put_file(state, "root.pem", bytes_of_text(cert_to_pem(s.t, s.root.cert)));
    const char *ca = put_file(state, "ca.pem", bytes_of_text(cert_to_pem(s.t, s.device_ca)));
    const char *leaf =
        put_file(state, "leaf.pem", bytes_of_text(cert_to_pem(s.t, result.certificate)));
    const char *output;
    int status = RUN(state, &output, "openssl", "verify", "-x509_strict", "-purpose", "sslclient",
                     "-CAfile", root, "-untrusted", ca, leaf);
    if (status != 0)
        fail_msg("openssl verify: %s", output);
}

static void validity_begins_before_now_and_is_the_profiles(void **state)
{
    struct scene s = scene_open(state);
    struct csr csr = make_csr(s.t, "CN=a", NULL);
    struct ca_result result = {.certificate = NULL};
    s.profile.validity = 30 * DAY_MS;
    int64_t now = clock_wall();
    assert_ok(s.t, enrol(&s, "local", &csr, &result));
    int64_t from = cert_not_before(result.certificate) - (now - LOCAL_BACKDATE);
    int64_t to = cert_not_after(result.certificate) - (now + 30 * DAY_MS);
    /* Whole seconds, downwards; and the signing took its time. */
    assert_true(from > -SECOND_MS && from < MINUTE_MS);
    assert_true(to > -SECOND_MS && to < MINUTE_MS);
}

static void validity_stays_within_the_issuers(void **state)
{
    struct scene s = scene_make(state, -MINUTE_MS, 10 * DAY_MS);
    struct csr csr = make_csr(s.t, "CN=a", NULL);
    struct ca_result result = {.certificate = NULL};
    put_ca(&s, "local", CA_LOCAL, AUTHORITY_DEVICE_CA);
    open_registry(&s);
    assert_ok(s.t, enrol(&s, "local", &csr, &result));
    assert_int_equal(cert_not_before(result.certificate), cert_not_before(s.device_ca));
    assert_int_equal(cert_not_after(result.certificate), cert_not_after(s.device_ca));
}

static void expired_ca_issues_nothing(void **state)
{
    struct scene s = scene_make(state, -2 * DAY_MS, -DAY_MS);
    struct csr csr = make_csr(s.t, "CN=a", NULL);
    struct ca_result result = {.certificate = NULL};
    put_ca(&s, "local", CA_LOCAL, AUTHORITY_DEVICE_CA);
    open_registry(&s);
    assert_fails(s.t, enrol(&s, "local", &csr, &result), E_CA_FAILED);
    assert_detail(s.t, "CA local: the CA's certificate is valid from");
}

static void request_that_names_nobody_is_refused(void **state)
{
    struct scene s = scene_open(state);
    struct csr csr = make_csr(s.t, NULL, NULL);
    struct ca_result result = {.certificate = NULL};
    assert_fails(s.t, enrol(&s, "local", &csr, &result), E_CA_REFUSED);
}

static void each_certificate_has_its_own_serial_number(void **state)
{
    struct scene s = scene_open(state);
    struct csr csr = make_csr(s.t, "CN=a", NULL);
    struct ca_result one = {.certificate = NULL};
    struct ca_result other = {.certificate = NULL};
    assert_ok(s.t, enrol(&s, "local", &csr, &one));
    assert_ok(s.t, enrol(&s, "local", &csr, &other));
    assert_false(
        bytes_equal(cert_serial(s.t, one.certificate), cert_serial(s.t, other.certificate)));
}

static void chain_goes_from_issuer_to_root(void **state)
{
    struct scene s = scene_open(state);
    const struct ca *ca;
    struct cert_list chain;
    assert_ok(s.t, ca_find(s.t, s.registry, "local", &ca));
    assert_ok(s.t, ca_chain(s.t, ca, &chain));
    assert_int_equal(chain.count, 2);
    assert_bytes_equal(s.t, chain.items[0]->der, s.device_ca->der);
    assert_bytes_equal(s.t, chain.items[1]->der, s.root.cert->der);
}

/* ---- What records can get wrong ---- */

static void unknown_names_are_said(void **state)
{
    struct scene s = scene_open(state);
    struct csr csr = make_csr(s.t, "CN=a", NULL);
    struct ca_result result = {.certificate = NULL};
    assert_fails(s.t, enrol(&s, "remote", &csr, &result), E_CA_UNKNOWN);
    assert_detail(s.t, "remote");
    put_ca(&s, "odd", "telepathy", AUTHORITY_DEVICE_CA);
    assert_fails(s.t, ca_registry_open(s.t, &s.env, &s.registry), E_CA_UNKNOWN);
    assert_detail(s.t, "CA odd: there is no connector \"telepathy\"");
}

static void missing_authority_is_said(void **state)
{
    struct scene s = scene_make(state, -DAY_MS, DAY_MS);
    put_ca(&s, "local", CA_LOCAL, "nobody");
    assert_fails(s.t, ca_registry_open(s.t, &s.env, &s.registry), E_NOT_FOUND);
    assert_detail(s.t, "CA local");
}

static void authority_with_another_key_is_refused(void **state)
{
    struct scene s = scene_make(state, -DAY_MS, DAY_MS);
    struct identity other = make_ca(s.t, "CN=Device CA", &s.root);
    put_authority(&s, AUTHORITY_DEVICE_CA, AUTHORITY_ROOT, other.cert);
    put_ca(&s, "local", CA_LOCAL, AUTHORITY_DEVICE_CA);
    assert_fails(s.t, ca_registry_open(s.t, &s.env, &s.registry), E_CA_FAILED);
    assert_detail(s.t, "another key");
}

static void authority_that_is_no_ca_is_refused(void **state)
{
    struct scene s = scene_make(state, -DAY_MS, DAY_MS);
    struct identity device = make_device(s.t, "CN=Device", &s.root);
    put_authority(&s, AUTHORITY_DEVICE_CA, AUTHORITY_ROOT, device.cert);
    put_ca(&s, "local", CA_LOCAL, AUTHORITY_DEVICE_CA);
    assert_fails(s.t, ca_registry_open(s.t, &s.env, &s.registry), E_CA_FAILED);
    assert_detail(s.t, "no CA");
}

static void issuers_in_a_circle_are_refused(void **state)
{
    struct scene s = scene_make(state, -DAY_MS, DAY_MS);
    put_authority(&s, AUTHORITY_ROOT, AUTHORITY_DEVICE_CA, s.root.cert);
    put_ca(&s, "local", CA_LOCAL, AUTHORITY_DEVICE_CA);
    assert_fails(s.t, ca_registry_open(s.t, &s.env, &s.registry), E_INVALID);
    assert_detail(s.t, "more than 8");
}

static void store_without_cas_opens(void **state)
{
    struct scene s = scene_make(state, -DAY_MS, DAY_MS);
    const struct ca *ca;
    open_registry(&s);
    assert_fails(s.t, ca_find(s.t, s.registry, "local", &ca), E_CA_UNKNOWN);
}

/* ---- What no CA may give ---- */

static void profile_of_a_registrar_gets_no_further_than_here(void **state)
{
    static const char *const usages[] = {"cmcRA", "anyExtendedKeyUsage", OID_KP_CMC_RA,
                                         OID_KP_CMC_CA, "2.5.29.37.0"};
    struct scene s = scene_open(state);
    struct csr csr = make_csr(s.t, "CN=a", NULL);
    struct ca_result result = {.certificate = NULL};
    uint64_t before = keystore_figures(s.keys).signatures;
    for (size_t i = 0; i < ARRAY_SIZE(usages); i++) {
        const char *list[] = {"clientAuth", usages[i]};
        s.profile.ext_key_usage = (struct text_list){list, ARRAY_SIZE(list)};
        assert_fails(s.t, enrol(&s, "local", &csr, &result), E_CA_FORBIDDEN_EKU);
    }
    assert_int_equal(keystore_figures(s.keys).signatures, before);
}

/* A CA that returns whatever it is told to. */
struct strange_ca {
    const struct cert *certificate;
    enum ca_outcome outcome;
};

static bool strange_enrol(struct task *t, void *ca, const struct ca_request *request,
                          struct ca_result *ret)
{
    const struct strange_ca *strange = ca;
    (void)t;
    (void)request;
    *ret = (struct ca_result){
        .outcome = strange->outcome, .certificate = strange->certificate, .retry_after = 1000};
    return true;
}

static const struct ca_connector strange_connector = {.name = "strange", .enrol = strange_enrol};

struct wish {
    const char *eku;
    const char *key_usage;
    bool ca;
    bool other_key;
    const char *dns_name;
};

static const struct cert *grant(struct task *t, const struct identity *root, const struct csr *csr,
                                const struct wish *wish)
{
    struct extension items[3];
    size_t count = 0;
    const struct cert *cert;
    struct text_list names = {(const char **)&wish->dns_name, 1};
    struct text_list usages = {(const char **)&wish->key_usage, 1};
    struct text_list ekus = {(const char **)&wish->eku, 1};
    struct issue issue = {.key = csr->key,
                          .not_before = YEAR_2020,
                          .not_after = YEAR_9999,
                          .ca = wish->ca,
                          .path_length = -1,
                          .issuer = root->cert,
                          .issuer_key = root->key};
    if (wish->dns_name != NULL) {
        items[count] = (struct extension){.oid = OID_CE_SUBJECT_ALT_NAME};
        assert_ok(t, extension_dns_names(t, &names, &items[count++].value));
    }
    if (wish->key_usage != NULL) {
        items[count] = (struct extension){.oid = OID_CE_KEY_USAGE, .critical = true};
        assert_ok(t, extension_key_usage(t, &usages, &items[count++].value));
    }
    if (wish->eku != NULL) {
        items[count] = (struct extension){.oid = OID_CE_EXT_KEY_USAGE};
        assert_ok(t, extension_ext_key_usage(t, &ekus, &items[count++].value));
    }
    if (wish->other_key)
        assert_ok(t, key_generate(t, KEY_P256, 0, &issue.key));
    issue.extensions = (struct extension_list){items, count};
    assert_ok(t, name_from_text(t, "CN=a", &issue.subject));
    assert_ok(t, issue_certificate(t, &issue, &cert));
    return cert;
}

static void strange_certificates_are_kept_from_the_device(void **state)
{
    static const struct {
        struct wish wish;
        const struct problem_kind *kind; /* NULL: it is fine */
    } cases[] = {
        {{.dns_name = "a.example.com"}, NULL},
        {{.dns_name = "A.example.COM", .eku = "clientAuth", .key_usage = "digitalSignature"}, NULL},
        {{.dns_name = "a.example.com", .eku = "cmcRA"}, E_CA_FORBIDDEN_EKU},
        {{.dns_name = "a.example.com", .eku = OID_KP_CMC_CA}, E_CA_FORBIDDEN_EKU},
        {{.dns_name = "a.example.com", .eku = "2.5.29.37.0"}, E_CA_FORBIDDEN_EKU},
        {{.dns_name = "a.example.com", .ca = true}, E_CA_FORBIDDEN_EKU},
        {{.dns_name = "a.example.com", .key_usage = "keyCertSign"}, E_CA_FORBIDDEN_EKU},
        {{.dns_name = "a.example.com", .key_usage = "cRLSign"}, E_CA_FORBIDDEN_EKU},
        {{.dns_name = "a.example.com", .other_key = true}, E_CA_REFUSED},
        {{.dns_name = "b.example.com"}, E_CA_REFUSED},
        {{.dns_name = NULL}, E_CA_REFUSED},
    };
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=Strange", NULL);
    struct csr csr = make_csr(t, NULL, "a.example.com");
    struct profile profile;
    record_init(t, &profile_type, &profile);
    const struct ca_request request = {.csr = &csr, .profile = &profile};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct strange_ca strange = {grant(t, &root, &csr, &cases[i].wish), CA_ISSUED};
        const struct ca ca = {"strange", &strange_connector, &strange};
        struct ca_result result = {.certificate = NULL};
        if (cases[i].kind == NULL) {
            assert_ok(t, ca_enrol(t, &ca, &request, &result));
            assert_ptr_equal(result.certificate, strange.certificate);
        } else {
            assert_fails(t, ca_enrol(t, &ca, &request, &result), cases[i].kind);
            assert_null(result.certificate);
        }
    }
}

/* ---- What the profile asks for ---- */

/* A request with an extension of the owner's own and the usages that it wants. */
static struct csr csr_with_wishes(struct task *t)
{
    struct extension items[] = {
        {"1.2.3", false, BYTES_LITERAL("\x05\x00")},
        {OID_CE_KEY_USAGE, true, BYTES_LITERAL("\x03\x02\x03\x08")}, /* keyAgreement */
        {OID_CE_EXT_KEY_USAGE, false,
         BYTES_LITERAL("\x30\x0A\x06\x08\x2B\x06\x01\x05\x05\x07\x03\x01")}, /* serverAuth */
    };
    const struct extension_list list = {items, ARRAY_SIZE(items)};
    X509_NAME *subject = NULL;
    EVP_PKEY *key = NULL;
    struct bytes der = BYTES_ABSENT;
    struct csr csr = {.request = NULL};
    assert_ok(t, name_from_text(t, "CN=a", &subject));
    assert_ok(t, key_generate(t, KEY_P256, 0, &key));
    assert_ok(t, csr_build(t, key, subject, &list, NULL, NULL, &der));
    assert_ok(t, csr_parse(t, der, &csr));
    return csr;
}

static const char *both_usages[] = {"digitalSignature", "keyAgreement"};
static const char *both_purposes[] = {"clientAuth", "serverAuth"};
static struct profile_extension own_extension = {.oid = "1.2.3", .critical = true};

static void ask_for_wishes(struct profile *profile)
{
    profile->extensions = (struct record_list){&own_extension, 1};
    profile->key_usage = (struct text_list){both_usages, 2};
    profile->ext_key_usage = (struct text_list){both_purposes, 2};
    profile->ask_key_usage = PROFILE_ASK_FILL;
    profile->ask_ext_key_usage = PROFILE_ASK_FILL;
}

static void device_gets_the_extensions_and_usages_that_its_profile_asks_for(void **state)
{
    struct scene s = scene_open(state);
    struct csr csr = csr_with_wishes(s.t);
    struct ca_result result = {.certificate = NULL};
    assert_ok(s.t, enrol(&s, "local", &csr, &result)); /* asked for by nobody: not there */
    assert_false(bytes_present(cert_extension(s.t, result.certificate, "1.2.3")));
    assert_true(cert_has_eku(result.certificate, OID_KP_CLIENT_AUTH));
    ask_for_wishes(&s.profile);
    assert_ok(s.t, enrol(&s, "local", &csr, &result));
    assert_bytes_equal(s.t, cert_extension(s.t, result.certificate, "1.2.3"),
                       BYTES_LITERAL("\x05\x00"));
    ASN1_OBJECT *oid = OBJ_txt2obj("1.2.3", 1);
    int at = X509_get_ext_by_OBJ(result.certificate->x509, oid, -1);
    ASN1_OBJECT_free(oid);
    assert_int_equal(X509_EXTENSION_get_critical(X509_get_ext(result.certificate->x509, at)), 1);
    assert_int_equal(X509_get_key_usage(result.certificate->x509), KU_KEY_AGREEMENT);
    assert_true(cert_has_eku(result.certificate, OID_KP_SERVER_AUTH));
    assert_false(cert_has_eku(result.certificate, OID_KP_CLIENT_AUTH));
}

static void certificate_without_what_the_profile_asks_for_is_refused(void **state)
{
    static const struct {
        struct wish wish;
        const char *why;
    } cases[] = {
        {{.eku = "serverAuth", .key_usage = "digitalSignature"}, "lacks a key usage"},
        {{.eku = "clientAuth", .key_usage = "keyAgreement"}, "lacks an extended key usage"},
        {{.eku = "serverAuth", .key_usage = "keyAgreement"}, "lacks the extension 1.2.3"},
    };
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=Strange", NULL);
    struct csr csr = csr_with_wishes(t);
    struct profile profile;
    struct ca_result result = {.certificate = NULL};
    record_init(t, &profile_type, &profile);
    ask_for_wishes(&profile);
    const struct ca_request request = {.csr = &csr, .profile = &profile};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct strange_ca strange = {grant(t, &root, &csr, &cases[i].wish), CA_ISSUED};
        const struct ca ca = {"strange", &strange_connector, &strange};
        assert_fails(t, ca_enrol(t, &ca, &request, &result), E_CA_REFUSED);
        assert_detail(t, cases[i].why);
    }
}

static void ca_that_needs_time_is_waited_for(void **state)
{
    struct task *t = test_task(state);
    struct csr csr = make_csr(t, "CN=a", NULL);
    struct profile profile;
    struct strange_ca strange = {NULL, CA_WAITING};
    const struct ca ca = {"strange", &strange_connector, &strange};
    struct ca_result result = {.certificate = NULL};
    record_init(t, &profile_type, &profile);
    const struct ca_request request = {.csr = &csr, .profile = &profile};
    assert_ok(t, ca_enrol(t, &ca, &request, &result));
    assert_int_equal(result.outcome, CA_WAITING);
    assert_int_equal(result.retry_after, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(device_gets_what_it_asked_for),
        UNIT_TEST(openssl_accepts_the_certificate),
        UNIT_TEST(validity_begins_before_now_and_is_the_profiles),
        UNIT_TEST(validity_stays_within_the_issuers),
        UNIT_TEST(expired_ca_issues_nothing),
        UNIT_TEST(request_that_names_nobody_is_refused),
        UNIT_TEST(each_certificate_has_its_own_serial_number),
        UNIT_TEST(chain_goes_from_issuer_to_root),
        UNIT_TEST(unknown_names_are_said),
        UNIT_TEST(missing_authority_is_said),
        UNIT_TEST(authority_with_another_key_is_refused),
        UNIT_TEST(authority_that_is_no_ca_is_refused),
        UNIT_TEST(issuers_in_a_circle_are_refused),
        UNIT_TEST(store_without_cas_opens),
        UNIT_TEST(profile_of_a_registrar_gets_no_further_than_here),
        UNIT_TEST(strange_certificates_are_kept_from_the_device),
        UNIT_TEST(device_gets_the_extensions_and_usages_that_its_profile_asks_for),
        UNIT_TEST(certificate_without_what_the_profile_asks_for_is_refused),
        UNIT_TEST(ca_that_needs_time_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
