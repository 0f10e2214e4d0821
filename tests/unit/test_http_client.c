/* The outgoing client: what it sends, how long it waits, what it makes of answers. */
#include "tests/unit/http_client_fixture.h"

#include "core/base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A short limit, for calls that are to run into it. */
#define LIMIT_MS 500

static void requests_arrive_as_they_were_made(void **state)
{
    static const struct {
        const char *method;
        const char *type;
        const char *accept;
        const char *body;
        const char *expected;
    } cases[] = {
        {"GET", NULL, NULL, NULL, "GET type=(null) accept=(null) body= "},
        {"GET", NULL, "application/json", NULL, "GET type=(null) accept=application/json body= "},
        {"POST", "application/json", NULL, "{}",
         "POST type=application/json accept=(null) body={} "},
        {"POST", NULL, NULL, NULL, "POST type=(null) accept=(null) body= "},
        {"PUT", "text/plain", "*/*", "put", "PUT type=text/plain accept=*/* body=put "},
        {"DELETE", NULL, NULL, NULL, "DELETE type=(null) accept=(null) body= "},
    };
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http_call call = {
            .method = cases[i].method,
            .url = arena_printf(t->arena, "https://127.0.0.1:%u/echo", scene->port),
            .media_type = cases[i].type,
            .accept = cases[i].accept,
            .body = bytes_of_text(cases[i].body),
            .target = &scene->target,
        };
        assert_ok(t, http_client_call(t, scene->client, &call, &scene->answer));
        assert_int_equal(scene->answer.status, 200);
        assert_string_equal(scene->answer.media_type, "text/plain");
        assert_contains(answer_text(t, scene), cases[i].expected);
    }
    struct http_call head = {
        .method = "HEAD",
        .url = arena_printf(t->arena, "https://127.0.0.1:%u/echo", scene->port),
        .target = &scene->target,
    };
    assert_ok(t, http_client_call(t, scene->client, &head, &scene->answer));
    assert_int_equal(scene->answer.status, 200);
    assert_int_equal(scene->answer.body.len, 0);
    leave_scene(scene);
}

static void redirects_are_handed_back_and_not_followed(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    assert_ok(t, call_url(t, scene,
                          arena_printf(t->arena, "https://127.0.0.1:%u/elsewhere", scene->port)));
    assert_int_equal(scene->answer.status, 307);
    assert_string_equal(scene->answer.location, "https://elsewhere.example/there");
    assert_int_equal(scene->answer.retry_after, 120);
    assert_string_equal(scene->answer.media_type, "application/voucher-cms+json");
    assert_bytes_equal(t, scene->answer.body, BYTES_LITERAL("{}"));
    leave_scene(scene);
}

static void any_status_is_an_answer(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    assert_ok(
        t, call_url(t, scene, arena_printf(t->arena, "https://127.0.0.1:%u/nowhere", scene->port)));
    assert_int_equal(scene->answer.status, 404);
    assert_null(scene->answer.location);
    assert_int_equal(scene->answer.retry_after, 0);
    leave_scene(scene);
}

static void urls_that_are_not_https_are_refused(void **state)
{
    static const char *const urls[] = {
        "http://127.0.0.1/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "127.0.0.1/x",
        "https://",
        "https:///",
        "",
        "https://a b/",
        "https://u:pw@127.0.0.1/",
        "https://u@masa.example/",
        "https://[::1/",
        "https://host:99999/",
    };
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
        assert_fails(t, call_url(t, scene, urls[i]), E_PEER_URL);
        assert_lacks(t->detail, "pw");
    }
    leave_scene(scene);
}

static void proxies_of_the_environment_are_not_used(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    /* NOLINTBEGIN(concurrency-mt-unsafe): nothing else looks at the environment now */
    assert_int_equal(setenv("https_proxy", "http://127.0.0.1:1", 1), 0);
    assert_int_equal(setenv("ALL_PROXY", "http://127.0.0.1:1", 1), 0);
    assert_ok(t, call_host(t, scene, "127.0.0.1"));
    assert_int_equal(unsetenv("https_proxy"), 0);
    assert_int_equal(unsetenv("ALL_PROXY"), 0);
    /* NOLINTEND(concurrency-mt-unsafe) */
    leave_scene(scene);
}

static void closed_port_is_unreachable(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    stop_server(scene->server);
    assert_fails(t, call_host(t, scene, "127.0.0.1"), E_PEER_UNREACHABLE);
    http_client_free(scene->client);
}

static void read_and_hang(SSL *ssl, int socket, int number)
{
    (void)number;
    rogue_hang(ssl, socket);
}

static void silence_times_out(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    scene->options.timeout = LIMIT_MS;
    use_options(t, scene);
    scene->target.anchors = list_of(t, der_of(t, scene->credential.cert));
    /* After the handshake, and without one. */
    struct rogue *rogues[] = {rogue_start(t, &scene->credential, read_and_hang),
                              rogue_start(t, NULL, read_and_hang)};
    for (size_t i = 0; i < ARRAY_SIZE(rogues); i++) {
        int64_t begun = clock_monotonic();
        assert_fails(t, call_rogue(t, scene, rogues[i]), E_PEER_TIMEOUT);
        assert_true(clock_monotonic() - begun >= LIMIT_MS - 10);
        assert_lacks(t->detail, "secret");
    }
    assert_detail(t, "handshake");
    leave_scene(scene);
}

static void handshake_is_bounded_by_the_connect_timeout(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    scene->options.connect_timeout = LIMIT_MS;
    use_options(t, scene);
    int64_t begun = clock_monotonic();
    assert_fails(t, call_rogue(t, scene, rogue_start(t, NULL, read_and_hang)), E_PEER_TIMEOUT);
    assert_true(clock_monotonic() - begun < PATIENCE_MS / 2);
    leave_scene(scene);
}

static void deadline_of_the_task_cuts_the_call(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    struct rogue *rogue = rogue_start(t, &scene->credential, read_and_hang);
    scene->target.anchors = list_of(t, der_of(t, scene->credential.cert));
    int64_t begun = clock_monotonic();
    t->deadline = begun + LIMIT_MS;
    assert_fails(t, call_rogue(t, scene, rogue), E_PEER_TIMEOUT);
    assert_true(clock_monotonic() - begun < PATIENCE_MS / 2);
    /* No time left: nothing is begun. */
    t->deadline = clock_monotonic() - 1;
    assert_fails(t, call_rogue(t, scene, rogue), E_PEER_TIMEOUT);
    assert_int_equal(rogue_count(rogue), 1);
    leave_scene(scene);
}

static void answers_up_to_the_limit_are_read(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    assert_ok(t,
              call_url(t, scene,
                       arena_printf(t->arena, "https://127.0.0.1:%u/octets/10000", scene->port)));
    assert_int_equal(scene->answer.body.len, 10000);
    assert_fails(t,
                 call_url(t, scene,
                          arena_printf(t->arena, "https://127.0.0.1:%u/octets/10001", scene->port)),
                 E_PEER_TOO_LARGE);
    assert_detail(t, "10000 octets");
    leave_scene(scene);
}

static const char *rogue_answer;

static void answer_badly(SSL *ssl, int socket, int number)
{
    (void)socket;
    (void)number;
    rogue_read_request(ssl);
    rogue_write(ssl, rogue_answer);
}

static void answer_endlessly(SSL *ssl, int socket, int number)
{
    (void)socket;
    (void)number;
    rogue_read_request(ssl);
    rogue_write(ssl, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 10000; i++)
        rogue_write(ssl, "X-More: and more and more and more\r\n");
}

static void broken_answers_fail(void **state)
{
    const struct {
        const char *answer;
        const struct problem_kind *kind;
    } cases[] = {
        {"", E_PEER_ANSWER},
        {"\r\n", E_PEER_NOT_HTTP},
        {"hello, this is no HTTP\r\n\r\n", E_PEER_NOT_HTTP},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot a hundred", E_PEER_ANSWER},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", E_PEER_ANSWER},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n\r\n", E_PEER_ANSWER},
        {"HTTP/1.1 200 OK\r\nContent-Le", E_PEER_ANSWER},
        {"HTTP/1.1 100 Continue\r\n\r\n", E_PEER_ANSWER},
    };
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        rogue_answer = cases[i].answer;
        struct rogue *rogue = rogue_start(t, &scene->credential, answer_badly);
        scene->target.anchors = list_of(t, der_of(t, scene->credential.cert));
        assert_fails(t, call_rogue(t, scene, rogue), cases[i].kind);
        assert_lacks(t->detail, "secret");
    }
    struct rogue *rogue = rogue_start(t, &scene->credential, answer_endlessly);
    assert_fails(t, call_rogue(t, scene, rogue), E_PEER_TOO_LARGE);
    assert_detail(t, "65536 octets");
    leave_scene(scene);
}

static void hang_up(SSL *ssl, int socket, int number)
{
    (void)ssl;
    (void)socket;
    (void)number;
}

static void peer_without_tls_fails(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    assert_fails(t, call_rogue(t, scene, rogue_start(t, NULL, hang_up)), E_PEER_TLS);
    leave_scene(scene);
}

static void connections_are_used_again_by_the_same_caller_only(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    struct credential us = make_credential(t, "registrar", NULL, "digitalSignature", NULL);
    for (int i = 0; i < 5; i++)
        assert_ok(t, call_host(t, scene, "127.0.0.1"));
    assert_int_equal(http_server_figures(scene->server).accepted, 1);
    /* Another name, another certificate of ours, another anchor: other connections. */
    assert_ok(t, call_host(t, scene, "masa.example"));
    assert_int_equal(http_server_figures(scene->server).accepted, 2);
    scene->target.chain = us.chain;
    scene->target.key = us.key;
    assert_ok(t, call_host(t, scene, "127.0.0.1"));
    assert_int_equal(http_server_figures(scene->server).accepted, 3);
    scene->target.anchors = list_of(t, der_of(t, scene->sub.cert));
    assert_ok(t, call_host(t, scene, "127.0.0.1"));
    assert_int_equal(http_server_figures(scene->server).accepted, 4);
    assert_ok(t, call_host(t, scene, "127.0.0.1"));
    assert_int_equal(http_server_figures(scene->server).accepted, 4);
    leave_scene(scene);
}

static void idle_connections_are_bounded_in_number_and_time(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    scene->options.idle_connections = 0;
    use_options(t, scene);
    assert_ok(t, call_host(t, scene, "127.0.0.1"));
    assert_comes(http_server_figures(scene->server).connections == 0);
    scene->options.idle_connections = 1;
    use_options(t, scene);
    assert_ok(t, call_host(t, scene, "127.0.0.1"));
    assert_ok(t, call_host(t, scene, "masa.example"));
    assert_comes(http_server_figures(scene->server).connections == 1);
    scene->options.idle = 100;
    use_options(t, scene);
    assert_ok(t, call_host(t, scene, "127.0.0.1"));
    uint64_t before = http_server_figures(scene->server).accepted;
    test_pause(200);
    assert_ok(t, call_host(t, scene, "127.0.0.1"));
    assert_int_equal(http_server_figures(scene->server).accepted, before + 1);
    assert_comes(http_server_figures(scene->server).connections == 1);
    leave_scene(scene);
}

/* Answers one request; the second finds the connection closed, at once or when it is sent. */
static void answer_once(SSL *ssl, int socket, int number)
{
    (void)socket;
    rogue_read_request(ssl);
    rogue_write(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    if (number % 2 == 1)
        rogue_read_request(ssl);
}

static void kept_connection_that_the_peer_closed_does_no_harm(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    struct rogue *rogue = rogue_start(t, &scene->credential, answer_once);
    scene->target.anchors = list_of(t, der_of(t, scene->credential.cert));
    for (int i = 0; i < 6; i++) {
        assert_ok(t, call_rogue(t, scene, rogue));
        assert_bytes_equal(t, scene->answer.body, BYTES_LITERAL("ok"));
        test_pause(20);
    }
    assert_int_equal(rogue_count(rogue), 6);
    leave_scene(scene);
}

static void unix_sockets_are_spoken_to_without_tls(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    struct http_server_options options = server_options(t, &scene->credential, scene_routes);
    const char *path = arena_printf(t->arena, "%s/admin.sock", test_folder(state));
    const char *listen[] = {arena_printf(t->arena, "unix:%s", path)};
    options.identity = NULL;
    options.listen = (struct text_list){listen, 1};
    options.unix_mode = 0600;
    struct http_server *server = start_server(t, &options);
    scene->target = (struct http_target){.unix_socket = path};
    for (int i = 0; i < 3; i++) {
        assert_ok(t, call_url(t, scene, "http://gatehouse/echo"));
        assert_contains(answer_text(t, scene), "GET ");
    }
    assert_int_equal(http_server_figures(server).accepted, 1);
    assert_fails(t, call_url(t, scene, "https://gatehouse/echo"), E_PEER_URL);
    stop_server(server);
    assert_fails(t, call_url(t, scene, "http://gatehouse/echo"), E_PEER_UNREACHABLE);
    assert_detail(t, path);
    leave_scene(scene);
}

struct worker {
    struct scene *scene;
    int done;
};

static void *call_many(void *arg)
{
    struct worker *worker = arg;
    for (int i = 0; i < 20; i++) {
        CLEANUP(arena_cleanup) struct arena *arena = arena_create();
        struct task t;
        struct http_answer answer;
        task_init(&t, arena, NULL);
        const char *host = i % 2 == 0 ? "127.0.0.1" : "masa.example";
        struct http_call call = {
            .method = "POST",
            .url = arena_printf(arena, "https://%s:%u/echo", host, worker->scene->port),
            .media_type = "text/plain",
            .body = bytes_of_text(arena_printf(arena, "worker %p call %d", arg, i)),
            .target = &worker->scene->target,
        };
        if (http_client_call(&t, worker->scene->client, &call, &answer) &&
            strstr(bytes_to_text(arena, answer.body), (const char *)call.body.data) != NULL)
            worker->done++;
    }
    return NULL;
}

static void many_threads_call_at_once(void **state)
{
    struct task *t = test_task(state);
    struct scene *scene = set_scene(t);
    pthread_t threads[8];
    struct worker workers[8];
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        workers[i] = (struct worker){scene, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, call_many, &workers[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(workers[i].done, 20);
    }
    assert_true(http_server_figures(scene->server).accepted < 160);
    leave_scene(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(requests_arrive_as_they_were_made),
        UNIT_TEST(redirects_are_handed_back_and_not_followed),
        UNIT_TEST(any_status_is_an_answer),
        UNIT_TEST(urls_that_are_not_https_are_refused),
        UNIT_TEST(proxies_of_the_environment_are_not_used),
        UNIT_TEST(closed_port_is_unreachable),
        UNIT_TEST(silence_times_out),
        UNIT_TEST(handshake_is_bounded_by_the_connect_timeout),
        UNIT_TEST(deadline_of_the_task_cuts_the_call),
        UNIT_TEST(answers_up_to_the_limit_are_read),
        UNIT_TEST(broken_answers_fail),
        UNIT_TEST(peer_without_tls_fails),
        UNIT_TEST(connections_are_used_again_by_the_same_caller_only),
        UNIT_TEST(idle_connections_are_bounded_in_number_and_time),
        UNIT_TEST(kept_connection_that_the_peer_closed_does_no_harm),
        UNIT_TEST(unix_sockets_are_spoken_to_without_tls),
        UNIT_TEST(many_threads_call_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
