/* Header fields that handlers read and make, and connections that they drop. */
#include "tests/unit/http_fixture.h"

#include "core/base/clock.h"

#include <string.h>

/* Says back the field X-Asked. */
static bool say_field(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const char *value = http_request_header(rq, "x-ASKED");
    return http_reply_text(reply, 200,
                           arena_printf(t->arena, "asked=%s;", value == NULL ? "-" : value));
}

/* Fields as the path says; see cases below. */
static bool make_fields(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    static const struct {
        const char *name;
        struct http_header fields[3];
    } sets[] = {
        {"challenge",
         {{"WWW-Authenticate", "Basic realm=\"est\""}, {"X-More", "tab\there"}, {NULL, NULL}}},
        {"line-break", {{"X-Text", "a\r\nInjected: yes"}, {NULL, NULL}}},
        {"line-feed", {{"X-Text", "a\nInjected: yes"}, {NULL, NULL}}},
        {"control", {{"X-Text", "a\033[2J"}, {NULL, NULL}}},
        {"empty", {{"X-Text", ""}, {NULL, NULL}}},
        {"no-token", {{"X Text", "Injected"}, {NULL, NULL}}},
        {"name-with-break", {{"X-Text: a\r\nInjected", "yes"}, {NULL, NULL}}},
        {"reserved", {{"content-LENGTH", "0"}, {NULL, NULL}}},
        {"location", {{"Location", "https://elsewhere.example/"}, {NULL, NULL}}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
        if (strcmp(sets[i].name, rq->parameter) == 0)
            reply->headers = sets[i].fields;
    }
    ENSURE(t, reply->headers != NULL, E_NOT_FOUND, "no set of that name");
    return http_reply_text(reply, 200, "made");
}

static bool make_too_many(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct http_header *fields = arena_array(t->arena, 2, sizeof(*fields));
    char *value = arena_alloc(t->arena, 5000);
    (void)rq;
    memset(value, 'v', 4999);
    fields[0] = (struct http_header){"X-Long", value};
    reply->headers = fields;
    return http_reply_text(reply, 200, "made");
}

static bool drop(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    (void)t;
    http_connection_drop(rq->connection);
    return http_reply_text(reply, 200, "never seen");
}

static bool deny(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    (void)rq;
    (void)reply;
    return fail(t, E_DENIED, "no");
}

static void drop_failed(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    (void)t;
    (void)reply;
    http_connection_drop(rq->connection);
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/field", .handler = say_field},
    {.method = "GET", .path = "/make/{}", .handler = make_fields},
    {.method = "GET", .path = "/too-many", .handler = make_too_many},
    {.method = "GET", .path = "/drop", .handler = drop},
    {.method = "POST", .path = "/drop", .handler = drop, .body_limit = 10},
    {.method = "GET", .path = "/deny", .handler = deny, .failed = drop_failed},
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

static const char *ask(struct task *t, const char *request)
{
    struct wire *wire = wire_connect(t, server);
    const char *reply = wire_ask(t, wire, request);
    wire_close(wire);
    return reply;
}

static void field_of_a_request_is_read_when_it_is_there_once(void **state)
{
    static const struct {
        const char *fields;
        const char *expected;
    } cases[] = {
        {"", "asked=-;"},
        {"X-Asked: this and that\r\n", "asked=this and that;"},
        {"x-asked:  spaces  \r\n", "asked=spaces;"},
        {"X-Askedd: no\r\nX-Aske: no\r\n", "asked=-;"},
        /* What is sent twice is read by nobody in the way that somebody else read it. */
        {"X-Asked: one\r\nX-Asked: two\r\n", "asked=-;"},
        {"X-Asked: one\r\nX-ASKED: one\r\n", "asked=-;"},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_contains(ask(t, arena_printf(t->arena, "GET /field HTTP/1.1\r\nHost: x\r\n%s\r\n",
                                            cases[i].fields)),
                        cases[i].expected);
}

static void handlers_fields_are_sent(void **state)
{
    struct task *t = test_task(state);
    const char *reply = ask(t, get(t, "/make/challenge"));
    assert_status(reply, 200);
    assert_contains(reply, "\r\nWWW-Authenticate: Basic realm=\"est\"\r\n");
    assert_contains(reply, "\r\nX-More: tab\there\r\n");
    assert_contains(reply, "\r\n\r\nmade");
}

static void fields_that_cannot_be_sent_are_a_failure(void **state)
{
    static const char *const names[] = {"line-break", "line-feed",       "control",  "empty",
                                        "no-token",   "name-with-break", "reserved", "location"};
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *reply = ask(t, get(t, arena_printf(t->arena, "/make/%s", names[i])));
        assert_status(reply, 500);
        assert_lacks(reply, "Injected");
        assert_lacks(reply, "\033");
        assert_lacks(reply, "made");
    }
    assert_status(ask(t, get(t, "/too-many")), 500);
}

static void dropped_connection_ends_without_a_reply(void **state)
{
    struct task *t = test_task(state);
    const char *const requests[] = {get(t, "/drop"), post(t, "/drop", "text/plain", "octets"),
                                    get(t, "/deny")};
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        struct wire *wire = wire_connect(t, server);
        assert_true(wire_send(wire, requests[i]));
        assert_null(wire_reply(t, wire));
        assert_true(wire_is_closed(wire));
        wire_close(wire);
    }
    assert_comes(http_server_figures(server).requests == 0);
    assert_contains(ask(t, get(t, "/field")), "asked=-;"); /* others are served on */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(field_of_a_request_is_read_when_it_is_there_once),
        UNIT_TEST(handlers_fields_are_sent),
        UNIT_TEST(fields_that_cannot_be_sent_are_a_failure),
        UNIT_TEST(dropped_connection_ends_without_a_reply),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
