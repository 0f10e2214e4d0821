#include "core/http/server_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <microhttpd.h>

#define UNIX_PREFIX "unix:"
/* How long to wait when the system has no descriptor or memory left for another connection. */
#define ACCEPT_PAUSE_MS 100

static bool make_unix_address(struct task *t, const char *path, struct sockaddr_un *ret)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    ENSURE(t, *path == '/' && strlen(path) < sizeof(address.sun_path), E_INVALID,
           "\"%s\" is no absolute path of at most %zu characters", path,
           sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, strlen(path));
    *ret = address;
    return true;
}

/* A socket that a dead process left is removed; one that somebody answers on is not. */
static bool remove_stale(struct task *t, const struct sockaddr_un *address)
{
    struct stat facts;
    if (lstat(address->sun_path, &facts) != 0) {
        if (errno == ENOENT)
            return true;
        return fail_errno(t, E_IO, errno, "%s", address->sun_path);
    }
    ENSURE(t, S_ISSOCK(facts.st_mode), E_IO, "%s is there and is no socket", address->sun_path);
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return fail_errno(t, E_IO, errno, "socket");
    bool answered = connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0;
    (void)close(probe);
    ENSURE(t, !answered, E_IO, "%s: another process listens there", address->sun_path);
    if (unlink(address->sun_path) != 0)
        return fail_errno(t, E_IO, errno, "removing %s", address->sun_path);
    return true;
}

/* Nobody can connect before listen(), so the mode is right before anybody can use it. */
static bool bind_unix(struct task *t, struct listener *listener, const char *path, unsigned mode)
{
    struct sockaddr_un address;
    TRY(make_unix_address(t, path, &address));
    TRY(remove_stale(t, &address));
    if (bind(listener->socket, (const struct sockaddr *)&address, sizeof(address)) != 0)
        return fail_errno(t, E_IO, errno, "binding to %s", listener->text);
    listener->unix_path = path;
    if (chmod(path, mode) != 0)
        return fail_errno(t, E_IO, errno, "mode of %s", path);
    return true;
}

static bool bind_tcp(struct task *t, const struct listener *listener,
                     const struct sockaddr_storage *address, socklen_t len)
{
    const int yes = 1;
    const int narrow = listener->text[0] != ':';
    (void)setsockopt(listener->socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    /* ":8443" means every address, IPv4 ones too; "[::]:8443" only IPv6. */
    if (address->ss_family == AF_INET6 &&
        setsockopt(listener->socket, IPPROTO_IPV6, IPV6_V6ONLY, &narrow, sizeof(narrow)) != 0)
        return fail_errno(t, E_IO, errno, "listening on %s", listener->text);
    if (bind(listener->socket, (const struct sockaddr *)address, len) != 0)
        return fail_errno(t, E_IO, errno, "binding to %s", listener->text);
    return true;
}

static bool open_socket(struct task *t, struct listener *listener, int family)
{
    listener->socket = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->socket < 0)
        return fail_errno(t, E_IO, errno, "socket for %s", listener->text);
    return true;
}

static bool system_has_ipv6(void)
{
    int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe >= 0)
        (void)close(probe);
    return probe >= 0;
}

static bool open_tcp(struct task *t, struct listener *listener)
{
    struct sockaddr_storage address;
    socklen_t len = 0;
    const char *text = listener->text;
    if (text[0] == ':' && !system_has_ipv6())
        text = arena_printf(t->arena, "0.0.0.0%s", text);
    TRY(address_from_text(t, text, &address, &len));
    TRY(open_socket(t, listener, address.ss_family));
    return bind_tcp(t, listener, &address, len);
}

static bool open_unix(struct task *t, struct listener *listener, unsigned mode)
{
    TRY(open_socket(t, listener, AF_UNIX));
    return bind_unix(t, listener, listener->text + strlen(UNIX_PREFIX), mode);
}

static bool open_listener(struct task *t, struct listener *listener, unsigned unix_mode)
{
    if (strncmp(listener->text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
        TRY(open_unix(t, listener, unix_mode));
    else
        TRY(open_tcp(t, listener));
    if (listen(listener->socket, SOMAXCONN) != 0)
        return fail_errno(t, E_IO, errno, "listening on %s", listener->text);
    return true;
}

bool listen_open(struct task *t, struct http_server *server, const struct text_list *texts,
                 unsigned unix_mode)
{
    ENSURE(t, texts->count > 0, E_INVALID, "no address to listen on");
    server->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->wake < 0)
        return fail_errno(t, E_IO, errno, "eventfd");
    server->listeners = arena_array(server->arena, texts->count, sizeof(*server->listeners));
    for (size_t i = 0; i < texts->count; i++) {
        struct listener *listener = &server->listeners[i];
        *listener =
            (struct listener){.socket = -1, .text = arena_strdup(server->arena, texts->items[i])};
        server->listener_count++;
        TRY(open_listener(t, listener, unix_mode));
        /* What is sent without TLS is for this machine only. */
        ENSURE(t, server->tls != NULL || server->plain || listener->unix_path != NULL, E_INVALID,
               "%s: no certificate to serve it with", listener->text);
    }
    return true;
}

/* Root, and the user that we are. */
static bool is_trusted_user(int socket)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid());
}

static void admit(struct http_server *server, int socket, const struct sockaddr *address,
                  socklen_t len)
{
    struct address_group group = address_group(address);
    if ((server->unix_root_only && !is_trusted_user(socket)) ||
        !turnstile_enter(server->turnstile, &group)) {
        atomic_fetch_add(&server->turned_away, 1);
        (void)close(socket);
        return;
    }
    atomic_fetch_add(&server->accepted, 1);
    /* libmicrohttpd closes the socket when it fails. */
    if (MHD_add_connection(server->daemon, socket, address, len) != MHD_YES)
        turnstile_leave(server->turnstile, &group);
}

/* False when there is nothing (more) to accept and polling again at once would spin. */
static bool accept_one(struct http_server *server, const struct listener *listener)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(address);
    int socket = accept4(listener->socket, (struct sockaddr *)&address, &len, SOCK_CLOEXEC);
    if (socket >= 0) {
        admit(server, socket, (const struct sockaddr *)&address, len);
        return true;
    }
    return errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
}

static void *accept_all(void *arg)
{
    struct http_server *server = arg;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    const size_t count = server->listener_count;
    struct pollfd *events = arena_array(arena, count + 1, sizeof(*events));
    for (size_t i = 0; i < count; i++)
        events[i] = (struct pollfd){.fd = server->listeners[i].socket, .events = POLLIN};
    events[count] = (struct pollfd){.fd = server->wake, .events = POLLIN};
    while (!atomic_load(&server->stopping)) {
        bool exhausted = false;
        (void)poll(events, (nfds_t)count + 1, -1);
        for (size_t i = 0; i < count; i++) {
            if ((events[i].revents & POLLIN) != 0 && !accept_one(server, &server->listeners[i]))
                exhausted = true;
        }
        if (exhausted)
            (void)poll(&events[count], 1, ACCEPT_PAUSE_MS);
    }
    return NULL;
}

bool acceptor_start(struct task *t, struct http_server *server)
{
    int error = pthread_create(&server->acceptor, NULL, accept_all, server);
    if (error != 0)
        return fail_errno(t, E_INTERNAL, error, "thread");
    (void)pthread_setname_np(server->acceptor, "http-accept");
    server->accepting = true;
    return true;
}

static void close_listener(struct listener *listener)
{
    if (listener->socket < 0)
        return;
    if (listener->unix_path != NULL)
        (void)unlink(listener->unix_path);
    (void)close(listener->socket);
    listener->socket = -1;
}

void listen_close(struct http_server *server)
{
    atomic_store(&server->stopping, true);
    if (server->accepting) {
        (void)eventfd_write(server->wake, 1);
        (void)pthread_join(server->acceptor, NULL);
        server->accepting = false;
    }
    for (size_t i = 0; i < server->listener_count; i++)
        close_listener(&server->listeners[i]);
    if (server->wake >= 0)
        (void)close(server->wake);
    server->wake = -1;
}
