#include "lab/place.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SCHEME       "https://"
#define PLAIN_SCHEME "http://"
#define PLAIN_PORT   80
#define HOST_MAX     253 /* characters of a DNS name */

static bool is_address(const char *host)
{
    struct in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

static bool read_host(struct task *t, const char *text, size_t len, struct place *place)
{
    bool bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    char *host =
        bracketed ? arena_strndup(t->arena, text + 1, len - 2) : arena_strndup(t->arena, text, len);
    ENSURE(t, *host != '\0' && strlen(host) <= HOST_MAX, E_INVALID, "the URL names no host");
    for (const char *c = host; *c != '\0'; c++) {
        bool allowed = isalnum((unsigned char)*c) || *c == '.' || *c == '-' || *c == '_' ||
                       (bracketed && *c == ':');
        ENSURE(t, allowed, E_INVALID, "the URL's host has a character that names do not have");
    }
    host = text_to_lower(t->arena, host);
    place->is_address = is_address(host);
    ENSURE(t, !bracketed || place->is_address, E_INVALID, "[%s] is no IPv6 address", host);
    place->host = host;
    return true;
}

/* `text` is what follows the colon; nothing there means the default (RFC 3986 3.2.3). */
static bool read_port(struct task *t, const char *text, size_t len, unsigned *ret)
{
    unsigned port = 0;
    for (size_t i = 0; i < len; i++) {
        ENSURE(t, text[i] >= '0' && text[i] <= '9' && port <= 65535, E_INVALID,
               "the URL's port is no number");
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    ENSURE(t, len == 0 || (port > 0 && port <= 65535), E_INVALID,
           "the URL's port is outside 1 to 65535");
    *ret = len == 0 ? PLACE_DEFAULT_PORT : port;
    return true;
}

static bool read_authority(struct task *t, const char *text, size_t len, struct place *place)
{
    const char *bracket = memchr(text, ']', len);
    const char *after = bracket == NULL ? text : bracket + 1;
    const char *colon = memchr(after, ':', len - (size_t)(after - text));
    size_t host_len = colon == NULL ? len : (size_t)(colon - text);
    TRY(read_host(t, text, host_len, place));
    place->has_port = colon != NULL;
    if (colon == NULL)
        place->port = PLACE_DEFAULT_PORT;
    else
        TRY(read_port(t, colon + 1, len - host_len - 1, &place->port));
    const char *host = strchr(place->host, ':') == NULL
                           ? place->host
                           : arena_printf(t->arena, "[%s]", place->host);
    place->authority = place->port == PLACE_DEFAULT_PORT
                           ? host
                           : arena_printf(t->arena, "%s:%u", host, place->port);
    return true;
}

/* brski-cloud 3.3.1: a Location may be an origin, the base of the resources, or the resource. */
static const char *resource_path(const char *path)
{
    static const char *const bases[] = {"", "/", PATH_BRSKI, PATH_BRSKI "/"};
    for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
        if (strcmp(path, bases[i]) == 0)
            return PATH_REQUEST_VOUCHER;
    }
    return path;
}

/* Host and port; what follows them is `ret_path`. */
static bool read_url(struct task *t, const char *url, const char *scheme, struct place *place,
                     const char **ret_path)
{
    ENSURE(t, strlen(url) <= PLACE_URL_MAX, E_INVALID, "the URL is longer than %d characters",
           PLACE_URL_MAX);
    for (const char *c = url; *c != '\0'; c++)
        ENSURE(t, *c > ' ' && *c < 0x7F, E_INVALID,
               "the URL has a blank, a control or a non-ASCII character");
    ENSURE(t, strncasecmp(url, scheme, strlen(scheme)) == 0, E_INVALID,
           "\"%s\" is no absolute URL with %s", url, scheme);
    const char *authority = url + strlen(scheme);
    size_t len = strcspn(authority, "/?#");
    ENSURE(t, memchr(authority, '@', len) == NULL, E_INVALID, "the URL names a user");
    TRY(read_authority(t, authority, len, place));
    *ret_path = authority + len;
    return true;
}

static void set_path(struct task *t, struct place *place, const char *path)
{
    place->path = path;
    place->url = arena_printf(t->arena, SCHEME "%s%s", place->authority, path);
}

bool place_from_url(struct task *t, const char *url, struct place *ret)
{
    struct place place;
    const char *path;
    TRY(read_url(t, url, SCHEME, &place, &path));
    ENSURE(t, strpbrk(path, "?#") == NULL, E_INVALID, "the URL %s has a query or a fragment", url);
    set_path(t, &place, resource_path(arena_strdup(t->arena, path)));
    *ret = place;
    return true;
}

bool place_from_location(struct task *t, const struct place *from, const char *location,
                         struct place *ret)
{
    bool same_server = location[0] == '/' && location[1] != '/';
    const char *url =
        same_server ? arena_printf(t->arena, SCHEME "%s%s", from->authority, location) : location;
    return place_from_url(t, url, ret);
}

bool place_from_any_url(struct task *t, const char *url, struct place *ret)
{
    struct place place;
    const char *path;
    TRY(read_url(t, url, SCHEME, &place, &path));
    ENSURE(t, strchr(path, '#') == NULL, E_INVALID, "the URL has a fragment");
    set_path(t, &place, arena_printf(t->arena, "%s%s", *path == '/' ? "" : "/", path));
    *ret = place;
    return true;
}

bool place_from_http_url(struct task *t, const char *url, struct place *ret)
{
    struct place place;
    const char *path;
    TRY(read_url(t, url, PLAIN_SCHEME, &place, &path));
    ENSURE(t, strchr(path, '#') == NULL, E_INVALID, "the URL has a fragment");
    if (!place.has_port)
        place.port = PLAIN_PORT;
    place.path = arena_printf(t->arena, "%s%s", *path == '/' ? "" : "/", path);
    place.url = arena_strdup(t->arena, url);
    *ret = place;
    return true;
}

bool place_from_est_domain(struct task *t, const char *text, struct place *ret)
{
    struct place place;
    const char *path;
    const char *url =
        strstr(text, "://") != NULL ? text : arena_printf(t->arena, SCHEME "%s", text);
    TRY(read_url(t, url, SCHEME, &place, &path));
    ENSURE(t, strpbrk(path, "?#") == NULL, E_INVALID, "est-domain has a query or a fragment");
    size_t len = strlen(path);
    while (len > 0 && path[len - 1] == '/')
        len--;
    set_path(t, &place, len == 0 ? PATH_EST : arena_strndup(t->arena, path, len));
    *ret = place;
    return true;
}

bool place_same_origin(const struct place *a, const struct place *b)
{
    return strcmp(a->host, b->host) == 0 && a->port == b->port;
}

bool place_equal(const struct place *a, const struct place *b)
{
    return place_same_origin(a, b) && strcmp(a->path, b->path) == 0;
}
