/*
 * The way out of a network by its proxy: HTTP CONNECT (RFC 9110 9.3.6) or SOCKS 5 (RFC 1928, 1929).
 * The proxy resolves names.
 */
#ifndef GATEHOUSE_LAB_PROXY_H
#define GATEHOUSE_LAB_PROXY_H

#include "lab/place.h"
#include "lab/response.h"

enum proxy_kind { PROXY_HTTP, PROXY_SOCKS };

struct proxy {
    enum proxy_kind kind;
    struct place place;   /* of the proxy: where to connect to */
    const char *user;     /* NULL: no credentials */
    const char *password; /* a secret */
};

/* "http://host[:8080]" or "socks5://host[:1080]".  Fails with E_INVALID. */
MUST_USE bool proxy_from_text(struct task *t, const char *text, struct proxy *ret);
/* "user:password", as a file has it.  Fails with E_INVALID. */
MUST_USE bool proxy_set_credentials(struct task *t, struct bytes text, struct proxy *proxy);

/* A connection to the proxy. */
struct proxy_wire {
    struct octet_source source;
    MUST_USE bool (*write)(struct task *t, void *context, struct bytes octets);
    void *context;
};
/*
 * Asks for a way to `place`; afterwards the connection leads there.  Fails with E_PROXY when the
 * proxy says no, E_PEER_ANSWER or E_TOO_LARGE when it does not speak its protocol, and as the wire.
 */
MUST_USE bool proxy_pass(struct task *t, const struct proxy *proxy, const struct place *place,
                         const struct proxy_wire *wire);

#endif
