/*
 * Request targets: the path and its parts, the route they lead to, the query.
 *
 * Covers: core/http/server_target.c
 */
#include "tests/fuzz/support.h"

#include "core/http/server_private.h"

#include <string.h>

static const struct http_route routes[] = {
    {.method = "GET", .path = "/"},
    {.method = "POST", .path = "/.well-known/brski/requestvoucher"},
    {.method = "GET", .path = "/devices/{}"},
    {.method = "DELETE", .path = "/devices/{}"},
    {.method = "GET", .path = "/devices/{}/events"},
    {.method = "GET", .path = "/ocsp/{*}"},
    {.method = NULL},
};

/* The parts are the path cut at the slashes that were not encoded. */
static void check_parts(const struct target *target)
{
    const char *at = target->path;
    MUST(target->count > 0 && *at == '/');
    for (size_t i = 0; i < target->count; i++) {
        size_t len = strlen(target->parts[i]);
        MUST(*at == '/' && strncmp(at + 1, target->parts[i], len) == 0);
        at += 1 + len;
    }
    MUST(*at == '\0');
}

static void check_route(struct task *t, const struct target *target, const char *method)
{
    const struct http_route *route = NULL;
    const char *parameter = NULL;
    if (route_find(t, routes, method, target, &route, &parameter)) {
        MUST(route_methods(t->arena, routes, target) != NULL);
        MUST((strchr(route->path, '{') != NULL) == (parameter != NULL));
        MUST(parameter == NULL || *parameter != '\0');
        return;
    }
    bool other_methods = route_methods(t->arena, routes, target) != NULL;
    MUST(t->problem == (other_methods ? E_HTTP_METHOD : E_HTTP_PATH));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t = {.arena = arena};
    struct exchange x = {0};
    struct http_request rq = {.library = &x};
    const char *uri = bytes_to_text(arena, bytes_make(data, size));
    if (uri == NULL || !target_parse(&t, uri, &x.target))
        return 0;
    check_parts(&x.target);
    check_route(&t, &x.target, "GET");
    check_route(&t, &x.target, "POST");
    check_route(&t, &x.target, "HEAD");
    const char *value = http_query(&t, &rq, "q");
    MUST(value == NULL || bytes_are_utf8(bytes_of_text(value)));
    return 0;
}
