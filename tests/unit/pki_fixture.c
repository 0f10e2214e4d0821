#include "tests/unit/pki_fixture.h"

#include "core/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define OUTPUT_MAX ((size_t)256 * 1024)

int pki_teardown(void **state)
{
    unsigned long left = ERR_get_error();
    ERR_clear_error();
    if (left != 0)
        print_error("left in the error queue: %s\n", ERR_reason_error_string(left));
    int failed = test_teardown(state);
    return left != 0 ? -1 : failed;
}

struct identity make_identity(struct task *t, enum key_kind kind, const char *subject, bool ca,
                              const struct identity *issuer)
{
    struct identity made = {NULL, NULL};
    struct extension usage = {.oid = OID_CE_KEY_USAGE, .critical = true};
    const char *const ca_usages[] = {"keyCertSign", "cRLSign"};
    const char *const device_usages[] = {"digitalSignature"};
    const struct text_list usages =
        ca ? (struct text_list){(const char **)ca_usages, ARRAY_SIZE(ca_usages)}
           : (struct text_list){(const char **)device_usages, ARRAY_SIZE(device_usages)};
    struct issue issue = {.not_before = YEAR_2020,
                          .not_after = YEAR_9999,
                          .ca = ca,
                          .path_length = -1,
                          .extensions = {&usage, 1}};
    assert_ok(t, extension_key_usage(t, &usages, &usage.value));
    assert_ok(t, key_generate(t, kind, 2048, &made.key));
    assert_ok(t, name_from_text(t, subject, &issue.subject));
    issue.key = made.key;
    issue.issuer = issuer == NULL ? NULL : issuer->cert;
    issue.issuer_key = issuer == NULL ? made.key : issuer->key;
    assert_ok(t, issue_certificate(t, &issue, &made.cert));
    return made;
}

struct identity make_ca(struct task *t, const char *subject, const struct identity *issuer)
{
    return make_identity(t, KEY_P256, subject, true, issuer);
}

struct identity make_device(struct task *t, const char *subject, const struct identity *issuer)
{
    return make_identity(t, KEY_P256, subject, false, issuer);
}

X509 *copy_to_spoil(struct task *t, const struct cert *cert)
{
    X509 *copy = X509_dup(cert->x509);
    assert_non_null(copy);
    ARENA_DEFER(t->arena, X509_free, copy);
    return copy;
}

struct bytes sign_spoilt(X509 *x509, struct task *t, EVP_PKEY *key, const EVP_MD *hash)
{
    unsigned char *der = NULL;
    assert_true(X509_sign(x509, key, hash) > 0);
    int len = i2d_X509(x509, &der);
    assert_true(len > 0);
    struct bytes copy = bytes_copy(t->arena, bytes_make(der, (size_t)len));
    OPENSSL_free(der);
    return copy;
}

void add_extension(X509 *x509, const char *oid, bool critical, struct bytes value)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
    assert_int_equal(ASN1_OCTET_STRING_set(octets, value.data, (int)value.len), 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, critical, octets);
    assert_int_equal(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(octets);
    ASN1_OBJECT_free(object);
}

const struct cert *cert_with_extension(struct task *t, const char *oid, struct bytes value)
{
    struct identity device = make_device(t, "serialNumber=1", NULL);
    X509 *x509 = copy_to_spoil(t, device.cert);
    const struct cert *cert = NULL;
    add_extension(x509, oid, false, value);
    assert_ok(t, cert_parse(t, sign_spoilt(x509, t, device.key, EVP_sha256()), &cert));
    return cert;
}

const struct cert *vector_cert(struct task *t, const char *name)
{
    struct cert_list certs = {NULL, 0};
    assert_ok(t, certs_from_file_octets(t, vector_read(t, name), &certs));
    assert_true(certs.count > 0);
    return certs.items[0];
}

EVP_PKEY *vector_key(struct task *t, const char *name)
{
    EVP_PKEY *key = NULL;
    assert_ok(t, key_from_file_octets(t, vector_read(t, name), &key));
    return key;
}

struct cert_list cert_list_of(struct task *t, size_t count, ...)
{
    const struct cert **items = arena_array(t->arena, count, sizeof(struct cert *));
    va_list args;
    va_start(args, count);
    for (size_t i = 0; i < count; i++)
        items[i] = va_arg(args, const struct cert *);
    va_end(args);
    return (struct cert_list){items, count};
}

struct bytes with_octet_changed(struct task *t, struct bytes octets, size_t at)
{
    struct bytes copy = bytes_copy(t->arena, octets);
    assert_true(at < copy.len);
    ((uint8_t *)copy.data)[at] ^= 0x01;
    return copy;
}

const char *put_file(void **state, const char *name, struct bytes content)
{
    struct task *t = test_task(state);
    const char *path = arena_printf(t->arena, "%s/%s", test_folder(state), name);
    assert_ok(t, file_write(t, path, content, 0600));
    return path;
}

int run_program(void **state, const char *const *arguments, const char **ret_output)
{
    struct task *t = test_task(state);
    const char *path = arena_printf(t->arena, "%s/output", test_folder(state));
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status;
    struct bytes output = BYTES_ABSENT;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, path,
                                                      O_WRONLY | O_CREAT | O_TRUNC, 0600),
                     0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO), 0);
    int error =
        posix_spawnp(&child, arguments[0], &actions, NULL, (char *const *)arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (error == ENOENT) {
        print_message("%s is not installed\n", arguments[0]);
        skip();
    }
    assert_int_equal(error, 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_ok(t, file_read(t, path, OUTPUT_MAX, &output));
    *ret_output = bytes_to_text(t->arena, output);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
