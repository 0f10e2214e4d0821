#include "registrar/masa.h"

#include "core/base/clock.h"
#include "core/store/records/alarm.h"
#include "core/store/records/allowance.h"
#include "core/store/records/event.h"
#include "registrar/pledge_body.h"

#include <string.h>

#define MASA_WORDS_MAX 200 /* octets of a foreign body in a detail */
#define MASA_WAIT_MAX  HOUR_MS
#define MASA_URL_MAX   512 /* characters; as many as an episode keeps */

/* RFC 8995 2.3.2: what the IDevID says; what departs from that has to be allowed by name. */
static bool read_extension(struct task *t, const struct idevid *idevid, unsigned *used,
                           const char **ret)
{
    const unsigned encoding = ALLOWANCE(ALLOW_MASA_URL_ENCODING);
    const unsigned old_oid = ALLOWANCE(ALLOW_MASA_URL_OLD_OID);
    const unsigned allowed = idevid->maker->allowed;
    struct masa_url url;
    if (!cert_masa_url_found(t, idevid->cert, &url))
        return fail(t, E_MASA_URL, "%s", t->detail);
    ENSURE(t, url.text != NULL, E_MASA_URL, "the IDevID has no MASA URL extension");
    ENSURE(t, !url.old_oid || (allowed & old_oid) != 0, E_MASA_URL_OLD_OID, "it says %s", url.text);
    ENSURE(t, !url.no_ia5_string || (allowed & encoding) != 0, E_MASA_URL_ENCODING, "it says %s",
           url.text);
    *used |= (url.old_oid ? old_oid : 0) | (url.no_ia5_string ? encoding : 0);
    *ret = url.text;
    return true;
}

static bool base_of(struct task *t, const char *url, const char **ret)
{
    const char *base;
    if (!masa_base_url(t, url, &base))
        return fail(t, E_MASA_URL, "%s", t->detail);
    ENSURE(t, strlen(base) <= MASA_URL_MAX, E_MASA_URL, "longer than %d characters", MASA_URL_MAX);
    *ret = base;
    return true;
}

bool masa_base(struct task *t, const struct idevid *idevid, unsigned *used, const char **ret)
{
    const char *url = idevid->manufacturer->masa_url;
    /* RFC 8995 2.8: what is configured beats the extension. */
    if (url == NULL)
        TRY(read_extension(t, idevid, used, &url));
    return base_of(t, url, ret);
}

bool masa_base_now(struct task *t, const struct manufacturer *maker, const char *before,
                   const char **ret)
{
    if (maker->masa_url != NULL)
        return base_of(t, maker->masa_url, ret);
    *ret = before;
    return true;
}

const struct voucher_form *masa_form(const struct manufacturer *maker)
{
    switch ((enum manufacturer_form)maker->voucher_form) {
    case MANUFACTURER_JWS:
        return &voucher_form_jws;
    case MANUFACTURER_COSE:
        return &voucher_form_cose;
    case MANUFACTURER_CMS:
        break;
    }
    return &voucher_form_cms;
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

/* RFC 8995 5.4.1: how its record says that we make ourselves known. */
static void make_known(struct task *t, const struct registrar *r, const struct manufacturer *maker,
                       struct http_target *target)
{
    const struct registrar_identity *own = identity_current(r->identities);
    switch ((enum masa_authentication)maker->masa_authentication) {
    case MASA_BY_CERTIFICATE:
        target->chain = certs_der(t, &own->tls_chain);
        target->key = own->key;
        return;
    case MASA_BY_BASIC:
    case MASA_BY_DIGEST:
        target->login =
            maker->masa_authentication == MASA_BY_BASIC ? HTTP_LOGIN_BASIC : HTTP_LOGIN_DIGEST;
        target->user = maker->masa_user;
        target->password = maker->masa_password;
        return;
    case MASA_BY_NOTHING:
        return;
    }
}

/* The administrator's word, not that of an IDevID: the record has this very URL. */
static bool is_named_by_owner(struct task *t, const struct manufacturer *maker, const char *url)
{
    const char *base;
    struct task aside = *t;
    if (maker->masa_url == NULL || !masa_base_url(&aside, maker->masa_url, &base))
        return false;
    return strncmp(url, base, origin_length(base)) == 0 &&
           origin_length(url) == origin_length(base);
}

static bool call(struct task *t, const struct registrar *r, const struct manufacturer *maker,
                 struct http_call asked, struct http_answer *ret)
{
    const struct http_proxy proxy = {
        .url = maker->proxy == NULL || strcmp(maker->proxy, PROXY_NONE) == 0 ? NULL : maker->proxy,
        .user = maker->proxy_user,
        .password = maker->proxy_password,
    };
    struct http_target target = {
        .anchors = maker->masa_anchors,
        .system_anchors = maker->masa_system_anchors,
        .networks = maker->masa_networks,
        .proxy = maker->proxy == NULL ? NULL : &proxy,
        .named_by_owner = is_named_by_owner(t, maker, asked.url),
    };
    make_known(t, r, maker, &target);
    asked.target = &target;
    return http_client_call(t, r->client, &asked, ret);
}

static bool allows(const struct manufacturer *maker, enum allowance allowance)
{
    return (allowances_of(&maker->allow) & ALLOWANCE(allowance)) != 0;
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
    /* RFC 8995 6 has the octets themselves. */
    if (allows(maker, ALLOW_MASA_BASE64))
        post.body = bytes_of_text(bytes_to_base64(t->arena, body));
    return call(t, r, maker, post, ret);
}

/* ---- Answers ---- */

/* It was met: it is noted when it is allowed, and else fails with its own kind. */
static bool depart(struct task *t, const struct manufacturer *maker, enum allowance allowance,
                   const struct problem_kind *kind, const char *what, unsigned *used)
{
    ENSURE(t, allows(maker, allowance), kind, "%s", what);
    *used |= ALLOWANCE(allowance);
    return true;
}

/* RFC 8995 5.6: the voucher's own media type; or what the record allows instead of it. */
static bool read_media_type(struct task *t, const struct manufacturer *maker,
                            const struct voucher_form *asked, const char **media_type,
                            unsigned *used)
{
    bool alias;
    const char *type = *media_type == NULL ? "missing" : *media_type;
    const struct voucher_form *named = voucher_form_named(*media_type, &alias);
    const char *what =
        arena_printf(t->arena, "Content-Type %s where %s was asked for", type, asked->media_type);
    if (named != NULL && alias)
        TRY(depart(t, maker, ALLOW_MEDIA_TYPE_ALIAS, E_MASA_ALIAS, what, used));
    if (strcmp(type, "text/plain") == 0) {
        TRY(depart(t, maker, ALLOW_MASA_TEXT_PLAIN, E_MASA_TEXT_PLAIN, what, used));
        named = asked;
    }
    if (named != NULL)
        *media_type = named->media_type;
    return true;
}

bool masa_read_voucher(struct task *t, const struct manufacturer *maker,
                       const struct voucher_form *asked, struct http_answer *answer, unsigned *used)
{
    enum body_wrapping wrapping;
    struct bytes inner;
    TRY(read_media_type(t, maker, asked, &answer->media_type, used));
    if (allows(maker, ALLOW_MASA_BASE64))
        *used |= ALLOWANCE(ALLOW_MASA_BASE64); /* our request went so */
    if (voucher_form_of(answer->media_type) == NULL ||
        !body_unwrap(t->arena, answer->body, &inner, &wrapping))
        return true;
    TRY(depart(t, maker, ALLOW_MASA_BASE64, E_MASA_BASE64, "the voucher came in base64", used));
    answer->body = inner;
    return true;
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

bool masa_is_away(const struct task *t)
{
    static const struct problem_kind *const away[] = {
        E_PEER_UNRESOLVED, E_RESOLVER_BUSY,  E_PEER_ADDRESS, E_PEER_UNREACHABLE,
        E_PEER_PROXY,      E_PEER_TLS,       E_PEER_TIMEOUT, E_PEER_NOT_HTTP,
        E_PEER_ANSWER,     E_PEER_TOO_LARGE, E_MASA_FAILED,  NULL,
    };
    return task_failed_with_any(t, away);
}

bool masa_problem_passes(const struct task *t)
{
    return masa_is_away(t) || task_failed_with(t, E_MASA_WORKING) || task_failed_with(t, E_CRYPTO);
}

bool masa_trouble_note(struct task *t, struct tx *tx, void *arg)
{
    struct masa_trouble *trouble = arg;
    /* RFC 8995 5.4: a MASA that does not know us is a matter for people. */
    if (trouble->trouble.problem == E_MASA_CREDENTIALS)
        TRY(alarm_raise(t, tx, E_MASA_CREDENTIALS, trouble->manufacturer, trouble->trouble.detail));
    return order_trouble_note(t, tx, &trouble->trouble);
}
