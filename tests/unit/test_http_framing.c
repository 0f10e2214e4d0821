/* Where a request ends and the next begins: bodies, their limits, and framing that is in doubt. */
#include "tests/unit/http_fixture.h"

#include "core/base/clock.h"

#include <string.h>

/* Says back what the handler was given. */
static bool echo(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const char *query = http_query(t, rq, "q");
    return http_reply_text(reply, 0,
                           arena_printf(t->arena, "q=%s octets=%zu body=%.*s",
                                        query == NULL ? "-" : query, rq->body.len,
                                        rq->body.len > 64 ? 0 : (int)rq->body.len,
                                        (const char *)rq->body.data));
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/hello", .handler = echo},
    {.method = "POST", .path = "/hello", .handler = echo, .body_limit = 100},
    {.method = "POST", .path = "/large", .handler = echo, .body_limit = 300000},
    {.method = NULL},
};

/* One server for all of this file: a request changes nothing in it. */
static struct http_server *server;

static int start(void **state)
{
    (void)test_setup(state);
    struct task *t = test_task(state);
    struct credential credential =
        make_credential(t, "server", "IP:127.0.0.1", "digitalSignature", NULL);
    struct http_server_options options = server_options(t, &credential, routes);
    server = start_server(t, &options);
    return 0;
}

static int stop(void **state)
{
    stop_server(server);
    return test_teardown(state);
}

/* Asks over a connection of its own. */
static const char *ask(struct task *t, const char *request)
{
    return wire_ask(t, wire_connect(t, server), request);
}

static void many_requests_use_one_connection(void **state)
{
    struct task *t = test_task(state);
    struct wire *wire = wire_connect(t, server);
    uint64_t before = http_server_figures(server).accepted;
    for (int i = 0; i < 20; i++) {
        const char *body = arena_printf(t->arena, "number %d", i);
        const char *reply = wire_ask(t, wire, post(t, "/hello", "text/plain", body));
        assert_contains(reply, arena_printf(t->arena, "body=%s", body));
        /* Refusals that leave the framing intact do not end the connection. */
        assert_status(wire_ask(t, wire, post(t, "/nowhere", NULL, "drained")), 404);
    }
    assert_int_equal(http_server_figures(server).accepted, before);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct task *t = test_task(state);
    struct wire *wire = wire_connect(t, server);
    assert_true(wire_send(
        wire, arena_printf(t->arena, "%s%s", get(t, "/hello?q=one"), get(t, "/hello?q=two"))));
    assert_contains(wire_reply(t, wire), "q=one ");
    assert_contains(wire_reply(t, wire), "q=two ");
}

static const char *repeated(struct task *t, size_t len)
{
    char *text = arena_alloc(t->arena, len + 1);
    memset(text, 'x', len);
    return text;
}

static void bodies_up_to_the_limit_are_taken_and_larger_ones_are_413(void **state)
{
    struct task *t = test_task(state);
    struct wire *wire = wire_connect(t, server);
    assert_contains(wire_ask(t, wire, post(t, "/hello", NULL, repeated(t, 100))), "octets=100");
    assert_status(wire_ask(t, wire, post(t, "/hello", NULL, repeated(t, 101))), 413);
    assert_contains(wire_ask(t, wire, post(t, "/large", NULL, repeated(t, 300000))),
                    "octets=300000");
    assert_status(wire_ask(t, wire, post(t, "/large", NULL, repeated(t, 300001))), 413);
    /* The connection lives through all of it. */
    assert_status(wire_ask(t, wire, get(t, "/hello")), 200);
}

static const char *chunked(struct task *t, const char *path, const char *chunks)
{
    return arena_printf(t->arena,
                        "POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%s", path,
                        chunks);
}

static void chunked_bodies_are_taken_within_the_limit(void **state)
{
    struct task *t = test_task(state);
    struct wire *wire = wire_connect(t, server);
    const char *reply =
        wire_ask(t, wire, chunked(t, "/hello", "3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\n\r\n"));
    assert_contains(reply, "octets=5 body=abcde");
    reply = wire_ask(
        t, wire,
        chunked(t, "/hello",
                arena_printf(t->arena, "64\r\n%s\r\n1\r\ny\r\n0\r\n\r\n", repeated(t, 100))));
    assert_status(reply, 413);
    assert_contains(wire_ask(t, wire, chunked(t, "/hello", "0\r\nTrailer: x\r\n\r\n")), "octets=0");
    assert_status(ask(t, chunked(t, "/hello", "zz\r\n")), 400);
}

static void endless_body_is_cut_off(void **state)
{
    struct task *t = test_task(state);
    struct wire *wire = wire_connect(t, server);
    const char *chunk = arena_printf(t->arena, "10000\r\n%s\r\n", repeated(t, 0x10000));
    assert_true(wire_send(wire, chunked(t, "/hello", "")));
    int sent = 0;
    while (sent < 1000 && wire_send(wire, chunk))
        sent++;
    assert_true(sent < 1000);
}

static void huge_content_length_is_413_at_once(void **state)
{
    struct task *t = test_task(state);
    struct wire *wire = wire_connect(t, server);
    const char *reply =
        wire_ask(t, wire, "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n");
    assert_status(reply, 413);
    assert_contains(reply, "Connection: close");
    assert_true(wire_is_closed(wire));
    assert_status(ask(t, "POST /hello HTTP/1.1\r\nHost: x\r\n"
                         "Content-Length: 99999999999999999999999\r\n\r\n"),
                  413);
}

static void expectation_is_answered_before_the_body(void **state)
{
    struct task *t = test_task(state);
    struct wire *wire = wire_connect(t, server);
    assert_true(wire_send(wire, "POST /hello HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                                "Content-Length: 4\r\n\r\n"));
    assert_contains(wire_head_reply(t, wire), "HTTP/1.1 100 ");
    assert_contains(wire_ask(t, wire, "body"), "octets=4 body=body");
    /* Whoever asks first hears the refusal without sending anything. */
    assert_status(ask(t, "POST /hello HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                         "Content-Length: 101\r\n\r\n"),
                  413);
    assert_status(ask(t, "POST /nowhere HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                         "Content-Length: 5\r\n\r\n"),
                  404);
}

static void oversized_headers_are_431(void **state)
{
    struct task *t = test_task(state);
    static const size_t sizes[] = {17000, 20000, 100000};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct wire *wire = wire_connect(t, server);
        const char *request =
            arena_printf(t->arena, "GET /hello HTTP/1.1\r\nHost: x\r\nX-Large: %s\r\n\r\n",
                         repeated(t, sizes[i]));
        (void)wire_send(wire, request);
        assert_status(wire_reply(t, wire), 431);
    }
    assert_status(ask(t, arena_printf(t->arena, "GET /hello HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n",
                                      repeated(t, 15000))),
                  200);
}

static void ambiguous_framing_is_refused_and_ends_the_connection(void **state)
{
    static const char *const headers[] = {
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Content-Length: 4\r\nContent-Length: 4\r\n",
        "Content-Length: 4, 4\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding:\r\n",
        "Content-Length : 4\r\n",
        "Content-Length\t: 4\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length: 4\r\n 5\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "X: y\r\nContent-Length: 4\r\n\tfolded\r\n",
        "Content-: 4\r\n Length\r\n",
        "X: y\r\n folded\r\n",
        "X: y\nZ: z\r\n",
        "X: y\n",
        ":\r\nContent-Length: 4\r\n",
        ": x\r\nGET /hello?q=smuggled HTTP/1.1\r\nHost: x\r\n",
        "Content-Length: -4\r\n",
        "Content-Length: +4\r\n",
        "Content-Length: 0x4\r\n",
        "Content-Length: 4 4\r\n",
        "Content-Length:\r\n",
        "Bad Name: x\r\n",
        ": x\r\n",
        "no colon\r\n",
        "Host: y\r\n",
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
        struct wire *wire = wire_connect(t, server);
        const char *request =
            arena_printf(t->arena, "POST /hello HTTP/1.1\r\nHost: x\r\n%s\r\n0\r\n\r\n%s",
                         headers[i], get(t, "/hello?q=smuggled"));
        assert_true(wire_send(wire, request));
        const char *reply = wire_reply(t, wire);
        if (reply == NULL || strstr(reply, "HTTP/1.1 400 ") == NULL)
            fail_msg("%s is answered by %s", headers[i], reply);
        if (!wire_is_closed(wire))
            fail_msg("%s does not end the connection", headers[i]);
    }
}

static void smuggled_request_is_never_answered(void **state)
{
    struct task *t = test_task(state);
    struct wire *wire = wire_connect(t, server);
    uint64_t before = http_server_figures(server).served;
    assert_true(wire_send(wire, "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n"
                                "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                                "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_status(wire_reply(t, wire), 400);
    assert_null(wire_reply(t, wire));
    assert_comes(http_server_figures(server).served == before + 1);
}

static void malformed_request_lines_get_no_service(void **state)
{
    static const char *const requests[] = {
        "GET /hello\r\n\r\n",
        "GET /hello HTTP/2.0\r\n\r\n",
        "GET /hello HTTP/0.9\r\n\r\n",
        "GET /hello HTTX/1.1\r\n\r\n",
        "GET /hel lo HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /hello HTTP/1.1\r\n\r\n", /* no Host */
        "\r\n\r\nGARBAGE\r\n\r\n",
        "\x16\x03\x01\x02\x01\xfc\x03\x03\n\n",
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        struct wire *wire = wire_connect(t, server);
        assert_true(wire_send(wire, requests[i]));
        const char *reply = wire_reply(t, wire);
        if (reply != NULL && strstr(reply, "HTTP/1.1 200 ") != NULL)
            fail_msg("%s is answered by %s", requests[i], reply);
        assert_true(wire_is_closed(wire));
    }
}

static void http_1_0_is_served(void **state)
{
    struct task *t = test_task(state);
    struct wire *wire = wire_connect(t, server);
    const char *reply = wire_ask(t, wire, "GET /hello HTTP/1.0\r\n\r\n");
    assert_status(reply, 200);
    assert_contains(reply, "Content-Length: ");
    assert_true(wire_is_closed(wire));
    assert_status(ask(t, "POST /hello HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                  400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(many_requests_use_one_connection),
        UNIT_TEST(pipelined_requests_are_answered_in_order),
        UNIT_TEST(bodies_up_to_the_limit_are_taken_and_larger_ones_are_413),
        UNIT_TEST(chunked_bodies_are_taken_within_the_limit),
        UNIT_TEST(endless_body_is_cut_off),
        UNIT_TEST(huge_content_length_is_413_at_once),
        UNIT_TEST(expectation_is_answered_before_the_body),
        UNIT_TEST(oversized_headers_are_431),
        UNIT_TEST(ambiguous_framing_is_refused_and_ends_the_connection),
        UNIT_TEST(smuggled_request_is_never_answered),
        UNIT_TEST(malformed_request_lines_get_no_service),
        UNIT_TEST(http_1_0_is_served),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
