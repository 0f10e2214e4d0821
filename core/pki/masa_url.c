/* Where a MASA's resources stand (RFC 8995 2.3.2). */
#include "core/pki/library.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define URL_MAX    1024
#define HOST_MAX   253
#define PORT_MAX   65535
#define WELL_KNOWN "/.well-known/brski"

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

/* "[2001:db8::1]" */
static bool is_ipv6_literal(struct task *t, const char *text, size_t len)
{
    struct in6_addr unused;
    return len > 2 && text[0] == '[' && text[len - 1] == ']' &&
           inet_pton(AF_INET6, arena_strndup(t->arena, text + 1, len - 2), &unused) == 1;
}

/* A DNS name in its ASCII form, or an IPv4 address. */
static bool is_name(const char *text, size_t len)
{
    bool at_label = true;
    if (len == 0 || len > HOST_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        bool inner = text[i] == '-' || text[i] == '_';
        if (text[i] == '.' ? at_label : !is_alphanumeric(text[i]) && (!inner || at_label))
            return false;
        at_label = text[i] == '.';
    }
    return true;
}

static bool is_port(const char *text, size_t len)
{
    unsigned port = 0;
    if (len == 0 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    return port > 0 && port <= PORT_MAX;
}

/* Host, and port if any; user information is no part of it. */
static bool is_authority(struct task *t, const char *text, size_t len)
{
    const char *colon = memrchr(text, ':', len);
    const char *bracket = memrchr(text, ']', len);
    size_t host_len = len;
    if (colon != NULL && (bracket == NULL || colon > bracket)) {
        host_len = (size_t)(colon - text);
        if (!is_port(colon + 1, len - host_len - 1))
            return false;
    }
    return is_ipv6_literal(t, text, host_len) || is_name(text, host_len);
}

/* RFC 3986 3.3, beginning with "/". */
static bool is_path(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '%' ? !is_hex(text[1]) || !is_hex(text[2])
                         : !is_alphanumeric(*text) && strchr("/-._~!$&'()*+,;=:@", *text) == NULL)
            return false;
    }
    return true;
}

static const char *without_trailing_slashes(struct task *t, const char *path)
{
    size_t len = strlen(path);
    while (len > 0 && path[len - 1] == '/')
        len--;
    return arena_strndup(t->arena, path, len);
}

bool masa_base_url(struct task *t, const char *text, const char **ret)
{
    static const char scheme[] = "https://";
    ENSURE(t, strlen(text) <= URL_MAX, E_INVALID, "a MASA URL of more than %d characters", URL_MAX);
    const char *authority = text;
    const char *path = "";
    size_t len = strlen(text);
    const char *shown = text_printable(t, bytes_of_text(text));
    /* RFC 8995 2.3.2: without "/" it is an authority, otherwise a URI; the scheme is https. */
    if (strchr(text, '/') != NULL) {
        ENSURE(t, strncasecmp(text, scheme, sizeof(scheme) - 1) == 0, E_INVALID,
               "the MASA URL %s is no https URL", shown);
        authority = text + sizeof(scheme) - 1;
        len = strcspn(authority, "/");
        path = without_trailing_slashes(t, authority + len);
    }
    ENSURE(t, is_authority(t, authority, len), E_INVALID,
           "the MASA URL %s has no host and port that can be used", shown);
    ENSURE(t, is_path(path), E_INVALID, "the MASA URL %s is more than host, port and path", shown);
    *ret = arena_printf(t->arena, "%s%.*s%s", scheme, (int)len, authority,
                        *path == '\0' ? WELL_KNOWN : path);
    return true;
}
