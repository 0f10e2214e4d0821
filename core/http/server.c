#include "core/http/server.h"

#include "core/base/clock.h"
#include "core/base/condition.h"
#include "core/http/server_private.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include <microhttpd.h>

/* Beside the header itself: what libmicrohttpd notes about its fields, and the reply's header. */
#define POOL_RESERVE (8UL * 1024)
#define STACK_SIZE   (1024UL * 1024)
/* How often a stopping server looks for connections that have become idle. */
#define DRAIN_BEAT_MS 50

static void on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = connection_open(cls, mhd);
    } else {
        connection_close(*context);
        *context = NULL;
    }
}

static struct http_connection *connection_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* The request line is there, untouched as yet: the request begins. */
static void *on_request_line(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    (void)cls;
    return exchange_make(connection_of(mhd), uri);
}

/* Called when the header is complete, for each piece of the body, and when all is there. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **context)
{
    struct exchange *x = *context;
    bool ok;
    (void)cls;
    (void)url; /* decoded by libmicrohttpd, where %00 ends it: not used */
    if (x->mhd == NULL) {
        ok = exchange_header(x, mhd, method, version);
    } else if (*len > 0) {
        ok = exchange_body(x, data, *len);
        *len = 0;
    } else {
        ok = exchange_done(x);
    }
    return ok ? MHD_YES : MHD_NO;
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode code)
{
    const union MHD_ConnectionInfo *status =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_HTTP_STATUS);
    (void)cls;
    bool unread = exchange_end(*context, status == NULL ? 0 : status->http_status,
                               code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    *context = NULL;
    if (unread)
        connection_linger(connection_of(mhd));
}

/*
 * libmicrohttpd's own timeout is left off: it is an idle timer, and one that spins through its last
 * second.  The sweeper does that work.
 */
static bool start_daemon(struct task *t, struct http_server *server)
{
    const unsigned int flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
                               MHD_USE_POLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC |
                               (server->secure ? MHD_USE_TLS : 0);
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, server, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
        server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_URI_LOG_CALLBACK,
        on_request_line, server, MHD_OPTION_CONNECTION_LIMIT, UINT_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, server->limits.header_size + POOL_RESERVE,
        MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_SIZE, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        /* Ignored without TLS. */
        MHD_OPTION_HTTPS_CERT_CALLBACK, tls_choose_certificate, MHD_OPTION_HTTPS_PRIORITIES,
        tls_priorities, MHD_OPTION_END);
    ENSURE(t, server->daemon != NULL, E_INTERNAL, "libmicrohttpd does not start");
    return true;
}

static void init_locks(struct http_server *server)
{
    (void)pthread_mutex_init(&server->lock, NULL);
    condition_init(&server->closed);
    condition_init(&server->beat);
}

static struct http_server *make_server(const struct http_server_options *options)
{
    struct arena *arena = arena_create();
    struct http_server *server = arena_alloc(arena, sizeof(*server));
    bool is_unix = options->identity == NULL && !options->plain;
    server->arena = arena;
    server->name = arena_strdup(arena, options->name);
    server->routes = options->routes;
    server->limits = options->limits;
    server->style = options->style;
    server->witness = options->witness;
    server->log = options->log;
    server->unix_root_only = options->unix_root_only;
    server->plain = options->plain;
    server->wake = -1;
    /* A Unix socket's peers have no addresses to be told apart by. */
    server->turnstile = turnstile_make(arena, options->limits.connections,
                                       is_unix ? options->limits.connections
                                               : options->limits.connections_per_address);
    atomic_store(&server->last_beat, clock_monotonic());
    init_locks(server);
    return server;
}

static bool open_tls(struct task *t, struct http_server *server,
                     const struct http_server_options *options)
{
    server->secure = true;
    if (options->clients != NULL)
        TRY(clients_make(t, server->arena, options->clients, &server->clients));
    return http_server_identify(t, server, options->identity, 1);
}

static bool open_server(struct task *t, struct http_server *server,
                        const struct http_server_options *options)
{
    if (options->identity != NULL)
        TRY(open_tls(t, server, options));
    TRY(listen_open(t, server, &options->listen, options->unix_mode));
    TRY(start_daemon(t, server));
    TRY(sweeper_start(t, server));
    return acceptor_start(t, server);
}

static void free_server(struct http_server *server)
{
    listen_close(server);
    if (server->daemon != NULL)
        MHD_stop_daemon(server->daemon);
    sweeper_stop(server);
    turnstile_free(server->turnstile);
    (void)pthread_cond_destroy(&server->beat);
    (void)pthread_cond_destroy(&server->closed);
    (void)pthread_mutex_destroy(&server->lock);
    arena_destroy(server->arena);
}

bool http_server_start(struct task *t, const struct http_server_options *options,
                       struct http_server **ret)
{
    struct http_server *server = make_server(options);
    if (!open_server(t, server, options)) {
        free_server(server);
        return false;
    }
    *ret = server;
    return true;
}

unsigned http_server_port(const struct http_server *server)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(address);
    struct sockaddr_in6 in6;
    struct sockaddr_in in;
    if (getsockname(server->listeners[0].socket, (struct sockaddr *)&address, &len) != 0)
        return 0;
    memcpy(&in, &address, sizeof(in));
    memcpy(&in6, &address, sizeof(in6));
    if (address.ss_family == AF_INET)
        return ntohs(in.sin_port);
    return address.ss_family == AF_INET6 ? ntohs(in6.sin6_port) : 0;
}

/* True when no request is under way, at the latest at the deadline. */
static bool drain(struct http_server *server, int64_t deadline)
{
    for (;;) {
        bool busy = connections_dismiss(server);
        if (!busy || clock_monotonic() >= deadline)
            return !busy;
        (void)pthread_mutex_lock(&server->lock);
        (void)condition_wait(&server->closed, &server->lock, clock_monotonic() + DRAIN_BEAT_MS);
        (void)pthread_mutex_unlock(&server->lock);
    }
}

bool http_server_stop(struct http_server *server, int64_t deadline)
{
    listen_close(server);
    bool finished = drain(server, deadline);
    free_server(server);
    return finished;
}

struct http_figures http_server_figures(struct http_server *server)
{
    return (struct http_figures){
        .connections = atomic_load(&server->open),
        .requests = atomic_load(&server->requests),
        .accepted = atomic_load(&server->accepted),
        .turned_away = atomic_load(&server->turned_away),
        .busy = atomic_load(&server->busy),
        .swept = atomic_load(&server->swept),
        .served = atomic_load(&server->served),
        .last_beat = atomic_load(&server->last_beat),
    };
}
