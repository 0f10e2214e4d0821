#include "core/node/node.h"

#include "core/base/clock.h"
#include "core/base/config.h"
#include "core/base/log.h"
#include "core/http/address.h"
#include "core/http/client.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

/* ---- Paths ---- */

/* A path in the file, seen from the file's folder.  `folder` ends with "/"; "": the current one. */
static const char *seen_from(struct arena *arena, const char *folder, const char *path)
{
    if (path == NULL || path[0] == '/' || folder[0] == '\0')
        return path;
    return arena_printf(arena, "%s%s", folder, path);
}

static void resolve_paths(struct task *t, const char *file, struct node *node)
{
    const char *slash = strrchr(file, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - file) + 1;
    const char *folder = arena_strndup(t->arena, file, len);
    node->listen.admin = seen_from(t->arena, folder, node->listen.admin);
    node->store.path = seen_from(t->arena, folder, node->store.path);
    node->token.pin_file = seen_from(t->arena, folder, node->token.pin_file);
    node->outgoing.proxy_login_file = seen_from(t->arena, folder, node->outgoing.proxy_login_file);
    node->owner_folder = seen_from(t->arena, folder, node->owner_folder);
    node->cloud_programs = seen_from(t->arena, folder, node->cloud_programs);
    for (size_t i = 0; i < node->weak_key_lists.count; i++)
        node->weak_key_lists.items[i] = seen_from(t->arena, folder, node->weak_key_lists.items[i]);
    /* A bare name is one for the dynamic linker to find. */
    if (strchr(node->token.module, '/') != NULL)
        node->token.module = seen_from(t->arena, folder, node->token.module);
}

/* ---- What one item says about another ---- */

static bool check_listen(struct task *t, const char *name, const struct text_list *listen)
{
    for (size_t i = 0; i < listen->count; i++) {
        const char *text = listen->items[i];
        struct sockaddr_storage address;
        socklen_t len;
        if (!address_from_text(t, text, &address, &len))
            return fail_context(t, "%s[%zu]", name, i);
        for (size_t j = 0; j < i; j++)
            ENSURE(t, strcmp(listen->items[j], text) != 0, E_CONFIG, "%s[%zu]: %s is there twice",
                   name, i, text);
    }
    return true;
}

static bool check_public(struct task *t, const struct node_public *public)
{
    size_t len = public->url == NULL ? 0 : strlen(public->url);
    TRY(check_listen(t, "public.listen", &public->listen));
    if (public->url != NULL) {
        /* Lists and responses are signed; behind TLS they would need themselves to be fetched. */
        ENSURE(t, strncmp(public->url, "http://", 7) == 0 && len > 7, E_CONFIG,
               "public.url: \"%s\" does not begin with http://", public->url);
        ENSURE(t, public->url[len - 1] != '/', E_CONFIG, "public.url: must not end with \"/\"");
        for (size_t i = 0; i < len; i++)
            ENSURE(t, public->url[i] > ' ' && public->url[i] < 0x7F, E_CONFIG,
                   "public.url: holds characters that no URL has");
    }
    ENSURE(t, public->crl_interval < public->crl_lifetime, E_CONFIG,
           "public.crl-interval: must be less than public.crl-lifetime (%s)",
           duration_to_text(t->arena, public->crl_lifetime));
    ENSURE(t, public->crl_gap <= public->crl_interval, E_CONFIG,
           "public.crl-gap: must be at most public.crl-interval (%s)",
           duration_to_text(t->arena, public->crl_interval));
    return true;
}

static bool check_limits(struct task *t, const struct node *node)
{
    const struct node_limits *limits = &node->limits;
    ENSURE(t, limits->connections_per_address <= limits->connections, E_CONFIG,
           "limits.connections-per-address: must be at most limits.connections (%llu)",
           (unsigned long long)limits->connections);
    ENSURE(t, limits->requests + node->orders.runners <= node->store.readers, E_CONFIG,
           "store.readers: must be at least limits.requests and orders.runners together (%llu)",
           (unsigned long long)(limits->requests + node->orders.runners));
    /* RFC 9110 10.2.3: Retry-After counts seconds. */
    ENSURE(t, limits->retry_after % SECOND_MS == 0, E_CONFIG,
           "limits.retry-after: must be whole seconds");
    return true;
}

static bool check_orders(struct task *t, const struct node_orders *orders)
{
    ENSURE(t, orders->runners_per_peer <= orders->runners, E_CONFIG,
           "orders.runners-per-peer: must be at most orders.runners (%llu)",
           (unsigned long long)orders->runners);
    ENSURE(t, orders->retry_first <= orders->retry_most, E_CONFIG,
           "orders.retry-first: must be at most orders.retry-most (%s)",
           duration_to_text(t->arena, orders->retry_most));
    ENSURE(t, orders->run_limit <= orders->lifetime, E_CONFIG,
           "orders.run-limit: must be at most orders.lifetime (%s)",
           duration_to_text(t->arena, orders->lifetime));
    ENSURE(t, orders->replay <= orders->retention, E_CONFIG,
           "orders.replay: must be at most orders.retention (%s)",
           duration_to_text(t->arena, orders->retention));
    return true;
}

/* "name:port:address" */
static bool check_resolve(struct task *t, const char *text)
{
    struct sockaddr_storage address;
    socklen_t len;
    const char *port = strchr(text, ':');
    const char *host = port == NULL ? NULL : strchr(port + 1, ':');
    if (port == NULL || host == NULL || port == text || port + 1 == host || host[1] == '\0')
        return fail(t, E_CONFIG, "%s is not name:port:address", text);
    const char *place =
        arena_printf(t->arena, "%s:%.*s", host + 1, (int)(host - port - 1), port + 1);
    return address_from_text(t, place, &address, &len);
}

static bool check_outgoing(struct task *t, const struct node *node)
{
    const struct node_outgoing *outgoing = &node->outgoing;
    ENSURE(t, outgoing->connect_timeout <= outgoing->timeout, E_CONFIG,
           "outgoing.connect-timeout: must be at most outgoing.timeout (%s)",
           duration_to_text(t->arena, outgoing->timeout));
    ENSURE(t, outgoing->timeout <= node->orders.run_limit, E_CONFIG,
           "outgoing.timeout: must be at most orders.run-limit (%s)",
           duration_to_text(t->arena, node->orders.run_limit));
    for (size_t i = 0; i < outgoing->resolve.count; i++) {
        if (!check_resolve(t, outgoing->resolve.items[i]))
            return fail_context(t, "outgoing.resolve[%zu]", i);
    }
    if (outgoing->proxy != NULL && !http_proxy_check(t, outgoing->proxy))
        return fail_context(t, "outgoing.proxy");
    ENSURE(t, outgoing->proxy_login_file == NULL || outgoing->proxy != NULL, E_CONFIG,
           "outgoing.proxy-login-file: goes with outgoing.proxy");
    return true;
}

/*
 * draft-ietf-anima-brski-discovery 3.1.6: choices of mode, voucher format and enrolment, joined by
 * "-".  What we do not serve is not announced.
 */
static bool check_variation(struct task *t, const char *text)
{
    static const char *const choices[] = {"rrm", "cmsj", "jose", "cose", "est"};
    if (strcmp(text, "est-tls") == 0)
        return true;
    for (const char *at = text; at != NULL; at = strchr(at, '-')) {
        at += *at == '-';
        size_t len = strcspn(at, "-");
        bool known = false;
        for (size_t i = 0; i < ARRAY_SIZE(choices); i++)
            known = known || (strlen(choices[i]) == len && strncmp(choices[i], at, len) == 0);
        ENSURE(t, known, E_CONFIG, "%s: \"%.*s\" is nothing that Gatehouse speaks", text, (int)len,
               at);
    }
    return true;
}

static bool check_grasp(struct task *t, const struct node_discovery *discovery)
{
    struct in6_addr in6;
    ENSURE(t,
           !discovery->grasp || discovery->interfaces.count > 0 || discovery->grasp_peers.count > 0,
           E_CONFIG, "discovery.grasp: needs discovery.interfaces or discovery.grasp-peers");
    ENSURE(t, discovery->address == NULL || inet_pton(AF_INET6, discovery->address, &in6) == 1,
           E_CONFIG, "discovery.address: %s is no IPv6 address", discovery->address);
    for (size_t i = 0; i < discovery->grasp_peers.count; i++) {
        const char *text = discovery->grasp_peers.items[i];
        struct sockaddr_storage address;
        socklen_t len;
        if (!address_from_text(t, text, &address, &len))
            return fail_context(t, "discovery.grasp-peers[%zu]", i);
        ENSURE(t, address.ss_family == AF_INET6, E_CONFIG,
               "discovery.grasp-peers[%zu]: %s is no IPv6 address and port", i, text);
    }
    return true;
}

static bool check_discovery(struct task *t, const struct node_discovery *discovery)
{
    for (size_t i = 0; i < discovery->variations.count; i++) {
        if (!check_variation(t, discovery->variations.items[i]))
            return fail_context(t, "discovery.variations[%zu]", i);
    }
    for (size_t i = 0; i < discovery->interfaces.count; i++) {
        const char *name = discovery->interfaces.items[i];
        ENSURE(t, *name != '\0' && strlen(name) < IF_NAMESIZE, E_CONFIG,
               "discovery.interfaces[%zu]: %s cannot be a network interface", i, name);
    }
    return check_grasp(t, discovery);
}

static bool check(struct task *t, const struct node *node)
{
    enum log_level level;
    TRY(check_listen(t, "listen.pledges", &node->listen.pledges));
    TRY(check_public(t, &node->public));
    ENSURE(t, log_level_from_text(node->log_level, &level), E_CONFIG,
           "log-level: \"%s\" is none of debug, info, warning and error", node->log_level);
    TRY(check_limits(t, node));
    TRY(check_orders(t, &node->orders));
    TRY(check_discovery(t, &node->discovery));
    return check_outgoing(t, node);
}

bool node_read(struct task *t, const char *path, struct node *ret)
{
    struct node node;
    TRY(config_read(t, path, &node_type, &node));
    if (!check(t, &node))
        return fail(t, E_CONFIG, "%s: %s", path, t->detail);
    resolve_paths(t, path, &node);
    *ret = node;
    return true;
}
