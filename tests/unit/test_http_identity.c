/* Several identities of one server, changed while it serves; clients it does not let in. */
#include "tests/unit/http_fixture.h"

#include "core/base/clock.h"

static bool tell(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct bytes ours = http_connection_ours(rq->connection);
    return http_reply_text(reply, 200, bytes_to_hex(t->arena, bytes_sha256(t->arena, ours)));
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/tell", .handler = tell},
    {.method = NULL},
};

static struct http_identity identity_of(struct task *t, const struct credential *credential)
{
    return (struct http_identity){credential->chain, gnutls_key_of(t, credential)};
}

static const char *digest(struct task *t, const struct credential *credential)
{
    return bytes_to_hex(t->arena, bytes_sha256(t->arena, der_of(t, credential->cert)));
}

/* A connection that asks for this name. */
static struct wire *connect_for(struct task *t, struct http_server *server, const char *name)
{
    struct wire *wire = wire_open(t, http_server_port(server));
    wire->name = arena_strdup(t->arena, name);
    assert_true(wire_handshake(t, wire, 0, NULL));
    return wire;
}

/* Whether such a client sees this certificate, and the server knows that. */
static bool shows(struct task *t, struct http_server *server, const char *name,
                  const struct credential *expected)
{
    struct wire *wire = connect_for(t, server, name);
    assert_contains(wire_ask(t, wire, get(t, "/tell")), digest(t, expected));
    X509 *seen = SSL_get1_peer_certificate(wire->ssl);
    bool same = X509_cmp(seen, expected->cert) == 0;
    X509_free(seen);
    return same;
}

static void name_in_sni_chooses_only_among_names_that_the_first_lacks(void **state)
{
    struct task *t = test_task(state);
    struct credential first =
        make_credential(t, "first", "DNS:one.example,DNS:both.example", "digitalSignature", NULL);
    struct credential second =
        make_credential(t, "second", "DNS:two.example,DNS:both.example,DNS:*.wild.example",
                        "digitalSignature", NULL);
    struct http_server_options options = server_options(t, &first, routes);
    struct http_server *server = start_server(t, &options);
    const struct http_identity both[] = {identity_of(t, &first), identity_of(t, &second)};
    assert_true(shows(t, server, "two.example", &first));
    assert_ok(t, http_server_identify(t, server, both, 2));
    assert_true(shows(t, server, "two.example", &second));
    assert_true(shows(t, server, "any.wild.example", &second));
    assert_true(shows(t, server, "both.example", &first));
    assert_true(shows(t, server, "one.example", &first));
    assert_true(shows(t, server, "nobody.example", &first));
    stop_server(server);
}

static void connection_under_way_keeps_what_it_has_seen(void **state)
{
    struct task *t = test_task(state);
    struct credential before =
        make_credential(t, "before", "DNS:a.example", "digitalSignature", NULL);
    struct credential after =
        make_credential(t, "after", "DNS:a.example", "digitalSignature", NULL);
    struct http_server_options options = server_options(t, &before, routes);
    struct http_server *server = start_server(t, &options);
    const struct http_identity next = identity_of(t, &after);
    struct wire *open = connect_for(t, server, "a.example");
    assert_ok(t, http_server_identify(t, server, &next, 1));
    assert_true(shows(t, server, "a.example", &after));
    assert_contains(wire_ask(t, open, get(t, "/tell")), digest(t, &before));
    stop_server(server);
}

static void identity_that_cannot_serve_changes_nothing(void **state)
{
    struct task *t = test_task(state);
    struct credential ours = make_credential(t, "ours", NULL, "digitalSignature", NULL);
    struct credential other = make_credential(t, "other", NULL, "digitalSignature", NULL);
    struct http_server_options options = server_options(t, &ours, routes);
    struct http_server *server = start_server(t, &options);
    const struct http_identity wrong = {other.chain, gnutls_key_of(t, &ours)};
    assert_fails(t, http_server_identify(t, server, &wrong, 1), E_INVALID);
    assert_true(shows(t, server, "a.example", &ours));
    stop_server(server);
}

/* ---- Clients ---- */

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static int names_sent(struct task *t, struct http_server *server, int version)
{
    struct wire *wire = wire_open(t, http_server_port(server));
    assert_true(wire_handshake(t, wire, version, NULL));
    const STACK_OF(X509_NAME) *names = SSL_get0_peer_CA_list(wire->ssl);
    assert_status(wire_ask(t, wire, get(t, "/tell")), 200);
    return names == NULL ? 0 : sk_X509_NAME_num(names);
}

static void authorities_are_named_when_they_fit(void **state)
{
    struct task *t = test_task(state);
    struct credential ours = make_credential(t, "ours", NULL, "digitalSignature", NULL);
    struct credential makers[] = {make_authority(t, "maker one", NULL),
                                  make_authority(t, "maker two", NULL)};
    struct bytes ders[] = {der_of(t, makers[0].cert), der_of(t, makers[1].cert)};
    const struct http_clients clients = {.authorities = {ders, ARRAY_SIZE(ders)}};
    struct http_server_options options = server_options(t, &ours, routes);
    options.clients = &clients;
    struct http_server *server = start_server(t, &options);
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
        assert_int_equal(names_sent(t, server, versions[i]), 2);
    stop_server(server);
}

/* 901 names were found to break every handshake. */
static void more_authorities_than_fit_are_not_named_and_clients_still_come_in(void **state)
{
    enum { MANY = 901 };
    struct task *t = test_task(state);
    struct credential ours = make_credential(t, "ours", NULL, "digitalSignature", NULL);
    struct credential maker = make_authority(t, "maker", NULL);
    struct bytes *ders = arena_array(t->arena, MANY, sizeof(*ders));
    for (size_t i = 0; i < MANY; i++)
        ders[i] = der_of(t, maker.cert);
    const struct http_clients clients = {.authorities = {ders, MANY}};
    struct http_server_options options = server_options(t, &ours, routes);
    options.clients = &clients;
    struct http_server *server = start_server(t, &options);
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
        assert_int_equal(names_sent(t, server, versions[i]), 0);
    stop_server(server);
}

static bool is_the_one(void *context, const struct bytes_list *chain)
{
    const struct bytes *known = context;
    return bytes_equal(chain->items[0], *known);
}

/* False when the handshake fails, or the connection ends before there is an answer. */
static bool is_served(struct task *t, struct http_server *server, int version,
                      const struct credential *shown)
{
    struct wire *wire = wire_open(t, http_server_port(server));
    return wire_handshake(t, wire, version, shown) && wire_send(wire, get(t, "/tell")) &&
           wire_reply(t, wire) != NULL;
}

static void unknown_clients_are_refused_in_the_handshake(void **state)
{
    struct task *t = test_task(state);
    struct credential ours = make_credential(t, "ours", NULL, "digitalSignature", NULL);
    struct credential known = make_credential(t, "known", NULL, "digitalSignature", NULL);
    struct credential stranger = make_credential(t, "stranger", NULL, "digitalSignature", NULL);
    struct bytes der = der_of(t, known.cert);
    const struct http_clients clients = {.known = is_the_one, .context = &der};
    struct http_server_options options = server_options(t, &ours, routes);
    options.clients = &clients;
    struct http_server *server = start_server(t, &options);
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        assert_true(is_served(t, server, versions[i], &known));
        assert_false(is_served(t, server, versions[i], &stranger));
        assert_false(is_served(t, server, versions[i], NULL));
    }
    assert_int_equal(http_server_figures(server).served, ARRAY_SIZE(versions));
    stop_server(server);
}

static void authority_that_is_no_certificate_fails_the_start(void **state)
{
    struct task *t = test_task(state);
    struct credential ours = make_credential(t, "ours", NULL, "digitalSignature", NULL);
    struct bytes garbage = BYTES_LITERAL("no certificate");
    const struct http_clients clients = {.authorities = {&garbage, 1}};
    struct http_server_options options = server_options(t, &ours, routes);
    struct http_server *server = NULL;
    options.clients = &clients;
    assert_fails(t, http_server_start(t, &options, &server), E_INVALID);
    assert_null(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(name_in_sni_chooses_only_among_names_that_the_first_lacks),
        UNIT_TEST(connection_under_way_keeps_what_it_has_seen),
        UNIT_TEST(identity_that_cannot_serve_changes_nothing),
        UNIT_TEST(authorities_are_named_when_they_fit),
        UNIT_TEST(more_authorities_than_fit_are_not_named_and_clients_still_come_in),
        UNIT_TEST(unknown_clients_are_refused_in_the_handshake),
        UNIT_TEST(authority_that_is_no_certificate_fails_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
