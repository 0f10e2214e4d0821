/* How the server starts, on which sockets, and how it stops. */
#include "tests/unit/http_fixture.h"

#include "core/base/clock.h"
#include "core/base/file.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

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

static bool user(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return http_reply_text(
        reply, 200,
        arena_printf(t->arena, "%s user %u tls %s", http_connection_address(rq->connection),
                     http_connection_user(rq->connection),
                     http_connection_tls(rq->connection) == NULL ? "no" : "yes"));
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/hello", .handler = hello},
    {.method = "POST", .path = "/hello", .handler = hello, .body_limit = 100},
    {.method = "GET", .path = "/wait", .handler = wait_at_gate},
    {.method = "GET", .path = "/user", .handler = user},
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

/* A request whose header is read, as its answer shows, and whose body has yet to come. */
static struct wire *begin_request(struct task *t, struct http_server *server)
{
    struct wire *wire = wire_connect(t, server);
    assert_true(wire_send(wire, "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
                                "Expect: 100-continue\r\n\r\n"));
    assert_status(wire_head_reply(t, wire), 100);
    return wire;
}

struct stopping {
    struct http_server *server;
    int64_t deadline;
    bool finished;
};

static void *stop_elsewhere(void *arg)
{
    struct stopping *stopping = arg;
    stopping->finished = http_server_stop(stopping->server, stopping->deadline);
    return NULL;
}

static void stopping_server_finishes_what_it_has_begun(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    struct http_server *server = start_server(t, &options);
    unsigned port = http_server_port(server);
    struct stopping stopping = {server, clock_monotonic() + PATIENCE_MS, false};
    pthread_t thread;
    struct wire *idle = wire_connect(t, server);
    assert_status(wire_ask(t, idle, get(t, "/hello")), 200);
    struct wire *silent = wire_open(t, port);
    struct wire *busy = wire_connect(t, server);
    assert_true(wire_send(busy, get(t, "/wait")));
    struct wire *half = begin_request(t, server);
    assert_comes(atomic_load(&gate.waiting) == 1 && http_server_figures(server).connections == 4);
    assert_int_equal(pthread_create(&thread, NULL, stop_elsewhere, &stopping), 0);
    /* Who has asked for nothing is let go at once, while the others are still served. */
    assert_true(wire_is_closed(idle));
    assert_true(wire_is_closed(silent));
    assert_int_equal(atomic_load(&gate.waiting), 1);
    const char *reply = wire_ask(t, half, "body");
    assert_status(reply, 200);
    assert_contains(reply, "\r\nConnection: close\r\n");
    atomic_store(&gate.open, true);
    reply = wire_reply(t, busy);
    assert_status(reply, 200);
    assert_contains(reply, "\r\nConnection: close\r\n");
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(stopping.finished);
}

static void stopping_server_cuts_at_the_deadline(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    struct http_server *server = start_server(t, &options);
    struct wire *wire = begin_request(t, server);
    assert_false(http_server_stop(server, clock_monotonic() + 200));
    assert_true(wire_is_closed(wire));
}

static struct http_server_options unix_options(void **state, const char **ret_path)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    const char **listen = arena_array(t->arena, 1, sizeof(*listen));
    *ret_path = arena_printf(t->arena, "%s/admin.sock", test_folder(state));
    listen[0] = arena_printf(t->arena, "unix:%s", *ret_path);
    options.listen = (struct text_list){listen, 1};
    options.identity = NULL;
    options.unix_mode = 0660;
    options.unix_root_only = true; /* which includes ourselves */
    return options;
}

static void unix_socket_is_served_without_tls(void **state)
{
    struct task *t = test_task(state);
    const char *path;
    struct stat facts;
    struct http_server_options options = unix_options(state, &path);
    options.limits.connections_per_address = 1; /* they have no addresses */
    struct http_server *server = start_server(t, &options);
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0660);
    struct wire *wires[2] = {wire_open_unix(t, path), wire_open_unix(t, path)};
    for (size_t i = 0; i < ARRAY_SIZE(wires); i++) {
        const char *reply = wire_ask(t, wires[i], get(t, "/user"));
        assert_contains(reply, arena_printf(t->arena, "unix user %u tls no", geteuid()));
    }
    assert_int_equal(http_server_port(server), 0);
    stop_server(server);
    assert_int_equal(stat(path, &facts), -1);
    assert_int_equal(errno, ENOENT);
}

/* Connects as nobody and reads: 0 when the server hangs up, 1 when it does not, 2 otherwise. */
static int connect_as_nobody(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    char octet;
    memcpy(address.sun_path, path, strlen(path));
    int socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (setresuid(65534, 65534, 65534) != 0 ||
        connect(socket_, (struct sockaddr *)&address, sizeof(address)) != 0)
        return 2;
    return recv(socket_, &octet, 1, 0) == 0 ? 0 : 1;
}

static void other_users_are_turned_away_from_a_private_unix_socket(void **state)
{
    struct task *t = test_task(state);
    const char *path;
    int status = -1;
    struct http_server_options options = unix_options(state, &path);
    if (geteuid() != 0)
        skip();
    options.unix_mode = 0666;
    assert_int_equal(chmod(test_folder(state), 0755), 0);
    struct http_server *server = start_server(t, &options);
    pid_t child = fork();
    if (child == 0)
        _exit(connect_as_nobody(path));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(http_server_figures(server).turned_away, 1);
    stop_server(server);
}

static void stale_unix_socket_is_replaced(void **state)
{
    struct task *t = test_task(state);
    const char *path;
    struct http_server_options options = unix_options(state, &path);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path));
    int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof(address)), 0);
    (void)close(dead); /* as by kill -9: the file stays */
    struct http_server *server = start_server(t, &options);
    assert_status(wire_ask(t, wire_open_unix(t, path), get(t, "/hello")), 200);
    stop_server(server);
}

static void living_unix_socket_is_left_alone(void **state)
{
    struct task *t = test_task(state);
    const char *path;
    struct http_server_options options = unix_options(state, &path);
    struct http_server *server = start_server(t, &options);
    struct http_server *second = NULL;
    assert_fails(t, http_server_start(t, &options, &second), E_IO);
    assert_detail(t, "another process listens");
    assert_status(wire_ask(t, wire_open_unix(t, path), get(t, "/hello")), 200);
    stop_server(server);
}

static void file_that_is_no_socket_is_left_alone(void **state)
{
    struct task *t = test_task(state);
    const char *path;
    struct bytes content;
    struct http_server_options options = unix_options(state, &path);
    struct http_server *server = NULL;
    assert_ok(t, file_write(t, path, BYTES_LITERAL("precious"), 0600));
    assert_fails(t, http_server_start(t, &options, &server), E_IO);
    assert_ok(t, file_read(t, path, 100, &content));
    assert_bytes_equal(t, content, BYTES_LITERAL("precious"));
}

static void addresses_that_cannot_be_used_fail_the_start(void **state)
{
    static const struct {
        const char *listen;
        const struct problem_kind *kind;
    } cases[] = {
        {"127.0.0.1", E_INVALID},
        {"localhost:0", E_INVALID},
        {"192.0.2.1:0", E_IO},
        {"unix:relative", E_INVALID},
        {"unix:/nowhere/at/all/x.sock", E_IO},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http_server_options options = make_options(t);
        struct http_server *server = NULL;
        const char *listen[] = {"127.0.0.1:0", cases[i].listen};
        options.listen = (struct text_list){listen, 2};
        assert_fails(t, http_server_start(t, &options, &server), cases[i].kind);
        assert_null(server);
    }
}

static void port_in_use_fails_the_start(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    struct http_server *server = start_server(t, &options);
    struct http_server *second = NULL;
    const char *listen[] = {arena_printf(t->arena, "127.0.0.1:%u", http_server_port(server))};
    options.listen = (struct text_list){listen, 1};
    assert_fails(t, http_server_start(t, &options, &second), E_IO);
    assert_detail(t, listen[0]);
    stop_server(server);
}

static void tcp_is_never_served_without_tls(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    struct http_server *server = NULL;
    options.identity = NULL;
    assert_fails(t, http_server_start(t, &options, &server), E_INVALID);
}

static void several_addresses_are_listened_on(void **state)
{
    struct task *t = test_task(state);
    struct http_server_options options = make_options(t);
    const char *listen[] = {"127.0.0.1:0", "127.0.0.9:0"};
    options.listen = (struct text_list){listen, 2};
    struct http_server *server = start_server(t, &options);
    assert_true(http_server_port(server) != 0);
    assert_status(wire_ask(t, wire_connect(t, server), get(t, "/hello")), 200);
    stop_server(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(stopping_server_finishes_what_it_has_begun),
        UNIT_TEST(stopping_server_cuts_at_the_deadline),
        UNIT_TEST(unix_socket_is_served_without_tls),
        UNIT_TEST(other_users_are_turned_away_from_a_private_unix_socket),
        UNIT_TEST(stale_unix_socket_is_replaced),
        UNIT_TEST(living_unix_socket_is_left_alone),
        UNIT_TEST(file_that_is_no_socket_is_left_alone),
        UNIT_TEST(addresses_that_cannot_be_used_fail_the_start),
        UNIT_TEST(port_in_use_fails_the_start),
        UNIT_TEST(tcp_is_never_served_without_tls),
        UNIT_TEST(several_addresses_are_listened_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
