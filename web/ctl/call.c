#include "web/ctl/call.h"

#include "core/base/clock.h"
#include "core/http/client.h"
#include "core/node/node.h"

#include <string.h>

#define CALL_TIMEOUT (60 * SECOND_MS) /* more than the daemon takes over anything */
#define ANSWER_MAX   (64UL * 1024 * 1024)
#define LIST_MAX     1000000 /* entries of a listing that are held at once */
#define PAGE         "1000"

/* ---- URLs ---- */

char *ctl_path(struct arena *arena, const char *path, const char *segment)
{
    return arena_printf(arena, "%s/%s", path, bytes_to_url(arena, bytes_of_text(segment)));
}

char *ctl_query(struct arena *arena, const char *query, const char *name, const char *value)
{
    if (value == NULL)
        return arena_strdup(arena, query);
    return arena_printf(arena, "%s%c%s=%s", query, strchr(query, '?') == NULL ? '?' : '&', name,
                        bytes_to_url(arena, bytes_of_text(value)));
}

/* ---- Calls ---- */

static bool socket_of(struct task *t, const struct ctl *ctl, const char **ret)
{
    if (ctl->socket != NULL) {
        *ret = ctl->socket;
        return true;
    }
    struct node node;
    TRY(node_read(t, ctl->config == NULL ? NODE_FILE_DEFAULT : ctl->config, &node));
    *ret = node.listen.admin;
    return true;
}

static const char *text_member(json_t *object, const char *name, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? otherwise : text;
}

const struct problem_kind *ctl_problem(struct task *t, json_t *object, const char *name)
{
    struct problem_kind *kind = arena_alloc(t->arena, sizeof(*kind));
    *kind = (struct problem_kind){
        .name = text_member(object, name, "refused"),
        .public_text = text_member(object, "title", "refused"),
        .hint = text_member(object, "hint", ""),
    };
    return kind;
}

/* The daemon's problem becomes ours: RFC 9457, with the members `code` and `hint`. */
static bool refused(struct task *t, int status, json_t *answer)
{
    ENSURE(t, json_is_object(answer), E_CTL_ANSWER, "status %d without a problem", status);
    return fail(t, ctl_problem(t, answer, "code"), "%s",
                text_member(answer, "detail", "no detail"));
}

static bool send_call(struct task *t, const struct http_call *call, struct http_answer *ret)
{
    static const struct http_client_options options = {
        .connect_timeout = CALL_TIMEOUT,
        .timeout = CALL_TIMEOUT,
        .answer_max = ANSWER_MAX,
        .idle_connections = 1,
        .idle = CALL_TIMEOUT,
    };
    struct http_client *client;
    TRY(http_client_make(t, &options, &client));
    bool done = http_client_call(t, client, call, ret);
    http_client_free(client);
    if (done)
        return true;
    if (task_failed_with(t, E_PEER_UNREACHABLE))
        return fail(t, E_CTL_UNREACHABLE, "%s: nothing answers there", call->target->unix_socket);
    return false;
}

static bool understand(struct task *t, const struct http_answer *answer, json_t **ret)
{
    json_t *json = NULL;
    if (answer->body.len > 0 && !json_parse(t, answer->body, &json))
        return fail(t, E_CTL_ANSWER, "status %d: %s", answer->status, t->detail);
    if (answer->status < 200 || answer->status > 299)
        return refused(t, answer->status, json);
    ENSURE(t, json != NULL, E_CTL_ANSWER, "status %d with nothing in it", answer->status);
    *ret = json;
    return true;
}

bool ctl_send(struct task *t, const struct ctl *ctl, const char *method, const char *path,
              const char *media_type, struct bytes body, json_t **ret)
{
    struct http_target target = {0};
    struct http_answer answer;
    TRY(socket_of(t, ctl, &target.unix_socket));
    struct http_call call = {
        .method = method,
        .url = arena_printf(t->arena, "http://localhost%s", path),
        .media_type = media_type,
        .accept = "application/json, application/problem+json",
        .body = body,
        .target = &target,
    };
    TRY(send_call(t, &call, &answer));
    return understand(t, &answer, ret);
}

bool ctl_call(struct task *t, const struct ctl *ctl, const char *method, const char *path,
              json_t *body, json_t **ret)
{
    struct bytes octets = BYTES_ABSENT;
    if (body != NULL)
        TRY(json_write(t, body, &octets));
    return ctl_send(t, ctl, method, path, body == NULL ? NULL : "application/json", octets, ret);
}

bool ctl_list(struct task *t, const struct ctl *ctl, const char *path, const char *query,
              json_t **ret)
{
    json_t *all = json_in_arena(t, json_array());
    const char *first =
        arena_printf(t->arena, "%s%s", path, ctl_query(t->arena, query, "limit", PAGE));
    const char *after = NULL;
    do {
        json_t *page;
        TRY(ctl_call(t, ctl, "GET", ctl_query(t->arena, first, "after", after), NULL, &page));
        json_t *items = json_object_get(page, "items");
        ENSURE(t, json_is_array(items), E_CTL_ANSWER, "a listing without items");
        (void)json_array_extend(all, items);
        const char *next = json_string_value(json_object_get(page, "next"));
        ENSURE(t, next == NULL || after == NULL || strcmp(next, after) != 0, E_CTL_ANSWER,
               "a listing that does not go on");
        ENSURE(t, json_array_size(all) <= LIST_MAX, E_TOO_LARGE,
               "more than %d entries; narrow the listing with its options", LIST_MAX);
        after = next;
    } while (after != NULL);
    *ret = all;
    return true;
}
