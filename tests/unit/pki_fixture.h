/* Certificates and keys for tests, and programs that nobody here wrote to check ours with. */
#ifndef GATEHOUSE_TESTS_UNIT_PKI_FIXTURE_H
#define GATEHOUSE_TESTS_UNIT_PKI_FIXTURE_H

#include "tests/unit/support.h"

#include "core/pki/issue.h"

/* As UNIT_TEST(); besides, nothing may be left in libcrypto's error queue for others to find. */
#define PKI_TEST(test) cmocka_unit_test_setup_teardown((test), test_setup, pki_teardown)
int pki_teardown(void **state);

struct identity {
    const struct cert *cert;
    EVP_PKEY *key;
};

#define YEAR_2020 1577836800000LL   /* 2020-01-01T00:00:00Z */
#define YEAR_9999 253402300799000LL /* 9999-12-31T23:59:59Z */

/* Valid from 2020 to 9999; `issuer` NULL: self-signed. */
struct identity make_identity(struct task *t, enum key_kind kind, const char *subject, bool ca,
                              const struct identity *issuer);
struct identity make_ca(struct task *t, const char *subject, const struct identity *issuer);
struct identity make_device(struct task *t, const char *subject, const struct identity *issuer);
/* The X.509 object of a certificate, unsigned as yet, for tests that spoil it. */
X509 *copy_to_spoil(struct task *t, const struct cert *cert);
/* Signs what copy_to_spoil() gave and was spoilt, and encodes it. */
struct bytes sign_spoilt(X509 *x509, struct task *t, EVP_PKEY *key, const EVP_MD *hash);
void add_extension(X509 *x509, const char *oid, bool critical, struct bytes value);

/* A device certificate with one extension more. */
const struct cert *cert_with_extension(struct task *t, const char *oid, struct bytes value);

/* The first certificate or the key in a vector file. */
const struct cert *vector_cert(struct task *t, const char *name);
EVP_PKEY *vector_key(struct task *t, const char *name);
struct cert_list cert_list_of(struct task *t, size_t count, ...);

/* `text` without any octet but its own: a struct bytes of it. */
struct bytes with_octet_changed(struct task *t, struct bytes octets, size_t at);

/* Writes a file into the test's folder and returns its path. */
const char *put_file(void **state, const char *name, struct bytes content);
/*
 * Runs a program found in PATH with these arguments (ends with NULL), and returns its exit status
 * and what it wrote to both outputs.  Skips the test when the program is not installed.
 */
int run_program(void **state, const char *const *arguments, const char **ret_output);
#define RUN(state, ret_output, ...)                                                                \
    run_program((state), (const char *const[]){__VA_ARGS__, NULL}, (ret_output))

#endif
