/*
 * What the files of the client share and nobody else sees.
 *
 * client.c          handles that are kept, and by what they are told apart
 * client_call.c     one call: what libcurl is told, what it tells us, what a failure means
 * client_lookups.c  how many names are looked up at once
 * client_proxy.c    the proxy on the way, and which hosts it is asked for
 * client_tls.c      whom to trust and what to show
 */
#ifndef GATEHOUSE_CORE_HTTP_CLIENT_PRIVATE_H
#define GATEHOUSE_CORE_HTTP_CLIENT_PRIVATE_H

#include "core/http/body.h"
#include "core/http/client.h"

#include <openssl/ssl.h>
#include <pthread.h>

/*
 * A name lookup that does not end goes on in a thread that libcurl leaves behind, which is taken to
 * last for LOOKUP_LIFE_MS.  A name with so many of them is not looked up again before one of them
 * must have ended, whatever other names do; and there are never more than so many in all.
 */
#define LOOKUPS_STALLED_PER_HOST 4
#define LOOKUPS_MAX              256
#define LOOKUP_LIFE_MS           (60 * 1000LL)

struct curl_slist;

struct lookup {
    uint8_t host[SHA256_LEN];
    int64_t until; /* clock_monotonic() ms when it has ended; 0: free; INT64_MAX: waited for */
};

/* A libcurl handle with its open connection, between two calls. */
struct kept {
    void *easy; /* NULL: the place is free */
    uint8_t key[SHA256_LEN];
    int64_t since; /* clock_monotonic() ms */
};

struct http_client {
    struct arena *arena;
    struct http_client_options options;
    struct curl_slist *resolve;

    pthread_mutex_t lock; /* for what follows */
    struct kept *kept;    /* options.idle_connections places */
    struct lookup lookups[LOOKUPS_MAX];
};

/* Where a URL leads. */
struct origin {
    const char *host; /* without brackets and final dot */
    const char *port;
    bool secure;
    bool numeric; /* the host is an address */
};

/* How far a call has come. */
enum stage { STAGE_NONE, STAGE_LOOKUP, STAGE_CONNECT, STAGE_HANDSHAKE, STAGE_TALK };

/* One call under way; the argument of libcurl's callbacks. */
struct call {
    struct task *task;
    struct http_client *client;
    const struct http_call *what;
    struct origin origin;
    const struct http_proxy *proxy; /* NULL: none is on the way */
    struct origin via;              /* where it is */
    enum stage stage;
    struct lookup *lookup;   /* under way; NULL: none */
    bool failed;             /* a callback has called fail() */
    const char *not_allowed; /* an address that was refused */
    bool allowed;            /* an address was tried */
    size_t header_octets;
    bool header_whole;
    struct body body;
};

/* client_lookups.c */
/* Fails with E_PEER_UNRESOLVED (this host) or E_RESOLVER_BUSY (any). */
MUST_USE bool lookup_begin(struct task *t, struct http_client *client, const char *host,
                           struct lookup **ret);
/* `lookup` may be NULL.  `stalled`: nobody waits for it any more, but it has not ended. */
void lookup_end(struct http_client *client, struct lookup *lookup, bool stalled);

/* client_proxy.c */
/* Sets `proxy` and `via`.  Fails with E_PEER_PROXY, and E_PEER_ADDRESS when it is not to be asked.
 */
MUST_USE bool proxy_choose(struct call *call);

/* client_call.c */
/* Its parts; `ret_more` (may be NULL) whether there is more than scheme, host and port. */
MUST_USE bool url_origin(struct task *t, const char *url, const char *scheme, struct origin *ret,
                         bool *ret_more);
/* Scheme, host and port; fails with E_PEER_URL. */
MUST_USE bool origin_of(struct task *t, const struct http_call *call, struct origin *ret);
/* `easy` may have served a call to the same place before. */
MUST_USE bool call_perform(struct call *call, void *easy, struct http_answer *ret);

/* client_tls.c */
/* Fails with E_PEER_TLS. */
MUST_USE bool client_tls_prepare(struct task *t, SSL_CTX *context, const struct http_target *target,
                                 const struct origin *origin);

#endif
