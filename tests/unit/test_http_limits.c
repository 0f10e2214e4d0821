/* Time and numbers: what the server bounds. */
#include "tests/unit/http_fixture.h"

#include "core/base/clock.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

/* Limits that a test waits for, and drips that stay well below them. */
#define LIMIT_MS 600LL
#define DRIP_MS  25

/* What a handler waits for, and who does. */
static struct {
    atomic_int waiting;
    atomic_bool open;
} gate;

static bool hello(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    (void)t;
    (void)rq;
    return http_reply_text(reply, 200, "hello");
}

static bool wait_at_gate(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    int64_t until = clock_monotonic() + PATIENCE_MS;
    (void)t;
    (void)rq;
    atomic_fetch_add(&gate.waiting, 1);
    while (!atomic_load(&gate.open) && clock_monotonic() < until)
        test_pause(5);
    atomic_fetch_sub(&gate.waiting, 1);
    return http_reply_text(reply, 200, "waited");
}

static bool large(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const size_t len = 32UL * 1024 * 1024;
    (void)rq;
    reply->media_type = "application/octet-stream";
    reply->body = bytes_make(arena_alloc(t->arena, len), len);
    return true;
}

static atomic_int released;

static void release_note(void *note)
{
    (void)note;
    atomic_fetch_add(&released, 1);
}

/* Counts the requests of its connection in a slot. */
static bool count(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    static const char key;
    static const char other_key;
    struct arena *arena = http_connection_arena(rq->connection);
    void **slot = http_connection_slot(rq->connection, &key);
    if (*slot == NULL) {
        *slot = arena_alloc(arena, sizeof(int));
        arena_defer(arena, release_note, *slot);
    }
    assert_null(*http_connection_slot(rq->connection, &other_key));
    ++*(int *)*slot;
    return http_reply_text(reply, 200,
                           arena_printf(t->arena, "request %d of %s", *(int *)*slot, t->trace));
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/hello", .handler = hello},
    {.method = "POST", .path = "/hello", .handler = hello, .body_limit = 100000},
    {.method = "GET", .path = "/wait", .handler = wait_at_gate},
    {.method = "GET", .path = "/large", .handler = large},
    {.method = "GET", .path = "/count", .handler = count},
    {.method = NULL},
};

static struct http_server_options make_options(struct task *t)
{
    struct credential credential =
        make_credential(t, "server", "IP:127.0.0.1", "digitalSignature", NULL);
    atomic_store(&gate.waiting, 0);
    atomic_store(&gate.open, false);
    return server_options(t, &credential, routes);
}

/* Sends the text again and again until the server closes; how long that took. */
static int64_t drip(struct wire *wire, const char *text)
{
    int64_t begun = clock_monotonic();
    char octet;
    while (clock_monotonic() < begun + PATIENCE_MS && wire_send(wire, text)) {
        test_pause(DRIP_MS);
        /* The end of the connection shows in reading first; nothing else is to be read here. */
        if (recv(wire->socket, &octet, 1, MSG_DONTWAIT | MSG_PEEK) == 0)
            break;
    }
    return clock_monotonic() - begun;
}

static void assert_cut(struct http_server *server, int64_t took)
{
    assert_true(took >= LIMIT_MS - DRIP_MS);
    assert_true(took < PATIENCE_MS);
    assert_int_equal(http_server_figures(server).swept, 1);
    stop_server(server);
}

static void dripped_header_is_cut(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    options.limits.header = LIMIT_MS;
    struct http_server *server = start_server(t, &options);
    struct wire *wire = wire_connect(t, server);
    assert_true(wire_send(wire, "GET /hello HTTP/1.1\r\nHost: x\r\nX-Drip: "));
    assert_cut(server, drip(wire, "x"));
}

static void dripped_first_request_line_is_cut(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    options.limits.handshake = LIMIT_MS;
    struct http_server *server = start_server(t, &options);
    struct wire *wire = wire_connect(t, server);
    assert_true(wire_send(wire, "GET /"));
    assert_cut(server, drip(wire, "x"));
}

static void dripped_body_is_cut(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    options.limits.body = LIMIT_MS;
    struct http_server *server = start_server(t, &options);
    struct wire *wire = wire_connect(t, server);
    assert_true(wire_send(wire, "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n"));
    assert_cut(server, drip(wire, "x"));
}

static void dripped_chunks_are_cut(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    options.limits.body = LIMIT_MS;
    struct http_server *server = start_server(t, &options);
    struct wire *wire = wire_connect(t, server);
    assert_true(
        wire_send(wire, "POST /hello HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"));
    assert_cut(server, drip(wire, "1\r\nx\r\n"));
}

static void dripped_later_request_line_is_cut(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    options.limits.idle = LIMIT_MS;
    struct http_server *server = start_server(t, &options);
    struct wire *wire = wire_connect(t, server);
    assert_status(wire_ask(t, wire, get(t, "/hello")), 200);
    assert_true(wire_send(wire, "GET /"));
    assert_cut(server, drip(wire, "x"));
}

static void silent_connection_is_cut(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    options.limits.handshake = LIMIT_MS;
    struct http_server *server = start_server(t, &options);
    struct wire *wire = wire_open(t, http_server_port(server));
    int64_t begun = clock_monotonic();
    assert_true(wire_is_closed(wire));
    assert_cut(server, clock_monotonic() - begun);
}

/* The first flight of a handshake. */
static struct bytes client_hello(struct task *t)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    BIO *out = BIO_new(BIO_s_mem());
    char *data = NULL;
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
    (void)SSL_connect(ssl);
    long len = BIO_get_mem_data(out, &data);
    struct bytes hello_octets = bytes_copy(t->arena, bytes_make(data, (size_t)len));
    SSL_free(ssl);
    SSL_CTX_free(context);
    assert_true(hello_octets.len > 100);
    return hello_octets;
}

static void dripped_handshake_is_cut(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    options.limits.handshake = LIMIT_MS;
    struct http_server *server = start_server(t, &options);
    struct wire *wire = wire_open(t, http_server_port(server));
    struct bytes octets = client_hello(t);
    char octet;
    int64_t begun = clock_monotonic();
    for (size_t i = 0; i < octets.len; i++) {
        if (send(wire->socket, octets.data + i, 1, MSG_NOSIGNAL) != 1 ||
            recv(wire->socket, &octet, 1, MSG_DONTWAIT) == 0)
            break;
        test_pause(DRIP_MS);
    }
    assert_true(wire_is_closed(wire));
    assert_cut(server, clock_monotonic() - begun);
}

static void stalled_handshake_is_cut(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    options.limits.handshake = LIMIT_MS;
    struct http_server *server = start_server(t, &options);
    struct wire *wire = wire_open(t, http_server_port(server));
    struct bytes octets = client_hello(t);
    int64_t begun = clock_monotonic();
    assert_int_equal(send(wire->socket, octets.data, octets.len, 0), octets.len);
    assert_true(wire_is_closed(wire)); /* after the server's part of the handshake */
    assert_cut(server, clock_monotonic() - begun);
}

static void idle_connection_lives_until_its_limit(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    /* The other limits are shorter: none of them applies between requests. */
    options.limits.handshake = LIMIT_MS;
    options.limits.header = LIMIT_MS;
    options.limits.body = LIMIT_MS;
    options.limits.idle = 4 * LIMIT_MS;
    struct http_server *server = start_server(t, &options);
    struct wire *wire = wire_connect(t, server);
    assert_status(wire_ask(t, wire, get(t, "/hello")), 200);
    test_pause(2 * LIMIT_MS);
    assert_status(wire_ask(t, wire, get(t, "/hello")), 200);
    int64_t begun = clock_monotonic();
    assert_true(wire_is_closed(wire));
    assert_true(clock_monotonic() - begun >= 3 * LIMIT_MS);
    assert_int_equal(http_server_figures(server).swept, 1);
    stop_server(server);
}

static void handler_may_take_longer_than_any_limit(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    options.limits.handshake = LIMIT_MS;
    options.limits.header = LIMIT_MS;
    options.limits.body = LIMIT_MS;
    options.limits.idle = LIMIT_MS;
    struct http_server *server = start_server(t, &options);
    struct wire *wire = wire_connect(t, server);
    assert_true(wire_send(wire, get(t, "/wait")));
    test_pause(3 * LIMIT_MS);
    atomic_store(&gate.open, true);
    assert_status(wire_reply(t, wire), 200);
    assert_int_equal(http_server_figures(server).swept, 0);
    stop_server(server);
}

static void reply_that_nobody_reads_is_cut(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    options.limits.body = LIMIT_MS;
    struct http_server *server = start_server(t, &options);
    struct wire *wire = wire_connect(t, server);
    assert_true(wire_send(wire, get(t, "/large")));
    assert_comes(http_server_figures(server).swept == 1);
    assert_comes(http_server_figures(server).connections == 0);
    assert_int_equal(http_server_figures(server).served, 0);
    stop_server(server);
}

static void connections_are_limited_per_address(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    options.limits.connections_per_address = 3;
    struct http_server *server = start_server(t, &options);
    struct wire *wires[3];
    for (size_t i = 0; i < ARRAY_SIZE(wires); i++)
        wires[i] = wire_connect(t, server);
    assert_true(wire_is_closed(wire_open(t, http_server_port(server))));
    assert_int_equal(http_server_figures(server).turned_away, 1);
    /* Somebody else's connections are not in question. */
    struct wire *neighbour = wire_open_from(t, "127.0.0.2", http_server_port(server));
    assert_true(wire_handshake(t, neighbour, 0, NULL));
    assert_status(wire_ask(t, neighbour, get(t, "/hello")), 200);
    /* A place that was given back can be had again. */
    wire_close(wires[1]);
    assert_comes(http_server_figures(server).connections == 3);
    assert_status(wire_ask(t, wire_connect(t, server), get(t, "/hello")), 200);
    stop_server(server);
}

static void connections_are_limited_in_all(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    options.limits.connections = 4;
    struct http_server *server = start_server(t, &options);
    for (int i = 0; i < 4; i++) {
        struct wire *wire = wire_open_from(t, arena_printf(t->arena, "127.0.0.%d", 10 + i),
                                           http_server_port(server));
        assert_true(wire_handshake(t, wire, 0, NULL));
    }
    assert_true(wire_is_closed(wire_open_from(t, "127.0.0.20", http_server_port(server))));
    assert_int_equal(http_server_figures(server).turned_away, 1);
    assert_int_equal(http_server_figures(server).accepted, 4);
    stop_server(server);
}

static void places_do_not_leak(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    options.limits.connections = 3;
    struct http_server *server = start_server(t, &options);
    for (int i = 0; i < 30; i++) {
        struct wire *wire = wire_open_from(t, arena_printf(t->arena, "127.0.1.%d", i + 1),
                                           http_server_port(server));
        if (i % 3 == 0) /* one in three says nothing, one hangs up in TLS, one asks */
            assert_true(wire_send(wire, "no TLS at all"));
        else
            assert_true(wire_handshake(t, wire, 0, NULL));
        if (i % 3 == 2)
            assert_status(wire_ask(t, wire, get(t, "/hello")), 200);
        wire_close(wire);
        assert_comes(http_server_figures(server).connections == 0);
    }
    assert_int_equal(http_server_figures(server).turned_away, 0);
    stop_server(server);
}

static void requests_beyond_the_limit_are_503(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    options.limits.requests = 2;
    struct http_server *server = start_server(t, &options);
    struct wire *busy[2] = {wire_connect(t, server), wire_connect(t, server)};
    for (size_t i = 0; i < ARRAY_SIZE(busy); i++)
        assert_true(wire_send(busy[i], get(t, "/wait")));
    assert_comes(atomic_load(&gate.waiting) == 2);
    assert_int_equal(http_server_figures(server).requests, 2);
    struct wire *wire = wire_connect(t, server);
    const char *reply = wire_ask(t, wire, get(t, "/hello"));
    assert_status(reply, 503);
    assert_contains(reply, "\r\nRetry-After: 7\r\n");
    atomic_store(&gate.open, true);
    for (size_t i = 0; i < ARRAY_SIZE(busy); i++)
        assert_status(wire_reply(t, busy[i]), 200);
    assert_comes(http_server_figures(server).requests == 0);
    assert_status(wire_ask(t, wire, get(t, "/hello")), 200);
    stop_server(server);
}

static void slow_handler_does_not_delay_others(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    struct http_server *server = start_server(t, &options);
    struct wire *slow = wire_connect(t, server);
    assert_true(wire_send(slow, get(t, "/wait")));
    assert_comes(atomic_load(&gate.waiting) == 1);
    struct wire *quick = wire_connect(t, server);
    for (int i = 0; i < 10; i++)
        assert_status(wire_ask(t, quick, get(t, "/hello")), 200);
    assert_int_equal(atomic_load(&gate.waiting), 1);
    atomic_store(&gate.open, true);
    assert_status(wire_reply(t, slow), 200);
    stop_server(server);
}

static void slots_live_as_long_as_their_connection(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    struct http_server *server = start_server(t, &options);
    struct wire *wire = wire_connect(t, server);
    atomic_store(&released, 0);
    const char *first = wire_ask(t, wire, get(t, "/count"));
    const char *second = wire_ask(t, wire, get(t, "/count"));
    assert_contains(first, "request 1 of ");
    assert_contains(second, "request 2 of ");
    /* One trace for all requests of a connection. */
    assert_string_equal(strstr(first, " of "), strstr(second, " of "));
    assert_int_equal(atomic_load(&released), 0);
    assert_contains(wire_ask(t, wire_connect(t, server), get(t, "/count")), "request 1 of ");
    wire_close(wire);
    assert_comes(atomic_load(&released) == 1);
    stop_server(server);
    assert_int_equal(atomic_load(&released), 2);
}

static void sweeper_shows_that_it_lives(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    struct http_server *server = start_server(t, &options);
    int64_t before = http_server_figures(server).last_beat;
    assert_comes(http_server_figures(server).last_beat > before);
    stop_server(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(dripped_header_is_cut),
        UNIT_TEST(dripped_first_request_line_is_cut),
        UNIT_TEST(dripped_body_is_cut),
        UNIT_TEST(dripped_chunks_are_cut),
        UNIT_TEST(dripped_later_request_line_is_cut),
        UNIT_TEST(silent_connection_is_cut),
        UNIT_TEST(dripped_handshake_is_cut),
        UNIT_TEST(stalled_handshake_is_cut),
        UNIT_TEST(idle_connection_lives_until_its_limit),
        UNIT_TEST(handler_may_take_longer_than_any_limit),
        UNIT_TEST(reply_that_nobody_reads_is_cut),
        UNIT_TEST(connections_are_limited_per_address),
        UNIT_TEST(connections_are_limited_in_all),
        UNIT_TEST(places_do_not_leak),
        UNIT_TEST(requests_beyond_the_limit_are_503),
        UNIT_TEST(slow_handler_does_not_delay_others),
        UNIT_TEST(slots_live_as_long_as_their_connection),
        UNIT_TEST(sweeper_shows_that_it_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
