#include "core/http/server_private.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/http/media.h"

#include <string.h>
#include <strings.h>

#include <microhttpd.h>

/*
 * What is read and thrown away of a body that is refused, so that the client comes to read why; a
 * client that sends more finds the connection closed.
 */
#define DRAIN_MAX     (1024UL * 1024)
#define BODY_ROOM_MIN 4096UL

struct exchange *exchange_make(struct http_connection *connection, const char *uri)
{
    struct arena *arena = arena_create();
    struct exchange *x = arena_alloc(arena, sizeof(*x));
    x->connection = connection;
    x->arena = arena;
    task_init(&x->task, arena, connection->server->log);
    memcpy(x->task.trace, connection->task.trace, sizeof(x->task.trace));
    x->begun = clock_monotonic();
    x->uri = arena_strdup(arena, uri);
    x->request.connection = connection;
    x->request.library = x;
    connection->exchange = x;
    connection->asked = true;
    connection_enter(connection, PHASE_HEADER);
    return x;
}

static bool check_header_size(struct exchange *x, struct MHD_Connection *mhd)
{
    const size_t limit = x->connection->server->limits.header_size;
    size_t size = header_size(mhd);
    x->header_too_large = size > limit;
    ENSURE(&x->task, size <= limit, E_TOO_LARGE,
           "header of %zu octets, where the limit (header-size) is %zu", size, limit);
    return true;
}

static bool is_listed(const char *const *types, const char *type)
{
    for (; *types != NULL; types++) {
        if (strcmp(*types, type) == 0)
            return true;
    }
    return false;
}

static bool check_media_type(struct exchange *x, struct MHD_Connection *mhd)
{
    const char *coding =
        MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_ENCODING);
    const char *type = x->request.media_type;
    ENSURE(&x->task, coding == NULL || strcasecmp(coding, "identity") == 0, E_HTTP_MEDIA_TYPE,
           "Content-Encoding \"%s\"", coding);
    if (x->route->media_types == NULL || (type == NULL && !header_has_body(mhd)))
        return true;
    ENSURE(&x->task, type != NULL, E_HTTP_MEDIA_TYPE, "a body without Content-Type");
    ENSURE(&x->task, is_listed(x->route->media_types, type), E_HTTP_MEDIA_TYPE,
           "Content-Type \"%s\"", type);
    return true;
}

static bool refuse_length(struct exchange *x)
{
    return fail(&x->task, E_TOO_LARGE, "body of more than the %zu octets that %s takes",
                x->route->body_limit, x->route->path);
}

/* All that can be told from the header. */
static bool read_header(struct exchange *x, struct MHD_Connection *mhd, const char *method,
                        const char *version)
{
    struct task *t = &x->task;
    struct http_request *rq = &x->request;
    x->unread = true;
    TRY(check_framing(t, mhd, method, version));
    x->unread = false;
    TRY(check_header_size(x, mhd));
    TRY(target_parse(t, x->uri, &x->target));
    rq->path = x->target.path;
    TRY(route_find(t, x->connection->server->routes, rq->method, &x->target, &x->route,
                   &rq->parameter));
    rq->context = x->route->context;
    rq->accept = header_joined(t->arena, mhd, MHD_HTTP_HEADER_ACCEPT);
    rq->media_type = media_type_of(
        t->arena, MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE));
    TRY(check_media_type(x, mhd));
    if (header_length(mhd) > x->route->body_limit)
        return refuse_length(x);
    return true;
}

bool exchange_header(struct exchange *x, struct MHD_Connection *mhd, const char *method,
                     const char *version)
{
    x->header_done = true;
    x->request.method = arena_strdup(x->arena, method);
    connection_enter(x->connection, PHASE_BODY);
    if (read_header(x, mhd, method, version))
        return true;
    /* A reply now ends the connection; after the body it need not. */
    bool wait =
        !x->unread && !header_expects_continue(mhd, version) && header_length(mhd) <= DRAIN_MAX;
    return wait || exchange_answer(x, mhd);
}

static void keep_body(struct exchange *x, const char *data, size_t len)
{
    if (x->body_room - x->body_len < len) {
        size_t room = x->body_room == 0 ? BODY_ROOM_MIN : x->body_room * 2;
        while (room < x->body_len + len)
            room *= 2;
        uint8_t *body = arena_alloc(x->arena, room);
        if (x->body_len > 0)
            memcpy(body, x->body, x->body_len);
        x->body = body;
        x->body_room = room;
    }
    memcpy(x->body + x->body_len, data, len);
    x->body_len += len;
}

bool exchange_body(struct exchange *x, const char *data, size_t len)
{
    if (x->task.problem == NULL && len > x->route->body_limit - x->body_len)
        (void)refuse_length(x);
    if (x->task.problem == NULL) {
        keep_body(x, data, len);
        return true;
    }
    x->drained += len;
    return x->drained <= DRAIN_MAX;
}

static bool handle(struct exchange *x)
{
    struct http_server *server = x->connection->server;
    struct task *t = &x->task;
    unsigned before = atomic_fetch_add(&server->requests, 1);
    bool ok = before < server->limits.requests
                  ? x->route->handler(t, &x->request, &x->reply)
                  : fail(t, E_BUSY, "%u requests are being handled, which is the limit (requests)",
                         before);
    atomic_fetch_sub(&server->requests, 1);
    if (!ok && t->problem == NULL)
        (void)fail(t, E_INTERNAL, "the handler of %s failed and did not say why", x->route->path);
    return ok;
}

static void fail_reply(struct exchange *x)
{
    if (task_failed_with(&x->task, E_HTTP_METHOD))
        x->route_allow = route_methods(x->arena, x->connection->server->routes, &x->target);
    reply_problem(x);
    if (x->route != NULL && x->route->failed != NULL)
        x->route->failed(&x->task, &x->request, &x->reply);
}

bool exchange_answer(struct exchange *x, struct MHD_Connection *mhd)
{
    struct http_connection *connection = x->connection;
    connection_enter(connection, PHASE_HANDLER);
    x->request.body = bytes_make(x->body, x->body_len);
    if (x->task.problem != NULL || !handle(x))
        fail_reply(x);
    struct MHD_Response *response = reply_build(x);
    connection_enter(connection, PHASE_REPLY);
    if (response == NULL)
        return false;
    unsigned status = x->reply.status == 0 ? MHD_HTTP_OK : (unsigned)x->reply.status;
    x->answered = MHD_queue_response(mhd, status, response) == MHD_YES;
    MHD_destroy_response(response);
    return x->answered;
}

/* The path as far as it was understood; never the query, which may hold what is not for logs. */
static const char *path_for_log(const struct exchange *x)
{
    if (x->request.path != NULL)
        return x->request.path;
    return arena_strndup(x->arena, x->uri, strcspn(x->uri, "?"));
}

/* NULL when all went as it should. */
static const char *what_broke(const struct exchange *x, unsigned status, bool complete)
{
    if (complete)
        return NULL;
    if (x->answered)
        return "the reply was not sent whole";
    return status == 0 ? "the request did not come whole" : "the request could not be read";
}

void exchange_end(struct exchange *x, unsigned status, bool complete)
{
    struct http_connection *connection = x->connection;
    struct http_server *server = connection->server;
    struct task *t = &x->task;
    log_info(t, "request", LOG_TEXT("listener", server->name),
             LOG_TEXT("method", x->request.method), LOG_TEXT("path", path_for_log(x)),
             LOG_NUMBER("status", status), LOG_NUMBER("ms", clock_monotonic() - x->begun),
             LOG_TEXT("address", connection->address),
             LOG_TEXT("broken", what_broke(x, status, complete)),
             LOG_TEXT("problem", t->problem == NULL ? NULL : t->problem->name),
             LOG_TEXT("detail", t->detail));
    if (complete)
        atomic_fetch_add(&server->served, 1);
    connection->exchange = NULL;
    connection_enter(connection, PHASE_IDLE);
    arena_destroy(x->arena);
}
