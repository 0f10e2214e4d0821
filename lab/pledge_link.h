/*
 * A pledge's TLS connection with HTTP/1.1 on it, by libssl.
 *
 * Not by the house's HTTP client: a voucher request holds the certificate that the server shows on
 * the very connection that will carry the request (proximity-registrar-cert, RFC 8995 5.2).  So
 * the handshake comes first, then the body is made, and a provisional connection is judged only
 * once the voucher is there.
 */
#ifndef GATEHOUSE_LAB_PLEDGE_LINK_H
#define GATEHOUSE_LAB_PLEDGE_LINK_H

#include "lab/credentials.h"
#include "lab/pledge_socket.h"
#include "lab/proxy.h"

#include <openssl/ssl.h>

/* How the server is judged during the handshake. */
enum link_trust {
    /* Under the anchors and by its name, or the handshake fails before we show who we are. */
    LINK_VALIDATED,
    /* The same judgement is made and noted, and any server is let through (RFC 8995 5.1). */
    LINK_PROVISIONAL,
    /* Under the anchors, and by its name or as an EST RA (id-kp-cmcRA, RFC 7030 3.6.1). */
    LINK_EST,
    /*
     * It shows the certificate that was pinned, or one under it that has its name (RFC 7030 3.3.1,
     * brski-cloud 4.2).  Fails with E_EST_SERVER_REFUSED.
     */
    LINK_PINNED,
};

/* What all links of a process share; safe for many threads once made. */
struct link_maker {
    SSL_CTX *tls;              /* owned by the arena it was made in */
    struct text_list resolve;  /* "name:port:address": instead of asking the resolver */
    const struct proxy *proxy; /* the way out; NULL: directly */
    int64_t patience;          /* ms for a connection with its handshake, and for an answer */
    bool no_clock;             /* validity dates do not count (RFC 8995 2.6.1) */
};
/* `version`: TLS1_2_VERSION or TLS1_3_VERSION alone, 0 for both.  Fails with E_CRYPTO, E_USAGE. */
MUST_USE bool link_maker_make(struct task *t, int version, const struct text_list *resolve,
                              struct link_maker *ret);

struct link_options {
    const struct place *place; /* host, port and Host header; copied */
    enum link_trust trust;
    const struct anchors *anchors;
    const struct cert *pinned;             /* LINK_PINNED */
    const struct credentials *credentials; /* shown when the server asks; borrowed; NULL: none */
    struct leash *leash;                   /* NULL: nobody else ends it */
    bool stall;                            /* a fault: the handshake goes no further */
};

struct link;

/*
 * Connects and shakes hands.  Closed and freed with the arena.  Fails with E_PEER_UNRESOLVED,
 * E_PEER_UNREACHABLE, E_PROXY, E_PEER_TLS, E_PEER_TIMEOUT, E_ABANDONED.
 */
MUST_USE bool link_open(struct task *t, const struct link_maker *maker,
                        const struct link_options *options, struct link **ret);
/* Ends the connection now.  Accepts NULL and closed links. */
void link_close(struct link *link);

/* Faults of sending. */
enum link_manner {
    LINK_PLAIN,
    LINK_DRIP_HEADER, /* all of it */
    LINK_DRIP_BODY,
    LINK_HALF,    /* and then the connection is closed */
    LINK_HANG_UP, /* before the answer */
};

struct link_request {
    const char *method;
    const char *path;
    const char *media_type; /* of the body; NULL: there is none */
    const char *accept;     /* NULL: no field */
    struct bytes body;
    enum link_manner manner;
};
/*
 * Sends and reads the answer.  A connection that the server has closed meanwhile is opened again,
 * once per call; the server must show the same certificate again (RFC 8995 5).  Fails with the
 * kinds of link_open() and response_read().
 */
MUST_USE bool link_call(struct task *t, struct link *link, const struct link_request *request,
                        struct response *ret);

/* Opens the connection again if it was closed meanwhile; link_call() does so by itself. */
MUST_USE bool link_ready(struct task *t, struct link *link);

/* The chain that the server showed, its own certificate first.  Lives as long as the link. */
const struct cert_list *link_chain(const struct link *link);
/* The server is who the place says, under the anchors given (also for a provisional link). */
bool link_validated(const struct link *link);
/* IPv4 or IPv6, 4 or 16 octets: this end of the connection; absent when there is none. */
struct bytes link_local_address(struct task *t, const struct link *link);
/* "TLSv1.3" */
const char *link_tls_version(const struct link *link);
/* Handshakes made so far: tells whether a call has opened the connection again. */
unsigned link_handshakes(const struct link *link);
/*
 * What binds an enrolment request to this connection (RFC 7030 3.5): tls-unique with TLS 1.2
 * (RFC 5929), tls-exporter with TLS 1.3 (RFC 9266).
 */
MUST_USE bool link_channel_binding(struct task *t, const struct link *link, struct bytes *ret);

#endif
