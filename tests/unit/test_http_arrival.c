/* Handlers that want to know when their reply has arrived. */
#include "tests/unit/http_fixture.h"

#include "core/base/clock.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define BIG (64UL * 1024 * 1024) /* octets: more than any socket's buffers take */

/* One for each test: how often, and with what. */
struct mailbox {
    atomic_int arrivals;
    struct bytes body;
    bool fails;
};

static bool on_arrival(struct task *t, void *arg)
{
    struct mailbox *mailbox = arg;
    assert_null(t->problem);
    assert_int_equal(t->deadline, 0);
    atomic_fetch_add(&mailbox->arrivals, 1);
    return true;
}

static bool give(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct mailbox *mailbox = rq->context;
    reply->media_type = "text/plain";
    reply->body = mailbox->body;
    reply->arrived = on_arrival;
    reply->arrived_arg = mailbox;
    return !mailbox->fails || fail(t, E_INVALID, "after all");
}

struct place {
    struct mailbox mailbox;
    struct http_route routes[2];
    struct http_server *server;
};

static struct place *serve(struct task *t, struct bytes body)
{
    struct place *place = arena_alloc(t->arena, sizeof(*place));
    struct credential credential = make_credential(t, "server", "DNS:localhost", NULL, NULL);
    place->mailbox.body = body;
    place->routes[0] = (struct http_route){
        .method = "GET", .path = "/mail", .handler = give, .context = &place->mailbox};
    const struct http_server_options options = server_options(t, &credential, place->routes);
    place->server = start_server(t, &options);
    return place;
}

static void wait_until_closed(struct http_server *server)
{
    const struct timespec pause = {.tv_nsec = 10L * 1000 * 1000};
    int64_t until = clock_monotonic() + PATIENCE_MS;
    while (http_server_figures(server).connections > 0) {
        assert_true(clock_monotonic() < until);
        (void)nanosleep(&pause, NULL);
    }
}

static void handler_hears_of_each_reply_that_has_arrived(void **state)
{
    struct task *t = test_task(state);
    struct place *place = serve(t, BYTES_LITERAL("a letter"));
    struct wire *wire = wire_connect(t, place->server);
    for (int i = 1; i <= 2; i++) {
        const char *reply = wire_ask(t, wire, "GET /mail HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_non_null(strstr(reply, "a letter"));
    }
    wire_close(wire);
    wait_until_closed(place->server);
    assert_int_equal(atomic_load(&place->mailbox.arrivals), 2);
    stop_server(place->server);
}

static void reply_that_nobody_reads_has_not_arrived(void **state)
{
    struct task *t = test_task(state);
    struct place *place = serve(t, bytes_make(arena_alloc(t->arena, BIG), BIG));
    struct wire *wire = wire_connect(t, place->server);
    assert_true(wire_send(wire, "GET /mail HTTP/1.1\r\nHost: x\r\n\r\n"));
    wire_close(wire);
    wait_until_closed(place->server);
    assert_int_equal(atomic_load(&place->mailbox.arrivals), 0);
    stop_server(place->server);
}

static void failure_is_no_reply_of_the_handlers(void **state)
{
    struct task *t = test_task(state);
    struct place *place = serve(t, BYTES_LITERAL("a letter"));
    place->mailbox.fails = true;
    struct wire *wire = wire_connect(t, place->server);
    const char *reply = wire_ask(t, wire, "GET /mail HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_non_null(strstr(reply, "400"));
    wire_close(wire);
    wait_until_closed(place->server);
    assert_int_equal(atomic_load(&place->mailbox.arrivals), 0);
    stop_server(place->server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(handler_hears_of_each_reply_that_has_arrived),
        UNIT_TEST(reply_that_nobody_reads_has_not_arrived),
        UNIT_TEST(failure_is_no_reply_of_the_handlers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
