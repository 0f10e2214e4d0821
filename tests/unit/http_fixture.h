/* Certificates, servers and bare clients for the tests of core/http. */
#ifndef GATEHOUSE_TESTS_UNIT_HTTP_FIXTURE_H
#define GATEHOUSE_TESTS_UNIT_HTTP_FIXTURE_H

#include "core/http/client.h"
#include "core/http/server.h"
#include "tests/unit/support.h"

#include <openssl/ssl.h>

/* How long a test waits for what must come: far longer than it takes. */
#define PATIENCE_MS 20000

/* A certificate, what is above it, and its key. */
struct credential {
    struct bytes_list chain; /* DER, as it is sent: without the root */
    X509 *cert;
    EVP_PKEY *key;
};

/*
 * P-256, valid from 2020 to 9999.  `names` as in openssl's subjectAltName ("DNS:a,IP:127.0.0.1") or
 * NULL; `usage` as in its keyUsage or NULL; `issuer` NULL: self-signed.
 */
struct credential make_credential(struct task *t, const char *common_name, const char *names,
                                  const char *usage, const struct credential *issuer);
struct credential make_authority(struct task *t, const char *common_name,
                                 const struct credential *issuer);
struct bytes der_of(struct task *t, X509 *cert);
/* An extended private key, as a token's is: its signing calls come back to libcrypto. */
gnutls_privkey_t gnutls_key_of(struct task *t, const struct credential *credential);

/* Serves `routes` on a free port of 127.0.0.1 with generous limits; change what the test is on. */
struct http_server_options server_options(struct task *t, const struct credential *credential,
                                          const struct http_route *routes);
/* Started; stopped by the test itself with stop_server(). */
struct http_server *start_server(struct task *t, const struct http_server_options *options);
void stop_server(struct http_server *server);

/* A bare connection to a server: what is sent is what the test says.  Closed with the arena. */
struct wire {
    struct arena *arena;
    int socket;
    SSL *ssl;   /* NULL: none */
    char *name; /* for SNI, to be set before the handshake; NULL: one that nobody has */
};
struct wire *wire_open(struct task *t, unsigned port);
struct wire *wire_open_from(struct task *t, const char *from, unsigned port);
struct wire *wire_open_unix(struct task *t, const char *path);
/* TLS; `version` 0: any; `shown` NULL: no certificate.  False when the handshake fails. */
bool wire_handshake(struct task *t, struct wire *wire, int version, const struct credential *shown);
/* Both at once; the test fails when the handshake does. */
struct wire *wire_connect(struct task *t, struct http_server *server);
/* False when the connection is closed. */
bool wire_send(struct wire *wire, const char *text);
/* One reply, header and body; NULL when the connection ended before it was whole. */
const char *wire_reply(struct task *t, struct wire *wire);
const char *wire_head_reply(struct task *t, struct wire *wire);
/* Sends a request and returns the reply; the test fails when none comes. */
const char *wire_ask(struct task *t, struct wire *wire, const char *request);
/* True when the other side closes; the test fails when that takes longer than PATIENCE_MS. */
bool wire_is_closed(struct wire *wire);
void wire_close(struct wire *wire);

/*
 * A TLS server that does with each connection, one at a time, what the test says.  It ends with the
 * arena.  `credential` NULL: no TLS, and `ssl` is NULL.
 */
typedef void (*rogue_act)(SSL *ssl, int socket, int number);
struct rogue;
struct rogue *rogue_start(struct task *t, const struct credential *credential, rogue_act act);
unsigned rogue_port(const struct rogue *rogue);
/* From now on: clients without a certificate are refused. */
void rogue_demand_certificate(struct rogue *rogue);
/* Connections so far. */
int rogue_count(const struct rogue *rogue);
/* Reads a request's header. */
void rogue_read_request(SSL *ssl);
/* Waits until the other side hangs up. */
void rogue_hang(SSL *ssl, int socket);
void rogue_write(SSL *ssl, const char *text);

/* "GET PATH HTTP/1.1" with a Host. */
const char *get(struct task *t, const char *path);
/* POST with a Content-Length; `type` NULL: no Content-Type. */
const char *post(struct task *t, const char *path, const char *type, const char *body);

/* Waits for a condition, at most PATIENCE_MS. */
#define assert_comes(condition)                                                                    \
    do {                                                                                           \
        int64_t until_ = clock_monotonic() + PATIENCE_MS;                                          \
        while (!(condition) && clock_monotonic() < until_)                                         \
            test_pause(5);                                                                         \
        assert_true(condition);                                                                    \
    } while (0)
void test_pause(int64_t ms);

#define assert_contains(text, part) test_check_contains((text), (part), true, __FILE__, __LINE__)
#define assert_lacks(text, part)    test_check_contains((text), (part), false, __FILE__, __LINE__)
void test_check_contains(const char *text, const char *part, bool wanted, const char *file,
                         int line);
/* The reply's status line. */
#define assert_status(reply, status)                                                               \
    test_check_contains((reply), "HTTP/1.1 " #status " ", true, __FILE__, __LINE__)

#endif
