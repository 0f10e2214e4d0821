/*
 * bench_floors FOLDER GROUP SERIAL: prints each floor as "name microseconds".  FOLDER is a stage
 * (lab/stage.py) on which the device SERIAL, made in the folder maker/GROUP, was onboarded.  Says
 * "ready" once it has the token's keys, and measures when its standard input ends, so that several
 * can begin together: SoftHSM does not find a token while another process is opening it.
 */
#include "tests/bench/floors.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/pki/csr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gnutls/pkcs11.h>
#include <openssl/ec.h>
#include <openssl/x509v3.h>

#define FILE_MAX       ((size_t)256 * 1024)
#define ROUNDS         150
#define WARM_UP_ROUNDS 10

/*
 * In the order of an onboarding.  A round does each once, so that none has the processor's caches
 * to itself, as it has not in an onboarding either.
 */
static const struct part *const parts[] = {
    &part_bare,           &part_handshake,           &part_verify_request, &part_sign_request,
    &part_verify_voucher, &part_verify_csr,          &part_issue,          &part_store,
    &part_bare_enrolment, &part_bare_enrolment_anew,
};

static int64_t thread_time(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void stopwatch_go(struct stopwatch *watch)
{
    watch->since = thread_time();
}

void stopwatch_halt(struct stopwatch *watch)
{
    watch->total += thread_time() - watch->since;
}

/* ---- The scene ---- */

static const char *below(struct task *t, const struct scene *scene, const char *path)
{
    return arena_printf(t->arena, "%s/%s", scene->folder, path);
}

static bool read_certs(struct task *t, const struct scene *scene, const char *path,
                       struct cert_list *ret)
{
    struct bytes octets;
    TRY(file_read(t, below(t, scene, path), FILE_MAX, &octets));
    return certs_from_file_octets(t, octets, ret);
}

static bool open_keys(struct task *t, struct scene *scene)
{
    struct keystore *keys;
    const struct keystore_options options = {
        .module = "/usr/lib/softhsm/libsofthsm2.so",
        .token = "gatehouse",
        .pin_file = below(t, scene, "owner/pin"),
        .state = scene->folder,
    };
    TRY(keystore_open(t, &options, &keys));
    ARENA_DEFER(t->arena, keystore_close, keys);
    TRY(keystore_find(t, keys, "gatehouse-registrar", &scene->registrar_key));
    return keystore_find(t, keys, "gatehouse-device-ca", &scene->device_ca_key);
}

static bool read_owner(struct task *t, struct scene *scene)
{
    struct cert_list ours;
    struct cert_list ca;
    const struct cert **chain = arena_array(t->arena, 2, sizeof(struct cert *));
    TRY(read_certs(t, scene, "owner/pki/registrar.pem", &ours));
    TRY(read_certs(t, scene, "owner/pki/registrar-ca.pem", &ca));
    chain[0] = ours.items[0];
    chain[1] = ca.items[0];
    scene->registrar_chain = (struct cert_list){chain, 2};
    TRY(read_certs(t, scene, "owner/pki/device-ca.pem", &ca));
    scene->device_ca = ca.items[0];
    return open_keys(t, scene);
}

/* A device's request with its key and one name, as in an onboarding. */
static bool make_csr(struct task *t, struct scene *scene, const struct cert *idevid)
{
    X509_REQ *request = X509_REQ_new();
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509_EXTENSION *name =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:phone-0001.phones.example.com");
    STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
    unsigned char *der = NULL;
    ENSURE(t,
           request != NULL && key != NULL && name != NULL &&
               sk_X509_EXTENSION_push(extensions, name) > 0 &&
               X509_REQ_set_subject_name(request, X509_get_subject_name(idevid->x509)) == 1 &&
               X509_REQ_set_pubkey(request, key) == 1 &&
               X509_REQ_add_extensions(request, extensions) == 1 &&
               X509_REQ_sign(request, key, EVP_sha256()) > 0,
           E_INTERNAL, "cannot make a CSR");
    int len = i2d_X509_REQ(request, &der);
    scene->csr = bytes_copy(t->arena, bytes_make(der, (size_t)len));
    OPENSSL_free(der);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    EVP_PKEY_free(key);
    X509_REQ_free(request);
    return true;
}

static bool read_device(struct task *t, struct scene *scene, const char *group, const char *serial)
{
    struct cert_list idevid;
    const char *made = arena_printf(t->arena, "maker/%s/%s/idevid.pem", group, serial);
    const char *key = arena_printf(t->arena, "maker/%s/%s/idevid.key", group, serial);
    const char *request = arena_printf(t->arena, "devices/%s/voucher-request.cms", serial);
    const char *voucher = arena_printf(t->arena, "devices/%s/voucher.cms", serial);
    scene->idevid_cert = below(t, scene, made);
    scene->idevid_key = below(t, scene, key);
    TRY(read_certs(t, scene, made, &idevid));
    TRY(read_certs(t, scene, "maker/ca.pem", &scene->maker_anchor));
    TRY(read_certs(t, scene, "maker/masa-anchors.pem", &scene->voucher_anchor));
    TRY(file_read(t, below(t, scene, request), FILE_MAX, &scene->voucher_request));
    TRY(file_read(t, below(t, scene, voucher), FILE_MAX, &scene->voucher));
    return make_csr(t, scene, idevid.items[0]);
}

/* ---- The rounds ---- */

static bool do_round(struct task *t, void *const *prepared, struct stopwatch *watches)
{
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        struct arena_mark mark = arena_mark(t->arena);
        if (!parts[i]->once(t, prepared[i], &watches[i]))
            return fail_context(t, "%s", parts[i]->name);
        arena_rewind(t->arena, mark);
    }
    return true;
}

static void wait_for_go(void)
{
    printf("ready\n");
    (void)fflush(stdout);
    while (getchar() != EOF)
        ;
}

static void print_means(const struct stopwatch *watches)
{
    double library = 0;
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        double us = (double)watches[i].total / 1000 / ROUNDS / parts[i]->at_once;
        printf("%s %.1f\n", parts[i]->name, us);
        library += parts[i]->of_library ? us : 0;
    }
    printf("library %.1f\n", library);
}

static bool run(struct task *t, const char *folder, const char *group, const char *serial)
{
    struct scene scene = {.folder = folder};
    struct stopwatch watches[ARRAY_SIZE(parts)] = {0};
    void *prepared[ARRAY_SIZE(parts)];
    TRY(read_owner(t, &scene));
    TRY(read_device(t, &scene, group, serial));
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        TRY(parts[i]->prepare(t, &scene, &prepared[i]));
    wait_for_go();
    for (int i = 0; i < WARM_UP_ROUNDS; i++)
        TRY(do_round(t, prepared, watches));
    memset(watches, 0, sizeof(watches));
    for (int i = 0; i < ROUNDS; i++)
        TRY(do_round(t, prepared, watches));
    print_means(watches);
    return true;
}

int main(int argc, char **argv)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    task_init(&t, arena, NULL);
    if (argc != 4) {
        (void)fprintf(stderr, "usage: bench_floors FOLDER GROUP SERIAL\n");
        return EXIT_FAILURE;
    }
    (void)gnutls_pkcs11_init(GNUTLS_PKCS11_FLAG_MANUAL, NULL);
    if (!run(&t, argv[1], argv[2], argv[3])) {
        (void)fprintf(stderr, "bench_floors: %s\n", t.detail);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
