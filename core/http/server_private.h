/*
 * What the files of the server share and nobody else sees.
 *
 * server.c             start, stop, figures
 * server_listen.c      sockets that listen, and the thread that accepts
 * server_turnstile.c   how many connections, in all and per address
 * server_connections.c a connection from its first octet to its close; the sweeper
 * server_tls.c         GnuTLS: who we are, whom we see
 * server_clients.c     which clients are let through the handshake
 * server_exchange.c    a request and its reply, step by step as libmicrohttpd hands them over
 * server_check.c       what must be refused before anything is read further
 * server_target.c      request targets, routes, queries
 * server_reply.c       problems and what is replied to them
 * server_fields.c      replies as they go out, with their header fields
 */
#ifndef GATEHOUSE_CORE_HTTP_SERVER_PRIVATE_H
#define GATEHOUSE_CORE_HTTP_SERVER_PRIVATE_H

#include "core/http/address.h"
#include "core/http/body.h"
#include "core/http/server.h"

#include <pthread.h>
#include <stdatomic.h>

struct MHD_Connection;
struct MHD_Daemon;
struct MHD_Response;
struct exchange;
struct server_tls;
struct tls_clients;
struct turnstile;

struct listener {
    int socket;
    const char *text;      /* as configured */
    const char *unix_path; /* NULL: TCP */
};

struct http_server {
    struct arena *arena;
    const char *name;
    const struct http_route *routes;
    struct http_limits limits;
    enum http_style style;
    struct http_witness witness;
    const struct log *log;
    bool unix_root_only;
    bool plain;

    bool secure;
    _Atomic(struct server_tls *) tls; /* NULL: none */
    struct tls_clients *clients;      /* NULL: all are let in */
    struct turnstile *turnstile;
    struct listener *listeners;
    size_t listener_count;
    int wake; /* eventfd: the acceptor is to end */
    struct MHD_Daemon *daemon;
    pthread_t acceptor;
    pthread_t sweeper;
    bool accepting; /* the thread runs */
    bool sweeping;  /* the thread runs */

    pthread_mutex_t lock;  /* for what follows */
    pthread_cond_t closed; /* a connection went */
    pthread_cond_t beat;   /* the sweeper is to end */
    struct http_connection *connections;
    bool sweeping_over;

    atomic_bool stopping;
    atomic_uint open; /* connections */
    atomic_uint requests;
    atomic_uint_fast64_t accepted;
    atomic_uint_fast64_t turned_away;
    atomic_uint_fast64_t busy;
    atomic_uint_fast64_t swept;
    atomic_uint_fast64_t served;
    atomic_int_fast64_t last_beat;
};

/* What a connection is doing, which says what limits its time. */
enum phase {
    PHASE_HANDSHAKE, /* and the first request line */
    PHASE_IDLE,      /* until the next request line has come */
    PHASE_HEADER,
    PHASE_BODY,
    PHASE_HANDLER, /* no limit of ours */
    PHASE_REPLY,
};

struct slot {
    struct slot *next;
    const void *key;
    void *value;
};

struct http_connection {
    struct http_server *server;
    struct http_connection *next; /* these three under the server's lock */
    struct http_connection *previous;
    bool swept;
    int socket;
    atomic_int phase;
    atomic_int_fast64_t due; /* clock_monotonic() ms; 0: no limit now */

    /* The rest belongs to the connection's own thread. */
    struct arena *arena;
    struct task task; /* for its trace */
    const char *address;
    struct address_group group;
    unsigned user;
    gnutls_session_t session;  /* NULL: no TLS */
    struct exchange *exchange; /* the request at hand; NULL: none */
    struct slot *slots;
    struct bytes_list peer;
    struct bytes ours;
    bool peer_known;
    bool ours_known;
    bool close;    /* after the next reply */
    bool asked;    /* a request line has come */
    bool dropped;  /* see http_connection_drop() */
    bool headless; /* the last request's header did not come whole */
};

/* A request target (RFC 9112 3.2), its path cut at "/" and each part decoded. */
struct target {
    const char **parts;
    size_t count;
    const char *path;  /* decoded */
    const char *query; /* as sent; NULL: none */
};

/* The header fields of a reply, but those that say where it ends. */
struct reply_fields {
    struct http_header *items;
    size_t count;
};

/* One request and its reply; lives in an arena of its own. */
struct exchange {
    struct http_connection *connection;
    struct MHD_Connection *mhd; /* NULL before the header is complete */
    struct arena *arena;
    struct task task;
    int64_t begun; /* clock_monotonic() ms */
    const char *uri;
    const char *route_allow; /* the methods of a path, when the method was refused */
    const struct http_route *route;
    struct target target;
    struct http_request request;
    struct http_reply reply;
    struct reply_fields fields; /* of the reply */
    bool header_too_large;
    bool doubtful; /* the request's framing is not to be trusted: nothing after it is read */
    bool whole;    /* all of the request has come */
    bool answered; /* by us: libmicrohttpd refuses what it cannot read at all */
    bool cut;      /* answered while the body was coming */
    struct body body;
    size_t drained;
};

/* server_listen.c */
MUST_USE bool listen_open(struct task *t, struct http_server *server, const struct text_list *texts,
                          unsigned unix_mode);
MUST_USE bool acceptor_start(struct task *t, struct http_server *server);
/* Nothing is accepted any more, and the sockets are closed.  Also after a failed start. */
void listen_close(struct http_server *server);

/* server_turnstile.c: called from any thread. */
struct turnstile *turnstile_make(struct arena *arena, unsigned all, unsigned per_group);
void turnstile_free(struct turnstile *turnstile);
MUST_USE bool turnstile_enter(struct turnstile *turnstile, const struct address_group *group);
void turnstile_leave(struct turnstile *turnstile, const struct address_group *group);

/* server_connections.c */
struct http_connection *connection_open(struct http_server *server, struct MHD_Connection *mhd);
void connection_close(struct http_connection *connection);
/* The connection enters a phase, and the limit of that phase begins. */
void connection_enter(struct http_connection *connection, enum phase phase);
MUST_USE bool sweeper_start(struct task *t, struct http_server *server);
void sweeper_stop(struct http_server *server);
/* Ends what waits for a request; true when others are left, which end with their reply. */
bool connections_dismiss(struct http_server *server);
/* Sends beside libmicrohttpd, which is sending nothing.  False when not all of it was taken. */
MUST_USE bool connection_send(struct http_connection *connection, struct bytes octets);
/* The client's TCP has acknowledged all that was sent; waits some seconds for that. */
MUST_USE bool connection_settled(const struct http_connection *connection);
/* The last reply has left: reads for a while what the peer still sends, so that it sees it. */
void connection_linger(struct http_connection *connection);

/* server_tls.c */
/* MHD_OPTION_HTTPS_CERT_CALLBACK, and what goes with it. */
extern gnutls_certificate_retrieve_function2 tls_choose_certificate;
extern const char tls_priorities[];
/* The chain the client showed; false: it is more than is looked at. */
MUST_USE bool tls_peer(struct arena *arena, gnutls_session_t session, struct bytes_list *ret);
const struct tls_clients *tls_clients_of(gnutls_session_t session);
/* Before the handshake: what we are, and that a client certificate is asked for. */
void tls_begin(gnutls_session_t session, const struct http_server *server);

/* server_clients.c */
MUST_USE bool clients_make(struct task *t, struct arena *arena, const struct http_clients *clients,
                           struct tls_clients **ret);
/* Before the handshake. */
void clients_demand(gnutls_session_t session, const struct tls_clients *clients);

/* server_exchange.c */
struct exchange *exchange_make(struct http_connection *connection, const char *uri);
/* The header is complete.  False: libmicrohttpd is to close the connection. */
MUST_USE bool exchange_header(struct exchange *x, struct MHD_Connection *mhd, const char *method,
                              const char *version);
MUST_USE bool exchange_body(struct exchange *x, const char *data, size_t len);
/* The request is complete. */
MUST_USE bool exchange_done(struct exchange *x);
/*
 * The reply has left, or never will; frees the exchange.  `status` is that of libmicrohttpd's
 * reply; 0: it has made none.  True when there was a reply while the request was still coming.
 */
bool exchange_end(struct exchange *x, unsigned status, bool complete);

/* server_check.c */
/* RFC 9112 6.3: a body whose length is in doubt is refused.  Fails with E_MALFORMED. */
MUST_USE bool check_framing(struct task *t, struct MHD_Connection *mhd, const char *method,
                            const char *version);
/* Octets from the request line to the empty line. */
size_t header_size(struct MHD_Connection *mhd);
/* Content-Length; 0 when there is none. */
uint64_t header_length(struct MHD_Connection *mhd);
bool header_expects_continue(struct MHD_Connection *mhd, const char *version);
/* All fields of that name, joined as RFC 9110 5.3 has it; NULL: none. */
const char *header_joined(struct arena *arena, struct MHD_Connection *mhd, const char *name);

/* server_target.c */
MUST_USE bool target_parse(struct task *t, const char *uri, struct target *ret);
/* Fails with E_HTTP_PATH or E_HTTP_METHOD. */
MUST_USE bool route_find(struct task *t, const struct http_route *routes, const char *method,
                         const struct target *target, const struct http_route **ret_route,
                         const char **ret_parameter);
/* "GET, HEAD, POST": what the path's routes answer. */
const char *route_methods(struct arena *arena, const struct http_route *routes,
                          const struct target *target);

/* server_reply.c */
void reply_problem(struct exchange *x);

/* server_fields.c */
/* Makes the reply's header fields.  Fails with E_INTERNAL when one of them cannot be sent. */
MUST_USE bool reply_gather(struct exchange *x);
/* The reply, its fields gathered, for libmicrohttpd; NULL when it is out of memory. */
struct MHD_Response *reply_build(const struct exchange *x);
/* The reply as it is sent (RFC 9112 4). */
struct bytes reply_write(const struct exchange *x);
unsigned reply_status(const struct exchange *x);

#endif
