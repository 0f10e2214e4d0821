/* A cloud with the resource of docs/cloud-registration.yaml. */
#include "registrar/cloud/internal.h"

#include <string.h>

/* What is called for each operation; "%s" is the account. */
static const struct resource {
    const char *method;
    const char *path;
} resources[] = {
    [CLOUD_OP_CLAIM] = {"POST", "/claims"},
    [CLOUD_OP_REGISTER] = {"PUT", "/registration"},
    [CLOUD_OP_WITHDRAW] = {"DELETE", "/registration"},
    [CLOUD_OP_DEVICES] = {"GET", "/devices"},
    [CLOUD_OP_RELEASE] = {"POST", "/releases"},
};

static const char *url_of(struct task *t, const struct cloud *cloud, const struct cloud_call *call)
{
    const char *path = resources[call->operation].path;
    size_t len = strlen(cloud->url);
    while (len > 0 && cloud->url[len - 1] == '/')
        len--;
    if (call->operation == CLOUD_OP_CLAIM)
        return arena_printf(t->arena, "%.*s%s", (int)len, cloud->url, path);
    const char *owner = bytes_to_url(t->arena, bytes_of_text(cloud->owner));
    const char *url = arena_printf(t->arena, "%.*s/owners/%s%s", (int)len, cloud->url, owner, path);
    if (call->operation != CLOUD_OP_DEVICES)
        return url;
    url = arena_printf(t->arena, "%s?limit=%d", url, CLOUD_PAGE_MAX);
    if (call->after == NULL)
        return url;
    return arena_printf(t->arena, "%s&after=%s", url,
                        bytes_to_url(t->arena, bytes_of_text(call->after)));
}

/* Whether it passes by itself, needs somebody here, or is nonsense. */
static bool judge_status(struct task *t, const struct http_answer *answer)
{
    const char *words = cloud_problem_words(t, answer->body);
    switch (answer->status) {
    case 200:
    case 201:
        ENSURE(t, answer->media_type != NULL && strcmp(answer->media_type, "application/json") == 0,
               E_CLOUD_ANSWER, "Content-Type %s where application/json was asked for",
               answer->media_type == NULL ? "missing" : answer->media_type);
        return true;
    case 401:
    case 403:
        return fail(t, E_CLOUD_REFUSED, "%d: %s", answer->status, words);
    case 400:
    case 409:
    case 413:
    case 415:
    case 422:
    case 501:
        return fail(t, E_CLOUD_REJECTED, "%d: %s", answer->status, words);
    case 408: /* RFC 9110 15.5.9, RFC 6585 4, RFC 8470 5.2: to be asked again */
    case 425:
    case 429:
        return fail(t, E_CLOUD_FAILED, "%d: %s", answer->status, words);
    default:
        return fail(t, answer->status >= 500 ? E_CLOUD_FAILED : E_CLOUD_ANSWER, "%d: %s",
                    answer->status, words);
    }
}

static bool call_rest(struct task *t, const struct cloud_agent *agent, const struct cloud *cloud,
                      const struct cloud_call *call, struct bytes *ret)
{
    const struct registrar_identity *own = identity_current(agent->identities);
    const struct http_target target = {
        .anchors = cloud->anchors,
        .networks = cloud->networks,
        .chain = certs_der(t, &own->tls_chain),
        .key = own->key,
    };
    const struct http_call asked = {
        .method = resources[call->operation].method,
        .url = url_of(t, cloud, call),
        .media_type = bytes_present(call->body) ? "application/json" : NULL,
        .accept = "application/json, application/problem+json",
        .body = call->body,
        .target = &target,
    };
    struct http_answer answer;
    TRY(http_client_call(t, agent->client, &asked, &answer));
    TRY(judge_status(t, &answer));
    *ret = answer.body;
    return true;
}

const struct cloud_backend_kind cloud_backend_rest = {.call = call_rest};

bool cloud_call(struct task *t, const struct cloud_agent *agent, const struct cloud *cloud,
                const struct cloud_call *call, struct bytes *ret)
{
    const struct cloud_backend_kind *backend =
        cloud->backend == CLOUD_COMMAND ? &cloud_backend_command : &cloud_backend_rest;
    return backend->call(t, agent, cloud, call, ret);
}
