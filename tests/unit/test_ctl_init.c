/* `gatehousectl init`, run as a program with a blank SoftHSM. */
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/pki/chain.h"
#include "core/store/records/authority.h"
#include "core/store/records/profile.h"
#include "tests/unit/pki_fixture.h"
#include "tests/unit/softhsm.h"
#include "tests/unit/store_fixture.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A new node: its file, and where everything is to be. */
struct place {
    const char *program;
    const char *config;
    const char *store;
    const char *owner;
    const char *pin;
    const char *so_pin;
};

static struct place new_place(void **state)
{
    struct task *t = test_task(state);
    struct softhsm *hsm = softhsm_blank(state, SOFTHSM_MODULE);
    const char *folder = test_folder(state);
    char *path = arena_alloc(t->arena, 4096);
    assert_true(readlink("/proc/self/exe", path, 4095) > 0);
    *(strrchr(path, '/') + 1) = '\0';
    const char *yaml = arena_printf(t->arena,
                                    "store:\n  path: made/store\n  size: 64 MiB\n"
                                    "token:\n  module: %s\n  label: %s\n  pin-file: secret/pin\n"
                                    "owner-folder: made/owner\n",
                                    hsm->options.module, hsm->options.token);
    return (struct place){
        .program = arena_printf(t->arena, "%sgatehousectl", path),
        .config = put_file(state, "node.yaml", bytes_of_text(yaml)),
        .store = arena_printf(t->arena, "%s/made/store", folder),
        .owner = arena_printf(t->arena, "%s/made/owner", folder),
        .pin = arena_printf(t->arena, "%s/secret/pin", folder),
        .so_pin = arena_printf(t->arena, "%s/secret/so-pin", folder),
    };
}

#define INIT(state, place, ret_output, ...)                                                        \
    RUN((state), (ret_output), (place).program, "--config", (place).config, "init", __VA_ARGS__)

static struct cert_list certs_in(struct task *t, const char *folder, const char *file)
{
    struct bytes octets;
    struct cert_list certs;
    const char *path = arena_printf(t->arena, "%s/%s", folder, file);
    assert_ok(t, file_read(t, path, 1024UL * 1024, &octets));
    assert_ok(t, certs_from_file_octets(t, octets, &certs));
    return certs;
}

static void assert_mode(const char *path, mode_t mode)
{
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, mode);
}

static void init_makes_everything_that_a_daemon_needs(void **state)
{
    struct task *t = test_task(state);
    struct place place = new_place(state);
    const struct anchors *root;
    const char *output;
    int status = INIT(state, place, &output, "--owner", "Example Ltd", "--name",
                      "registrar.example.com", "--name", "192.0.2.7", "--json");
    if (status != 0)
        fail_msg("%s", output);
    json_t *report = NULL;
    assert_ok(t, json_parse(t, bytes_of_text(output), &report));
    assert_true(json_is_true(json_object_get(report, "token-made")));
    assert_string_equal(json_string_value(json_object_get(report, "device-names")),
                        "{serial}.devices.example.com");
    assert_mode(place.pin, 0600);
    assert_mode(place.so_pin, 0600);
    struct cert_list ours = certs_in(t, place.owner, "registrar.pem");
    assert_ok(t, anchors_make(t, &(struct cert_list){certs_in(t, place.owner, "root.pem").items, 1},
                              &root));
    const struct chain_rules now = {0};
    assert_ok(t, chain_verify(t, root, ours.items[0], &ours, &now, NULL));
    assert_true(cert_names_host(ours.items[0], "registrar.example.com"));
    assert_true(cert_names_host(ours.items[0], "192.0.2.7"));
    assert_true(cert_has_eku(ours.items[0], OID_KP_CMC_RA));
    assert_int_equal(RUN(state, &output, place.program, "store", "check", "--store", place.store),
                     0);
}

static void init_fills_the_default_profile(void **state)
{
    struct task *t = test_task(state);
    struct place place = new_place(state);
    struct view *view CLEANUP(view_cleanup) = NULL;
    struct store *store;
    struct profile profile;
    struct authority root;
    const char *output;
    assert_int_equal(INIT(state, place, &output, "--owner", "Example Ltd", "--name", "192.0.2.7",
                          "--device-names", "{serial}.phones.example", "--key", "p384"),
                     0);
    if (strstr(output, "gatehousectl devices add") == NULL)
        fail_msg("what to do next is missing:\n%s", output);
    struct store_options options = store_fixture_options(state);
    options.path = place.store;
    options.create = false;
    options.read_only = true;
    assert_ok(t, store_open(t, &options, &store));
    assert_ok(t, view_open(t, store, &view));
    assert_ok(t,
              table_get(t, view_reader(view), &profiles, BYTES_LITERAL(PROFILE_DEFAULT), &profile));
    assert_string_equal(profile.dns_pattern, "{serial}.phones.example");
    assert_ok(t,
              table_get(t, view_reader(view), &authorities, BYTES_LITERAL(AUTHORITY_ROOT), &root));
    const struct cert *cert;
    unsigned bits;
    assert_ok(t, cert_parse(t, root.certificate, &cert));
    assert_int_equal(key_kind_of(X509_get0_pubkey(cert->x509), &bits), KEY_P384);
    view_close(view);
    view = NULL;
    store_close(store);
}

static void owner_is_made_once(void **state)
{
    struct task *t = test_task(state);
    struct place place = new_place(state);
    const char *output;
    assert_int_equal(
        INIT(state, place, &output, "--owner", "Example Ltd", "--name", "a.example.com"), 0);
    struct cert_list before = certs_in(t, place.owner, "root.pem");
    assert_int_equal(
        INIT(state, place, &output, "--owner", "Another Ltd", "--name", "b.example.com"), 1);
    assert_non_null(strstr(output, "gatehousectl: exists: "));
    struct cert_list after = certs_in(t, place.owner, "root.pem");
    assert_bytes_equal(t, after.items[0]->der, before.items[0]->der);
}

static void so_pin_goes_where_it_is_told_to(void **state)
{
    struct task *t = test_task(state);
    struct place place = new_place(state);
    const char *output;
    const char *elsewhere = arena_printf(t->arena, "%s/safe/so", test_folder(state));
    assert_int_equal(INIT(state, place, &output, "--owner", "Example Ltd", "--name",
                          "a.example.com", "--so-pin-file", elsewhere),
                     0);
    assert_mode(elsewhere, 0600);
    assert_int_not_equal(access(place.so_pin, F_OK), 0);
}

static void what_cannot_be_understood_makes_nothing(void **state)
{
    struct task *t = test_task(state);
    struct place place = new_place(state);
    static const char *const lines[][6] = {
        {"--owner", "Example Ltd"},
        {"--name", "a.example.com"},
        {"--owner", "Example Ltd", "--name", "192.0.2.7"},
        {"--owner", "Example Ltd", "--name", "localhost"},
        {"--owner", "Example Ltd", "--name", "a.example.com", "--key", "rsa"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        const char *arguments[12] = {place.program, "--config", place.config, "init"};
        const char *output;
        memcpy(arguments + 4, lines[i], sizeof(lines[i]));
        int status = run_program(state, arguments, &output);
        if (status != 2)
            fail_msg("line %zu: status %d\n%s", i, status, output);
    }
    assert_int_not_equal(access(arena_printf(t->arena, "%s/made", test_folder(state)), F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(init_makes_everything_that_a_daemon_needs),
        UNIT_TEST(init_fills_the_default_profile),
        UNIT_TEST(owner_is_made_once),
        UNIT_TEST(so_pin_goes_where_it_is_told_to),
        UNIT_TEST(what_cannot_be_understood_makes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
