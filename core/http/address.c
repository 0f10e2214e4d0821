#include "core/http/address.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define IPV4_MAPPED_BITS 96 /* ::ffff:0:0/96 (RFC 4291 2.5.5.2) */

/* Every address as 16 octets: IPv4 as IPv4-mapped IPv6, so that one comparison serves both. */
struct wide {
    bool is_ipv4;
    uint8_t octets[16];
};

struct network {
    struct wide address;
    unsigned bits; /* of the 128 */
};

static const uint8_t ipv4_mapped[IPV4_MAPPED_BITS / 8] = {[10] = 0xFF, [11] = 0xFF};

static struct wide wide_of_ipv4(const struct in_addr *address)
{
    struct wide wide = {.is_ipv4 = true};
    memcpy(wide.octets, ipv4_mapped, sizeof(ipv4_mapped));
    memcpy(wide.octets + sizeof(ipv4_mapped), address, sizeof(*address));
    return wide;
}

static struct wide wide_of_ipv6(const struct in6_addr *address)
{
    struct wide wide = {.is_ipv4 = IN6_IS_ADDR_V4MAPPED(address)};
    memcpy(wide.octets, address, sizeof(wide.octets));
    return wide;
}

/* False for families without IP addresses. */
static bool wide_of(const struct sockaddr *address, struct wide *ret)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof(in));
        *ret = wide_of_ipv4(&in.sin_addr);
        return true;
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof(in6));
        *ret = wide_of_ipv6(&in6.sin6_addr);
        return true;
    }
    return false;
}

static unsigned port_of(const struct sockaddr *address)
{
    in_port_t port = 0;
    if (address->sa_family == AF_INET)
        memcpy(&port, (const char *)address + offsetof(struct sockaddr_in, sin_port), sizeof(port));
    else if (address->sa_family == AF_INET6)
        memcpy(&port, (const char *)address + offsetof(struct sockaddr_in6, sin6_port),
               sizeof(port));
    return ntohs(port);
}

char *address_to_text(struct arena *arena, const struct sockaddr *address)
{
    char text[INET6_ADDRSTRLEN];
    struct wide wide;
    if (!wide_of(address, &wide))
        return arena_strdup(arena, address->sa_family == AF_UNIX ? "unix" : "unknown");
    if (wide.is_ipv4) {
        (void)inet_ntop(AF_INET, wide.octets + sizeof(ipv4_mapped), text, sizeof(text));
        return arena_printf(arena, "%s:%u", text, port_of(address));
    }
    (void)inet_ntop(AF_INET6, wide.octets, text, sizeof(text));
    return arena_printf(arena, "[%s]:%u", text, port_of(address));
}

/* Decimal digits and nothing else, at most `max`. */
static bool number_from_text(const char *text, unsigned max, unsigned *ret)
{
    size_t len = strlen(text);
    if (len == 0 || len > 5 || strspn(text, "0123456789") != len)
        return false;
    unsigned long number = strtoul(text, NULL, 10);
    if (number > max)
        return false;
    *ret = (unsigned)number;
    return true;
}

static void set_ipv4(struct in_addr host, unsigned port, struct sockaddr_storage *ret,
                     socklen_t *ret_len)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    in.sin_port = htons((in_port_t)port);
    in.sin_addr = host;
    memset(ret, 0, sizeof(*ret));
    memcpy(ret, &in, sizeof(in));
    *ret_len = sizeof(in);
}

static void set_ipv6(struct in6_addr host, unsigned port, struct sockaddr_storage *ret,
                     socklen_t *ret_len)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    in6.sin6_port = htons((in_port_t)port);
    in6.sin6_addr = host;
    memset(ret, 0, sizeof(*ret));
    memcpy(ret, &in6, sizeof(in6));
    *ret_len = sizeof(in6);
}

bool address_from_text(struct task *t, const char *text, struct sockaddr_storage *ret,
                       socklen_t *ret_len)
{
    unsigned port;
    struct in_addr ipv4;
    struct in6_addr ipv6;
    const char *colon = strrchr(text, ':');
    ENSURE(t, colon != NULL, E_INVALID, "address \"%s\" has no port", text);
    ENSURE(t, number_from_text(colon + 1, UINT16_MAX, &port), E_INVALID,
           "address \"%s\": the port is no number up to 65535", text);
    const char *host = arena_strndup(t->arena, text, (size_t)(colon - text));
    size_t len = strlen(host);
    if (len == 0) {
        set_ipv6(in6addr_any, port, ret, ret_len);
        return true;
    }
    if (inet_pton(AF_INET, host, &ipv4) == 1) {
        set_ipv4(ipv4, port, ret, ret_len);
        return true;
    }
    ENSURE(t, host[0] == '[' && host[len - 1] == ']', E_INVALID,
           "address \"%s\": the host is neither IPv4 nor IPv6 in brackets", text);
    const char *inner = arena_strndup(t->arena, host + 1, len - 2);
    ENSURE(t, inet_pton(AF_INET6, inner, &ipv6) == 1, E_INVALID,
           "address \"%s\": no IPv6 address in the brackets", text);
    set_ipv6(ipv6, port, ret, ret_len);
    return true;
}

static bool network_from_text(const char *text, struct network *ret)
{
    char host[INET6_ADDRSTRLEN];
    struct in_addr ipv4;
    struct in6_addr ipv6;
    unsigned bits;
    struct network network = {.bits = 128};
    size_t len = strcspn(text, "/");
    if (len >= sizeof(host))
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    bool narrow = inet_pton(AF_INET, host, &ipv4) == 1;
    if (narrow)
        network.address = wide_of_ipv4(&ipv4);
    else if (inet_pton(AF_INET6, host, &ipv6) == 1)
        network.address = wide_of_ipv6(&ipv6);
    else
        return false;
    if (text[len] == '/') {
        if (!number_from_text(text + len + 1, narrow ? 32 : 128, &bits))
            return false;
        network.bits = narrow ? IPV4_MAPPED_BITS + bits : bits;
    }
    *ret = network;
    return true;
}

static bool network_has(const struct network *network, const struct wide *address)
{
    if (network->address.is_ipv4 != address->is_ipv4)
        return false;
    size_t whole = network->bits / 8;
    unsigned rest = network->bits % 8;
    if (memcmp(network->address.octets, address->octets, whole) != 0)
        return false;
    if (rest == 0)
        return true;
    uint8_t mask = (uint8_t)(0xFF00U >> rest);
    return ((network->address.octets[whole] ^ address->octets[whole]) & mask) == 0;
}

static bool wide_in(const struct wide *address, const char *const *networks, size_t count)
{
    struct network network;
    for (size_t i = 0; i < count; i++) {
        if (network_from_text(networks[i], &network) && network_has(&network, address))
            return true;
    }
    return false;
}

bool address_in(const struct sockaddr *address, const struct text_list *networks)
{
    struct wide wide;
    return wide_of(address, &wide) && wide_in(&wide, networks->items, networks->count);
}

bool network_check(struct task *t, const char *network)
{
    struct network parsed;
    ENSURE(t, network_from_text(network, &parsed), E_INVALID,
           "\"%s\" is no network: write it like 10.0.0.0/8, fd00::/8 or 192.0.2.7", network);
    return true;
}

/* RFC 6890 table 1 to 16 with the registry's later entries, multicast and what is reserved. */
static const char *const special_ipv4[] = {
    "0.0.0.0/8",       /* this network */
    "10.0.0.0/8",      /* private */
    "100.64.0.0/10",   /* shared by a carrier */
    "127.0.0.0/8",     /* loopback */
    "169.254.0.0/16",  /* link local */
    "172.16.0.0/12",   /* private */
    "192.0.0.0/24",    /* protocol assignments */
    "192.0.2.0/24",    /* documentation */
    "192.31.196.0/24", /* AS112 */
    "192.52.193.0/24", /* AMT */
    "192.88.99.0/24",  /* 6to4 relays, deprecated */
    "192.168.0.0/16",  /* private */
    "192.175.48.0/24", /* AS112 */
    "198.18.0.0/15",   /* benchmarks */
    "198.51.100.0/24", /* documentation */
    "203.0.113.0/24",  /* documentation */
    "224.0.0.0/4",     /* multicast */
    "240.0.0.0/4",     /* reserved, broadcast */
};

/* RFC 6890 table 17 to 29 and the registry's later entries, within 2000::/3. */
static const char *const special_ipv6[] = {
    "2001::/23",         /* protocol assignments: Teredo, ORCHID, benchmarks */
    "2001:db8::/32",     /* documentation */
    "2002::/16",         /* 6to4: holds any IPv4 address */
    "2620:4f:8000::/48", /* AS112 */
    "3fff::/20",         /* documentation */
};

/* All that is given out for global unicast (RFC 4291 2.4, the registry of RFC 7249). */
static const char *const global_ipv6[] = {"2000::/3"};

/* RFC 6052 2.1: the IPv4 address at its end is what is reached. */
static const char *const translated_ipv4[] = {"64:ff9b::/96"};

bool address_is_public(const struct sockaddr *address)
{
    struct wide wide;
    if (!wide_of(address, &wide))
        return false;
    if (wide_in(&wide, translated_ipv4, ARRAY_SIZE(translated_ipv4))) {
        memcpy(wide.octets, ipv4_mapped, sizeof(ipv4_mapped));
        wide.is_ipv4 = true;
    }
    if (wide.is_ipv4)
        return !wide_in(&wide, special_ipv4, ARRAY_SIZE(special_ipv4));
    return wide_in(&wide, global_ipv6, ARRAY_SIZE(global_ipv6)) &&
           !wide_in(&wide, special_ipv6, ARRAY_SIZE(special_ipv6));
}

struct address_group address_group(const struct sockaddr *address)
{
    struct address_group group = {{0}};
    struct wide wide;
    if (!wide_of(address, &wide))
        return group;
    group.octets[0] = wide.is_ipv4 ? 4 : 6;
    /* RFC 4291 2.5.4: the lower 64 bits are one host's to choose. */
    memcpy(group.octets + 1, wide.octets, wide.is_ipv4 ? sizeof(wide.octets) : 8);
    return group;
}
