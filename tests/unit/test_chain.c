#include "tests/unit/pki_fixture.h"

#include "core/base/clock.h"
#include "core/pki/chain.h"

#include <pthread.h>

#include <openssl/x509v3.h>

#define APRIL_2021 1619550000000LL /* when the examples of RFC 8995 were fresh */

static const struct anchors *anchors_of(struct task *t, const struct cert_list *certs)
{
    const struct anchors *anchors = NULL;
    assert_ok(t, anchors_make(t, certs, &anchors));
    return anchors;
}

static const struct anchors *one_anchor(struct task *t, const struct cert *cert)
{
    const struct cert_list certs = {&cert, 1};
    return anchors_of(t, &certs);
}

static void published_certificates_chain_to_their_makers(void **state)
{
    static const struct {
        const char *leaf;
        const char *anchor;
        int64_t at;
    } pairs[] = {
        {"rfc8995/idevid_00-D0-E5-F2-00-02.cert.pem", "rfc8995/vendor.cert.pem", APRIL_2021},
        {"rfc8995/masa.cert.pem", "rfc8995/vendor.cert.pem", APRIL_2021},
        {"rfc8995/jrc_prime256v1.cert.pem", "rfc8995/ownerca_secp384r1.cert.pem", APRIL_2021},
        {"cbrski/pledge.cert.pem", "cbrski/masa_ca.cert.pem", 1672531200000},
        {"cbrski/registrar.cert.pem", "cbrski/domain_ca.cert.pem", 1672531200000},
        {"jws/pledge.crt.pem", "jws/manufacturer-ca.crt.pem", 1735689600000},
    };
    struct task *t = test_task(state);
    if (!vectors_present())
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        const struct chain_rules rules = {.at = pairs[i].at};
        struct cert_list path = {NULL, 0};
        const struct cert *leaf = vector_cert(t, pairs[i].leaf);
        const struct cert *anchor = vector_cert(t, pairs[i].anchor);
        assert_ok(t, chain_verify(t, one_anchor(t, anchor), leaf, NULL, &rules, &path));
        assert_int_equal(path.count, 2);
        assert_ptr_equal(path.items[0], leaf);
        assert_bytes_equal(t, path.items[1]->der, anchor->der);
    }
}

static void idevid_that_never_expires_is_valid_today(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity device = make_device(t, "serialNumber=1", &root);
    const struct chain_rules last_moment = {.at = YEAR_9999 - SECOND_MS};
    const struct anchors *anchors = one_anchor(t, root.cert);
    assert_int_equal(cert_not_after(device.cert), YEAR_9999);
    assert_ok(t, chain_verify(t, anchors, device.cert, NULL, NULL, NULL));
    assert_ok(t, chain_verify(t, anchors, device.cert, NULL, &last_moment, NULL));
}

static void path_goes_through_intermediates_in_any_order(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity upper = make_ca(t, "CN=upper", &root);
    struct identity lower = make_ca(t, "CN=lower", &upper);
    struct identity device = make_device(t, "serialNumber=1", &lower);
    struct cert_list others = cert_list_of(t, 2, upper.cert, lower.cert);
    struct cert_list path = {NULL, 0};
    const struct anchors *anchors = one_anchor(t, root.cert);
    assert_ok(t, chain_verify(t, anchors, device.cert, &others, NULL, &path));
    assert_int_equal(path.count, 4);
    assert_ptr_equal(path.items[0], device.cert);
    assert_bytes_equal(t, path.items[1]->der, lower.cert->der);
    assert_bytes_equal(t, path.items[2]->der, upper.cert->der);
    assert_bytes_equal(t, path.items[3]->der, root.cert->der);
    others = cert_list_of(t, 1, lower.cert);
    assert_fails(t, chain_verify(t, anchors, device.cert, &others, NULL, &path), E_CERT_UNTRUSTED);
    assert_detail(t, "CN=lower");
    assert_int_equal(path.count, 4);
}

static void intermediate_may_be_the_anchor(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity middle = make_ca(t, "CN=middle", &root);
    struct identity device = make_device(t, "serialNumber=1", &middle);
    struct cert_list others = cert_list_of(t, 1, root.cert);
    struct cert_list path = {NULL, 0};
    assert_ok(t, chain_verify(t, one_anchor(t, middle.cert), device.cert, &others, NULL, &path));
    assert_int_equal(path.count, 2);
}

static void anchor_that_is_no_ca_vouches_for_itself_alone(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity device = make_device(t, "serialNumber=1", &root);
    struct identity self_signed = make_device(t, "serialNumber=2", NULL);
    struct identity child = make_device(t, "serialNumber=3", &device);
    struct cert_list path = {NULL, 0};
    assert_ok(t, chain_verify(t, one_anchor(t, device.cert), device.cert, NULL, NULL, &path));
    assert_int_equal(path.count, 1);
    assert_ok(t,
              chain_verify(t, one_anchor(t, self_signed.cert), self_signed.cert, NULL, NULL, NULL));
    assert_fails(t, chain_verify(t, one_anchor(t, device.cert), child.cert, NULL, NULL, NULL),
                 E_CERT_UNTRUSTED);
}

static void root_among_the_others_is_no_anchor(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity device = make_device(t, "serialNumber=1", &root);
    struct identity stranger = make_ca(t, "CN=stranger", NULL);
    const struct cert_list none = {NULL, 0};
    struct cert_list others = cert_list_of(t, 1, root.cert);
    assert_fails(t, chain_verify(t, one_anchor(t, stranger.cert), device.cert, &others, NULL, NULL),
                 E_CERT_UNTRUSTED);
    assert_fails(t, chain_verify(t, anchors_of(t, &none), device.cert, &others, NULL, NULL),
                 E_CERT_UNTRUSTED);
    assert_fails(t, chain_verify(t, anchors_of(t, &none), root.cert, NULL, NULL, NULL),
                 E_CERT_UNTRUSTED);
}

static void issuer_of_the_same_name_with_another_key_is_not_taken(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity impostor = make_ca(t, "CN=root", NULL);
    struct identity device = make_device(t, "serialNumber=1", &impostor);
    struct cert_list others = cert_list_of(t, 1, impostor.cert);
    assert_fails(t, chain_verify(t, one_anchor(t, root.cert), device.cert, &others, NULL, NULL),
                 E_CERT_UNTRUSTED);
    /* With both as anchors the right one is found. */
    struct cert_list both = cert_list_of(t, 2, root.cert, impostor.cert);
    assert_ok(t, chain_verify(t, anchors_of(t, &both), device.cert, NULL, NULL, NULL));
}

static void altered_certificate_is_untrusted(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity device = make_device(t, "serialNumber=1", &root);
    const struct cert *altered = NULL;
    struct bytes der = with_octet_changed(t, device.cert->der, device.cert->der.len - 1);
    assert_ok(t, cert_parse(t, der, &altered));
    assert_fails(t, chain_verify(t, one_anchor(t, root.cert), altered, NULL, NULL, NULL),
                 E_CERT_UNTRUSTED);
    assert_detail(t, "serialNumber=1: certificate signature failure");
}

/* A certificate from `from` to `to`. */
static struct identity dated(struct task *t, const char *subject, bool ca, int64_t from, int64_t to,
                             const struct identity *issuer)
{
    struct identity made = {NULL, NULL};
    struct issue issue = {.not_before = from,
                          .not_after = to,
                          .ca = ca,
                          .path_length = -1,
                          .issuer = issuer == NULL ? NULL : issuer->cert};
    assert_ok(t, key_generate(t, KEY_P256, 0, &made.key));
    assert_ok(t, name_from_text(t, subject, &issue.subject));
    issue.key = made.key;
    issue.issuer_key = issuer == NULL ? made.key : issuer->key;
    assert_ok(t, issue_certificate(t, &issue, &made.cert));
    return made;
}

static void expired_leaf_is_told_from_an_untrusted_one(void **state)
{
    struct task *t = test_task(state);
    const int64_t day = 20LL * 365 * DAY_MS;
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity device =
        dated(t, "serialNumber=1", false, YEAR_2020, YEAR_2020 + DAY_MS, &root);
    struct identity future =
        dated(t, "serialNumber=2", false, YEAR_9999 - DAY_MS, YEAR_9999, &root);
    const struct anchors *anchors = one_anchor(t, root.cert);
    const struct chain_rules fresh = {.at = YEAR_2020 + HOUR_MS};
    const struct chain_rules late = {.at = YEAR_2020 + day};
    const struct chain_rules no_clock = {.ignore_validity = true};
    assert_fails(t, chain_verify(t, anchors, device.cert, NULL, NULL, NULL), E_CERT_EXPIRED);
    assert_detail(t, "serialNumber=1: certificate has expired");
    assert_fails(t, chain_verify(t, anchors, device.cert, NULL, &late, NULL), E_CERT_EXPIRED);
    assert_fails(t, chain_verify(t, anchors, future.cert, NULL, NULL, NULL), E_CERT_EXPIRED);
    assert_ok(t, chain_verify(t, anchors, device.cert, NULL, &fresh, NULL));
    assert_ok(t, chain_verify(t, anchors, device.cert, NULL, &no_clock, NULL));
    assert_ok(t, chain_verify(t, anchors, future.cert, NULL, &no_clock, NULL));
}

static void validity_of_anchors_counts_as_any_other(void **state)
{
    struct task *t = test_task(state);
    struct identity root = dated(t, "CN=root", true, YEAR_2020, YEAR_2020 + DAY_MS, NULL);
    struct identity device =
        dated(t, "serialNumber=1", false, YEAR_2020, YEAR_2020 + DAY_MS, &root);
    const struct anchors *anchors = one_anchor(t, root.cert);
    const struct chain_rules no_clock = {.ignore_validity = true};
    assert_fails(t, chain_verify(t, anchors, device.cert, NULL, NULL, NULL), E_CERT_EXPIRED);
    assert_detail(t, "CN=root");
    assert_ok(t, chain_verify(t, anchors, device.cert, NULL, &no_clock, NULL));
    assert_ok(t, chain_verify(t, anchors, root.cert, NULL, &no_clock, NULL));
}

/* An authorityKeyIdentifier that names its issuer by name and serial number, as old ones do. */
static struct bytes key_id_by_serial(struct task *t, const struct cert *issuer)
{
    AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    unsigned char *der = NULL;
    name->type = GEN_DIRNAME;
    name->d.directoryName = X509_NAME_dup(X509_get_issuer_name(issuer->x509));
    id->issuer = GENERAL_NAMES_new();
    assert_true(sk_GENERAL_NAME_push(id->issuer, name) > 0);
    id->serial = ASN1_INTEGER_dup(X509_get0_serialNumber(issuer->x509));
    int len = i2d_AUTHORITY_KEYID(id, &der);
    struct bytes copy = bytes_copy(t->arena, bytes_make(der, (size_t)len));
    OPENSSL_free(der);
    AUTHORITY_KEYID_free(id);
    return copy;
}

/* The same name and key, another serial number and validity. */
static const struct cert *renewed(struct task *t, const struct identity *ca, int64_t until)
{
    const struct cert *cert = NULL;
    X509 *x509 = copy_to_spoil(t, ca->cert);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x509), 77), 1);
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x509), until / SECOND_MS));
    assert_ok(t, cert_parse(t, sign_spoilt(x509, t, ca->key, EVP_sha256()), &cert));
    return cert;
}

static void renewed_ca_certificate_vouches_for_what_the_old_one_issued(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity other = make_ca(t, "CN=root", NULL);
    struct identity plain = make_device(t, "serialNumber=1", &root);
    const struct cert *old = renewed(t, &root, YEAR_2020 + DAY_MS);
    const struct cert *by_serial = NULL;
    X509 *x509 = copy_to_spoil(t, plain.cert);
    X509_EXTENSION_free(
        X509_delete_ext(x509, X509_get_ext_by_NID(x509, NID_authority_key_identifier, -1)));
    add_extension(x509, OID_CE_AUTHORITY_KEY_ID, false, key_id_by_serial(t, old));
    assert_ok(t, cert_parse(t, sign_spoilt(x509, t, root.key, EVP_sha256()), &by_serial));
    const struct cert *devices[] = {plain.cert, by_serial};
    struct cert_list both = cert_list_of(t, 2, old, root.cert);
    struct cert_list turned = cert_list_of(t, 2, root.cert, old);
    const struct anchors *sets[] = {one_anchor(t, root.cert), NULL, NULL};
    assert_ok(t, anchors_make(t, &both, &sets[1]));
    assert_ok(t, anchors_make(t, &turned, &sets[2]));
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        struct cert_list sent = cert_list_of(t, 1, old); /* what the device has of old */
        for (size_t k = 0; k < ARRAY_SIZE(sets); k++)
            assert_ok(t, chain_verify(t, sets[k], devices[i], &sent, NULL, NULL));
        assert_fails(t, chain_verify(t, one_anchor(t, old), devices[i], NULL, NULL, NULL),
                     E_CERT_EXPIRED);
        assert_fails(t, chain_verify(t, one_anchor(t, other.cert), devices[i], NULL, NULL, NULL),
                     E_CERT_UNTRUSTED);
    }
}

static void ignoring_validity_ignores_nothing_else(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity impostor = make_ca(t, "CN=root", NULL);
    struct identity device = make_device(t, "serialNumber=1", &impostor);
    const struct chain_rules no_clock = {.ignore_validity = true};
    assert_fails(t, chain_verify(t, one_anchor(t, root.cert), device.cert, NULL, &no_clock, NULL),
                 E_CERT_UNTRUSTED);
}

static void device_cannot_issue_certificates(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity device = make_device(t, "serialNumber=1", &root);
    struct identity child = make_device(t, "serialNumber=2", &device);
    struct cert_list others = cert_list_of(t, 1, device.cert);
    assert_fails(t, chain_verify(t, one_anchor(t, root.cert), child.cert, &others, NULL, NULL),
                 E_CERT_UNTRUSTED);
    assert_detail(t, "serialNumber=1");
}

static const struct cert *hashed_with(struct task *t, const struct identity *root,
                                      const struct identity *device, const EVP_MD *hash)
{
    const struct cert *cert = NULL;
    X509 *x509 = copy_to_spoil(t, device->cert);
    assert_ok(t, cert_parse(t, sign_spoilt(x509, t, root->key, hash), &cert));
    return cert;
}

static void sha1_of_old_manufacturers_is_read_and_md5_is_not(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_identity(t, KEY_RSA, "CN=root", true, NULL);
    struct identity device = make_device(t, "serialNumber=1", &root);
    const struct anchors *anchors = one_anchor(t, root.cert);
    const struct cert *sha1 = hashed_with(t, &root, &device, EVP_sha1());
    const struct cert *md5 = hashed_with(t, &root, &device, EVP_md5());
    assert_ok(t, chain_verify(t, anchors, sha1, NULL, NULL, NULL));
    assert_fails(t, chain_verify(t, anchors, md5, NULL, NULL, NULL), E_CERT_UNTRUSTED);
    assert_detail(t, "broken hash");
}

static void no_key_usage_is_demanded_of_the_leaf(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    const struct {
        const char *oid;
        struct bytes value;
    } extensions[] = {
        {OID_CE_EXT_KEY_USAGE, /* cmcRA alone */
         BYTES_LITERAL("\x30\x0A\x06\x08\x2B\x06\x01\x05\x05\x07\x03\x1C")},
        {OID_CE_KEY_USAGE, BYTES_LITERAL("\x03\x02\x03\x08")}, /* keyAgreement */
        {"1.2.3.4", BYTES_LITERAL("\x05\0")},                  /* neither */
    };
    for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
        struct identity device = make_device(t, "serialNumber=1", &root);
        X509 *x509 = copy_to_spoil(t, device.cert);
        const struct cert *cert = NULL;
        X509_EXTENSION_free(X509_delete_ext(x509, X509_get_ext_by_NID(x509, NID_key_usage, -1)));
        add_extension(x509, extensions[i].oid, i < 2, extensions[i].value);
        assert_ok(t, cert_parse(t, sign_spoilt(x509, t, root.key, EVP_sha256()), &cert));
        assert_ok(t, chain_verify(t, one_anchor(t, root.cert), cert, NULL, NULL, NULL));
    }
}

static void unknown_critical_extension_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity device = make_device(t, "serialNumber=1", &root);
    X509 *x509 = copy_to_spoil(t, device.cert);
    const struct cert *cert = NULL;
    add_extension(x509, "1.2.3.4", true, BYTES_LITERAL("\x05\0"));
    assert_ok(t, cert_parse(t, sign_spoilt(x509, t, root.key, EVP_sha256()), &cert));
    assert_fails(t, chain_verify(t, one_anchor(t, root.cert), cert, NULL, NULL, NULL),
                 E_CERT_UNTRUSTED);
}

static void path_outlives_the_anchors_arena(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity device = make_device(t, "serialNumber=1", &root);
    struct cert_list path = {NULL, 0};
    struct arena *other = arena_create();
    struct task owner;
    task_init(&owner, other, NULL);
    const struct cert *copy = NULL;
    assert_ok(&owner, cert_parse(&owner, root.cert->der, &copy));
    assert_ok(t, chain_verify(t, one_anchor(&owner, copy), device.cert, NULL, NULL, &path));
    arena_destroy(other);
    assert_int_equal(path.count, 2);
    assert_string_equal(cert_subject(t, path.items[1]), "CN=root");
}

static void pinned_ca_covers_what_it_issued(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity middle = make_ca(t, "CN=middle", &root);
    struct identity registrar = make_device(t, "CN=registrar", &middle);
    struct identity stranger = make_ca(t, "CN=root", NULL);
    struct cert_list others = cert_list_of(t, 1, middle.cert);
    assert_ok(t, chain_verify_pinned(t, root.cert, registrar.cert, &others, NULL));
    assert_ok(t, chain_verify_pinned(t, middle.cert, registrar.cert, NULL, NULL));
    assert_fails(t, chain_verify_pinned(t, root.cert, registrar.cert, NULL, NULL),
                 E_CERT_UNTRUSTED);
    assert_fails(t, chain_verify_pinned(t, stranger.cert, registrar.cert, &others, NULL),
                 E_CERT_UNTRUSTED);
}

static void pinned_end_entity_is_known_by_its_key(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity registrar = make_device(t, "CN=registrar", &root);
    struct identity impostor = make_device(t, "CN=registrar", &root);
    const struct cert *renewed = NULL;
    X509 *x509 = copy_to_spoil(t, registrar.cert);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x509), 2), 1);
    assert_ok(t, cert_parse(t, sign_spoilt(x509, t, root.key, EVP_sha256()), &renewed));
    assert_ok(t, chain_verify_pinned(t, registrar.cert, registrar.cert, NULL, NULL));
    assert_ok(t, chain_verify_pinned(t, registrar.cert, renewed, NULL, NULL));
    assert_fails(t, chain_verify_pinned(t, registrar.cert, impostor.cert, NULL, NULL),
                 E_CERT_UNTRUSTED);
}

static void pinned_key_does_not_renew_an_expired_certificate(void **state)
{
    struct task *t = test_task(state);
    struct identity registrar =
        dated(t, "CN=registrar", false, YEAR_2020, YEAR_2020 + DAY_MS, NULL);
    const struct chain_rules no_clock = {.ignore_validity = true};
    assert_fails(t, chain_verify_pinned(t, registrar.cert, registrar.cert, NULL, NULL),
                 E_CERT_EXPIRED);
    assert_ok(t, chain_verify_pinned(t, registrar.cert, registrar.cert, NULL, &no_clock));
}

#define THREADS       8
#define VERIFICATIONS 20

struct shared {
    const struct anchors *anchors;
    struct bytes der;
};

static void *verify_often(void *argument)
{
    const struct shared *shared = argument;
    intptr_t good = 0;
    for (int i = 0; i < VERIFICATIONS; i++) {
        CLEANUP(arena_cleanup) struct arena *arena = arena_create();
        struct task task;
        const struct cert *cert;
        task_init(&task, arena, NULL);
        if (cert_parse(&task, shared->der, &cert) &&
            chain_verify(&task, shared->anchors, cert, NULL, NULL, NULL))
            good++;
    }
    return (void *)good; /* NOLINT(performance-no-int-to-ptr) */
}

static void anchors_serve_many_threads(void **state)
{
    struct task *t = test_task(state);
    struct identity root = make_ca(t, "CN=root", NULL);
    struct identity other = make_ca(t, "CN=other", NULL);
    struct identity device = make_device(t, "serialNumber=1", &root);
    struct cert_list certs = cert_list_of(t, 2, other.cert, root.cert);
    struct shared shared = {anchors_of(t, &certs), device.cert->der};
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, verify_often, &shared), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *good;
        assert_int_equal(pthread_join(threads[i], &good), 0);
        assert_int_equal((intptr_t)good, VERIFICATIONS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(published_certificates_chain_to_their_makers),
        PKI_TEST(idevid_that_never_expires_is_valid_today),
        PKI_TEST(path_goes_through_intermediates_in_any_order),
        PKI_TEST(intermediate_may_be_the_anchor),
        PKI_TEST(anchor_that_is_no_ca_vouches_for_itself_alone),
        PKI_TEST(root_among_the_others_is_no_anchor),
        PKI_TEST(issuer_of_the_same_name_with_another_key_is_not_taken),
        PKI_TEST(altered_certificate_is_untrusted),
        PKI_TEST(expired_leaf_is_told_from_an_untrusted_one),
        PKI_TEST(validity_of_anchors_counts_as_any_other),
        PKI_TEST(renewed_ca_certificate_vouches_for_what_the_old_one_issued),
        PKI_TEST(ignoring_validity_ignores_nothing_else),
        PKI_TEST(device_cannot_issue_certificates),
        PKI_TEST(sha1_of_old_manufacturers_is_read_and_md5_is_not),
        PKI_TEST(no_key_usage_is_demanded_of_the_leaf),
        PKI_TEST(unknown_critical_extension_is_refused),
        PKI_TEST(path_outlives_the_anchors_arena),
        PKI_TEST(pinned_ca_covers_what_it_issued),
        PKI_TEST(pinned_end_entity_is_known_by_its_key),
        PKI_TEST(pinned_key_does_not_renew_an_expired_certificate),
        PKI_TEST(anchors_serve_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
