/* The owner's PKI: what is in it, and that making it can be cut short and gone on with. */
#include "tests/unit/pki_fixture.h"
#include "tests/unit/softhsm.h"
#include "tests/unit/store_fixture.h"

#include "ca-connectors/ca.h"
#include "core/base/file.h"
#include "core/store/records/authority.h"
#include "core/store/records/profile.h"
#include "core/store/records/setting.h"
#include "web/ctl/owner.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/x509v3.h>

struct scene {
    struct task *t;
    struct softhsm *hsm;
    struct store *store;
    struct keystore *keys;
    struct owner_options options;
};

static const char *hosts[] = {"registrar.example.com", "192.0.2.7", "2001:db8::7"};

static void open_both(struct scene *s, void **state)
{
    s->store = store_fixture_open(state);
    assert_ok(s->t, keystore_open(s->t, &s->hsm->options, &s->keys));
}

static void close_both(struct scene *s)
{
    keystore_close(s->keys);
    store_close(s->store);
}

static struct scene scene_open(void **state)
{
    struct scene s = {.t = test_task(state), .options = owner_presets()};
    s.hsm = softhsm_fresh(state, SOFTHSM_MODULE);
    s.options.name = "Example, Inc.";
    s.options.hosts = (struct text_list){hosts, ARRAY_SIZE(hosts)};
    s.options.dns_pattern = "{serial}.phones.example.com";
    s.options.folder = arena_printf(s.t->arena, "%s/copies/owner", test_folder(state));
    s.options.actor = "admin:root";
    open_both(&s, state);
    return s;
}

static bool make(const struct scene *s, struct owner *ret)
{
    return owner_make(s->t, &s->options, s->store, s->keys, ret);
}

static const char *copy(const struct scene *s, const char *name)
{
    return arena_printf(s->t->arena, "%s/%s", s->options.folder, name);
}

static struct cert_list read_copy(const struct scene *s, const char *name)
{
    struct bytes octets;
    struct cert_list certs;
    assert_ok(s->t, file_read(s->t, copy(s, name), CERT_FILE_SIZE_MAX, &octets));
    assert_ok(s->t, certs_from_file_octets(s->t, octets, &certs));
    return certs;
}

/* The subject public key of an authority's key in the token. */
static struct bytes token_key(const struct scene *s, const char *label)
{
    struct keystore_key *key;
    assert_ok(s->t, keystore_find(s->t, s->keys, label, &key));
    return keystore_key_spki(key);
}

/* ---- What is made ---- */

static void openssl_accepts_the_registrar_as_server_and_client(void **state)
{
    static const char *const purposes[] = {"sslserver", "sslclient"};
    struct scene s = scene_open(state);
    struct owner owner;
    const char *output;
    assert_ok(s.t, make(&s, &owner));
    for (size_t i = 0; i < ARRAY_SIZE(purposes); i++) {
        int status = RUN(state, &output, "openssl", "verify", "-x509_strict", "-policy_check",
                         "-purpose", purposes[i], "-verify_hostname", "registrar.example.com",
                         "-CAfile", copy(&s, OWNER_FILE_ROOT), "-untrusted",
                         copy(&s, OWNER_FILE_REGISTRAR_CA), copy(&s, OWNER_FILE_REGISTRAR));
        if (status != 0)
            fail_msg("openssl verify: %s", output);
    }
    int status = RUN(state, &output, "openssl", "verify", "-x509_strict", "-CAfile",
                     copy(&s, OWNER_FILE_ROOT), copy(&s, OWNER_FILE_REGISTRAR_CA),
                     copy(&s, OWNER_FILE_DEVICE_CA));
    if (status != 0)
        fail_msg("openssl verify: %s", output);
    close_both(&s);
}

static void certtool_accepts_the_registrars_chain(void **state)
{
    struct scene s = scene_open(state);
    struct owner owner;
    const char *output;
    assert_ok(s.t, make(&s, &owner));
    int status = RUN(state, &output, "certtool", "--verify", "--verify-profile", "medium",
                     "--load-ca-certificate", copy(&s, OWNER_FILE_ROOT), "--infile",
                     copy(&s, OWNER_FILE_REGISTRAR), "--verify-hostname", "192.0.2.7");
    if (status != 0)
        fail_msg("certtool: %s", output);
    close_both(&s);
}

static void registrar_is_registrar_server_and_client(void **state)
{
    struct scene s = scene_open(state);
    struct owner owner;
    struct text_list names;
    assert_ok(s.t, make(&s, &owner));
    const struct cert *cert = owner.registrar;
    assert_true(cert_has_eku(cert, OID_KP_CMC_RA));
    assert_true(cert_has_eku(cert, OID_KP_SERVER_AUTH));
    assert_true(cert_has_eku(cert, OID_KP_CLIENT_AUTH));
    assert_false(cert_is_ca(cert));
    assert_int_equal(X509_get_key_usage(cert->x509), KU_DIGITAL_SIGNATURE);
    assert_non_null(X509_get0_subject_key_id(cert->x509));
    assert_ok(s.t, cert_alt_names(s.t, cert, &names));
    assert_int_equal(names.count, 3);
    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
        assert_true(cert_names_host(cert, hosts[i]));
    assert_non_null(strstr(cert_subject(s.t, cert), "Example\\, Inc."));
    assert_string_equal(cert_issuer(s.t, cert), cert_subject(s.t, owner.registrar_ca));
    assert_bytes_equal(s.t, cert_spki(s.t, cert), token_key(&s, "gatehouse-registrar"));
    close_both(&s);
}

static void cas_sign_certificates_and_the_registrar_ca_that_it_is_ours(void **state)
{
    struct scene s = scene_open(state);
    struct owner owner;
    assert_ok(s.t, make(&s, &owner));
    const struct cert *const all[] = {owner.root, owner.registrar_ca, owner.device_ca};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        assert_true(cert_is_ca(all[i]));
        assert_int_equal(X509_get_key_usage(all[i]->x509),
                         KU_KEY_CERT_SIGN | KU_CRL_SIGN | (i == 1 ? KU_DIGITAL_SIGNATURE : 0));
        assert_false(bytes_present(cert_extension(s.t, all[i], OID_CE_EXT_KEY_USAGE)));
        assert_int_equal(X509_get_pathlen(all[i]->x509), i == 0 ? -1 : 0);
    }
    assert_true(cert_is_self_signed(owner.root));
    assert_string_equal(cert_issuer(s.t, owner.device_ca), cert_subject(s.t, owner.root));
    close_both(&s);
}

static void validities_are_the_options(void **state)
{
    struct scene s = scene_open(state);
    struct owner owner;
    s.options.registrar_validity = 100 * DAY_MS;
    int64_t now = clock_wall();
    assert_ok(s.t, make(&s, &owner));
    const struct {
        const struct cert *cert;
        int64_t validity;
    } cases[] = {{owner.root, OWNER_ROOT_VALIDITY},
                 {owner.registrar_ca, OWNER_CA_VALIDITY},
                 {owner.device_ca, OWNER_CA_VALIDITY},
                 {owner.registrar, 100 * DAY_MS}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t off = cert_not_after(cases[i].cert) - (now + cases[i].validity);
        assert_true(off > -SECOND_MS && off < MINUTE_MS);
        assert_true(cert_not_before(cases[i].cert) < now - MINUTE_MS);
    }
    close_both(&s);
}

static void p384_is_made_on_demand(void **state)
{
    struct scene s = scene_open(state);
    struct owner owner;
    unsigned bits;
    s.options.kind = KEYSTORE_P384;
    assert_ok(s.t, make(&s, &owner));
    assert_int_equal(key_kind_of(X509_get0_pubkey(owner.root->x509), &bits), KEY_P384);
    assert_int_equal(key_kind_of(X509_get0_pubkey(owner.registrar->x509), &bits), KEY_P384);
    assert_int_equal(X509_get_signature_nid(owner.registrar->x509), NID_ecdsa_with_SHA384);
    close_both(&s);
}

static void device_enrols_with_the_local_ca(void **state)
{
    struct scene s = scene_open(state);
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct owner owner;
    struct profile profile;
    struct setting name;
    struct ca_registry *registry;
    const struct ca *ca;
    struct ca_result result;
    EVP_PKEY *key;
    X509_NAME *subject;
    struct bytes der;
    struct csr csr;
    assert_ok(s.t, make(&s, &owner));
    assert_ok(s.t, view_open(s.t, s.store, &view));
    assert_ok(s.t, table_get(s.t, view_reader(view), &profiles, bytes_of_text(PROFILE_DEFAULT),
                             &profile));
    assert_ok(s.t,
              table_get(s.t, view_reader(view), &settings, bytes_of_text(SETTING_OWNER), &name));
    assert_string_equal(name.text, "Example, Inc.");
    assert_string_equal(profile.dns_pattern, "{serial}.phones.example.com");
    assert_int_equal(profile.validity, OWNER_DEVICE_VALIDITY);

    const struct ca_environment env = {.store = s.store, .keys = s.keys};
    assert_ok(s.t, ca_registry_open(s.t, &env, &registry));
    assert_ok(s.t, ca_find(s.t, registry, profile.ca, &ca));
    assert_ok(s.t, key_generate(s.t, KEY_P256, 0, &key));
    assert_ok(s.t, name_from_text(s.t, "serialNumber=4711", &subject));
    assert_ok(s.t,
              csr_build(s.t, key, subject, &(struct extension_list){NULL, 0}, NULL, NULL, &der));
    assert_ok(s.t, csr_parse(s.t, der, &csr));
    const struct ca_request request = {.csr = &csr, .profile = &profile, .serial = "4711"};
    assert_ok(s.t, ca_enrol(s.t, ca, &request, &result));

    const char *leaf =
        put_file(state, "leaf.pem", bytes_of_text(cert_to_pem(s.t, result.certificate)));
    const char *output;
    int status =
        RUN(state, &output, "openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile",
            copy(&s, OWNER_FILE_ROOT), "-untrusted", copy(&s, OWNER_FILE_DEVICE_CA), leaf);
    if (status != 0)
        fail_msg("openssl verify: %s", output);
    ca_registry_close(registry);
    view_close(view);
    view = NULL;
    close_both(&s);
}

static void copies_are_the_certificates(void **state)
{
    struct scene s = scene_open(state);
    struct owner owner;
    struct stat facts;
    assert_ok(s.t, make(&s, &owner));
    struct cert_list registrar = read_copy(&s, OWNER_FILE_REGISTRAR);
    assert_int_equal(registrar.count, 2);
    assert_bytes_equal(s.t, registrar.items[0]->der, owner.registrar->der);
    assert_bytes_equal(s.t, registrar.items[1]->der, owner.registrar_ca->der);
    struct cert_list root = read_copy(&s, OWNER_FILE_ROOT);
    assert_int_equal(root.count, 1);
    assert_bytes_equal(s.t, root.items[0]->der, owner.root->der);
    assert_bytes_equal(s.t, read_copy(&s, OWNER_FILE_DEVICE_CA).items[0]->der,
                       owner.device_ca->der);
    assert_int_equal(stat(copy(&s, OWNER_FILE_ROOT), &facts), 0);
    assert_int_equal(facts.st_mode & 07777U, 0644);
    close_both(&s);
}

/* ---- Once, whatever happens ---- */

static void second_owner_is_refused_and_the_first_kept(void **state)
{
    struct scene s = scene_open(state);
    struct owner first;
    struct owner second;
    assert_ok(s.t, make(&s, &first));
    assert_int_equal(unlink(copy(&s, OWNER_FILE_ROOT)), 0);
    s.options.name = "Somebody Else";
    assert_fails(s.t, make(&s, &second), E_EXISTS);
    assert_detail(s.t, "has an owner already");
    assert_bytes_equal(s.t, read_copy(&s, OWNER_FILE_ROOT).items[0]->der, first.root->der);
    close_both(&s);
}

static void keys_of_a_run_cut_short_are_used(void **state)
{
    struct scene s = scene_open(state);
    struct keystore_key *root;
    struct keystore_key *registrar_ca;
    struct owner owner;
    assert_ok(s.t, keystore_generate(s.t, s.keys, "gatehouse-root", KEYSTORE_P256, &root));
    assert_ok(s.t, keystore_generate(s.t, s.keys, "gatehouse-registrar-ca", KEYSTORE_P256,
                                     &registrar_ca));
    assert_ok(s.t, make(&s, &owner));
    assert_bytes_equal(s.t, cert_spki(s.t, owner.root), keystore_key_spki(root));
    assert_bytes_equal(s.t, cert_spki(s.t, owner.registrar_ca), keystore_key_spki(registrar_ca));
    close_both(&s);
}

static void key_of_another_kind_is_not_used(void **state)
{
    struct scene s = scene_open(state);
    struct keystore_key *root;
    struct owner owner;
    assert_ok(s.t, keystore_generate(s.t, s.keys, "gatehouse-root", KEYSTORE_P384, &root));
    assert_fails(s.t, make(&s, &owner), E_INVALID);
    assert_detail(s.t, "gatehouse-root");
    close_both(&s);
}

#ifdef GATEHOUSE_TEST_HOOKS
/* A child makes the owner and dies at the failpoint. */
static void make_and_die(struct scene *s, void **state, const char *failpoint)
{
    close_both(s);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct owner owner;
        softhsm_restart(s->hsm);
        open_both(s, state);
        (void)setenv("GATEHOUSE_FAILPOINT", failpoint, 1); /* NOLINT(concurrency-mt-unsafe) */
        _exit(make(s, &owner) ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    softhsm_restart(s->hsm);
    open_both(s, state);
}
#endif

static void run_killed_before_the_commit_is_gone_on_with(void **state)
{
#ifdef GATEHOUSE_TEST_HOOKS
    struct scene s = scene_open(state);
    struct owner owner;
    make_and_die(&s, state, "store-before-commit");
    struct bytes key = token_key(&s, "gatehouse-root");
    assert_int_equal(access(copy(&s, OWNER_FILE_ROOT), F_OK), -1);
    assert_ok(s.t, make(&s, &owner));
    assert_bytes_equal(s.t, cert_spki(s.t, owner.root), key);
    assert_int_equal(access(copy(&s, OWNER_FILE_REGISTRAR), F_OK), 0);
    close_both(&s);
#else
    (void)state;
    skip();
#endif
}

static void run_killed_after_the_commit_is_finished(void **state)
{
#ifdef GATEHOUSE_TEST_HOOKS
    struct scene s = scene_open(state);
    struct owner owner;
    make_and_die(&s, state, "store-after-commit");
    assert_int_equal(access(copy(&s, OWNER_FILE_ROOT), F_OK), -1);
    assert_fails(s.t, make(&s, &owner), E_EXISTS);
    struct cert_list root = read_copy(&s, OWNER_FILE_ROOT);
    assert_bytes_equal(s.t, cert_spki(s.t, root.items[0]), token_key(&s, "gatehouse-root"));
    assert_int_equal(read_copy(&s, OWNER_FILE_REGISTRAR).count, 2);
    close_both(&s);
#else
    (void)state;
    skip();
#endif
}

/* ---- Options that cannot be ---- */

static void impossible_options_are_refused(void **state)
{
    static const char *bad_host[] = {"registrar.example.com", "no such host!"};
    static const char long_name[] =
        "a name of an owner that is far longer than what a certificate can hold in one attribute";
    struct scene s = scene_open(state);
    struct owner owner;
    const struct owner_options good = s.options;
    s.options.name = "";
    assert_fails(s.t, make(&s, &owner), E_INVALID);
    s.options = good;
    s.options.name = long_name;
    assert_fails(s.t, make(&s, &owner), E_INVALID);
    assert_detail(s.t, "1 to 64 characters");
    s.options = good;
    s.options.hosts.count = 0;
    assert_fails(s.t, make(&s, &owner), E_INVALID);
    s.options.hosts = (struct text_list){bad_host, ARRAY_SIZE(bad_host)};
    assert_fails(s.t, make(&s, &owner), E_INVALID);
    assert_detail(s.t, "no such host!");
    s.options = good;
    s.options.registrar_validity = OWNER_CA_VALIDITY + DAY_MS;
    assert_fails(s.t, make(&s, &owner), E_INVALID);
    s.options = good;
    s.options.dns_pattern = "{serial}.{serial}.example.com";
    assert_fails(s.t, make(&s, &owner), E_INVALID);
    assert_detail(s.t, "dns-pattern");
    /* Nothing of all that is in the store. */
    assert_fails(s.t, owner_export(s.t, s.store, s.options.folder), E_NOT_FOUND);
    s.options = good;
    assert_ok(s.t, make(&s, &owner));
    close_both(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(openssl_accepts_the_registrar_as_server_and_client),
        UNIT_TEST(certtool_accepts_the_registrars_chain),
        UNIT_TEST(registrar_is_registrar_server_and_client),
        UNIT_TEST(cas_sign_certificates_and_the_registrar_ca_that_it_is_ours),
        UNIT_TEST(validities_are_the_options),
        UNIT_TEST(p384_is_made_on_demand),
        UNIT_TEST(device_enrols_with_the_local_ca),
        UNIT_TEST(copies_are_the_certificates),
        UNIT_TEST(second_owner_is_refused_and_the_first_kept),
        UNIT_TEST(keys_of_a_run_cut_short_are_used),
        UNIT_TEST(key_of_another_kind_is_not_used),
        UNIT_TEST(run_killed_before_the_commit_is_gone_on_with),
        UNIT_TEST(run_killed_after_the_commit_is_finished),
        UNIT_TEST(impossible_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
