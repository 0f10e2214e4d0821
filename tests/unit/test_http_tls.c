/* TLS: who is asked for what, and what the connection knows about both sides. */
#include "tests/unit/http_fixture.h"

#include "core/base/clock.h"

#include <string.h>

#define GARBAGE "GET / HTTP/1.1\r\nHost: plain\r\n\r\n"

static bool tell(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct http_connection *connection = rq->connection;
    struct bytes_list peer = http_connection_peer(connection);
    struct bytes ours = http_connection_ours(connection);
    const char *text =
        arena_printf(t->arena, "tls=%s ours=%s peers=%zu", http_connection_tls(connection),
                     bytes_to_hex(t->arena, bytes_sha256(t->arena, ours)), peer.count);
    for (size_t i = 0; i < peer.count; i++)
        text = arena_printf(t->arena, "%s %zu:%s", text, i,
                            bytes_to_hex(t->arena, bytes_sha256(t->arena, peer.items[i])));
    return http_reply_text(reply, 200, text);
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/tell", .handler = tell},
    {.method = NULL},
};

static const char *digest(struct task *t, X509 *cert)
{
    return bytes_to_hex(t->arena, bytes_sha256(t->arena, der_of(t, cert)));
}

struct scene {
    struct credential root;
    struct credential credential;
    struct http_server *server;
};

static struct scene set_scene(struct task *t)
{
    struct scene scene = {.root = make_authority(t, "registrar CA", NULL)};
    scene.credential =
        make_credential(t, "registrar", "IP:127.0.0.1", "digitalSignature", &scene.root);
    struct http_server_options options = server_options(t, &scene.credential, routes);
    scene.server = start_server(t, &options);
    return scene;
}

/* What the server tells over a connection of this version. */
static const char *told(struct task *t, const struct scene *scene, int version,
                        const struct credential *shown)
{
    struct wire *wire = wire_open(t, http_server_port(scene->server));
    assert_true(wire_handshake(t, wire, version, shown));
    return wire_ask(t, wire, get(t, "/tell"));
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
static const char *const version_names[] = {"tls=TLS1.2 ", "tls=TLS1.3 "};

static void client_without_certificate_is_served(void **state)
{
    struct task *t = test_task(state);
    struct scene scene = set_scene(t);
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        const char *reply = told(t, &scene, versions[i], NULL);
        assert_contains(reply, version_names[i]);
        assert_contains(reply, "peers=0");
    }
    stop_server(scene.server);
}

static void chain_that_the_client_shows_is_known_in_order(void **state)
{
    struct task *t = test_task(state);
    struct scene scene = set_scene(t);
    struct credential maker = make_authority(t, "maker root", NULL);
    struct credential sub = make_authority(t, "maker sub CA", &maker);
    struct credential pledge = make_credential(t, "pledge", NULL, "digitalSignature", &sub);
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        const char *reply = told(t, &scene, versions[i], &pledge);
        assert_contains(reply, version_names[i]);
        assert_contains(reply, arena_printf(t->arena, "peers=2 0:%s 1:%s", digest(t, pledge.cert),
                                            digest(t, sub.cert)));
    }
    stop_server(scene.server);
}

static void certificate_that_we_showed_is_known(void **state)
{
    struct task *t = test_task(state);
    struct scene scene = set_scene(t);
    const char *expected = arena_printf(t->arena, "ours=%s ", digest(t, scene.credential.cert));
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        struct wire *wire = wire_open(t, http_server_port(scene.server));
        assert_true(wire_handshake(t, wire, versions[i], NULL));
        assert_contains(wire_ask(t, wire, get(t, "/tell")), expected);
        X509 *seen = SSL_get1_peer_certificate(wire->ssl);
        assert_int_equal(X509_cmp(seen, scene.credential.cert), 0);
        X509_free(seen);
    }
    stop_server(scene.server);
}

static void idevid_without_digital_signature_is_let_in(void **state)
{
    struct task *t = test_task(state);
    struct scene scene = set_scene(t);
    struct credential odd = make_credential(t, "odd pledge", NULL, "keyAgreement", NULL);
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
        assert_contains(told(t, &scene, versions[i], &odd), "peers=1 ");
    stop_server(scene.server);
}

static void endless_chain_counts_as_none_and_ends_the_connection(void **state)
{
    struct task *t = test_task(state);
    struct scene scene = set_scene(t);
    struct credential above = make_authority(t, "root", NULL);
    for (int i = 0; i < 16; i++)
        above = make_authority(t, arena_printf(t->arena, "CA %d", i), &above);
    struct credential within = above;
    within.chain.count = 16;
    assert_contains(told(t, &scene, TLS1_3_VERSION, &within), "peers=16 ");
    struct credential beyond = make_credential(t, "pledge", NULL, "digitalSignature", &above);
    assert_int_equal(beyond.chain.count, 17);
    struct wire *wire = wire_open(t, http_server_port(scene.server));
    assert_true(wire_handshake(t, wire, TLS1_3_VERSION, &beyond));
    const char *reply = wire_ask(t, wire, get(t, "/tell"));
    assert_contains(reply, "peers=0");
    assert_contains(reply, "\r\nConnection: close\r\n");
    assert_true(wire_is_closed(wire));
    stop_server(scene.server);
}

static void no_ca_names_are_sent(void **state)
{
    struct task *t = test_task(state);
    struct scene scene = set_scene(t);
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        struct wire *wire = wire_open(t, http_server_port(scene.server));
        assert_true(wire_handshake(t, wire, versions[i], NULL));
        const STACK_OF(X509_NAME) *names = SSL_get0_peer_CA_list(wire->ssl);
        assert_true(names == NULL || sk_X509_NAME_num(names) == 0);
    }
    stop_server(scene.server);
}

static void sessions_cannot_be_resumed(void **state)
{
    struct task *t = test_task(state);
    struct scene scene = set_scene(t);
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        struct wire *wire = wire_open(t, http_server_port(scene.server));
        assert_true(wire_handshake(t, wire, versions[i], NULL));
        /* In TLS 1.3 a ticket would come with the first reply. */
        (void)wire_ask(t, wire, get(t, "/tell"));
        SSL_SESSION *session = SSL_get1_session(wire->ssl);
        assert_int_equal(SSL_SESSION_has_ticket(session), 0);
        struct wire *again = wire_open(t, http_server_port(scene.server));
        SSL_CTX *context = SSL_CTX_new(TLS_client_method());
        again->ssl = SSL_new(context);
        SSL_CTX_free(context);
        (void)SSL_set_fd(again->ssl, again->socket);
        (void)SSL_set_session(again->ssl, session);
        assert_int_equal(SSL_connect(again->ssl), 1);
        assert_int_equal(SSL_session_reused(again->ssl), 0);
        SSL_SESSION_free(session);
    }
    stop_server(scene.server);
}

static void versions_before_1_2_are_refused(void **state)
{
    struct task *t = test_task(state);
    struct scene scene = set_scene(t);
    assert_false(
        wire_handshake(t, wire_open(t, http_server_port(scene.server)), TLS1_1_VERSION, NULL));
    assert_false(
        wire_handshake(t, wire_open(t, http_server_port(scene.server)), TLS1_VERSION, NULL));
    stop_server(scene.server);
}

static void renegotiation_ends_the_connection(void **state)
{
    struct task *t = test_task(state);
    struct scene scene = set_scene(t);
    struct wire *wire = wire_open(t, http_server_port(scene.server));
    assert_true(wire_handshake(t, wire, TLS1_2_VERSION, NULL));
    assert_status(wire_ask(t, wire, get(t, "/tell")), 200);
    assert_int_equal(SSL_renegotiate(wire->ssl), 1);
    (void)SSL_do_handshake(wire->ssl);
    (void)wire_send(wire, get(t, "/tell"));
    assert_true(wire_is_closed(wire));
    stop_server(scene.server);
}

static void garbage_instead_of_tls_ends_that_connection_only(void **state)
{
    struct task *t = test_task(state);
    struct scene scene = set_scene(t);
    struct wire *other = wire_connect(t, scene.server);
    for (int i = 0; i < 5; i++) {
        struct wire *wire = wire_open(t, http_server_port(scene.server));
        assert_true(wire_send(wire, GARBAGE));
        assert_true(wire_is_closed(wire));
    }
    assert_status(wire_ask(t, other, get(t, "/tell")), 200);
    assert_comes(http_server_figures(scene.server).connections == 1);
    stop_server(scene.server);
}

static void identity_that_cannot_serve_fails_the_start(void **state)
{
    struct task *t = test_task(state);
    struct credential credential = make_credential(t, "server", NULL, "digitalSignature", NULL);
    struct credential other = make_credential(t, "other", NULL, "digitalSignature", NULL);
    struct bytes garbage = BYTES_LITERAL("no certificate");
    struct http_identity wrong_key = {credential.chain, gnutls_key_of(t, &other)};
    struct http_identity no_chain = {{NULL, 0}, gnutls_key_of(t, &credential)};
    struct http_identity no_cert = {{&garbage, 1}, gnutls_key_of(t, &credential)};
    const struct http_identity *const cases[] = {&wrong_key, &no_chain, &no_cert};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http_server_options options = server_options(t, &credential, routes);
        struct http_server *server = NULL;
        options.identity = cases[i];
        assert_fails(t, http_server_start(t, &options, &server), E_INVALID);
        assert_null(server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(client_without_certificate_is_served),
        UNIT_TEST(chain_that_the_client_shows_is_known_in_order),
        UNIT_TEST(certificate_that_we_showed_is_known),
        UNIT_TEST(idevid_without_digital_signature_is_let_in),
        UNIT_TEST(endless_chain_counts_as_none_and_ends_the_connection),
        UNIT_TEST(no_ca_names_are_sent),
        UNIT_TEST(sessions_cannot_be_resumed),
        UNIT_TEST(versions_before_1_2_are_refused),
        UNIT_TEST(renegotiation_ends_the_connection),
        UNIT_TEST(garbage_instead_of_tls_ends_that_connection_only),
        UNIT_TEST(identity_that_cannot_serve_fails_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
