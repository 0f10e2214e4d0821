#include "tests/unit/http_fixture.h"

#include "core/base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/abstract.h>

struct bytes der_of(struct task *t, X509 *cert)
{
    unsigned char *der = NULL;
    int len = i2d_X509(cert, &der);
    assert_true(len > 0);
    struct bytes copy = bytes_copy(t->arena, bytes_make(der, (size_t)len));
    OPENSSL_free(der);
    return copy;
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    if (value == NULL)
        return;
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* The certificate's own octets, then its issuer's chain unless that is a root. */
static struct bytes_list chain_of(struct task *t, X509 *cert, const struct credential *issuer)
{
    bool rooted = issuer == NULL || issuer->chain.count == 0;
    size_t above = rooted ? 0 : issuer->chain.count;
    struct bytes_list chain = {arena_array(t->arena, above + 1, sizeof(*chain.items)), above + 1};
    chain.items[0] = der_of(t, cert);
    for (size_t i = 0; i < above; i++)
        chain.items[i + 1] = issuer->chain.items[i];
    return chain;
}

static struct credential make_any(struct task *t, const char *common_name, const char *names,
                                  const char *usage, const char *constraints,
                                  const struct credential *issuer)
{
    struct credential made = {.cert = X509_new(), .key = EVP_EC_gen("P-256")};
    ARENA_DEFER(t->arena, X509_free, made.cert);
    ARENA_DEFER(t->arena, EVP_PKEY_free, made.key);
    X509_NAME *name = X509_get_subject_name(made.cert);
    (void)X509_set_version(made.cert, X509_VERSION_3);
    (void)ASN1_INTEGER_set_int64(X509_get_serialNumber(made.cert), 0x51);
    (void)ASN1_TIME_set_string(X509_getm_notBefore(made.cert), "20200101000000Z");
    (void)ASN1_TIME_set_string(X509_getm_notAfter(made.cert), "99991231235959Z");
    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name,
                                     -1, -1, 0);
    (void)X509_set_issuer_name(made.cert,
                               issuer == NULL ? name : X509_get_subject_name(issuer->cert));
    (void)X509_set_pubkey(made.cert, made.key);
    X509 *above = issuer == NULL ? made.cert : issuer->cert;
    add_extension(made.cert, above, NID_subject_key_identifier, "hash");
    add_extension(made.cert, above, NID_authority_key_identifier, "keyid:always");
    add_extension(made.cert, above, NID_subject_alt_name, names);
    add_extension(made.cert, above, NID_key_usage, usage);
    add_extension(made.cert, above, NID_basic_constraints, constraints);
    assert_true(X509_sign(made.cert, issuer == NULL ? made.key : issuer->key, EVP_sha256()) > 0);
    made.chain = chain_of(t, made.cert, issuer);
    return made;
}

struct credential make_credential(struct task *t, const char *common_name, const char *names,
                                  const char *usage, const struct credential *issuer)
{
    return make_any(t, common_name, names, usage, NULL, issuer);
}

struct credential make_authority(struct task *t, const char *common_name,
                                 const struct credential *issuer)
{
    struct credential made =
        make_any(t, common_name, NULL, "critical,keyCertSign", "critical,CA:TRUE", issuer);
    if (issuer == NULL)
        made.chain.count = 0;
    return made;
}

/* The callbacks of the extended key. */

static int sign_with(EVP_PKEY *key, bool hashed, const gnutls_datum_t *what,
                     gnutls_datum_t *signature)
{
    size_t len = (size_t)EVP_PKEY_get_size(key);
    EVP_PKEY_CTX *raw = EVP_PKEY_CTX_new(key, NULL);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool ok;
    signature->data = gnutls_malloc(len);
    if (hashed)
        ok = EVP_PKEY_sign_init(raw) == 1 &&
             EVP_PKEY_sign(raw, signature->data, &len, what->data, what->size) == 1;
    else
        ok = EVP_DigestSignInit(hash, NULL, EVP_sha256(), NULL, key) == 1 &&
             EVP_DigestSign(hash, signature->data, &len, what->data, what->size) == 1;
    EVP_PKEY_CTX_free(raw);
    EVP_MD_CTX_free(hash);
    signature->size = (unsigned int)len;
    return ok ? 0 : GNUTLS_E_PK_SIGN_FAILED;
}

static int sign_data(gnutls_privkey_t key, gnutls_sign_algorithm_t algorithm, void *cls,
                     unsigned int flags, const gnutls_datum_t *data, gnutls_datum_t *signature)
{
    (void)key;
    (void)algorithm;
    (void)flags;
    return sign_with(cls, false, data, signature);
}

static int sign_hash(gnutls_privkey_t key, gnutls_sign_algorithm_t algorithm, void *cls,
                     unsigned int flags, const gnutls_datum_t *hash, gnutls_datum_t *signature)
{
    (void)key;
    (void)algorithm;
    (void)flags;
    return sign_with(cls, true, hash, signature);
}

static int key_info(gnutls_privkey_t key, unsigned int flags, void *cls)
{
    (void)key;
    (void)cls;
    if ((flags & GNUTLS_PRIVKEY_INFO_PK_ALGO) != 0)
        return GNUTLS_PK_ECDSA;
    if ((flags & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS) != 0)
        return 256;
    if ((flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO) != 0) {
        gnutls_sign_algorithm_t algorithm = GNUTLS_FLAGS_TO_SIGN_ALGO(flags);
        return algorithm == GNUTLS_SIGN_ECDSA_SHA256 ||
               algorithm == GNUTLS_SIGN_ECDSA_SECP256R1_SHA256;
    }
    return -1;
}

static void release_key(void *key)
{
    gnutls_privkey_deinit(key);
}

gnutls_privkey_t gnutls_key_of(struct task *t, const struct credential *credential)
{
    gnutls_privkey_t key;
    assert_int_equal(gnutls_privkey_init(&key), 0);
    arena_defer(t->arena, release_key, key);
    assert_int_equal(gnutls_privkey_import_ext4(key, credential->key, sign_data, sign_hash, NULL,
                                                NULL, key_info, 0),
                     0);
    return key;
}

/* Servers. */

struct http_server_options server_options(struct task *t, const struct credential *credential,
                                          const struct http_route *routes)
{
    struct http_identity *identity = arena_alloc(t->arena, sizeof(*identity));
    const char **listen = arena_array(t->arena, 1, sizeof(*listen));
    listen[0] = "127.0.0.1:0";
    *identity = (struct http_identity){credential->chain, gnutls_key_of(t, credential)};
    return (struct http_server_options){
        .name = "test",
        .identity = identity,
        .listen = {listen, 1},
        .routes = routes,
        .limits =
            {
                .connections = 200,
                .connections_per_address = 100,
                .requests = 50,
                .handshake = PATIENCE_MS,
                .header = PATIENCE_MS,
                .body = PATIENCE_MS,
                .idle = 5LL * PATIENCE_MS,
                .header_size = 16384,
                .retry_after = 7,
            },
        .style = HTTP_STYLE_TEXT,
    };
}

struct http_server *start_server(struct task *t, const struct http_server_options *options)
{
    struct http_server *server = NULL;
    assert_ok(t, http_server_start(t, options, &server));
    return server;
}

void stop_server(struct http_server *server)
{
    assert_true(http_server_stop(server, clock_monotonic() + PATIENCE_MS));
}

/* Bare connections. */

static void release_wire(void *wire)
{
    wire_close(wire);
}

static struct wire *wire_of(struct task *t, int socket)
{
    const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    const int yes = 1;
    struct wire *wire = arena_alloc(t->arena, sizeof(*wire));
    *wire = (struct wire){.arena = t->arena, .socket = socket};
    arena_defer(t->arena, release_wire, wire);
    (void)signal(SIGPIPE, SIG_IGN); /* libssl writes without MSG_NOSIGNAL */
    (void)setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    (void)setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    return wire;
}

static struct sockaddr_in ipv4(const char *host, unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons((in_port_t)port);
    assert_int_equal(inet_pton(AF_INET, host, &address.sin_addr), 1);
    return address;
}

struct wire *wire_open_from(struct task *t, const char *from, unsigned port)
{
    struct sockaddr_in here = ipv4(from, 0);
    struct sockaddr_in there = ipv4("127.0.0.1", port);
    int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct wire *wire = wire_of(t, socket_);
    assert_int_equal(bind(socket_, (struct sockaddr *)&here, sizeof(here)), 0);
    assert_int_equal(connect(socket_, (struct sockaddr *)&there, sizeof(there)), 0);
    return wire;
}

struct wire *wire_open(struct task *t, unsigned port)
{
    return wire_open_from(t, "127.0.0.1", port);
}

struct wire *wire_open_unix(struct task *t, const char *path)
{
    struct sockaddr_un there = {.sun_family = AF_UNIX};
    assert_true(strlen(path) < sizeof(there.sun_path));
    memcpy(there.sun_path, path, strlen(path));
    int socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct wire *wire = wire_of(t, socket_);
    assert_int_equal(connect(socket_, (struct sockaddr *)&there, sizeof(there)), 0);
    return wire;
}

bool wire_handshake(struct task *t, struct wire *wire, int version, const struct credential *shown)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    assert_non_null(context);
    if (version != 0) {
        if (version < TLS1_2_VERSION)
            SSL_CTX_set_security_level(context, 0);
        (void)SSL_CTX_set_min_proto_version(context, version);
        (void)SSL_CTX_set_max_proto_version(context, version);
    }
    if (shown != NULL) {
        assert_int_equal(SSL_CTX_use_certificate(context, shown->cert), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(context, shown->key), 1);
        for (size_t i = 1; i < shown->chain.count; i++) {
            const unsigned char *at = shown->chain.items[i].data;
            X509 *above = d2i_X509(NULL, &at, (long)shown->chain.items[i].len);
            assert_int_equal(SSL_CTX_add0_chain_cert(context, above), 1);
        }
    }
    (void)t;
    wire->ssl = SSL_new(context);
    SSL_CTX_free(context);
    (void)SSL_set_fd(wire->ssl, wire->socket);
    (void)SSL_set_tlsext_host_name(wire->ssl,
                                   wire->name == NULL ? (char *)"whatever.example" : wire->name);
    return SSL_connect(wire->ssl) == 1;
}

struct wire *wire_connect(struct task *t, struct http_server *server)
{
    struct wire *wire = wire_open(t, http_server_port(server));
    assert_true(wire_handshake(t, wire, 0, NULL));
    return wire;
}

static bool send_octets(struct wire *wire, const char *text, size_t len)
{
    if (wire->ssl != NULL)
        return SSL_write(wire->ssl, text, (int)len) == (int)len;
    return send(wire->socket, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

bool wire_send(struct wire *wire, const char *text)
{
    return *text == '\0' || send_octets(wire, text, strlen(text));
}

/* False when the other side has closed; the test fails when nothing comes at all. */
static bool receive(struct wire *wire, char *ret)
{
    errno = 0;
    bool received =
        wire->ssl != NULL ? SSL_read(wire->ssl, ret, 1) == 1 : recv(wire->socket, ret, 1, 0) == 1;
    if (!received && (errno == EAGAIN || errno == EWOULDBLOCK))
        fail_msg("nothing came, and the connection was not closed either");
    return received;
}

static size_t content_length(const char *header)
{
    const char *field = strcasestr(header, "\r\nContent-Length:");
    return field == NULL ? 0 : strtoul(field + strlen("\r\nContent-Length:"), NULL, 10);
}

static const char *read_reply(struct task *t, struct wire *wire, bool with_body)
{
    enum { ROOM = 1024 * 1024 };
    char *text = arena_alloc(t->arena, ROOM);
    size_t len = 0;
    while (strstr(text, "\r\n\r\n") == NULL) {
        if (len + 1 == ROOM || !receive(wire, text + len))
            return NULL;
        len++;
    }
    size_t body = with_body ? content_length(text) : 0;
    assert_true(len + body < ROOM);
    for (size_t i = 0; i < body; i++) {
        if (!receive(wire, text + len))
            return NULL;
        len++;
    }
    return text;
}

const char *wire_reply(struct task *t, struct wire *wire)
{
    return read_reply(t, wire, true);
}

const char *wire_head_reply(struct task *t, struct wire *wire)
{
    return read_reply(t, wire, false);
}

const char *wire_ask(struct task *t, struct wire *wire, const char *request)
{
    assert_true(wire_send(wire, request));
    const char *reply = wire_reply(t, wire);
    assert_non_null(reply);
    return reply;
}

bool wire_is_closed(struct wire *wire)
{
    char octet;
    for (int i = 0; i < 1024 * 1024; i++) {
        if (!receive(wire, &octet))
            return true;
    }
    return false;
}

void wire_close(struct wire *wire)
{
    SSL_free(wire->ssl);
    wire->ssl = NULL;
    if (wire->socket >= 0)
        (void)close(wire->socket);
    wire->socket = -1;
}

/* The server that does what the test says. */

struct rogue {
    SSL_CTX *context; /* NULL: no TLS */
    rogue_act act;
    int socket;
    unsigned port;
    pthread_t thread;
    atomic_int count;
};

static void rogue_serve(struct rogue *rogue, int socket, int number)
{
    const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    SSL *ssl = rogue->context == NULL ? NULL : SSL_new(rogue->context);
    (void)setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (ssl != NULL)
        (void)SSL_set_fd(ssl, socket);
    if (ssl == NULL || SSL_accept(ssl) == 1) {
        rogue->act(ssl, socket, number);
    } else {
        /* A close over unread octets would overtake the alert that says why. */
        (void)shutdown(socket, SHUT_WR);
        rogue_hang(NULL, socket);
    }
    SSL_free(ssl);
    (void)close(socket);
}

static void *rogue_run(void *arg)
{
    struct rogue *rogue = arg;
    for (;;) {
        int socket = accept4(rogue->socket, NULL, NULL, SOCK_CLOEXEC);
        if (socket < 0)
            return NULL;
        rogue_serve(rogue, socket, atomic_fetch_add(&rogue->count, 1));
    }
}

static void rogue_end(void *arg)
{
    struct rogue *rogue = arg;
    (void)shutdown(rogue->socket, SHUT_RDWR);
    (void)pthread_join(rogue->thread, NULL);
    (void)close(rogue->socket);
    SSL_CTX_free(rogue->context);
}

/* Any certificate of a client will do; the test looks at it. */
static int accept_any(int ok, X509_STORE_CTX *context)
{
    (void)ok;
    (void)context;
    return 1;
}

static SSL_CTX *rogue_context(const struct credential *credential)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(context, credential->cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context, credential->key), 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, accept_any);
    return context;
}

struct rogue *rogue_start(struct task *t, const struct credential *credential, rogue_act act)
{
    struct rogue *rogue = arena_alloc(t->arena, sizeof(*rogue));
    struct sockaddr_in here = ipv4("127.0.0.1", 0);
    socklen_t len = sizeof(here);
    (void)signal(SIGPIPE, SIG_IGN);
    rogue->act = act;
    rogue->context = credential == NULL ? NULL : rogue_context(credential);
    rogue->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(rogue->socket, (struct sockaddr *)&here, len), 0);
    assert_int_equal(getsockname(rogue->socket, (struct sockaddr *)&here, &len), 0);
    assert_int_equal(listen(rogue->socket, 16), 0);
    rogue->port = ntohs(here.sin_port);
    assert_int_equal(pthread_create(&rogue->thread, NULL, rogue_run, rogue), 0);
    arena_defer(t->arena, rogue_end, rogue);
    return rogue;
}

unsigned rogue_port(const struct rogue *rogue)
{
    return rogue->port;
}

/* Certificates are not judged, but there has to be one. */
void rogue_demand_certificate(struct rogue *rogue)
{
    SSL_CTX_set_verify(rogue->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       accept_any);
}

int rogue_count(const struct rogue *rogue)
{
    return atomic_load(&rogue->count);
}

void rogue_read_request(SSL *ssl)
{
    char text[8192] = {0};
    size_t len = 0;
    while (strstr(text, "\r\n\r\n") == NULL && len + 1 < sizeof(text)) {
        if (SSL_read(ssl, text + len, 1) != 1)
            return;
        len++;
    }
}

void rogue_hang(SSL *ssl, int socket)
{
    char octet;
    if (ssl == NULL) {
        while (recv(socket, &octet, 1, 0) == 1)
            continue;
        return;
    }
    while (SSL_read(ssl, &octet, 1) == 1)
        continue;
}

void rogue_write(SSL *ssl, const char *text)
{
    (void)SSL_write(ssl, text, (int)strlen(text));
}

const char *get(struct task *t, const char *path)
{
    return arena_printf(t->arena, "GET %s HTTP/1.1\r\nHost: test\r\n\r\n", path);
}

const char *post(struct task *t, const char *path, const char *type, const char *body)
{
    const char *field = type == NULL ? "" : arena_printf(t->arena, "Content-Type: %s\r\n", type);
    return arena_printf(t->arena,
                        "POST %s HTTP/1.1\r\nHost: test\r\n%sContent-Length: %zu\r\n\r\n%s", path,
                        field, strlen(body), body);
}

void test_pause(int64_t ms)
{
    const struct timespec pause = {.tv_sec = (time_t)(ms / 1000),
                                   .tv_nsec = (long)(ms % 1000) * 1000000L};
    (void)nanosleep(&pause, NULL);
}

void test_check_contains(const char *text, const char *part, bool wanted, const char *file,
                         int line)
{
    if (text != NULL && (strstr(text, part) != NULL) == wanted)
        return;
    print_error("\"%s\" should %scontain \"%s\"\n", text == NULL ? "(nothing)" : text,
                wanted ? "" : "not ", part);
    _fail(file, line);
}
