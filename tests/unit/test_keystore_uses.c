/* A key in the token, in everything that needs a key: X.509, CSR, CMS, TLS of both libraries. */
#include "tests/unit/softhsm.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gnutls/gnutls.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct scene {
    struct task *t;
    struct keystore *ks;
    struct keystore_key *key;
    EVP_PKEY *evp;
    X509 *certificate; /* self-signed by the key */
};

static void close_keystore(void *object)
{
    keystore_close(object);
}

/* "CN=localhost", as X509_sign makes it with the key. */
static X509 *self_signed(EVP_PKEY *key, const EVP_MD *hash)
{
    X509 *x = X509_new();
    assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), 4711), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), -60));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), 3600));
    X509_NAME *name = X509_get_subject_name(x);
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                                (const unsigned char *)"localhost", -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(x, name), 1);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost");
    assert_non_null(names);
    assert_int_equal(X509_add_ext(x, names, -1), 1);
    X509_EXTENSION_free(names);
    assert_int_equal(X509_set_pubkey(x, key), 1);
    assert_true(X509_sign(x, key, hash) > 0);
    return x;
}

static struct scene scene_open(void **state, enum keystore_kind kind)
{
    struct scene s = {.t = test_task(state)};
    struct softhsm *hsm = softhsm_fresh(state, SOFTHSM_MODULE);
    assert_ok(s.t, keystore_open(s.t, &hsm->options, &s.ks));
    ARENA_DEFER(s.t->arena, close_keystore, s.ks);
    assert_ok(s.t, keystore_generate(s.t, s.ks, "registrar", kind, &s.key));
    s.evp = keystore_key_evp(s.key);
    s.certificate = self_signed(s.evp, kind == KEYSTORE_P384 ? EVP_sha384() : EVP_sha256());
    ARENA_DEFER(s.t->arena, X509_free, s.certificate);
    return s;
}

/* The public key alone, as somebody else has it. */
static EVP_PKEY *public_half(const struct scene *s)
{
    struct bytes spki = keystore_key_spki(s->key);
    const unsigned char *der = spki.data;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &der, (long)spki.len);
    assert_non_null(key);
    ARENA_DEFER(s->t->arena, EVP_PKEY_free, key);
    return key;
}

/* ---- libcrypto ---- */

static void certificate_is_signed(void **state)
{
    struct scene s = scene_open(state, KEYSTORE_P256);
    assert_int_equal(X509_verify(s.certificate, public_half(&s)), 1);
    assert_int_equal(X509_check_private_key(s.certificate, s.evp), 1);
}

static void certification_request_is_signed(void **state)
{
    struct scene s = scene_open(state, KEYSTORE_P384);
    X509_REQ *request = X509_REQ_new();
    ARENA_DEFER(s.t->arena, X509_REQ_free, request);
    assert_int_equal(X509_REQ_set_pubkey(request, s.evp), 1);
    assert_true(X509_REQ_sign(request, s.evp, EVP_sha384()) > 0);
    assert_int_equal(X509_REQ_verify(request, public_half(&s)), 1);
}

static void cms_is_signed(void **state)
{
    static const unsigned flags = CMS_BINARY | CMS_PARTIAL | CMS_NOSMIMECAP;
    struct scene s = scene_open(state, KEYSTORE_P256);
    BIO *content = BIO_new_mem_buf("voucher request", -1);
    CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, flags);
    ARENA_DEFER(s.t->arena, BIO_free_all, content);
    ARENA_DEFER(s.t->arena, CMS_ContentInfo_free, cms);
    assert_non_null(CMS_add1_signer(cms, s.certificate, s.evp, EVP_sha256(), flags));
    assert_int_equal(CMS_final(cms, content, NULL, flags), 1);
    assert_int_equal(
        CMS_verify(cms, NULL, NULL, NULL, NULL, CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY), 1);
}

static void copies_of_the_key_sign_too(void **state)
{
    struct scene s = scene_open(state, KEYSTORE_P256);
    EVP_PKEY *copy = EVP_PKEY_dup(s.evp);
    assert_non_null(copy);
    ARENA_DEFER(s.t->arena, EVP_PKEY_free, copy);
    X509 *x = self_signed(copy, EVP_sha256());
    ARENA_DEFER(s.t->arena, X509_free, x);
    assert_int_equal(X509_verify(x, public_half(&s)), 1);
}

static void failed_signature_says_why(void **state)
{
    struct scene s = scene_open(state, KEYSTORE_P256);
    X509 *x = X509_dup(s.certificate);
    ARENA_DEFER(s.t->arena, X509_free, x);
    ERR_clear_error();
    assert_int_equal(X509_sign(x, s.evp, EVP_sha1()), 0);
    const char *data = NULL;
    bool found = false;
    while (ERR_get_error_all(NULL, NULL, NULL, &data, NULL) != 0)
        found = found || strstr(data, "invalid: 20 octets are no digest") != NULL;
    assert_true(found);
}

/* ---- A TLS client of OpenSSL, which libcurl is; the server is OpenSSL with another key ---- */

/* Moves what each side has to say until both are done or one has failed. */
static bool shake_hands(SSL *client, SSL *server)
{
    for (int i = 0; i < 20; i++) {
        int c = SSL_do_handshake(client);
        int s = SSL_do_handshake(server);
        if (c == 1 && s == 1)
            return true;
        if ((c != 1 && SSL_get_error(client, c) != SSL_ERROR_WANT_READ) ||
            (s != 1 && SSL_get_error(server, s) != SSL_ERROR_WANT_READ))
            return false;
    }
    return false;
}

static SSL *new_ssl(struct arena *arena, const SSL_METHOD *method, int version, X509 *certificate,
                    EVP_PKEY *key)
{
    SSL_CTX *context = SSL_CTX_new(method);
    ARENA_DEFER(arena, SSL_CTX_free, context);
    assert_int_equal(SSL_CTX_set_min_proto_version(context, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(context, version), 1);
    assert_int_equal(SSL_CTX_use_certificate(context, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
    assert_int_equal(SSL_CTX_check_private_key(context), 1);
    SSL *ssl = SSL_new(context);
    ARENA_DEFER(arena, SSL_free, ssl);
    return ssl;
}

static int accept_any(int preverified, X509_STORE_CTX *context)
{
    (void)preverified;
    (void)context;
    return 1;
}

static void client_proves_itself(struct scene *s, int version)
{
    EVP_PKEY *server_key = EVP_EC_gen("P-256");
    ARENA_DEFER(s->t->arena, EVP_PKEY_free, server_key);
    X509 *server_certificate = self_signed(server_key, EVP_sha256());
    ARENA_DEFER(s->t->arena, X509_free, server_certificate);
    SSL *client = new_ssl(s->t->arena, TLS_client_method(), version, s->certificate, s->evp);
    SSL *server =
        new_ssl(s->t->arena, TLS_server_method(), version, server_certificate, server_key);
    SSL_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_any);
    BIO *one;
    BIO *other;
    assert_int_equal(BIO_new_bio_pair(&one, 0, &other, 0), 1);
    SSL_set_bio(client, one, one);
    SSL_set_bio(server, other, other);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    uint64_t before = keystore_figures(s->ks).signatures;
    assert_true(shake_hands(client, server));
    assert_int_equal(X509_cmp(SSL_get0_peer_certificate(server), s->certificate), 0);
    assert_int_equal(keystore_figures(s->ks).signatures, before + 1);
}

static void openssl_client_with_p256_proves_itself(void **state)
{
    struct scene s = scene_open(state, KEYSTORE_P256);
    client_proves_itself(&s, TLS1_2_VERSION);
    client_proves_itself(&s, TLS1_3_VERSION);
}

static void openssl_client_with_p384_proves_itself(void **state)
{
    struct scene s = scene_open(state, KEYSTORE_P384);
    client_proves_itself(&s, TLS1_2_VERSION);
    client_proves_itself(&s, TLS1_3_VERSION);
}

/* ---- A TLS server of GnuTLS, which libmicrohttpd is ---- */

struct server {
    int socket;
    const char *priority;
    gnutls_pcert_st *certificate;
    gnutls_privkey_t key;
    int result;
};

static int handshake(gnutls_session_t session)
{
    int result;
    do {
        result = gnutls_handshake(session);
    } while (result < 0 && gnutls_error_is_fatal(result) == 0);
    return result;
}

/* How libmicrohttpd asks for certificate and key; neither is given away. */
static int retrieve(gnutls_session_t session, const gnutls_datum_t *names, int name_count,
                    const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
                    gnutls_pcert_st **certificate, unsigned int *certificate_count,
                    gnutls_privkey_t *key)
{
    (void)names;
    (void)name_count;
    (void)algorithms;
    (void)algorithm_count;
    const struct server *s = gnutls_session_get_ptr(session);
    *certificate = s->certificate;
    *certificate_count = 1;
    *key = s->key;
    return 0;
}

static void *serve(void *arg)
{
    struct server *s = arg;
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
    (void)gnutls_init(&session, GNUTLS_SERVER);
    (void)gnutls_certificate_allocate_credentials(&credentials);
    gnutls_certificate_set_retrieve_function2(credentials, retrieve);
    (void)gnutls_priority_set_direct(session, s->priority, NULL);
    (void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_session_set_ptr(session, s);
    gnutls_transport_set_int(session, s->socket);
    gnutls_handshake_set_timeout(session, 20000);
    s->result = handshake(session);
    (void)shutdown(s->socket, SHUT_WR);
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
    return NULL;
}

/* A client that trusts the certificate and nothing else; returns how the handshake went. */
static int connect_client(int socket, const char *priority, const gnutls_datum_t *anchor,
                          gnutls_sign_algorithm_t *ret_algorithm)
{
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
    assert_int_equal(gnutls_init(&session, GNUTLS_CLIENT), 0);
    assert_int_equal(gnutls_certificate_allocate_credentials(&credentials), 0);
    assert_int_equal(
        gnutls_certificate_set_x509_trust_mem(credentials, anchor, GNUTLS_X509_FMT_DER), 1);
    assert_int_equal(gnutls_priority_set_direct(session, priority, NULL), 0);
    assert_int_equal(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials), 0);
    gnutls_session_set_verify_cert(session, "localhost", 0);
    gnutls_transport_set_int(session, socket);
    gnutls_handshake_set_timeout(session, 20000);
    int result = handshake(session);
    *ret_algorithm = (gnutls_sign_algorithm_t)gnutls_sign_algorithm_get(session);
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
    return result;
}

/* Returns the algorithm that the key in the token signed the handshake with. */
static gnutls_sign_algorithm_t server_proves_itself(const struct scene *s, const char *priority)
{
    int sockets[2];
    pthread_t thread;
    gnutls_pcert_st certificate;
    gnutls_sign_algorithm_t algorithm;
    unsigned char *der = NULL;
    int len = i2d_X509(s->certificate, &der);
    const gnutls_datum_t datum = {der, (unsigned int)len};
    assert_int_equal(gnutls_pcert_import_x509_raw(&certificate, &datum, GNUTLS_X509_FMT_DER, 0), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    struct server server = {.socket = sockets[0],
                            .priority = priority,
                            .certificate = &certificate,
                            .key = keystore_key_gnutls(s->key)};
    uint64_t before = keystore_figures(s->ks).signatures;
    assert_int_equal(pthread_create(&thread, NULL, serve, &server), 0);
    int result = connect_client(sockets[1], priority, &datum, &algorithm);
    assert_int_equal(pthread_join(thread, NULL), 0);
    gnutls_pcert_deinit(&certificate);
    OPENSSL_free(der);
    (void)close(sockets[0]);
    (void)close(sockets[1]);
    if (result != 0 || server.result != 0)
        fail_msg("%s: client: %s; server: %s", priority, gnutls_strerror(result),
                 gnutls_strerror(server.result));
    assert_int_equal(keystore_figures(s->ks).signatures, before + 1);
    return algorithm;
}

#define TLS12 "NORMAL:-VERS-ALL:+VERS-TLS1.2:-SIGN-ALL:"
#define TLS13 "NORMAL:-VERS-ALL:+VERS-TLS1.3:-SIGN-ALL:"

static void gnutls_server_with_p256_proves_itself(void **state)
{
    static const struct {
        const char *priority;
        gnutls_sign_algorithm_t algorithm;
    } cases[] = {
        {TLS12 "+SIGN-ECDSA-SHA256", GNUTLS_SIGN_ECDSA_SHA256},
        {TLS12 "+SIGN-ECDSA-SHA384:+SIGN-ECDSA-SHA256", GNUTLS_SIGN_ECDSA_SHA384},
        {TLS12 "+SIGN-ECDSA-SHA512:+SIGN-ECDSA-SHA256", GNUTLS_SIGN_ECDSA_SHA512},
        {TLS13 "+SIGN-ECDSA-SECP256R1-SHA256", GNUTLS_SIGN_ECDSA_SECP256R1_SHA256},
    };
    struct scene s = scene_open(state, KEYSTORE_P256);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(server_proves_itself(&s, cases[i].priority), cases[i].algorithm);
    (void)server_proves_itself(&s, "NORMAL:-VERS-ALL:+VERS-TLS1.2");
    (void)server_proves_itself(&s, "NORMAL:-VERS-ALL:+VERS-TLS1.3");
    (void)server_proves_itself(&s, "NORMAL");
}

static void gnutls_server_with_p384_proves_itself(void **state)
{
    static const struct {
        const char *priority;
        gnutls_sign_algorithm_t algorithm;
    } cases[] = {
        {TLS12 "+SIGN-ECDSA-SHA384", GNUTLS_SIGN_ECDSA_SHA384},
        {TLS13 "+SIGN-ECDSA-SECP384R1-SHA384", GNUTLS_SIGN_ECDSA_SECP384R1_SHA384},
        {TLS13 "+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SECP384R1-SHA384",
         GNUTLS_SIGN_ECDSA_SECP384R1_SHA384},
    };
    struct scene s = scene_open(state, KEYSTORE_P384);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(server_proves_itself(&s, cases[i].priority), cases[i].algorithm);
    (void)server_proves_itself(&s, "NORMAL");
}

static void gnutls_is_told_what_the_key_cannot(void **state)
{
    struct scene s = scene_open(state, KEYSTORE_P256);
    gnutls_privkey_t key = keystore_key_gnutls(s.key);
    gnutls_datum_t data = {(unsigned char *)"data", 4};
    gnutls_datum_t signature;
    unsigned bits = 0;
    assert_int_equal(gnutls_privkey_get_pk_algorithm(key, &bits), GNUTLS_PK_ECDSA);
    assert_int_equal(bits, 256);
    assert_true(gnutls_privkey_sign_data2(key, GNUTLS_SIGN_ECDSA_SECP384R1_SHA384, 0, &data,
                                          &signature) < 0);
    assert_true(gnutls_privkey_sign_data2(key, GNUTLS_SIGN_RSA_SHA256, 0, &data, &signature) < 0);
    assert_int_equal(keystore_figures(s.ks).signatures, 1); /* its certificate's */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(certificate_is_signed),
        UNIT_TEST(certification_request_is_signed),
        UNIT_TEST(cms_is_signed),
        UNIT_TEST(copies_of_the_key_sign_too),
        UNIT_TEST(failed_signature_says_why),
        UNIT_TEST(openssl_client_with_p256_proves_itself),
        UNIT_TEST(openssl_client_with_p384_proves_itself),
        UNIT_TEST(gnutls_server_with_p256_proves_itself),
        UNIT_TEST(gnutls_server_with_p384_proves_itself),
        UNIT_TEST(gnutls_is_told_what_the_key_cannot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
