/* Requests and replies: what is understood, what is refused and how. */
#include "tests/unit/http_fixture.h"

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/http/media.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Says back what the handler was given. */
static bool echo(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const char *query = http_query(t, rq, "q");
    const char *text =
        arena_printf(t->arena, "%s %s parameter=%s type=%s q=%s context=%s octets=%zu body=%.*s",
                     rq->method, rq->path, rq->parameter == NULL ? "-" : rq->parameter,
                     rq->media_type == NULL ? "-" : rq->media_type, query == NULL ? "-" : query,
                     rq->context == NULL ? "-" : (const char *)rq->context, rq->body.len,
                     rq->body.len > 64 ? 0 : (int)rq->body.len, (const char *)rq->body.data);
    return http_reply_text(reply, 0, text);
}

static bool choose(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    ENSURE(t, http_accepts(rq, "application/voucher-cms+json"), E_HTTP_ACCEPT, "Accept \"%s\"",
           rq->accept);
    reply->media_type = "application/voucher-cms+json";
    reply->body = BYTES_LITERAL("{}");
    return true;
}

static bool every_field(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    (void)t;
    (void)rq;
    *reply = (struct http_reply){
        .status = 202,
        .retry_after = 42,
        .location = "https://elsewhere.example/",
        .base64_transfer = true,
        .media_type = "application/pkcs7-mime",
        .body = BYTES_LITERAL("AAAA"),
    };
    return true;
}

static bool empty(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    (void)t;
    (void)rq;
    reply->status = 204;
    return true;
}

static bool cached(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    (void)t;
    (void)rq;
    reply->max_age = 3600;
    return http_reply_text(reply, 200, "static");
}

static bool last(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    (void)t;
    (void)rq;
    reply->close = true;
    return http_reply_text(reply, 200, "bye");
}

static bool deny(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    (void)rq;
    (void)reply;
    return fail(t, E_DENIED, "device \xFF is not in the list of %s", "Example Inc");
}

static bool say_nothing(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    (void)t;
    (void)rq;
    (void)reply;
    return false;
}

static bool spoil(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    (void)t;
    (void)rq;
    reply->location = "https://elsewhere.example/\r\nInjected: yes";
    return true;
}

static void on_failed(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const char *text = arena_printf(t->arena, "failed: %s on %s", t->problem->name, rq->path);
    (void)http_reply_text(reply, reply->status, text);
}

static const char *const voucher_types[] = {"application/voucher-cms+json", "application/json",
                                            NULL};
static const struct problem_status gone_statuses[] = {{E_DENIED, 410}, {NULL, 0}};
static char context[] = "mine";

static const struct http_route routes[] = {
    {.method = "GET", .path = "/", .handler = echo},
    {.method = "GET", .path = "/hello", .handler = echo, .context = context},
    {.method = "POST", .path = "/hello", .handler = echo, .body_limit = 100},
    {.method = "GET", .path = "/devices/{}", .handler = echo},
    {.method = "DELETE", .path = "/devices/{}", .handler = echo},
    {.method = "GET", .path = "/devices/{}/events", .handler = echo},
    {.method = "GET", .path = "/ocsp/{*}", .handler = echo},
    {.method = "POST",
     .path = "/voucher",
     .handler = echo,
     .media_types = voucher_types,
     .body_limit = 100},
    {.method = "POST",
     .path = "/watched",
     .handler = deny,
     .media_types = voucher_types,
     .body_limit = 10,
     .failed = on_failed,
     .statuses = gone_statuses},
    {.method = "GET", .path = "/choose", .handler = choose},
    {.method = "GET", .path = "/fields", .handler = every_field},
    {.method = "GET", .path = "/empty", .handler = empty},
    {.method = "GET", .path = "/cached", .handler = cached},
    {.method = "GET", .path = "/last", .handler = last},
    {.method = "GET", .path = "/deny", .handler = deny},
    {.method = "GET", .path = "/deny-api", .handler = deny, .style = HTTP_STYLE_PROBLEM},
    {.method = "GET", .path = "/nothing", .handler = say_nothing},
    {.method = "GET", .path = "/spoilt", .handler = spoil},
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

static const char *answer_to(struct task *t, const char *path)
{
    return ask(t, get(t, path));
}

static void handler_gets_method_path_parameter_and_query(void **state)
{
    static const struct {
        const char *target;
        const char *expected;
    } cases[] = {
        {"/", "GET / parameter=- type=- q=- context=- octets=0"},
        {"/hello", "GET /hello parameter=- type=- q=- context=mine"},
        {"/h%65llo?q=1", "GET /hello parameter=- type=- q=1 "},
        {"/hello?a=1&q=two%20words+three&q=4", "q=two words three "},
        {"/hello?%71=x", "q=x "},
        {"/hello?q", "q= context"},
        {"/hello?q=%zz", "q=- "},
        {"/hello?q=a%00b", "q=- "},
        {"/hello?qq=1&xq=2", "q=- "},
        {"/hello?", "q=- "},
        {"/devices/JADA%20123", "parameter=JADA 123 "},
        {"/devices/a%2Fb", "GET /devices/a/b parameter=a/b "},
        {"/devices/x/events", "GET /devices/x/events parameter=x "},
        {"/ocsp/MEUw", "parameter=MEUw "},
        {"/ocsp/a/b%2Fc//d%3D", "parameter=a/b/c//d= "},
        {"https://registrar.example:8443/hello?q=7", "GET /hello parameter=- type=- q=7 "},
        {"https://registrar.example", "GET / "},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *reply = answer_to(t, cases[i].target);
        assert_status(reply, 200);
        assert_contains(reply, cases[i].expected);
    }
}

static void unknown_paths_are_404(void **state)
{
    static const char *const targets[] = {
        "/nowhere",  "/hello/",  "/hello/x",         "//hello",
        "/devices/", "/devices", "/devices//events", "/devices/a/b",
        "/ocsp",     "/ocsp/",   "/Hello",           "/hello/../hello",
        "*",         "hello",
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        const char *reply = answer_to(t, targets[i]);
        assert_status(reply, 404);
        assert_contains(reply, "\r\n\r\nnot found\n");
    }
}

static void paths_that_cannot_be_decoded_are_400(void **state)
{
    static const char *const targets[] = {"/hello%",      "/hello%0",  "/hello%zz",
                                          "/devices/%00", "/hello%00", "/devices/%FF"};
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
        assert_status(answer_to(t, targets[i]), 400);
}

static void other_methods_are_405_and_allow_names_those_that_are(void **state)
{
    struct task *t = test_task(state);
    const char *reply = ask(t, "PUT /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    assert_status(reply, 405);
    assert_contains(reply, "\r\nAllow: GET, HEAD, POST\r\n");
    reply = ask(t, post(t, "/devices/1", NULL, "body that is read and thrown away"));
    assert_status(reply, 405);
    assert_contains(reply, "\r\nAllow: GET, HEAD, DELETE\r\n");
    reply = answer_to(t, "/voucher");
    assert_status(reply, 405);
    assert_contains(reply, "\r\nAllow: POST\r\n");
}

static void head_is_get_without_the_body(void **state)
{
    struct task *t = test_task(state);
    struct wire *wire = wire_connect(t, server);
    assert_true(wire_send(wire, "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n"));
    const char *reply = wire_head_reply(t, wire);
    assert_status(reply, 200);
    assert_contains(reply, "Content-Length: ");
    assert_lacks(reply, "Content-Length: 0");
    /* The connection goes on: no body was sent that would be read as the next reply. */
    assert_status(wire_ask(t, wire, get(t, "/hello")), 200);
}

static void media_types_are_compared_without_case_and_parameters(void **state)
{
    static const struct {
        const char *type;
        const char *status;
    } cases[] = {
        {"application/voucher-cms+json", "HTTP/1.1 200 "},
        {"application/json", "HTTP/1.1 200 "},
        {"Application/JSON", "HTTP/1.1 200 "},
        {"application/json; charset=utf-8", "HTTP/1.1 200 "},
        {" application/json ;charset=\"a;b\" ", "HTTP/1.1 200 "},
        {"application/voucher-cms+jso", "HTTP/1.1 415 "},
        {"application/voucher-cms+jsonx", "HTTP/1.1 415 "},
        {"application/pkcs7-mime", "HTTP/1.1 415 "},
        {"application/json, text/plain", "HTTP/1.1 415 "},
        {";", "HTTP/1.1 415 "},
        {"", "HTTP/1.1 415 "},
        {NULL, "HTTP/1.1 415 "},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_contains(ask(t, post(t, "/voucher", cases[i].type, "{}")), cases[i].status);
    assert_contains(ask(t, post(t, "/voucher", "Application/JSON; x=y", "{}")),
                    "type=application/json ");
    /* No body, no type: nothing is guessed. */
    assert_status(ask(t, post(t, "/voucher", NULL, "")), 415);
    assert_status(ask(t, post(t, "/voucher", "application/json", "")), 200);
}

static void encoded_content_is_415(void **state)
{
    struct task *t = test_task(state);
    assert_status(ask(t, "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n"
                         "Content-Length: 2\r\n\r\n{}"),
                  415);
    assert_status(ask(t, "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Encoding: identity\r\n"
                         "Content-Length: 2\r\n\r\n{}"),
                  200);
}

static void accept_decides_what_is_given(void **state)
{
    static const struct {
        const char *accept;
        bool accepted;
    } cases[] = {
        {NULL, true},
        {"", true},
        {"*/*", true},
        {"application/voucher-cms+json", true},
        {"Application/Voucher-CMS+JSON", true},
        {"application/*", true},
        {"text/html, */*;q=0.1", true},
        {"text/html, application/voucher-cms+json; q=0.5", true},
        {"application/voucher-cms+json;x=\"a,b;q=0\"", true},
        {"*; q=.2", true},
        {"nonsense", true},
        {"text/html", false},
        {"text/*", false},
        {"application/json", false},
        {"application/voucher-cms+json;q=0", false},
        {"application/voucher-cms+json; Q=0.000, */*", false},
        {"*/*;q=0", false},
        {"application/*;q=0, */*", false},
        {"text/html, nonsense", false},
    };
    struct http_request rq = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        rq.accept = cases[i].accept;
        if (http_accepts(&rq, "application/voucher-cms+json") != cases[i].accepted)
            fail_msg("Accept: %s", cases[i].accept);
    }
}

static void range_names_no_type(void **state)
{
    static const struct {
        const char *accept;
        bool named;
    } cases[] = {
        {NULL, false},
        {"", false},
        {"*/*", false},
        {"application/*", false},
        {"nonsense", false},
        {"text/html", false},
        {"application/voucher+cose", true},
        {"Application/Voucher+COSE;q=0.1, */*", true},
        {"*/*;q=0, application/voucher+cose", true},
        {"application/voucher+cose;q=0", false},
        {"application/voucher+cose;q=0, */*", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (media_names(cases[i].accept, "application/voucher+cose") != cases[i].named)
            fail_msg("Accept: %s", cases[i].accept);
    }
}

static void nothing_acceptable_is_406(void **state)
{
    struct task *t = test_task(state);
    assert_status(ask(t, "GET /choose HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n"), 406);
    assert_status(ask(t, "GET /choose HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n"
                         "Accept: application/*\r\n\r\n"),
                  200);
    assert_status(answer_to(t, "/choose"), 200);
}

static void replies_carry_what_the_handler_chose(void **state)
{
    struct task *t = test_task(state);
    const char *reply = answer_to(t, "/fields");
    assert_status(reply, 202);
    assert_contains(reply, "\r\nContent-Type: application/pkcs7-mime\r\n");
    assert_contains(reply, "\r\nContent-Transfer-Encoding: base64\r\n");
    assert_contains(reply, "\r\nRetry-After: 42\r\n");
    assert_contains(reply, "\r\nLocation: https://elsewhere.example/\r\n");
    assert_contains(reply, "\r\nCache-Control: no-store\r\n");
    assert_contains(reply, "\r\nContent-Length: 4\r\n");
    assert_contains(reply, "\r\n\r\nAAAA");
    assert_lacks(reply, "Server:");
    reply = answer_to(t, "/empty");
    assert_status(reply, 204);
    assert_lacks(reply, "Content-Type");
    reply = answer_to(t, "/cached");
    assert_contains(reply, "\r\nCache-Control: max-age=3600\r\n");
    assert_lacks(reply, "no-store");
}

static void reply_with_close_ends_the_connection(void **state)
{
    struct task *t = test_task(state);
    struct wire *wire = wire_connect(t, server);
    assert_contains(wire_ask(t, wire, get(t, "/last")), "\r\nConnection: close\r\n");
    assert_true(wire_is_closed(wire));
}

static void pledges_learn_the_public_text_and_no_detail(void **state)
{
    struct task *t = test_task(state);
    const char *reply = answer_to(t, "/deny");
    assert_status(reply, 403);
    assert_contains(reply, "\r\nContent-Type: text/plain; charset=utf-8\r\n");
    assert_contains(reply, "\r\n\r\nnot allowed\n");
    assert_lacks(reply, "Example Inc");
}

static void administrators_get_a_problem_object(void **state)
{
    struct task *t = test_task(state);
    json_t *problem = NULL;
    const char *reply = answer_to(t, "/deny-api");
    assert_status(reply, 403);
    assert_contains(reply, "\r\nContent-Type: application/problem+json\r\n");
    assert_ok(t, json_parse(t, bytes_of_text(strstr(reply, "\r\n\r\n") + 4), &problem));
    assert_string_equal(json_string_value(json_object_get(problem, "type")), "about:blank");
    assert_string_equal(json_string_value(json_object_get(problem, "title")), "not allowed");
    assert_int_equal(json_integer_value(json_object_get(problem, "status")), 403);
    assert_string_equal(json_string_value(json_object_get(problem, "detail")),
                        "device ? is not in the list of Example Inc");
    assert_string_equal(json_string_value(json_object_get(problem, "code")), "denied");
    assert_string_equal(json_string_value(json_object_get(problem, "hint")), E_DENIED->hint);
    assert_int_equal(strlen(json_string_value(json_object_get(problem, "trace"))), TRACE_LEN);
}

static void route_chooses_statuses_and_sees_failures_of_every_step(void **state)
{
    struct task *t = test_task(state);
    const char *reply = ask(t, post(t, "/watched", "application/json", "{}"));
    assert_status(reply, 410);
    assert_contains(reply, "failed: denied on /watched");
    reply = ask(t, post(t, "/watched", "text/plain", "{}"));
    assert_status(reply, 415);
    assert_contains(reply, "failed: media-type on /watched");
    reply = ask(t, post(t, "/watched", "application/json", "{\"more than\":10}"));
    assert_status(reply, 413);
    assert_contains(reply, "failed: too-large on /watched");
}

static void handler_that_fails_silently_is_500(void **state)
{
    struct task *t = test_task(state);
    assert_status(answer_to(t, "/nothing"), 500);
}

static void header_injection_by_a_handler_is_not_sent(void **state)
{
    struct task *t = test_task(state);
    const char *reply = answer_to(t, "/spoilt");
    assert_status(reply, 500);
    assert_lacks(reply, "njected");
}

/* What is written to standard error until release_stderr(). */
static int capture_stderr(void **state, const char **ret_path)
{
    struct task *t = test_task(state);
    int saved = dup(STDERR_FILENO);
    *ret_path = arena_printf(t->arena, "%s/log", test_folder(state));
    int file = open(*ret_path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    assert_true(saved >= 0 && file >= 0 && dup2(file, STDERR_FILENO) >= 0);
    (void)close(file);
    return saved;
}

static void release_stderr(int saved)
{
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(saved);
}

static void each_request_is_one_line_of_the_log(void **state)
{
    struct task *t = test_task(state);
    const char *path;
    struct bytes content = BYTES_ABSENT;
    struct log log = {.program = "gatehoused", .level = LOG_LEVEL_INFO};
    struct credential credential = make_credential(t, "server", NULL, "digitalSignature", NULL);
    struct http_server_options options = server_options(t, &credential, routes);
    options.log = &log;
    int saved = capture_stderr(state, &path);
    struct http_server *logging = start_server(t, &options);
    struct wire *wire = wire_connect(t, logging);
    (void)wire_ask(t, wire, get(t, "/hello?q=secret"));
    (void)wire_ask(t, wire, get(t, "/deny"));
    stop_server(logging);
    release_stderr(saved);
    assert_ok(t, file_read(t, path, 10000, &content));
    const char *text = bytes_to_text(t->arena, content);
    assert_contains(text, "listener=test method=GET path=/hello status=200 ms=");
    assert_contains(text, "address=127.0.0.1:");
    assert_contains(text, "path=/deny status=403 ms=");
    assert_contains(text, "problem=denied detail=");
    assert_lacks(text, "secret");
    assert_lacks(text, "broken=");
    const char *second = strchr(text, '\n') + 1;
    assert_int_equal(strcspn(second, "\n") + 1, strlen(second));
}

static void default_statuses_are_those_of_the_kinds(void **state)
{
    static const struct {
        const struct problem_kind *kind;
        int status;
    } cases[] = {
        {E_MALFORMED, 400},       {E_INVALID, 400},   {E_DENIED, 403},
        {E_NOT_FOUND, 404},       {E_HTTP_PATH, 404}, {E_HTTP_METHOD, 405},
        {E_HTTP_ACCEPT, 406},     {E_EXISTS, 409},    {E_TOO_LARGE, 413},
        {E_HTTP_MEDIA_TYPE, 415}, {E_INTERNAL, 500},  {E_IO, 500},
        {E_PEER_TLS, 502},        {E_BUSY, 503},      {E_PEER_TIMEOUT, 503},
    };
    static const struct problem_kind unknown = {"unknown", "unknown", "unknown"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(http_default_status(cases[i].kind), cases[i].status);
    assert_int_equal(http_default_status(&unknown), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(handler_gets_method_path_parameter_and_query),
        UNIT_TEST(unknown_paths_are_404),
        UNIT_TEST(paths_that_cannot_be_decoded_are_400),
        UNIT_TEST(other_methods_are_405_and_allow_names_those_that_are),
        UNIT_TEST(head_is_get_without_the_body),
        UNIT_TEST(media_types_are_compared_without_case_and_parameters),
        UNIT_TEST(encoded_content_is_415),
        UNIT_TEST(accept_decides_what_is_given),
        UNIT_TEST(range_names_no_type),
        UNIT_TEST(nothing_acceptable_is_406),
        UNIT_TEST(replies_carry_what_the_handler_chose),
        UNIT_TEST(reply_with_close_ends_the_connection),
        UNIT_TEST(pledges_learn_the_public_text_and_no_detail),
        UNIT_TEST(administrators_get_a_problem_object),
        UNIT_TEST(route_chooses_statuses_and_sees_failures_of_every_step),
        UNIT_TEST(handler_that_fails_silently_is_500),
        UNIT_TEST(header_injection_by_a_handler_is_not_sent),
        UNIT_TEST(each_request_is_one_line_of_the_log),
        UNIT_TEST(default_statuses_are_those_of_the_kinds),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
