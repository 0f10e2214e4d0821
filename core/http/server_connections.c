#include "core/http/server_private.h"

#include "core/base/clock.h"
#include "core/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include <microhttpd.h>

/* How often overdue connections are looked for. */
#define SWEEP_MS 250
/* How long, and for how many octets, what comes after the last reply is read and thrown away. */
#define LINGER_MS   (2 * SECOND_MS)
#define LINGER_MAX  (16UL * 1024 * 1024)
#define LINGER_ROOM 16384UL
/* How long a reply may take from here to the client, and how often that is looked at. */
#define SETTLE_MS      (5 * SECOND_MS)
#define SETTLE_LOOK_MS 5

static int64_t phase_limit(const struct http_limits *limits, enum phase phase)
{
    switch (phase) {
    case PHASE_HANDSHAKE:
        return limits->handshake;
    case PHASE_IDLE:
        return limits->idle;
    case PHASE_HEADER:
        return limits->header;
    case PHASE_BODY:
    case PHASE_REPLY:
        return limits->body;
    case PHASE_HANDLER:
        break;
    }
    return 0;
}

void connection_enter(struct http_connection *connection, enum phase phase)
{
    int64_t limit = phase_limit(&connection->server->limits, phase);
    atomic_store(&connection->phase, (int)phase);
    atomic_store(&connection->due, limit == 0 ? 0 : clock_monotonic() + limit);
}

static void link_connection(struct http_server *server, struct http_connection *connection)
{
    (void)pthread_mutex_lock(&server->lock);
    connection->next = server->connections;
    if (connection->next != NULL)
        connection->next->previous = connection;
    server->connections = connection;
    (void)pthread_mutex_unlock(&server->lock);
}

static void unlink_connection(struct http_server *server, struct http_connection *connection)
{
    (void)pthread_mutex_lock(&server->lock);
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        server->connections = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    (void)pthread_cond_broadcast(&server->closed);
    (void)pthread_mutex_unlock(&server->lock);
}

static unsigned user_of(int socket)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return (unsigned)-1;
    return peer.uid;
}

struct http_connection *connection_open(struct http_server *server, struct MHD_Connection *mhd)
{
    struct arena *arena = arena_create();
    struct http_connection *connection = arena_alloc(arena, sizeof(*connection));
    const struct sockaddr *address =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    connection->server = server;
    connection->arena = arena;
    connection->socket =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    connection->address = address_to_text(arena, address);
    connection->group = address_group(address);
    connection->user = user_of(connection->socket);
    task_init(&connection->task, arena, server->log);
    if (server->secure) {
        connection->session =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
        tls_begin(connection->session, server);
    }
    connection_enter(connection, PHASE_HANDSHAKE);
    atomic_fetch_add(&server->open, 1);
    link_connection(server, connection);
    return connection;
}

bool connection_settled(const struct http_connection *connection)
{
    int64_t until = clock_monotonic() + SETTLE_MS;
    const struct timespec pause = {.tv_nsec = SETTLE_LOOK_MS * 1000L * 1000};
    int unsent = -1;
    /* tcp(7): what the peer has not acknowledged yet; for Unix sockets, what it has not read. */
    while (ioctl(connection->socket, TIOCOUTQ, &unsent) == 0 && unsent > 0 &&
           clock_monotonic() < until)
        (void)nanosleep(&pause, NULL);
    return unsent == 0;
}

/* Overdue before there was a request to speak of. */
static void bear_witness(struct http_connection *connection)
{
    const struct http_server *server = connection->server;
    const struct http_witness *witness = &server->witness;
    if (witness->broken == NULL || !connection->swept ||
        (connection->asked && !connection->headless))
        return;
    (void)fail(&connection->task, E_HTTP_NO_REQUEST, "%s within %" PRId64 " ms",
               connection->headless ? "no whole header (limits.header)"
                                    : "no TLS handshake and request line (limits.handshake)",
               connection->headless ? server->limits.header : server->limits.handshake);
    witness->broken(&connection->task, connection, witness->context);
}

/*
 * libmicrohttpd calls this when the connection's thread has ended and before the socket is closed:
 * once it is off the list, the sweeper cannot hit another connection's socket.
 */
void connection_close(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    unlink_connection(server, connection);
    connection->session = NULL; /* libmicrohttpd has released it by now */
    if (connection->exchange != NULL)
        (void)exchange_end(connection->exchange, 0, false);
    bear_witness(connection);
    if (!connection->asked)
        log_debug(&connection->task, "connection without a request",
                  LOG_TEXT("listener", server->name), LOG_TEXT("address", connection->address),
                  LOG_TEXT("why", connection->swept ? "overdue" : "closed by the peer or in TLS"));
    turnstile_leave(server->turnstile, &connection->group);
    atomic_fetch_sub(&server->open, 1);
    arena_destroy(connection->arena);
}

/* Called with the lock held, which keeps the socket open. */
static void sweep(struct http_server *server, int64_t now)
{
    for (struct http_connection *c = server->connections; c != NULL; c = c->next) {
        int64_t due = atomic_load(&c->due);
        if (due == 0 || now < due || c->swept)
            continue;
        c->swept = true;
        atomic_fetch_add(&server->swept, 1);
        (void)shutdown(c->socket, SHUT_RDWR);
    }
}

static void *sweep_always(void *arg)
{
    struct http_server *server = arg;
    (void)pthread_mutex_lock(&server->lock);
    while (!server->sweeping_over) {
        int64_t now = clock_monotonic();
        atomic_store(&server->last_beat, now);
        sweep(server, now);
        struct timespec next = {.tv_sec = (time_t)((now + SWEEP_MS) / SECOND_MS),
                                .tv_nsec = (long)((now + SWEEP_MS) % SECOND_MS) * 1000000L};
        (void)pthread_cond_clockwait(&server->beat, &server->lock, CLOCK_MONOTONIC, &next);
    }
    (void)pthread_mutex_unlock(&server->lock);
    return NULL;
}

bool sweeper_start(struct task *t, struct http_server *server)
{
    int error = pthread_create(&server->sweeper, NULL, sweep_always, server);
    if (error != 0)
        return fail_errno(t, E_INTERNAL, error, "thread");
    (void)pthread_setname_np(server->sweeper, "http-sweep");
    server->sweeping = true;
    return true;
}

void sweeper_stop(struct http_server *server)
{
    if (!server->sweeping)
        return;
    (void)pthread_mutex_lock(&server->lock);
    server->sweeping_over = true;
    (void)pthread_cond_signal(&server->beat);
    (void)pthread_mutex_unlock(&server->lock);
    (void)pthread_join(server->sweeper, NULL);
    server->sweeping = false;
}

bool connections_dismiss(struct http_server *server)
{
    bool busy = false;
    (void)pthread_mutex_lock(&server->lock);
    for (struct http_connection *c = server->connections; c != NULL; c = c->next) {
        int phase = atomic_load(&c->phase);
        if (phase == PHASE_IDLE || phase == PHASE_HANDSHAKE)
            (void)shutdown(c->socket, SHUT_RDWR);
        else
            busy = true;
    }
    (void)pthread_mutex_unlock(&server->lock);
    return busy;
}

bool connection_send(struct http_connection *connection, struct bytes octets)
{
    while (octets.len > 0) {
        ssize_t sent =
            connection->session != NULL
                ? gnutls_record_send(connection->session, octets.data, octets.len)
                : send(connection->socket, octets.data, octets.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        octets = bytes_make(octets.data + sent, octets.len - (size_t)sent);
    }
    return true;
}

/*
 * RFC 9112 9.6: who closes with octets unread makes the system tell the peer that the connection
 * broke, and the peer may lose the reply over that.  So only our direction ends at first.
 */
void connection_linger(struct http_connection *connection)
{
    struct pollfd event = {.fd = connection->socket, .events = POLLIN};
    uint8_t *thrown = arena_alloc(connection->arena, LINGER_ROOM);
    int64_t until = clock_monotonic() + LINGER_MS;
    size_t count = 0;
    connection_enter(connection, PHASE_REPLY);
    (void)shutdown(connection->socket, SHUT_WR);
    while (count < LINGER_MAX) {
        int64_t left = until - clock_monotonic();
        if (left <= 0 || poll(&event, 1, (int)left) == 0)
            return;
        ssize_t len = recv(connection->socket, thrown, LINGER_ROOM, MSG_DONTWAIT);
        if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR))
            return;
        count += len > 0 ? (size_t)len : 0;
    }
}

void http_connection_drop(struct http_connection *connection)
{
    connection->dropped = true;
    (void)shutdown(connection->socket, SHUT_RDWR);
}

struct arena *http_connection_arena(struct http_connection *connection)
{
    return connection->arena;
}

const char *http_connection_address(struct http_connection *connection)
{
    return connection->address;
}

unsigned http_connection_user(struct http_connection *connection)
{
    return connection->user;
}

void **http_connection_slot(struct http_connection *connection, const void *key)
{
    struct slot *slot = connection->slots;
    while (slot != NULL && slot->key != key)
        slot = slot->next;
    if (slot == NULL) {
        slot = arena_alloc(connection->arena, sizeof(*slot));
        *slot = (struct slot){connection->slots, key, NULL};
        connection->slots = slot;
    }
    return &slot->value;
}
