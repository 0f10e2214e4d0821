#include "core/http/server_private.h"

#include <string.h>
#include <strings.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* NULL when the text is not well-formed, or does not stand for UTF-8 without NUL. */
static const char *decode(struct arena *arena, const char *text, size_t len, bool plus_is_space)
{
    char *decoded = arena_alloc(arena, len + 1);
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '%') {
            int high = i + 1 < len ? hex_digit(text[i + 1]) : -1;
            int low = i + 2 < len ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return NULL;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        decoded[used++] = c;
    }
    return bytes_are_utf8(bytes_make(decoded, used)) ? decoded : NULL;
}

/* RFC 9112 3.2.2: the absolute form is understood too; its authority is not looked at. */
static const char *skip_authority(const char *uri)
{
    static const char *const schemes[] = {"https://", "http://"};
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        size_t len = strlen(schemes[i]);
        if (strncasecmp(uri, schemes[i], len) != 0)
            continue;
        const char *path = uri + len + strcspn(uri + len, "/?");
        return *path == '\0' ? "/" : path;
    }
    return uri;
}

static size_t count_slashes(const char *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += text[i] == '/';
    return count;
}

bool target_parse(struct task *t, const char *uri, struct target *ret)
{
    struct target target = {0};
    const char *at = skip_authority(uri);
    size_t len = strcspn(at, "?");
    if (at[len] == '?')
        target.query = at + len + 1;
    ENSURE(t, *at == '/', E_HTTP_PATH, "request target \"%s\"", uri);
    target.path = decode(t->arena, at, len, false);
    ENSURE(t, target.path != NULL, E_MALFORMED, "path \"%.*s\"", (int)len, at);
    target.parts = arena_array(t->arena, count_slashes(at, len), sizeof(*target.parts));
    for (const char *end = at + len; at < end;) {
        size_t part = strcspn(++at, "/?");
        target.parts[target.count] = decode(t->arena, at, part, false);
        ENSURE(t, target.parts[target.count] != NULL, E_MALFORMED, "path segment \"%.*s\"",
               (int)part, at);
        target.count++;
        at += part;
    }
    *ret = target;
    return true;
}

/*
 * The route's path against the parts; "{}" stands for any one that is not empty, "{*}" for it and
 * all that follow.
 */
static bool path_fits(const char *pattern, const struct target *target, const char **ret_parameter)
{
    size_t i = 0;
    const char *parameter = NULL;
    const char *rest = target->path;
    for (const char *at = pattern; *at == '/'; i++) {
        size_t len = strcspn(++at, "/");
        if (i == target->count)
            return false;
        const char *part = target->parts[i];
        rest++; /* the slash; the path is decoded as its parts are */
        if (strcmp(at, "{*}") == 0) {
            *ret_parameter = rest;
            return *rest != '\0';
        }
        rest += strlen(part);
        if (len == 2 && strncmp(at, "{}", 2) == 0 && *part != '\0')
            parameter = part;
        else if (strlen(part) != len || strncmp(at, part, len) != 0)
            return false;
        at += len;
    }
    if (i != target->count)
        return false;
    *ret_parameter = parameter;
    return true;
}

/* RFC 9110 9.3.2: HEAD is GET without the content. */
static bool method_fits(const struct http_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

bool route_find(struct task *t, const struct http_route *routes, const char *method,
                const struct target *target, const struct http_route **ret_route,
                const char **ret_parameter)
{
    bool found = false;
    const char *parameter;
    for (const struct http_route *route = routes; route->method != NULL; route++) {
        if (!path_fits(route->path, target, &parameter))
            continue;
        found = true;
        if (!method_fits(route, method))
            continue;
        *ret_route = route;
        *ret_parameter = parameter;
        return true;
    }
    ENSURE(t, found, E_HTTP_PATH, "no resource at \"%s\"", target->path);
    return fail(t, E_HTTP_METHOD, "%s on \"%s\"", method, target->path);
}

const char *route_methods(struct arena *arena, const struct http_route *routes,
                          const struct target *target)
{
    const char *methods = NULL;
    const char *parameter;
    for (const struct http_route *route = routes; route->method != NULL; route++) {
        if (!path_fits(route->path, target, &parameter))
            continue;
        const char *more = strcmp(route->method, "GET") == 0 ? "GET, HEAD" : route->method;
        methods =
            methods == NULL ? more : (const char *)arena_printf(arena, "%s, %s", methods, more);
    }
    return methods;
}

const char *http_query(struct task *t, const struct http_request *rq, const char *name)
{
    const struct exchange *x = rq->library;
    const char *at = x->target.query;
    while (at != NULL && *at != '\0') {
        size_t pair = strcspn(at, "&");
        const char *equals = memchr(at, '=', pair);
        size_t name_len = equals == NULL ? pair : (size_t)(equals - at);
        const char *found = decode(t->arena, at, name_len, true);
        if (found != NULL && strcmp(found, name) == 0)
            return equals == NULL ? "" : decode(t->arena, equals + 1, pair - name_len - 1, true);
        at += pair;
        if (*at == '&')
            at++;
    }
    return NULL;
}
