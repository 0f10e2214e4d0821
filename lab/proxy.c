#include "lab/proxy.h"

#include "core/http/problems.h"
#include "lab/problems.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_PORT_HTTP  "8080"
#define DEFAULT_PORT_SOCKS "1080"

/* RFC 1928. */
#define SOCKS_VERSION  5
#define SOCKS_NO_AUTH  0
#define SOCKS_PASSWORD 2
#define SOCKS_CONNECT  1
#define SOCKS_IPV4     1
#define SOCKS_NAME     3
#define SOCKS_IPV6     4
#define SOCKS_TEXT_MAX 255 /* octets of a name, a user or a password */
/* RFC 1929. */
#define PASSWORD_VERSION 1

static bool has_port(const char *authority)
{
    const char *bracket = strchr(authority, ']');
    return strchr(bracket == NULL ? authority : bracket, ':') != NULL;
}

bool proxy_from_text(struct task *t, const char *text, struct proxy *ret)
{
    static const struct {
        const char *scheme;
        const char *port;
        enum proxy_kind kind;
    } kinds[] = {
        {"http://", DEFAULT_PORT_HTTP, PROXY_HTTP},
        {"socks5://", DEFAULT_PORT_SOCKS, PROXY_SOCKS},
    };
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        size_t len = strlen(kinds[i].scheme);
        if (strncasecmp(text, kinds[i].scheme, len) != 0)
            continue;
        const char *authority = arena_strndup(t->arena, text + len, strcspn(text + len, "/"));
        struct proxy proxy = {.kind = kinds[i].kind};
        ENSURE(t, strlen(text + len) - strlen(authority) <= 1, E_INVALID, "a proxy has no path");
        TRY(place_from_any_url(t,
                               arena_printf(t->arena, "https://%s%s%s", authority,
                                            has_port(authority) ? "" : ":",
                                            has_port(authority) ? "" : kinds[i].port),
                               &proxy.place));
        *ret = proxy;
        return true;
    }
    return fail(t, E_INVALID, "\"%s\" is neither http://HOST[:PORT] nor socks5://HOST[:PORT]",
                text);
}

bool proxy_set_credentials(struct task *t, struct bytes text, struct proxy *proxy)
{
    const uint8_t *colon = memchr(text.data, ':', text.len);
    size_t len = colon == NULL ? 0 : (size_t)(colon - text.data);
    ENSURE(t, len > 0 && len <= SOCKS_TEXT_MAX && text.len - len - 1 <= SOCKS_TEXT_MAX, E_INVALID,
           "\"user:password\" is expected, each of %d octets at most", SOCKS_TEXT_MAX);
    char *copy = arena_secret(t->arena, text.len + 1);
    memcpy(copy, text.data, text.len);
    copy[len] = '\0';
    ENSURE(t, strlen(copy) == len && strlen(copy + len + 1) == text.len - len - 1, E_INVALID,
           "the credentials are no text");
    proxy->user = copy;
    proxy->password = copy + len + 1;
    return true;
}

/* --- HTTP --- */

static const char *credentials_field(struct task *t, const struct proxy *proxy)
{
    if (proxy->user == NULL)
        return "";
    size_t len = strlen(proxy->user) + 1 + strlen(proxy->password);
    char *pair = arena_secret(t->arena, len + 1);
    (void)snprintf(pair, len + 1, "%s:%s", proxy->user, proxy->password);
    /* RFC 7617. */
    return arena_printf(t->arena, "Proxy-Authorization: Basic %s\r\n",
                        bytes_to_base64(t->arena, bytes_of_text(pair)));
}

static bool pass_http(struct task *t, const struct proxy *proxy, const struct place *place,
                      const struct proxy_wire *wire)
{
    struct response answer;
    const char *target = strchr(place->host, ':') != NULL
                             ? arena_printf(t->arena, "[%s]:%u", place->host, place->port)
                             : arena_printf(t->arena, "%s:%u", place->host, place->port);
    const char *request = arena_printf(t->arena, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s\r\n",
                                       target, target, credentials_field(t, proxy));
    TRY(wire->write(t, wire->context, bytes_of_text(request)));
    TRY(response_read_head(t, &wire->source, &answer));
    ENSURE(t, answer.status >= 200 && answer.status <= 299, E_PROXY, "CONNECT to %s: %d", target,
           answer.status);
    return true;
}

/* --- SOCKS --- */

static bool read_exactly(struct task *t, const struct proxy_wire *wire, uint8_t *into, size_t len)
{
    while (len > 0) {
        size_t got = 0;
        TRY(wire->source.read(t, wire->source.context, into, len, &got));
        ENSURE(t, got > 0, E_PEER_CLOSED, "the proxy closed the connection");
        into += got;
        len -= got;
    }
    return true;
}

static bool greet(struct task *t, const struct proxy *proxy, const struct proxy_wire *wire,
                  uint8_t *ret_method)
{
    const uint8_t with[] = {SOCKS_VERSION, 2, SOCKS_NO_AUTH, SOCKS_PASSWORD};
    const uint8_t without[] = {SOCKS_VERSION, 1, SOCKS_NO_AUTH};
    uint8_t answer[2];
    TRY(wire->write(t, wire->context,
                    proxy->user == NULL ? BYTES_ARRAY(without) : BYTES_ARRAY(with)));
    TRY(read_exactly(t, wire, answer, sizeof(answer)));
    ENSURE(t, answer[0] == SOCKS_VERSION, E_PEER_ANSWER, "the proxy does not speak SOCKS 5");
    ENSURE(t, answer[1] == SOCKS_NO_AUTH || (answer[1] == SOCKS_PASSWORD && proxy->user != NULL),
           E_PROXY, "the proxy wants %s",
           answer[1] == SOCKS_PASSWORD ? "a password" : "an authentication that is not known here");
    *ret_method = answer[1];
    return true;
}

static bool log_in(struct task *t, const struct proxy *proxy, const struct proxy_wire *wire)
{
    uint8_t answer[2];
    size_t user = strlen(proxy->user);
    size_t password = strlen(proxy->password);
    uint8_t *request = arena_secret(t->arena, 3 + user + password);
    request[0] = PASSWORD_VERSION;
    request[1] = (uint8_t)user;
    memcpy(request + 2, proxy->user, user);
    request[2 + user] = (uint8_t)password;
    memcpy(request + 3 + user, proxy->password, password);
    TRY(wire->write(t, wire->context, bytes_make(request, 3 + user + password)));
    TRY(read_exactly(t, wire, answer, sizeof(answer)));
    ENSURE(t, answer[1] == 0, E_PROXY, "the proxy does not accept the password");
    return true;
}

static struct bytes socks_request(struct task *t, const struct place *place)
{
    uint8_t address[16];
    const uint8_t head[] = {SOCKS_VERSION, SOCKS_CONNECT, 0};
    const uint8_t port[] = {(uint8_t)(place->port >> 8), (uint8_t)place->port};
    uint8_t type = SOCKS_NAME;
    struct bytes where = bytes_of_text(place->host);
    uint8_t len = (uint8_t)where.len; /* names have 253 characters at most */
    if (inet_pton(AF_INET, place->host, address) == 1) {
        type = SOCKS_IPV4;
        where = bytes_make(address, 4);
    } else if (inet_pton(AF_INET6, place->host, address) == 1) {
        type = SOCKS_IPV6;
        where = bytes_make(address, 16);
    }
    const struct bytes parts[] = {
        BYTES_ARRAY(head), {&type, 1}, {&len, type == SOCKS_NAME ? 1 : 0}, where, BYTES_ARRAY(port),
    };
    return bytes_concat(t->arena, parts, ARRAY_SIZE(parts));
}

static bool read_socks_reply(struct task *t, const struct place *place,
                             const struct proxy_wire *wire)
{
    static const char *const reasons[] = {
        "",
        "general failure",
        "not allowed",
        "network unreachable",
        "host unreachable",
        "connection refused",
        "it took too long",
        "CONNECT is not known",
        "this type of address is not known",
    };
    uint8_t head[4];
    uint8_t rest[SOCKS_TEXT_MAX + 2];
    uint8_t len = 4;
    TRY(read_exactly(t, wire, head, sizeof(head)));
    ENSURE(t, head[0] == SOCKS_VERSION, E_PEER_ANSWER, "the proxy does not speak SOCKS 5");
    ENSURE(t, head[1] == 0, E_PROXY, "SOCKS to %s: %s", place->authority,
           head[1] < ARRAY_SIZE(reasons) ? reasons[head[1]] : "an error nobody knows");
    /* Where the proxy's own end is matters to nobody. */
    if (head[3] == SOCKS_IPV6)
        len = 16;
    else if (head[3] == SOCKS_NAME)
        TRY(read_exactly(t, wire, &len, 1));
    else
        ENSURE(t, head[3] == SOCKS_IPV4, E_PEER_ANSWER, "the proxy names an address of no type");
    return read_exactly(t, wire, rest, (size_t)len + 2);
}

static bool pass_socks(struct task *t, const struct proxy *proxy, const struct place *place,
                       const struct proxy_wire *wire)
{
    uint8_t method;
    TRY(greet(t, proxy, wire, &method));
    if (method == SOCKS_PASSWORD)
        TRY(log_in(t, proxy, wire));
    TRY(wire->write(t, wire->context, socks_request(t, place)));
    return read_socks_reply(t, place, wire);
}

bool proxy_pass(struct task *t, const struct proxy *proxy, const struct place *place,
                const struct proxy_wire *wire)
{
    return proxy->kind == PROXY_HTTP ? pass_http(t, proxy, place, wire)
                                     : pass_socks(t, proxy, place, wire);
}
