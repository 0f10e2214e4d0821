#include "lab/pledge_socket.h"

#include "core/base/clock.h"
#include "core/http/address.h"
#include "core/http/problems.h"
#include "lab/problems.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* The parts of "name:port:address"; NULL when it is nothing of the kind. */
static const char *resolve_address(struct arena *arena, const char *entry, size_t *ret_name_port)
{
    const char *colon = strchr(entry, ':');
    const char *second = colon == NULL ? NULL : strchr(colon + 1, ':');
    if (second == NULL || colon == entry || second == colon + 1 || second[1] == '\0')
        return NULL;
    const char *address = second + 1;
    size_t len = strlen(address);
    bool bracketed = address[0] == '[' && address[len - 1] == ']';
    *ret_name_port = (size_t)(second - entry);
    return bracketed ? arena_strndup(arena, address + 1, len - 2) : address;
}

static bool is_numeric(const char *address)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
    struct addrinfo *found = NULL;
    if (getaddrinfo(address, NULL, &hints, &found) != 0)
        return false;
    freeaddrinfo(found);
    return true;
}

bool resolve_check(struct task *t, const char *entry)
{
    size_t name_port;
    const char *address = resolve_address(t->arena, entry, &name_port);
    ENSURE(t, address != NULL && is_numeric(address), E_USAGE,
           "--resolve: \"%s\" is not NAME:PORT:ADDRESS", entry);
    return true;
}

const char *resolve_host(struct task *t, const struct place *place, const struct text_list *resolve)
{
    const char *wanted = arena_printf(t->arena, "%s:%u", place->host, place->port);
    for (size_t i = 0; resolve != NULL && i < resolve->count; i++) {
        size_t name_port = 0;
        const char *address = resolve_address(t->arena, resolve->items[i], &name_port);
        if (address != NULL && strlen(wanted) == name_port &&
            strncasecmp(wanted, resolve->items[i], name_port) == 0)
            return address;
    }
    return place->host;
}

static void leash_release(void *leash)
{
    (void)close(((struct leash *)leash)->pulled);
}

bool leash_make(struct task *t, struct leash *ret)
{
    ret->pulled = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (ret->pulled < 0)
        return fail_errno(t, E_IO, errno, "no eventfd");
    arena_defer(t->arena, leash_release, ret);
    atomic_init(&ret->moved, clock_monotonic());
    return true;
}

void leash_pull(struct leash *leash)
{
    (void)eventfd_write(leash->pulled, 1);
}

void leash_slacken(struct leash *leash)
{
    eventfd_t unused;
    (void)eventfd_read(leash->pulled, &unused);
    leash_move(leash);
}

void leash_move(struct leash *leash)
{
    if (leash != NULL)
        atomic_store(&leash->moved, clock_monotonic());
}

/* poll(2) until something is ready, pulled included, or the time is over (0). */
static int poll_until(struct pollfd *fds, nfds_t count, int64_t until)
{
    for (;;) {
        int64_t left = until - clock_monotonic();
        if (left <= 0)
            return 0;
        int ready = poll(fds, count, left > HOUR_MS ? (int)HOUR_MS : (int)left);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return ready;
    }
}

bool leash_rest(struct task *t, const struct leash *leash, int64_t duration)
{
    struct pollfd pulled = {.fd = leash == NULL ? -1 : leash->pulled, .events = POLLIN};
    ENSURE(t, poll_until(&pulled, 1, clock_monotonic() + duration) == 0, E_ABANDONED,
           "not wanted any more");
    return true;
}

bool socket_wait(struct task *t, int fd, short events, struct leash *leash, int64_t deadline)
{
    struct pollfd fds[] = {
        {.fd = fd, .events = events},
        {.fd = leash == NULL ? -1 : leash->pulled, .events = POLLIN},
    };
    int ready = poll_until(fds, ARRAY_SIZE(fds), deadline);
    if (ready < 0)
        return fail_errno(t, E_PEER_UNREACHABLE, errno, "cannot wait for the peer");
    ENSURE(t, ready > 0, E_PEER_TIMEOUT, "no answer in time");
    ENSURE(t, fds[1].revents == 0, E_ABANDONED, "not wanted any more");
    return true;
}

static bool finish_connect(struct task *t, const struct place *place,
                           const struct addrinfo *address, const struct socket_rules *rules, int fd)
{
    int on = 1;
    int error = 0;
    socklen_t len = sizeof(error);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS)
        return fail_errno(t, E_PEER_UNREACHABLE, errno, "cannot connect to %s", place->authority);
    if (!socket_wait(t, fd, POLLOUT, rules->leash, rules->deadline))
        return fail_context(t, "connecting to %s", place->authority);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0)
        return fail_errno(t, E_PEER_UNREACHABLE, error, "cannot connect to %s", place->authority);
    return true;
}

static bool is_allowed(const struct sockaddr *address, const struct socket_rules *rules)
{
    return !rules->public_only || address_is_public(address) ||
           (rules->networks != NULL && address_in(address, rules->networks));
}

static bool connect_one(struct task *t, const struct place *place, const struct addrinfo *address,
                        const struct socket_rules *rules, int *ret)
{
    ENSURE(t, is_allowed(address->ai_addr, rules), E_PEER_ADDRESS, "%s leads to %s",
           place->authority, address_to_text(t->arena, address->ai_addr));
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail_errno(t, E_PEER_UNREACHABLE, errno, "no socket for %s", place->authority);
    if (!finish_connect(t, place, address, rules, fd)) {
        (void)close(fd);
        return false;
    }
    *ret = fd;
    return true;
}

static void free_addresses(struct addrinfo **addresses)
{
    if (*addresses != NULL)
        freeaddrinfo(*addresses);
}

bool socket_connect(struct task *t, const struct place *place, const struct socket_rules *rules,
                    int *ret)
{
    CLEANUP(free_addresses) struct addrinfo *addresses = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    const char *port = arena_printf(t->arena, "%u", place->port);
    int error = getaddrinfo(resolve_host(t, place, rules->resolve), port, &hints, &addresses);
    ENSURE(t, error == 0, E_PEER_UNRESOLVED, "%s: %s", place->host, gai_strerror(error));
    for (const struct addrinfo *a = addresses; a != NULL; a = a->ai_next) {
        task_forgive(t);
        if (connect_one(t, place, a, rules, ret))
            return true;
    }
    return false;
}
