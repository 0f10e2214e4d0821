/* TCP connections with a time limit. */
#ifndef GATEHOUSE_LAB_PLEDGE_SOCKET_H
#define GATEHOUSE_LAB_PLEDGE_SOCKET_H

#include "lab/place.h"

/* "name:port:address", the address with or without brackets.  Fails with E_USAGE. */
MUST_USE bool resolve_check(struct task *t, const char *entry);
/* What to ask the resolver for: an address that `resolve` gives, or the host itself. */
const char *resolve_host(struct task *t, const struct place *place,
                         const struct text_list *resolve);
/*
 * Connects to any of the host's addresses until `deadline` (clock_monotonic() ms); the first entry
 * of `resolve` for this name and port says which address that is.  A non-blocking socket.  Fails
 * with E_PEER_UNRESOLVED, E_PEER_UNREACHABLE, E_PEER_TIMEOUT.
 */
MUST_USE bool socket_connect(struct task *t, const struct place *place,
                             const struct text_list *resolve, int64_t deadline, int *ret);
/* Waits for `events` of poll(2).  Fails with E_PEER_TIMEOUT. */
MUST_USE bool socket_wait(struct task *t, int fd, short events, int64_t deadline);

#endif
