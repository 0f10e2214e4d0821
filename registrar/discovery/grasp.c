/*
 * GRASP floods: AN_join_registrar over UDP to the link-local group on each interface that the node
 * file names (RFC 8990 2.5.2, 2.8.11; RFC 8995 4.3).  Nothing is read: whoever answers talks to the
 * registrar itself, over TLS.
 */
#include "registrar/discovery/internal.h"

#include "core/base/clock.h"
#include "core/base/condition.h"
#include "core/http/address.h"
#include "registrar/discovery/flood.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* RFC 8995 4.3: 180 s with a flood every 60 s, so that two may be lost. */
#define TTL_INTERVALS 3
/* Until a flood is tried again that did not reach all whom it should: at most, ms. */
#define RETRY_MS (5 * SECOND_MS)

struct grasp {
    const struct node_discovery *settings;
    unsigned port;
    struct notice *notice;
    const struct log *log;
    pthread_t thread;
    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t stop;
    bool stopping;
};

static void close_socket(const int *wire)
{
    if (*wire >= 0)
        (void)close(*wire);
}

/* ---- Whose address is announced ---- */

static bool is_link_local(const struct ifaddrs *entry)
{
    struct sockaddr_in6 in6;
    memcpy(&in6, entry->ifa_addr, sizeof(in6));
    return IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr);
}

/* One that is good beyond the link, if the interface has any. */
static const struct ifaddrs *best_address(const struct ifaddrs *list, const char *interface)
{
    const struct ifaddrs *best = NULL;
    for (const struct ifaddrs *entry = list; entry != NULL; entry = entry->ifa_next) {
        if (entry->ifa_addr == NULL || entry->ifa_addr->sa_family != AF_INET6 ||
            strcmp(entry->ifa_name, interface) != 0)
            continue;
        if (best == NULL || (is_link_local(best) && !is_link_local(entry)))
            best = entry;
    }
    return best;
}

static bool address_of_interface(struct task *t, const char *interface,
                                 uint8_t ret[FLOOD_ADDRESS_LEN])
{
    struct ifaddrs *list;
    struct sockaddr_in6 in6;
    ENSURE(t, getifaddrs(&list) == 0, E_GRASP, "the interfaces cannot be listed");
    const struct ifaddrs *best = best_address(list, interface);
    bool found = best != NULL;
    if (found) {
        memcpy(&in6, best->ifa_addr, sizeof(in6));
        memcpy(ret, &in6.sin6_addr, FLOOD_ADDRESS_LEN);
    }
    freeifaddrs(list);
    ENSURE(t, found, E_GRASP, "interface %s has no IPv6 address", interface);
    return true;
}

/* The one that the peer sees. */
static bool address_of_socket(struct task *t, int wire, uint8_t ret[FLOOD_ADDRESS_LEN])
{
    struct sockaddr_in6 in6;
    socklen_t len = sizeof(in6);
    if (getsockname(wire, (struct sockaddr *)&in6, &len) != 0)
        return fail_errno(t, E_GRASP, errno, "no address towards the peer");
    memcpy(ret, &in6.sin6_addr, FLOOD_ADDRESS_LEN);
    return true;
}

static bool configured_address(const struct grasp *g, uint8_t ret[FLOOD_ADDRESS_LEN])
{
    return g->settings->address != NULL && inet_pton(AF_INET6, g->settings->address, ret) == 1;
}

/* ---- One flood ---- */

static bool send_flood(struct task *t, const struct grasp *g, int wire, const char *where,
                       const uint8_t address[FLOOD_ADDRESS_LEN])
{
    struct bytes session = bytes_random(t->arena, sizeof(uint32_t));
    struct flood flood = {
        .port = g->port,
        .ttl = TTL_INTERVALS * g->settings->grasp_interval,
        .variations = g->settings->variations,
    };
    memcpy(&flood.session, session.data, session.len);
    memcpy(flood.address, address, FLOOD_ADDRESS_LEN);
    struct bytes message = flood_encode(t->arena, &flood);
    if (send(wire, message.data, message.len, 0) != (ssize_t)message.len)
        return fail_errno(t, E_GRASP, errno, "sending to %s", where);
    notice_count(g->notice);
    return true;
}

static bool open_wire(struct task *t, const struct sockaddr_in6 *to, const char *where, int *ret)
{
    static const int hops = GRASP_HOPS;
    int wire = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (wire < 0 || setsockopt(wire, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) != 0 ||
        setsockopt(wire, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops)) != 0 ||
        connect(wire, (const struct sockaddr *)to, sizeof(*to)) != 0) {
        int error = errno;
        close_socket(&wire);
        return fail_errno(t, E_GRASP, error, "no socket towards %s", where);
    }
    *ret = wire;
    return true;
}

static bool flood_interface(struct task *t, const struct grasp *g, const char *interface)
{
    CLEANUP(close_socket) int wire = -1;
    uint8_t address[FLOOD_ADDRESS_LEN];
    struct sockaddr_in6 to = {
        .sin6_family = AF_INET6,
        .sin6_port = htons(GRASP_PORT),
        .sin6_scope_id = if_nametoindex(interface),
    };
    ENSURE(t, to.sin6_scope_id != 0, E_GRASP, "there is no interface %s", interface);
    ENSURE(t, inet_pton(AF_INET6, GRASP_GROUP, &to.sin6_addr) == 1, E_INTERNAL, "%s", GRASP_GROUP);
    if (!configured_address(g, address))
        TRY(address_of_interface(t, interface, address));
    TRY(open_wire(t, &to, interface, &wire));
    return send_flood(t, g, wire, interface, address);
}

static bool flood_peer(struct task *t, const struct grasp *g, const char *peer)
{
    CLEANUP(close_socket) int wire = -1;
    uint8_t address[FLOOD_ADDRESS_LEN];
    struct sockaddr_storage storage;
    struct sockaddr_in6 to;
    socklen_t len;
    TRY(address_from_text(t, peer, &storage, &len));
    memcpy(&to, &storage, sizeof(to));
    TRY(open_wire(t, &to, peer, &wire));
    if (!configured_address(g, address))
        TRY(address_of_socket(t, wire, address));
    return send_flood(t, g, wire, peer, address);
}

/* To all of them, whatever becomes of one; the last problem stays. */
static bool flood_all(struct task *t, const struct grasp *g)
{
    const struct node_discovery *settings = g->settings;
    bool ok = true;
    for (size_t i = 0; i < settings->interfaces.count; i++)
        ok = flood_interface(t, g, settings->interfaces.items[i]) && ok;
    for (size_t i = 0; i < settings->grasp_peers.count; i++)
        ok = flood_peer(t, g, settings->grasp_peers.items[i]) && ok;
    return ok;
}

/* How long it is until the next one, ms. */
static int64_t flood_once(const struct grasp *g)
{
    int64_t interval = g->settings->grasp_interval;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    task_init(&t, arena, g->log);
    if (flood_all(&t, g)) {
        notice_stands(g->notice, NULL);
        return interval;
    }
    notice_failing(g->notice, &t);
    return interval < RETRY_MS ? interval : RETRY_MS;
}

static void *grasp_main(void *arg)
{
    struct grasp *g = arg;
    (void)pthread_mutex_lock(&g->lock);
    while (!g->stopping) {
        (void)pthread_mutex_unlock(&g->lock);
        int64_t next = clock_monotonic() + flood_once(g);
        (void)pthread_mutex_lock(&g->lock);
        while (!g->stopping && condition_wait(&g->stop, &g->lock, next))
            continue;
    }
    (void)pthread_mutex_unlock(&g->lock);
    return NULL;
}

/* ---- Start and stop ---- */

static void release(struct grasp *g)
{
    (void)pthread_cond_destroy(&g->stop);
    (void)pthread_mutex_destroy(&g->lock);
    free(g);
}

bool grasp_start(struct task *t, const struct node_discovery *settings, unsigned port,
                 struct notice *notice, struct grasp **ret)
{
    struct grasp *g = calloc(1, sizeof(*g));
    if (g == NULL)
        abort();
    g->settings = settings;
    g->port = port;
    g->notice = notice;
    g->log = t->log;
    (void)pthread_mutex_init(&g->lock, NULL);
    condition_init(&g->stop);
    notice_starting(notice);
    int error = pthread_create(&g->thread, NULL, grasp_main, g);
    if (error != 0) {
        release(g);
        return fail_errno(t, E_GRASP, error, "cannot start its thread");
    }
    (void)pthread_setname_np(g->thread, "grasp");
    *ret = g;
    return true;
}

void grasp_stop(struct grasp *g)
{
    if (g == NULL)
        return;
    (void)pthread_mutex_lock(&g->lock);
    g->stopping = true;
    (void)pthread_cond_signal(&g->stop);
    (void)pthread_mutex_unlock(&g->lock);
    (void)pthread_join(g->thread, NULL);
    release(g);
}
