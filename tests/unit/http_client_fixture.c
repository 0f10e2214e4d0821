#include "tests/unit/http_client_fixture.h"

#include <stdlib.h>

/* The server that most calls go to. */

static bool echo(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct bytes_list peer = http_connection_peer(rq->connection);
    const char *peer_text =
        peer.count == 0 ? "none" : bytes_to_hex(t->arena, bytes_sha256(t->arena, peer.items[0]));
    return http_reply_text(reply, 0,
                           arena_printf(t->arena,
                                        "%s type=%s accept=%s body=%.*s peers=%zu peer=%s",
                                        rq->method, rq->media_type, rq->accept, (int)rq->body.len,
                                        (const char *)rq->body.data, peer.count, peer_text));
}

static bool elsewhere(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    (void)t;
    (void)rq;
    *reply = (struct http_reply){.status = 307,
                                 .media_type = "Application/Voucher-CMS+JSON; charset=x",
                                 .body = BYTES_LITERAL("{}"),
                                 .location = "https://elsewhere.example/there",
                                 .retry_after = 120};
    return true;
}

static bool octets(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    size_t len = strtoul(rq->parameter, NULL, 10);
    reply->media_type = "application/octet-stream";
    reply->body = bytes_make(arena_alloc(t->arena, len), len);
    return true;
}

const struct http_route scene_routes[] = {
    {.method = "GET", .path = "/echo", .handler = echo},
    {.method = "POST", .path = "/echo", .handler = echo, .body_limit = 1000},
    {.method = "PUT", .path = "/echo", .handler = echo, .body_limit = 1000},
    {.method = "DELETE", .path = "/echo", .handler = echo},
    {.method = "GET", .path = "/elsewhere", .handler = elsewhere},
    {.method = "GET", .path = "/octets/{}", .handler = octets},
    {.method = NULL},
};

static const char *loopback_items[] = {"127.0.0.0/8"};
const struct text_list loopback = {loopback_items, 1};

struct bytes_list list_of(struct task *t, struct bytes one)
{
    struct bytes_list list = {arena_array(t->arena, 1, sizeof(one)), 1};
    list.items[0] = one;
    return list;
}

void use_options(struct task *t, struct scene *scene)
{
    http_client_free(scene->client);
    scene->client = NULL;
    assert_ok(t, http_client_make(t, &scene->options, &scene->client));
}

struct scene *set_scene(struct task *t)
{
    struct scene *scene = arena_alloc(t->arena, sizeof(*scene));
    scene->root = make_authority(t, "root", NULL);
    scene->sub = make_authority(t, "sub CA", &scene->root);
    scene->credential =
        make_credential(t, "some MASA", "DNS:masa.example,DNS:*.wild.example,IP:127.0.0.1",
                        "digitalSignature", &scene->sub);
    struct http_server_options server = server_options(t, &scene->credential, scene_routes);
    scene->server = start_server(t, &server);
    scene->port = http_server_port(scene->server);
    scene->target.anchors = list_of(t, der_of(t, scene->root.cert));
    scene->target.networks = loopback;
    static const char *const names[] = {"masa", "other", "a.wild", "b.a.wild", "cnonly"};
    const char **resolve = arena_array(t->arena, ARRAY_SIZE(names), sizeof(*resolve));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        resolve[i] = arena_printf(t->arena, "%s.example:%u:127.0.0.1", names[i], scene->port);
    scene->options = (struct http_client_options){
        .connect_timeout = PATIENCE_MS,
        .timeout = PATIENCE_MS,
        .answer_max = 10000,
        .idle_connections = 8,
        .idle = PATIENCE_MS,
        .resolve = {resolve, ARRAY_SIZE(names)},
    };
    use_options(t, scene);
    return scene;
}

void leave_scene(struct scene *scene)
{
    http_client_free(scene->client);
    stop_server(scene->server);
}

bool call_url(struct task *t, struct scene *scene, const char *url)
{
    struct http_call call = {.method = "GET", .url = url, .target = &scene->target};
    return http_client_call(t, scene->client, &call, &scene->answer);
}

bool call_host(struct task *t, struct scene *scene, const char *host)
{
    return call_url(t, scene, arena_printf(t->arena, "https://%s:%u/echo", host, scene->port));
}

bool call_rogue(struct task *t, struct scene *scene, const struct rogue *rogue)
{
    return call_url(t, scene,
                    arena_printf(t->arena, "https://127.0.0.1:%u/x?secret=1", rogue_port(rogue)));
}

const char *answer_text(struct task *t, const struct scene *scene)
{
    return bytes_to_text(t->arena, scene->answer.body);
}
