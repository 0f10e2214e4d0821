/*
 * What the files of the client share and nobody else sees.
 *
 * client.c       handles that are kept, and by what they are told apart
 * client_call.c  one call: what libcurl is told, what it tells us, what a failure means
 * client_tls.c   whom to trust and what to show
 */
#ifndef GATEHOUSE_CORE_HTTP_CLIENT_PRIVATE_H
#define GATEHOUSE_CORE_HTTP_CLIENT_PRIVATE_H

#include "core/http/client.h"

#include <openssl/ssl.h>
#include <pthread.h>

/*
 * A name lookup that does not end goes on in a thread that libcurl leaves behind.  So many are
 * taken to be there at once; beyond, nothing new is looked up until the oldest must have ended.
 */
#define LOOKUPS_STALLED_MAX 32
#define LOOKUP_LIFE_MS      (60 * 1000LL)

struct curl_slist;

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

    pthread_mutex_t lock;                 /* for what follows */
    struct kept *kept;                    /* options.idle_connections places */
    int64_t stalled[LOOKUPS_STALLED_MAX]; /* when each lookup that was left must have ended */
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
    enum stage stage;
    bool failed;             /* a callback has called fail() */
    const char *not_allowed; /* an address that was refused */
    bool allowed;            /* an address was tried */
    size_t header_octets;
    bool header_whole;
    uint8_t *body;
    size_t body_len;
    size_t body_room;
};

/* client.c */
MUST_USE bool client_may_look_up(struct http_client *client);
void client_note_stalled(struct http_client *client);

/* client_call.c */
/* Scheme, host and port; fails with E_PEER_URL. */
MUST_USE bool origin_of(struct task *t, const struct http_call *call, struct origin *ret);
/* `easy` may have served a call to the same place before. */
MUST_USE bool call_perform(struct call *call, void *easy, struct http_answer *ret);

/* client_tls.c */
/* Fails with E_PEER_TLS. */
MUST_USE bool client_tls_prepare(struct task *t, SSL_CTX *context, const struct http_target *target,
                                 const struct origin *origin);

#endif
