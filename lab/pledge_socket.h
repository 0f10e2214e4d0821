/* TCP connections with a time limit, which another thread may cut short. */
#ifndef GATEHOUSE_LAB_PLEDGE_SOCKET_H
#define GATEHOUSE_LAB_PLEDGE_SOCKET_H

#include "lab/place.h"

#include <stdatomic.h>

/*
 * Between whoever waits for a peer and whoever watches: tells of progress, and ends the waiting.
 * Made and released by the watcher.
 */
struct leash {
    int pulled;                 /* eventfd(2), readable once the waiting is to end */
    atomic_int_least64_t moved; /* clock_monotonic() ms: when there was progress */
};
/* Released with the arena. */
MUST_USE bool leash_make(struct task *t, struct leash *ret);
void leash_pull(struct leash *leash);
/* For another try after it was pulled. */
void leash_slacken(struct leash *leash);
/*
 * A step is done: a handshake, an answer.  Octets that drip in are no progress (RFC 8995 5.1: a
 * slow peer must not keep others away).  `leash` may be NULL.
 */
void leash_move(struct leash *leash);
/* Nothing for so many ms.  Fails with E_ABANDONED when it is pulled; `leash` may be NULL. */
MUST_USE bool leash_rest(struct task *t, const struct leash *leash, int64_t duration);

/* "name:port:address", the address with or without brackets.  Fails with E_USAGE. */
MUST_USE bool resolve_check(struct task *t, const char *entry);
/* What to ask the resolver for: an address that `resolve` gives, or the host itself. */
const char *resolve_host(struct task *t, const struct place *place,
                         const struct text_list *resolve);
struct socket_rules {
    const struct text_list
        *resolve;     /* the first entry for name and port says where to; NULL: none */
    bool public_only; /* special-purpose addresses (RFC 6890) are passed over */
    const struct text_list *networks; /* but for these; NULL: none */
    struct leash *leash;              /* NULL: nobody ends it */
    int64_t deadline;                 /* clock_monotonic() ms */
};
/*
 * Connects to any of the host's addresses.  A non-blocking socket.  Fails with E_PEER_UNRESOLVED,
 * E_PEER_UNREACHABLE, E_PEER_ADDRESS (none that is allowed), E_PEER_TIMEOUT, E_ABANDONED.
 */
MUST_USE bool socket_connect(struct task *t, const struct place *place,
                             const struct socket_rules *rules, int *ret);
/*
 * Waits for `events` of poll(2).  Fails with E_PEER_TIMEOUT, or E_ABANDONED when the leash (may be
 * NULL) is pulled.
 */
MUST_USE bool socket_wait(struct task *t, int fd, short events, struct leash *leash,
                          int64_t deadline);

#endif
