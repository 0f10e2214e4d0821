/* Addresses: which are public, which belong together, which networks are allowed. */
#ifndef GATEHOUSE_CORE_HTTP_ADDRESS_H
#define GATEHOUSE_CORE_HTTP_ADDRESS_H

#include "core/base/task.h"

#include <sys/socket.h>

/* "192.0.2.1:8443", "[2001:db8::1]:8443"; "unix" for a Unix socket. */
char *address_to_text(struct arena *arena, const struct sockaddr *address);
/* "host:port", "[host]:port" or ":port" (every address) with a numeric host.  Fails: E_INVALID. */
MUST_USE bool address_from_text(struct task *t, const char *text, struct sockaddr_storage *ret,
                                socklen_t *ret_len);
/* Globally reachable unicast: none of the special-purpose blocks of RFC 6890 and its updates. */
bool address_is_public(const struct sockaddr *address);
/* True when the address is in one of the networks ("10.0.0.0/8", "fd00::/8", "192.0.2.7"). */
bool address_in(const struct sockaddr *address, const struct text_list *networks);
MUST_USE bool network_check(struct task *t, const char *network);
/*
 * What connections are counted under: the IPv4 address, or the IPv6 /64 (IPv4-mapped addresses
 * count as IPv4).  17 octets.
 */
struct address_group {
    uint8_t octets[17];
};
struct address_group address_group(const struct sockaddr *address);

#endif
