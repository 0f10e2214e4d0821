#include "lab/masa_demand.h"

#include "core/base/file.h"
#include "core/http/auth.h"
#include "lab/problems.h"

#include <string.h>

#define PASSWORD_MAX 1024
#define NONCE_LEN    16

const char *const masa_demand_names[] = {"nothing", "certificate", "basic", "digest", NULL};

static bool is_by_password(unsigned kind)
{
    return kind == DEMAND_BASIC || kind == DEMAND_DIGEST;
}

bool masa_demand_identifies(const struct masa_demand *demand)
{
    return is_by_password(demand->kind);
}

bool masa_demand_read(struct task *t, unsigned kind, const char *user, const char *password_file,
                      struct masa_demand *ret)
{
    struct masa_demand demand = {.kind = kind, .user = user};
    bool logs_in = is_by_password(kind);
    ENSURE(t, logs_in == (user != NULL) && logs_in == (password_file != NULL), E_USAGE,
           "--demand basic or digest goes with --user and --password-file");
    if (logs_in) {
        struct bytes password;
        TRY(file_read_secret(t, password_file, PASSWORD_MAX, &password));
        demand.password = bytes_to_text(t->arena, password);
        ENSURE(t, demand.password != NULL, E_INVALID, "%s is no text", password_file);
    }
    demand.nonce = bytes_to_hex(t->arena, bytes_random(t->arena, NONCE_LEN));
    *ret = demand;
    return true;
}

static bool is_user(const struct masa_demand *demand, const struct http_auth *auth,
                    enum http_auth_scheme scheme)
{
    return auth->scheme == scheme && strcmp(auth->user, demand->user) == 0;
}

static bool is_password(const struct masa_demand *demand, const struct http_auth *auth)
{
    return bytes_equal_secret(auth->password, bytes_of_text(demand->password));
}

/* RFC 7616 3.4.1, with qop=auth. */
static bool is_response(struct task *t, const struct masa_demand *demand,
                        const struct http_request *rq, const struct http_auth *auth)
{
    struct bytes ha1;
    const char *response;
    return strcmp(auth->nonce, demand->nonce) == 0 && strcmp(auth->uri, rq->path) == 0 &&
           http_auth_ha1(t, demand->user, MASA_REALM, demand->password, false, &ha1) &&
           http_auth_response(t, auth, ha1, rq->method, false, &response) &&
           bytes_equal_secret(bytes_of_text(auth->response), bytes_of_text(response));
}

static bool logs_in(struct task *t, const struct masa_demand *demand, const struct http_request *rq)
{
    const char *field = http_request_header(rq, "Authorization");
    struct http_auth auth;
    if (field == NULL)
        return false;
    if (!http_auth_read(t, field, &auth)) {
        task_forgive(t);
        return false;
    }
    if (demand->kind == DEMAND_BASIC)
        return is_user(demand, &auth, HTTP_AUTH_BASIC) && is_password(demand, &auth);
    return is_user(demand, &auth, HTTP_AUTH_DIGEST) && is_response(t, demand, rq, &auth);
}

static bool is_met(struct task *t, const struct masa_demand *demand, const struct http_request *rq)
{
    switch ((enum masa_demand_kind)demand->kind) {
    case DEMAND_NOTHING:
        return true;
    case DEMAND_CERTIFICATE:
        return http_connection_peer(rq->connection).count > 0;
    case DEMAND_BASIC:
    case DEMAND_DIGEST:
        return logs_in(t, demand, rq);
    }
    return false;
}

static const char *challenge(struct task *t, const struct masa_demand *demand)
{
    if (demand->kind == DEMAND_BASIC)
        return "Basic realm=\"" MASA_REALM "\"";
    return arena_printf(t->arena,
                        "Digest realm=\"" MASA_REALM "\", qop=\"auth\", algorithm=SHA-256, "
                        "nonce=\"%s\"",
                        demand->nonce);
}

bool masa_demand_met(struct task *t, const struct masa_demand *demand,
                     const struct http_request *rq, struct http_reply *reply)
{
    if (is_met(t, demand, rq))
        return true;
    reply->status = 401;
    reply->media_type = "text/plain; charset=utf-8";
    reply->body = BYTES_LITERAL("who are you?\n");
    if (demand->kind == DEMAND_CERTIFICATE)
        return false;
    struct http_header *headers = arena_array(t->arena, 2, sizeof(*headers));
    headers[0] = (struct http_header){"WWW-Authenticate", challenge(t, demand)};
    reply->headers = headers;
    return false;
}
