#include "core/http/client_private.h"

#include "core/http/address.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

bool http_proxy_check(struct task *t, const char *url)
{
    struct origin origin;
    bool more;
    if (!url_origin(t, url, "http", &origin, &more))
        return fail(t, E_INVALID, "%s; a proxy is http://HOST:PORT", t->detail);
    ENSURE(t, !more, E_INVALID, "a proxy is http://HOST:PORT and no more");
    return true;
}

/* ---- Hosts that a proxy is not asked for ---- */

/* Ends of names that lead to what is near the proxy: RFC 6761 6.3, RFC 6762 3 and G, RFC 8375. */
static const char *const near_ends[] = {"localhost", "local",      "home.arpa", "internal",
                                        "intranet",  "private",    "corp",      "home",
                                        "lan",       "localdomain"};

static bool ends_with(const char *host, const char *end)
{
    size_t host_len = strlen(host);
    size_t len = strlen(end);
    return host_len > len && host[host_len - len - 1] == '.' &&
           strcasecmp(host + host_len - len, end) == 0;
}

/* A name that the public DNS may know: it has a dot, and no end that others give out. */
static bool name_may_be_public(const char *host)
{
    const char *last = strrchr(host, '.');
    /* What ends in a number is an address to many a resolver ("127.1", "0x7f.0.0.1"). */
    if (last == NULL || (last[1] >= '0' && last[1] <= '9'))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(near_ends); i++) {
        if (ends_with(host, near_ends[i]))
            return false;
    }
    return true;
}

static bool address_of_text(const char *host, struct sockaddr_storage *ret)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    memset(ret, 0, sizeof(*ret));
    if (inet_pton(AF_INET, host, &in.sin_addr) == 1)
        memcpy(ret, &in, sizeof(in));
    else if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1)
        memcpy(ret, &in6, sizeof(in6));
    else
        return false;
    return true;
}

static bool check_host(struct task *t, const struct origin *origin,
                       const struct http_target *target)
{
    struct sockaddr_storage storage;
    const struct sockaddr *address = (const struct sockaddr *)&storage;
    if (address_of_text(origin->host, &storage))
        ENSURE(t, address_is_public(address) || address_in(address, &target->networks),
               E_PEER_ADDRESS, "%s is not allowed, and the proxy is not asked for it",
               origin->host);
    else
        ENSURE(t, target->named_by_owner || name_may_be_public(origin->host), E_PEER_ADDRESS,
               "%s is no name that the public DNS has, and the proxy is not asked for it",
               origin->host);
    return true;
}

bool proxy_choose(struct call *call)
{
    struct task *t = call->task;
    const struct http_target *target = call->what->target;
    const struct http_proxy *proxy =
        target->proxy == NULL ? &call->client->options.proxy : target->proxy;
    if (target->unix_socket != NULL || proxy->url == NULL)
        return true;
    if (!url_origin(t, proxy->url, "http", &call->via, NULL))
        return fail(t, E_PEER_PROXY, "the proxy's %s", t->detail);
    TRY(check_host(t, &call->origin, target));
    call->proxy = proxy;
    return true;
}
