/*
 * The HTTPS server over libmicrohttpd and GnuTLS: one thread per connection, so that a handler is
 * a straight column of calls that may wait.
 *
 * It accepts connections itself, counts them in all, per IPv4 address and per IPv6 /64, and sweeps:
 * a handshake, header or body that is overdue in total (not merely idle) loses its socket.  Client
 * certificates are requested and never required; nothing is judged here.  The name in SNI is
 * never refused (draft-ietf-anima-constrained-voucher 6.3), and ignored unless there are several
 * identities; session tickets are off, because a resumed session does not know which certificate of
 * ours the client has seen.
 */
#ifndef GATEHOUSE_CORE_HTTP_SERVER_H
#define GATEHOUSE_CORE_HTTP_SERVER_H

#include "core/base/task.h"
#include "core/http/problems.h"

#include <gnutls/abstract.h>

struct http_server;
struct http_connection;

struct http_request {
    const char *method;
    const char *path;       /* decoded, without query */
    const char *parameter;  /* what stands for "{}" or "{*}" in the route's path; NULL: none */
    const char *media_type; /* of the body, lower-case, without parameters; NULL: not named */
    const char *accept;     /* as sent; NULL: anything */
    struct bytes body;
    struct http_connection *connection;
    void *context; /* the route's */
    void *library; /* the server's own */
};

/* A header field of a reply. */
struct http_header {
    const char *name;
    const char *value;
};

/* What it points to is borrowed until the reply has left: the task's arena lives that long. */
struct http_reply {
    int status;             /* 0: the handler chose none: 200 */
    const char *media_type; /* NULL: no body */
    struct bytes body;
    int retry_after;      /* seconds; 0: no header */
    const char *location; /* NULL: no header */
    int max_age;          /* seconds that caches may keep it; 0: no-store */
    bool base64_transfer; /* Content-Transfer-Encoding: base64, for old EST clients (RFC 8951 3) */
    bool close;           /* end the connection after this reply */
    /*
     * Further header fields; ends with a NULL name; NULL: none.  Not those that the members above
     * and the server itself make.
     */
    const struct http_header *headers;
    /*
     * Called once all of the reply has arrived at the client, as far as its TCP says so; not when
     * it left in part, or when the client has not acknowledged it after some seconds.  The task is
     * without problem and deadline; what fails is logged.  NULL: nothing is called.
     */
    bool (*arrived)(struct task *t, void *arg);
    void *arrived_arg;
};

/*
 * False: the task's problem becomes the reply, by the route's statuses and style, and what the
 * handler has put into its own is forgotten.  A reply that cannot be sent (a line break in a header
 * field, a field that is not the handler's to make, more than 4096 octets of fields) is a failure
 * of the handler: E_INTERNAL.
 */
typedef bool (*http_handler)(struct task *t, struct http_request *rq, struct http_reply *reply);

enum http_style {
    HTTP_STYLE_TEXT,    /* text/plain with the problem's public text: pledges and EST clients */
    HTTP_STYLE_PROBLEM, /* application/problem+json with detail and hint: the admin API (RFC 9457)
                         */
};

struct http_route {
    const char *method; /* GET routes answer HEAD too */
    /* Exact; one "{}" stands for one segment, a last "{*}" for all that follows. */
    const char *path;
    /*
     * Media types of the body that are read (lower-case, NULL at the end): a request that names no
     * such type is E_HTTP_MEDIA_TYPE, whether it has a body or not.  NULL: any or none.
     */
    const char *const *media_types;
    /*
     * Media type of the reply when all is well: whoever does not accept it (Accept, RFC 9110
     * 12.5.1) gets E_HTTP_ACCEPT before the handler does anything.  NULL: nobody is asked.
     */
    const char *produces;
    size_t body_limit; /* octets; more is E_TOO_LARGE */
    http_handler handler;
    /*
     * Called before the reply of a failed request leaves (also when the failure came before the
     * handler: media type, size; the body is then what was kept of it), with the problem still in
     * the task; may change the reply; may be NULL.  It has a share in limits.requests as handlers
     * have, and is not called while so many are under way: it may cost more than the refusal.
     */
    void (*failed)(struct task *t, struct http_request *rq, struct http_reply *reply);
    const struct problem_status
        *statuses; /* ends with a NULL kind; others: http_default_status() */
    enum http_style style;
    void *context;
};

struct http_limits {
    unsigned connections;             /* in all */
    unsigned connections_per_address; /* per IPv4 address or IPv6 /64 */
    unsigned requests;                /* in handlers and `failed` at once; beyond: 503 */
    int64_t handshake;                /* ms from accept to the first request line */
    int64_t header;                   /* ms for the rest of the header */
    int64_t body;                     /* ms for a body to come, and for a reply to leave */
    int64_t idle;                     /* ms between requests, the next request line included */
    size_t header_size;               /* octets */
    int retry_after;                  /* seconds, in a 503 */
};

/* Who we are in TLS. */
struct http_identity {
    struct bytes_list chain; /* DER, the end entity first, as it is sent */
    gnutls_privkey_t key;    /* borrowed, for the server's whole life */
};

/*
 * Which clients are let through the handshake; without it certificates are asked for, not demanded,
 * and all are let through.
 */
struct http_clients {
    /*
     * CA certificates, DER, whose names are sent along with the request for a certificate (TLS
     * certificate_authorities).  Clients with other certificates may hold them back, so these are
     * for those who have several.  More than HTTP_AUTHORITIES_MAX octets of names would break
     * handshakes: then none are sent, and the start logs it.
     */
    struct bytes_list authorities;
    /*
     * Judges the chain during the handshake, which ends with an alert when this is false or there
     * is no certificate.  Called from any thread.  NULL: nothing is demanded.
     */
    bool (*known)(void *context, const struct bytes_list *chain);
    void *context;
};
#define HTTP_AUTHORITIES_MAX 8192

/* Who is told of what never came to a handler. */
struct http_witness {
    /*
     * With the problem in the task: E_HTTP_NO_REQUEST when handshake, request line or header were
     * overdue; then it must not wait, for other connections wait for it.  Or what became of a
     * request whose body did not come whole: E_HTTP_INCOMPLETE, unless something was wrong with it
     * before; then it has a share in limits.requests, as handlers have.
     */
    void (*broken)(struct task *t, struct http_connection *connection, void *context);
    void *context;
};

struct http_server_options {
    const char *name;                     /* "pledges", for the log */
    const struct http_identity *identity; /* NULL: no TLS (Unix sockets, or with `plain`) */
    bool plain; /* no TLS on TCP: what is public and signed by itself, such as CRLs */
    const struct http_clients *clients; /* NULL: all */
    struct text_list listen;            /* addresses, or one "unix:/path" */
    unsigned unix_mode;                 /* of the socket's file */
    bool unix_root_only;                /* peers other than root and our own user are turned away */
    const struct http_route *routes;    /* borrowed; ends with a NULL method */
    struct http_limits limits;
    enum http_style style;       /* of errors outside any route */
    struct http_witness witness; /* zeroed: none */
    const struct log *log;
};

/* Listens and serves.  Fails with E_INVALID (address, identity) or E_IO (cannot bind). */
MUST_USE bool http_server_start(struct task *t, const struct http_server_options *options,
                                struct http_server **ret);
/*
 * Shows other certificates from now on; connections under way keep what they have seen (RFC 8995
 * 5).  The first identity is shown unless the client asks (SNI) for a name that the first does not
 * have and a later one does.  What was shown before is given back when the server ends.  Fails with
 * E_INVALID, and changes nothing.
 */
MUST_USE bool http_server_identify(struct task *t, struct http_server *server,
                                   const struct http_identity *identities, size_t count);
/* The port it listens on: of the first address, for a port given as 0. */
unsigned http_server_port(const struct http_server *server);
/*
 * Stops: accepts nothing more, lets requests under way finish until `deadline` (clock_monotonic
 * ms), then closes everything and frees the server.  True when all had finished.  A handler that
 * runs beyond the deadline is waited for, but its reply is lost.
 */
bool http_server_stop(struct http_server *server, int64_t deadline);

struct http_figures {
    unsigned connections;
    unsigned requests; /* in handlers and `failed` */
    uint64_t accepted;
    uint64_t turned_away; /* by the connection limits */
    uint64_t busy;        /* requests for which limits.requests left no place */
    uint64_t swept;       /* overdue */
    uint64_t served;
    int64_t last_beat; /* clock_monotonic() of the sweeper: for the watchdog */
};
struct http_figures http_server_figures(struct http_server *server);

/* The base and HTTP kinds have 400, 403, 404, 405, 406, 409, 413, 415, 502 or 503; others 500. */
int http_default_status(const struct problem_kind *kind);
/* True when the Accept header allows this media type (RFC 9110 12.5.1; q=0 refuses). */
bool http_accepts(const struct http_request *rq, const char *media_type);
/* A parameter of the query, decoded; NULL: not there. */
const char *http_query(struct task *t, const struct http_request *rq, const char *name);
/*
 * The value of a field of the header; lives as long as the request.  NULL: not there, or there more
 * than once: what is sent twice is read by nobody in the way that somebody else read it.
 */
const char *http_request_header(const struct http_request *rq, const char *name);
/* Replies. */
bool http_reply_text(struct http_reply *reply, int status, const char *text);

/* The connection.  What is kept in it lives in its arena, until it closes. */
struct arena *http_connection_arena(struct http_connection *connection);
/* "192.0.2.1:49152"; "unix". */
const char *http_connection_address(struct http_connection *connection);
/* The chain the client showed, DER, end entity first; empty: none. */
struct bytes_list http_connection_peer(struct http_connection *connection);
/* DER of the end-entity certificate that we showed on this connection (RFC 8995 5.2). */
struct bytes http_connection_ours(struct http_connection *connection);
/*
 * What ties a request to this TLS connection (RFC 7030 3.5): tls-exporter (RFC 9266) in TLS 1.3,
 * tls-unique (RFC 5929) in TLS 1.2.  Absent: there is none.  In the task's arena.
 */
struct bytes http_connection_binding(struct task *t, struct http_connection *connection);
/* "TLS1.3"; NULL without TLS. */
const char *http_connection_tls(struct http_connection *connection);
/* Effective user of a Unix socket's peer. */
unsigned http_connection_user(struct http_connection *connection);
/* A place for what a room wants to keep with the connection, one for each `key` (an address). */
void **http_connection_slot(struct http_connection *connection, const void *key);
/*
 * Ends the connection at once: its peer sees the end of it without a reply.  For a handler or
 * `failed`, whose reply is forgotten.
 */
void http_connection_drop(struct http_connection *connection);

#endif
