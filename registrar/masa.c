#include "registrar/masa.h"

#include "core/base/clock.h"
#include "core/store/records/event.h"

#include <string.h>

#define MASA_WORDS_MAX 200 /* octets of a foreign body in a detail */
#define MASA_WAIT_MAX  HOUR_MS
#define MASA_URL_MAX   512 /* characters; as many as an episode keeps */

bool masa_base(struct task *t, const struct idevid *idevid, const char **ret)
{
    const char *url = idevid->manufacturer->masa_url;
    /* RFC 8995 2.8: what is configured beats the extension. */
    if (url == NULL && !cert_masa_url(t, idevid->cert, &url))
        return fail(t, E_MASA_URL, "%s", t->detail);
    ENSURE(t, url != NULL, E_MASA_URL, "the IDevID has no MASA URL extension");
    const char *base;
    if (!masa_base_url(t, url, &base))
        return fail(t, E_MASA_URL, "%s", t->detail);
    ENSURE(t, strlen(base) <= MASA_URL_MAX, E_MASA_URL, "longer than %d characters", MASA_URL_MAX);
    *ret = base;
    return true;
}

/* "https://host:port" of a URL: its length. */
static size_t origin_length(const char *url)
{
    const char *authority = strstr(url, "://");
    return authority == NULL ? 0 : (size_t)(authority + 3 - url) + strcspn(authority + 3, "/?#");
}

const char *masa_peer(struct task *t, const char *base)
{
    size_t scheme = strlen("https://");
    size_t origin = origin_length(base);
    return arena_printf(t->arena, "masa:%.*s", origin > scheme ? (int)(origin - scheme) : 0,
                        base + (origin > scheme ? scheme : 0));
}

static bool call(struct task *t, const struct registrar *r, const struct manufacturer *maker,
                 struct http_call asked, struct http_answer *ret)
{
    const struct registrar_identity *own = identity_current(r->identities);
    struct http_target target = {
        .anchors = maker->masa_anchors,
        .networks = maker->masa_networks,
        .chain = certs_der(t, &own->tls_chain),
        .key = own->key,
    };
    asked.target = &target;
    return http_client_call(t, r->client, &asked, ret);
}

bool masa_post(struct task *t, const struct registrar *r, const struct manufacturer *maker,
               const char *base, const char *operation, const char *media_type, const char *accept,
               struct bytes body, struct http_answer *ret)
{
    struct http_call post = {
        .method = "POST",
        .url = arena_printf(t->arena, "%s/%s", base, operation),
        .media_type = media_type,
        .accept = accept,
        .body = body,
    };
    return call(t, r, maker, post, ret);
}

/* A path of the MASA's own origin may stand alone. */
static const char *absolute(struct task *t, const char *base, const char *url)
{
    if (*url != '/')
        return url;
    return arena_printf(t->arena, "%.*s%s", (int)origin_length(base), base, url);
}

bool masa_get(struct task *t, const struct registrar *r, const struct manufacturer *maker,
              const char *base, const char *url, struct http_answer *ret)
{
    struct http_call get = {
        .method = "GET", .url = absolute(t, base, url), .accept = "application/json"};
    size_t origin = origin_length(base);
    ENSURE(t, origin_length(get.url) == origin && strncasecmp(get.url, base, origin) == 0,
           E_MASA_ANSWER, "Location %s is not of the MASA's origin",
           event_foreign_text(t->arena, bytes_of_text(url), MASA_WORDS_MAX));
    return call(t, r, maker, get, ret);
}

const char *masa_words(struct task *t, const struct http_answer *answer)
{
    return arena_printf(t->arena, "the MASA answered %d: %s", answer->status,
                        event_foreign_text(t->arena, answer->body, MASA_WORDS_MAX));
}

int64_t masa_wait(const struct http_answer *answer)
{
    int64_t wait = (int64_t)answer->retry_after * SECOND_MS;
    return wait < MASA_WAIT_MAX ? wait : MASA_WAIT_MAX;
}

bool masa_problem_passes(const struct task *t)
{
    static const struct problem_kind *const passing[] = {
        E_PEER_UNRESOLVED,
        E_RESOLVER_BUSY,
        E_PEER_ADDRESS,
        E_PEER_UNREACHABLE,
        E_PEER_TLS,
        E_PEER_TIMEOUT,
        E_PEER_ANSWER,
        E_PEER_TOO_LARGE,
        E_PEER_NOT_HTTP,
        E_MASA_FAILED,
        E_MASA_WORKING,
        E_CRYPTO,
        NULL,
    };
    return task_failed_with_any(t, passing);
}
