#include "core/http/client_private.h"

#include "core/base/clock.h"
#include "core/http/address.h"
#include "core/http/fields.h"
#include "core/http/media.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#define ANSWER_HEADER_MAX (64UL * 1024)

static void release_url(void *url)
{
    curl_url_cleanup(url);
}

/* NULL when the URL has no such part. */
static const char *url_part(struct task *t, CURLU *url, CURLUPart what, unsigned flags)
{
    char *part = NULL;
    if (curl_url_get(url, what, &part, flags) != CURLUE_OK)
        return NULL;
    const char *copy = arena_strdup(t->arena, part);
    curl_free(part);
    return copy;
}

/* Without query, and not at all with credentials in it: they may be secret. */
static const char *url_for_detail(struct task *t, const char *url)
{
    const char *shown = arena_strndup(t->arena, url, strcspn(url, "?#"));
    return strchr(shown, '@') == NULL ? shown : "with credentials";
}

static const char *without_brackets(struct arena *arena, const char *host)
{
    size_t len = strlen(host);
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']')
        return arena_strndup(arena, host + 1, len - 2);
    if (len >= 2 && host[len - 1] == '.')
        return arena_strndup(arena, host, len - 1);
    return host;
}

static bool is_numeric(const char *host)
{
    struct in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

/* "/" is what is there without a path. */
static bool has_more(struct task *t, CURLU *url)
{
    const char *path = url_part(t, url, CURLUPART_PATH, 0);
    return (path != NULL && strcmp(path, "/") != 0) ||
           url_part(t, url, CURLUPART_QUERY, 0) != NULL ||
           url_part(t, url, CURLUPART_FRAGMENT, 0) != NULL;
}

bool url_origin(struct task *t, const char *text, const char *scheme, struct origin *ret,
                bool *ret_more)
{
    CURLU *url = curl_url();
    ENSURE(t, url != NULL, E_INTERNAL, "out of memory");
    arena_defer(t->arena, release_url, url);
    const char *shown = url_for_detail(t, text);
    CURLUcode error = curl_url_set(url, CURLUPART_URL, text, CURLU_DISALLOW_USER);
    ENSURE(t, error == CURLUE_OK, E_PEER_URL, "URL \"%s\": %s", shown, curl_url_strerror(error));
    const char *found = url_part(t, url, CURLUPART_SCHEME, 0);
    ENSURE(t, found != NULL && strcmp(found, scheme) == 0, E_PEER_URL,
           "URL \"%s\": its scheme is not %s", shown, scheme);
    const char *host = url_part(t, url, CURLUPART_HOST, 0);
    const char *port = url_part(t, url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    ENSURE(t, host != NULL && *host != '\0' && port != NULL, E_PEER_URL, "URL \"%s\": no host",
           shown);
    struct origin origin = {.host = without_brackets(t->arena, host), .port = port};
    origin.numeric = is_numeric(origin.host);
    if (ret_more != NULL)
        *ret_more = has_more(t, url);
    *ret = origin;
    return true;
}

bool origin_of(struct task *t, const struct http_call *call, struct origin *ret)
{
    bool secure = call->target->unix_socket == NULL;
    TRY(url_origin(t, call->url, secure ? "https" : "http", ret, NULL));
    ret->secure = secure;
    return true;
}

/* Callbacks.  libcurl stops when they say so; why is in the task. */

static void leave_lookup(struct call *call, bool stalled)
{
    lookup_end(call->client, call->lookup, stalled);
    call->lookup = NULL;
}

static int on_lookup(void *resolver, void *reserved, void *cls)
{
    struct call *call = cls;
    (void)resolver;
    (void)reserved;
    call->stage = STAGE_LOOKUP;
    const struct origin *asked = call->proxy == NULL ? &call->origin : &call->via;
    leave_lookup(call, false);
    if (asked->numeric || lookup_begin(call->task, call->client, asked->host, &call->lookup))
        return 0;
    call->failed = true;
    return 1;
}

static curl_socket_t on_socket(void *cls, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct call *call = cls;
    (void)purpose;
    call->stage = STAGE_CONNECT;
    leave_lookup(call, false);
    if (address->family != AF_UNIX && call->proxy == NULL && !address_is_public(&address->addr) &&
        !address_in(&address->addr, &call->what->target->networks)) {
        call->not_allowed = address_to_text(call->task->arena, &address->addr);
        return CURL_SOCKET_BAD;
    }
    call->allowed = true;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static CURLcode on_tls(CURL *easy, void *context, void *cls)
{
    struct call *call = cls;
    (void)easy;
    call->stage = STAGE_HANDSHAKE;
    if (client_tls_prepare(call->task, context, call->what->target, &call->origin))
        return CURLE_OK;
    call->failed = true;
    return CURLE_SSL_CERTPROBLEM;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): a curl_prereq_callback */
static int on_ready(void *cls, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    struct call *call = cls;
    (void)remote_ip;
    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    call->stage = STAGE_TALK;
    return CURL_PREREQFUNC_OK;
}

/* Called for each line.  libcurl itself does not mind when an answer ends within its header. */
static size_t on_header(char *data, size_t one, size_t len, void *cls)
{
    struct call *call = cls;
    struct bytes line = bytes_make(data, len);
    (void)one;
    if (bytes_start_with(line, BYTES_LITERAL("HTTP/")))
        call->header_whole = false;
    else if (bytes_equal(line, BYTES_LITERAL("\r\n")) || bytes_equal(line, BYTES_LITERAL("\n")))
        call->header_whole = true;
    call->header_octets += len;
    if (call->header_octets <= ANSWER_HEADER_MAX)
        return len;
    call->failed = !fail(call->task, E_PEER_TOO_LARGE, "its header has more than %lu octets",
                         ANSWER_HEADER_MAX);
    return 0;
}

static size_t on_body(char *data, size_t one, size_t len, void *cls)
{
    struct call *call = cls;
    const size_t limit = call->client->options.answer_max;
    (void)one;
    if (len > limit - call->body.len) {
        call->failed =
            !fail(call->task, E_PEER_TOO_LARGE, "its answer has more than %zu octets", limit);
        return 0;
    }
    body_append(call->task->arena, &call->body, data, len);
    return len;
}

/* Options.  Each must be taken: some of them are what makes the call safe. */

#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (curl_easy_setopt(easy, (option), (value)) != CURLE_OK)                                 \
            return fail(t, E_INTERNAL, "libcurl refuses " #option);                                \
    } while (0)

static bool set_place(struct task *t, CURL *easy, const struct call *call)
{
    const struct http_call *what = call->what;
    SET(CURLOPT_URL, what->url);
    SET(CURLOPT_PROTOCOLS_STR, call->origin.secure ? "https" : "http");
    SET(CURLOPT_UNIX_SOCKET_PATH, what->target->unix_socket);
    SET(CURLOPT_RESOLVE, call->client->resolve);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
    SET(CURLOPT_OPENSOCKETDATA, call);
    SET(CURLOPT_RESOLVER_START_FUNCTION, on_lookup);
    SET(CURLOPT_RESOLVER_START_DATA, call);
    SET(CURLOPT_PREREQFUNCTION, on_ready);
    SET(CURLOPT_PREREQDATA, call);
    return true;
}

static bool set_proxy(struct task *t, CURL *easy, const struct call *call)
{
    const struct http_proxy *proxy = call->proxy;
    const char *url = ""; /* not even one of the environment */
    if (proxy != NULL) {
        bool ipv6 = strchr(call->via.host, ':') != NULL;
        url = arena_printf(t->arena, "http://%s%s%s:%s", ipv6 ? "[" : "", call->via.host,
                           ipv6 ? "]" : "", call->via.port);
    }
    SET(CURLOPT_PROXY, url);
    SET(CURLOPT_NOPROXY, ""); /* nor what that would except */
    if (proxy == NULL)
        return true;
    SET(CURLOPT_PROXYTYPE, (long)CURLPROXY_HTTP);
    SET(CURLOPT_HTTPPROXYTUNNEL, 1L);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
    SET(CURLOPT_PROXYAUTH, CURLAUTH_BASIC | CURLAUTH_DIGEST);
    SET(CURLOPT_PROXYUSERNAME, proxy->user);
    SET(CURLOPT_PROXYPASSWORD, proxy->password);
    return true;
}

static bool set_login(struct task *t, CURL *easy, const struct http_target *target)
{
    if (target->login == HTTP_LOGIN_NONE)
        return true;
    SET(CURLOPT_HTTPAUTH, target->login == HTTP_LOGIN_BASIC ? CURLAUTH_BASIC : CURLAUTH_DIGEST);
    SET(CURLOPT_USERNAME, target->user);
    SET(CURLOPT_PASSWORD, target->password);
    return true;
}

static bool set_tls(struct task *t, CURL *easy, const struct call *call)
{
    /* Nothing but the anchors is trusted: not the system's certificates either. */
    SET(CURLOPT_CAINFO, NULL);
    SET(CURLOPT_CAPATH, NULL);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    /* Each connection is judged anew: a resumed session would not be. */
    SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
    SET(CURLOPT_SSL_CTX_FUNCTION, on_tls);
    SET(CURLOPT_SSL_CTX_DATA, call);
    return true;
}

static bool set_limits(struct task *t, CURL *easy, const struct call *call, int64_t left)
{
    const struct http_client_options *options = &call->client->options;
    int64_t connect = options->connect_timeout < left ? options->connect_timeout : left;
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TIMEOUT_MS, (long)left);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)connect);
    SET(CURLOPT_QUICK_EXIT, 1L); /* a lookup that does not end is left behind */
    SET(CURLOPT_MAXCONNECTS, 1L);
    SET(CURLOPT_MAXAGE_CONN, (long)(options->idle / SECOND_MS + 1));
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, call);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, call);
    return true;
}

static bool sends_body(const struct http_call *what)
{
    return bytes_present(what->body) || strcmp(what->method, "POST") == 0 ||
           strcmp(what->method, "PUT") == 0 || strcmp(what->method, "PATCH") == 0;
}

static bool set_request(struct task *t, CURL *easy, const struct http_call *what,
                        const struct curl_slist *fields)
{
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_HTTPHEADER, fields);
    if (sends_body(what)) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)what->body.len);
        SET(CURLOPT_POSTFIELDS, what->body.len == 0 ? "" : (const char *)what->body.data);
    } else if (strcmp(what->method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
    }
    SET(CURLOPT_CUSTOMREQUEST, what->method);
    return true;
}

static void release_fields(void *fields)
{
    curl_slist_free_all(*(struct curl_slist **)fields);
}

static bool add_field(struct task *t, struct curl_slist **fields, const char *name,
                      const char *value)
{
    ENSURE(t, value == NULL || field_value_is_valid(value), E_INTERNAL,
           "the header field %s cannot be sent", name);
    /* "Name:" alone keeps libcurl from sending one of its own. */
    struct curl_slist *longer =
        curl_slist_append(*fields, value == NULL ? arena_printf(t->arena, "%s:", name)
                                                 : arena_printf(t->arena, "%s: %s", name, value));
    ENSURE(t, longer != NULL, E_INTERNAL, "out of memory");
    *fields = longer;
    return true;
}

static bool make_fields(struct task *t, const struct http_call *what, struct curl_slist **ret)
{
    struct curl_slist **fields = arena_alloc(t->arena, sizeof(struct curl_slist *));
    arena_defer(t->arena, release_fields, fields);
    TRY(add_field(t, fields, "Content-Type", what->media_type));
    TRY(add_field(t, fields, "Accept", what->accept));
    TRY(add_field(t, fields, "Expect", NULL));
    *ret = *fields;
    return true;
}

/* What a failure means. */

static const struct {
    CURLcode code;
    const struct problem_kind *kind;
} meanings[] = {
    {CURLE_URL_MALFORMAT, E_PEER_URL},
    {CURLE_COULDNT_RESOLVE_HOST, E_PEER_UNRESOLVED},
    {CURLE_COULDNT_RESOLVE_PROXY, E_PEER_PROXY},
    {CURLE_COULDNT_CONNECT, E_PEER_UNREACHABLE},
    {CURLE_SSL_CONNECT_ERROR, E_PEER_TLS},
    {CURLE_PEER_FAILED_VERIFICATION, E_PEER_TLS},
    {CURLE_SSL_CERTPROBLEM, E_PEER_TLS},
    {CURLE_SSL_CIPHER, E_PEER_TLS},
    {CURLE_SSL_ISSUER_ERROR, E_PEER_TLS},
    {CURLE_SSL_CACERT_BADFILE, E_PEER_TLS},
    {CURLE_SSL_INVALIDCERTSTATUS, E_PEER_TLS},
    {CURLE_GOT_NOTHING, E_PEER_ANSWER},
    {CURLE_RECV_ERROR, E_PEER_ANSWER},
    {CURLE_SEND_ERROR, E_PEER_ANSWER},
    {CURLE_PARTIAL_FILE, E_PEER_ANSWER},
    {CURLE_WRITE_ERROR, E_PEER_ANSWER},
    {CURLE_WEIRD_SERVER_REPLY, E_PEER_NOT_HTTP},
    {CURLE_UNSUPPORTED_PROTOCOL, E_PEER_NOT_HTTP}, /* HTTP/0.9; URLs are checked before */
    {CURLE_BAD_CONTENT_ENCODING, E_PEER_NOT_HTTP},
};

static const struct problem_kind *meaning_of(CURLcode code, const char *reason)
{
    /* In TLS 1.3 the peer refuses our certificate after its part of the handshake. */
    if ((code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR) && strstr(reason, "alert") != NULL)
        return E_PEER_TLS;
    for (size_t i = 0; i < ARRAY_SIZE(meanings); i++) {
        if (meanings[i].code == code)
            return meanings[i].kind;
    }
    return E_INTERNAL;
}

static bool fail_timeout(struct call *call, int64_t took)
{
    struct task *t = call->task;
    switch (call->stage) {
    case STAGE_LOOKUP:
        leave_lookup(call, true);
        return fail(t, E_PEER_UNRESOLVED, "the name was not resolved within %" PRId64 " ms", took);
    case STAGE_CONNECT:
        return fail(t, E_PEER_UNREACHABLE, "no connection within %" PRId64 " ms", took);
    case STAGE_HANDSHAKE:
        return fail(t, E_PEER_TIMEOUT, "the TLS handshake had not ended after %" PRId64 " ms",
                    took);
    case STAGE_NONE:
    case STAGE_TALK:
        break;
    }
    return fail(t, E_PEER_TIMEOUT, "no complete answer within %" PRId64 " ms", took);
}

/* Between us and the proxy, before there is a way to the peer. */
static bool fail_at_proxy(struct call *call, CURL *easy, CURLcode code, const char *reason)
{
    long status = 0;
    (void)curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status);
    if (status >= 300)
        return fail(call->task, E_PEER_PROXY, "the proxy answered %ld", status);
    return fail(call->task, E_PEER_PROXY, "%s",
                *reason == '\0' ? curl_easy_strerror(code) : reason);
}

static bool fail_call(struct call *call, CURL *easy, CURLcode code, const char *reason,
                      int64_t took)
{
    struct task *t = call->task;
    if (call->failed)
        return false;
    if (call->proxy != NULL && call->stage <= STAGE_CONNECT && code != CURLE_OPERATION_TIMEDOUT)
        return fail_at_proxy(call, easy, code, reason);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return fail_timeout(call, took);
    if (code == CURLE_COULDNT_CONNECT && call->not_allowed != NULL && !call->allowed)
        return fail(t, E_PEER_ADDRESS, "%s is not allowed", call->not_allowed);
    return fail(t, meaning_of(code, reason), "%s",
                *reason == '\0' ? curl_easy_strerror(code) : reason);
}

static bool read_answer(const struct call *call, CURL *easy, struct http_answer *ret)
{
    ENSURE(call->task, call->header_whole, E_PEER_ANSWER, "its answer ends within the header");
    struct arena *arena = call->task->arena;
    struct http_answer answer = {.body = body_octets(&call->body)};
    struct curl_header *location = NULL;
    long status = 0;
    char *type = NULL;
    curl_off_t retry_after = 0;
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    /* RFC 9110 15.2: what is below only announces an answer, which did not come. */
    ENSURE(call->task, status >= 200, E_PEER_ANSWER, "its answer ends after the interim one %ld",
           status);
    (void)curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
    (void)curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
    if (curl_easy_header(easy, "Location", 0, CURLH_HEADER, -1, &location) == CURLHE_OK)
        answer.location = arena_strdup(arena, location->value);
    answer.status = (int)status;
    answer.media_type = media_type_of(arena, type);
    answer.retry_after = retry_after > INT_MAX ? INT_MAX : (int)retry_after;
    *ret = answer;
    return true;
}

static bool perform(struct call *call, CURL *easy, struct http_answer *ret)
{
    struct task *t = call->task;
    struct curl_slist *fields = NULL;
    char *reason = arena_alloc(t->arena, CURL_ERROR_SIZE);
    int64_t begun = clock_monotonic();
    int64_t left = task_time_left(t, call->client->options.timeout);
    if (left > call->client->options.timeout)
        left = call->client->options.timeout;
    ENSURE(t, left > 0, E_PEER_TIMEOUT, "no time was left for the call");
    curl_easy_reset(easy);
    SET(CURLOPT_ERRORBUFFER, reason);
    TRY(set_place(t, easy, call));
    TRY(set_proxy(t, easy, call));
    TRY(set_login(t, easy, call->what->target));
    TRY(set_tls(t, easy, call));
    TRY(set_limits(t, easy, call, left));
    TRY(make_fields(t, call->what, &fields));
    TRY(set_request(t, easy, call->what, fields));
    CURLcode code = curl_easy_perform(easy);
    if (code != CURLE_OK)
        return fail_call(call, easy, code, reason, clock_monotonic() - begun);
    return read_answer(call, easy, ret);
}

bool call_perform(struct call *call, void *easy, struct http_answer *ret)
{
    const struct origin *origin = &call->origin;
    bool ok = perform(call, easy, ret);
    leave_lookup(call, false);
    /* Nothing in the handle may point to what ends with the call. */
    curl_easy_reset(easy);
    if (!ok && call->what->target->unix_socket != NULL)
        return fail_context(call->task, "%s", call->what->target->unix_socket);
    if (!ok && call->proxy != NULL)
        return fail_context(call->task, "%s port %s through the proxy %s port %s", origin->host,
                            origin->port, call->via.host, call->via.port);
    return ok || fail_context(call->task, "%s port %s", origin->host, origin->port);
}
