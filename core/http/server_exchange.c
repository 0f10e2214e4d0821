#include "core/http/server_private.h"

#include "core/base/clock.h"
#include "core/base/failpoint.h"
#include "core/base/log.h"
#include "core/http/media.h"

#include <string.h>
#include <strings.h>

#include <microhttpd.h>

/*
 * What is read and thrown away of a body that is refused, so that the connection can go on behind
 * it.  A client that sends more gets the reply and finds the connection closed.
 */
#define DRAIN_MAX (1024UL * 1024)

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
    (void)http_connection_peer(connection); /* for witnesses: at the end there is no session */
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
    if (x->route->media_types == NULL)
        return true;
    /* RFC 9110 8.3 lets a recipient guess a type that is not named; nothing is guessed here. */
    ENSURE(&x->task, type != NULL, E_HTTP_MEDIA_TYPE, "no Content-Type");
    ENSURE(&x->task, is_listed(x->route->media_types, type), E_HTTP_MEDIA_TYPE,
           "Content-Type \"%s\"", type);
    return true;
}

/* Before anything is done of which the client could not read the outcome. */
static bool check_accept(struct exchange *x)
{
    const char *type = x->route->produces;
    ENSURE(&x->task, type == NULL || http_accepts(&x->request, type), E_HTTP_ACCEPT,
           "Accept: %s, which does not take %s", x->request.accept, type);
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
    x->doubtful = true;
    TRY(check_framing(t, mhd, method, version));
    x->doubtful = false;
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
    TRY(check_accept(x));
    if (header_length(mhd) > x->route->body_limit)
        return refuse_length(x);
    return true;
}

/*
 * A place among the requests under way.  Without one there is neither handler nor `failed`: both
 * may cost what there is none of now.
 */
static bool take_place(struct exchange *x)
{
    struct http_server *server = x->connection->server;
    unsigned before = atomic_fetch_add(&server->requests, 1);
    if (before < server->limits.requests)
        return true;
    atomic_fetch_sub(&server->requests, 1);
    atomic_fetch_add(&server->busy, 1);
    if (x->task.problem == NULL)
        (void)fail(&x->task, E_BUSY, "%u requests are being handled, which is the limit (requests)",
                   before);
    return false;
}

static void give_place_back(struct exchange *x)
{
    atomic_fetch_sub(&x->connection->server->requests, 1);
}

static bool handle(struct exchange *x)
{
    struct task *t = &x->task;
    bool ok = x->route->handler(t, &x->request, &x->reply);
    if (!ok && t->problem == NULL)
        (void)fail(t, E_INTERNAL, "the handler of %s failed and did not say why", x->route->path);
    return ok;
}

static void fail_reply(struct exchange *x, bool place)
{
    if (task_failed_with(&x->task, E_HTTP_METHOD))
        x->route_allow = route_methods(x->arena, x->connection->server->routes, &x->target);
    reply_problem(x);
    if (place && x->route != NULL && x->route->failed != NULL)
        x->route->failed(&x->task, &x->request, &x->reply);
}

/* What is replied: by the handler, or for what went wrong before it, in it or in its reply. */
static bool decide(struct exchange *x)
{
    connection_enter(x->connection, PHASE_HANDLER);
    x->request.body = body_octets(&x->body);
    bool place = take_place(x);
    bool ok = x->task.problem == NULL && handle(x) && reply_gather(x);
    if (!ok) {
        fail_reply(x, place);
        ok = reply_gather(x);
    }
    if (place)
        give_place_back(x);
    connection_enter(x->connection, PHASE_REPLY);
    return ok && !x->connection->dropped;
}

/* Before the body has come, or after it. */
static bool answer(struct exchange *x)
{
    struct MHD_Response *response = decide(x) ? reply_build(x) : NULL;
    if (response == NULL)
        return false;
    x->answered = MHD_queue_response(x->mhd, reply_status(x), response) == MHD_YES;
    MHD_destroy_response(response);
    return x->answered;
}

/*
 * While a body is coming libmicrohttpd takes no reply, so this one leaves past it.  It is small,
 * and nothing else is being sent: what the connection does not take at once has no reader.
 */
static void answer_and_cut(struct exchange *x)
{
    x->connection->close = true;
    x->cut = decide(x) && connection_send(x->connection, reply_write(x));
}

bool exchange_header(struct exchange *x, struct MHD_Connection *mhd, const char *method,
                     const char *version)
{
    x->mhd = mhd;
    x->request.method = arena_strdup(x->arena, method);
    connection_enter(x->connection, PHASE_BODY);
    if (read_header(x, mhd, method, version))
        return true;
    /* A reply now ends the connection; after the body it need not. */
    bool wait =
        !x->doubtful && !header_expects_continue(mhd, version) && header_length(mhd) <= DRAIN_MAX;
    return wait || answer(x);
}

bool exchange_body(struct exchange *x, const char *data, size_t len)
{
    if (x->task.problem == NULL && len > x->route->body_limit - x->body.len)
        (void)refuse_length(x);
    if (x->task.problem == NULL) {
        body_append(x->arena, &x->body, data, len);
        return true;
    }
    x->drained += len;
    if (x->drained <= DRAIN_MAX)
        return true;
    answer_and_cut(x);
    return false;
}

bool exchange_done(struct exchange *x)
{
    x->whole = true;
    return answer(x);
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
    if (x->connection->dropped)
        return "the handler dropped the connection";
    if (x->cut)
        return "the body went on and on";
    if (x->answered)
        return "the reply was not sent whole";
    return status == 0 ? "the request did not come whole" : "the request could not be read";
}

/* The header had come, and nobody has been told what became of the rest. */
static void bear_witness(struct exchange *x)
{
    const struct http_server *server = x->connection->server;
    const struct http_witness *witness = &server->witness;
    bool broken = x->mhd != NULL && !x->whole && !x->cut && !x->answered && !x->connection->dropped;
    if (witness->broken == NULL || !broken || atomic_load(&server->stopping))
        return;
    if (x->task.problem == NULL)
        (void)fail(&x->task, E_HTTP_INCOMPLETE, "%zu octets of the body came%s", x->body.len,
                   x->connection->swept ? ", and the others not in time (limits.body)"
                                        : ", then the client ended the connection");
    if (!take_place(x))
        return;
    witness->broken(&x->task, x->connection, witness->context);
    give_place_back(x);
}

/* All octets are with the client: whoever waits for that may forget what was in them. */
static void tell_arrival(struct exchange *x)
{
    const struct http_reply *reply = &x->reply;
    struct task aside = x->task;
    if (reply->arrived == NULL || !x->answered || x->cut || !connection_settled(x->connection))
        return;
    task_forgive(&aside);
    aside.deadline = 0;
    if (!reply->arrived(&aside, reply->arrived_arg))
        log_problem(&aside, "what was to follow a reply");
}

bool exchange_end(struct exchange *x, unsigned status, bool complete)
{
    struct http_connection *connection = x->connection;
    struct http_server *server = connection->server;
    struct task *t = &x->task;
    bool unread = x->cut || (complete && !x->whole);
    connection->headless = !complete && x->mhd == NULL;
    if (!complete)
        bear_witness(x);
    log_info(
        t, "request", LOG_TEXT("listener", server->name), LOG_TEXT("method", x->request.method),
        LOG_TEXT("path", path_for_log(x)), LOG_NUMBER("status", x->cut ? reply_status(x) : status),
        LOG_NUMBER("ms", clock_monotonic() - x->begun), LOG_TEXT("address", connection->address),
        LOG_TEXT("broken", what_broke(x, status, complete)),
        LOG_TEXT("problem", t->problem == NULL ? NULL : t->problem->name),
        LOG_TEXT("detail", t->detail));
    if (complete) {
        failpoint(FP_REPLY_AFTER_SENT);
        tell_arrival(x);
        atomic_fetch_add(&server->served, 1);
    }
    connection->exchange = NULL;
    connection_enter(connection, PHASE_IDLE);
    arena_destroy(x->arena);
    return unread;
}
