#include "core/http/server_private.h"

#include "core/base/json.h"

#include <string.h>

#include <microhttpd.h>

DEFINE_PROBLEMS(http_problems, HTTP_PROBLEMS)

#define TEXT_TYPE    "text/plain; charset=utf-8"
#define PROBLEM_TYPE "application/problem+json"

static const struct problem_status default_statuses[] = {
    {E_MALFORMED, MHD_HTTP_BAD_REQUEST},
    {E_INVALID, MHD_HTTP_BAD_REQUEST},
    {E_DENIED, MHD_HTTP_FORBIDDEN},
    {E_NOT_FOUND, MHD_HTTP_NOT_FOUND},
    {E_HTTP_PATH, MHD_HTTP_NOT_FOUND},
    {E_HTTP_METHOD, MHD_HTTP_METHOD_NOT_ALLOWED},
    {E_HTTP_ACCEPT, MHD_HTTP_NOT_ACCEPTABLE},
    {E_EXISTS, MHD_HTTP_CONFLICT},
    {E_TOO_LARGE, MHD_HTTP_CONTENT_TOO_LARGE},
    {E_HTTP_MEDIA_TYPE, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE},
    {E_PEER_URL, MHD_HTTP_BAD_GATEWAY},
    {E_PEER_ADDRESS, MHD_HTTP_BAD_GATEWAY},
    {E_PEER_TLS, MHD_HTTP_BAD_GATEWAY},
    {E_HTTP_INCOMPLETE, MHD_HTTP_BAD_REQUEST},
    {E_HTTP_NO_REQUEST, MHD_HTTP_REQUEST_TIMEOUT},
    {E_PEER_ANSWER, MHD_HTTP_BAD_GATEWAY},
    {E_PEER_TOO_LARGE, MHD_HTTP_BAD_GATEWAY},
    {E_PEER_NOT_HTTP, MHD_HTTP_BAD_GATEWAY},
    {E_BUSY, MHD_HTTP_SERVICE_UNAVAILABLE},
    {E_TIMEOUT, MHD_HTTP_SERVICE_UNAVAILABLE},
    {E_PEER_UNRESOLVED, MHD_HTTP_SERVICE_UNAVAILABLE},
    {E_RESOLVER_BUSY, MHD_HTTP_SERVICE_UNAVAILABLE},
    {E_PEER_UNREACHABLE, MHD_HTTP_SERVICE_UNAVAILABLE},
    {E_PEER_TIMEOUT, MHD_HTTP_SERVICE_UNAVAILABLE},
    {NULL, 0},
};

/* 0: not in the table. */
static int status_in(const struct problem_status *table, const struct problem_kind *kind)
{
    for (; table != NULL && table->kind != NULL; table++) {
        if (table->kind == kind)
            return table->status;
    }
    return 0;
}

int http_default_status(const struct problem_kind *kind)
{
    int status = status_in(default_statuses, kind);
    return status == 0 ? MHD_HTTP_INTERNAL_SERVER_ERROR : status;
}

bool http_reply_text(struct http_reply *reply, int status, const char *text)
{
    reply->status = status;
    reply->media_type = TEXT_TYPE;
    reply->body = bytes_of_text(text);
    return true;
}

static int problem_status_of(const struct exchange *x)
{
    const struct problem_kind *kind = x->task.problem;
    if (x->header_too_large)
        return MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
    int status = x->route == NULL ? 0 : status_in(x->route->statuses, kind);
    return status == 0 ? http_default_status(kind) : status;
}

/* Details quote what peers sent, in whatever encoding. */
static const char *as_utf8(struct arena *arena, const char *text)
{
    if (text == NULL || bytes_are_utf8(bytes_of_text(text)))
        return text;
    char *copy = arena_strdup(arena, text);
    for (char *c = copy; *c != '\0'; c++) {
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    }
    return copy;
}

/* RFC 9457 3.1, with code, hint and trace as extension members (3.2). */
static bool problem_body(struct task *t, int status, struct bytes *ret)
{
    json_t *object =
        json_pack("{s:s, s:s, s:i, s:s*, s:s, s:s, s:s}", "type", "about:blank", "title",
                  t->problem->public_text, "status", status, "detail", as_utf8(t->arena, t->detail),
                  "code", t->problem->name, "hint", t->problem->hint, "trace", t->trace);
    return json_write(t, json_in_arena(t, object), ret);
}

void reply_problem(struct exchange *x)
{
    struct task *t = &x->task;
    struct http_reply reply = {.status = problem_status_of(x)};
    enum http_style style = x->route == NULL ? x->connection->server->style : x->route->style;
    if (style == HTTP_STYLE_PROBLEM && problem_body(t, reply.status, &reply.body))
        reply.media_type = PROBLEM_TYPE;
    else /* only what a stranger may learn: never the detail */
        (void)http_reply_text(&reply, reply.status,
                              arena_printf(t->arena, "%s\n", t->problem->public_text));
    x->reply = reply;
}
