#include "lab/masa_demand.h"

#include "core/base/file.h"
#include "lab/problems.h"

#include <string.h>

#define PASSWORD_MAX 1024
#define NONCE_LEN    16

const char *const masa_demand_names[] = {"nothing", "certificate", "basic", "digest", NULL};

bool masa_demand_read(struct task *t, unsigned kind, const char *user, const char *password_file,
                      struct masa_demand *ret)
{
    struct masa_demand demand = {.kind = kind, .user = user};
    bool logs_in = kind == DEMAND_BASIC || kind == DEMAND_DIGEST;
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

static bool is_basic(struct task *t, const struct masa_demand *demand, const char *given)
{
    const char *pair = arena_printf(t->arena, "%s:%s", demand->user, demand->password);
    const char *right =
        arena_printf(t->arena, "Basic %s", bytes_to_base64(t->arena, bytes_of_text(pair)));
    return bytes_equal_secret(bytes_of_text(given), bytes_of_text(right));
}

/* name=value or name="value"; "" when it is not there. */
static const char *parameter(struct task *t, const char *given, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = strstr(given, name); at != NULL; at = strstr(at + 1, name)) {
        bool begins = at != given && (at[-1] == ' ' || at[-1] == ',');
        if (!begins || at[len] != '=')
            continue;
        const char *value = at + len + 1;
        return *value == '"' ? arena_strndup(t->arena, value + 1, strcspn(value + 1, "\""))
                             : arena_strndup(t->arena, value, strcspn(value, ", "));
    }
    return "";
}

static const char *digest(struct task *t, const char *text)
{
    return bytes_to_hex(t->arena, bytes_sha256(t->arena, bytes_of_text(text)));
}

/* RFC 7616 3.4.1, with qop=auth. */
static bool is_digest(struct task *t, const struct masa_demand *demand,
                      const struct http_request *rq, const char *given)
{
    if (strncmp(given, "Digest ", strlen("Digest ")) != 0 ||
        strcmp(parameter(t, given, "username"), demand->user) != 0 ||
        strcmp(parameter(t, given, "nonce"), demand->nonce) != 0 ||
        strcmp(parameter(t, given, "uri"), rq->path) != 0)
        return false;
    const char *who =
        digest(t, arena_printf(t->arena, "%s:" MASA_REALM ":%s", demand->user, demand->password));
    const char *what = digest(t, arena_printf(t->arena, "%s:%s", rq->method, rq->path));
    const char *right =
        digest(t, arena_printf(t->arena, "%s:%s:%s:%s:auth:%s", who, demand->nonce,
                               parameter(t, given, "nc"), parameter(t, given, "cnonce"), what));
    return bytes_equal_secret(bytes_of_text(parameter(t, given, "response")), bytes_of_text(right));
}

static bool is_met(struct task *t, const struct masa_demand *demand, const struct http_request *rq)
{
    const char *given = http_request_header(rq, "Authorization");
    switch ((enum masa_demand_kind)demand->kind) {
    case DEMAND_NOTHING:
        return true;
    case DEMAND_CERTIFICATE:
        return http_connection_peer(rq->connection).count > 0;
    case DEMAND_BASIC:
        return given != NULL && is_basic(t, demand, given);
    case DEMAND_DIGEST:
        return given != NULL && is_digest(t, demand, rq, given);
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
