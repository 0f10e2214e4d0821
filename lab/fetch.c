#include "lab/fetch.h"

#include "core/http/problems.h"
#include "lab/problems.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

struct connection {
    int fd;
    const struct socket_rules *rules;
};

/* NOLINTNEXTLINE(readability-non-const-parameter): for CLEANUP() */
static void hang_up(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static bool read_some(struct task *t, void *context, uint8_t *into, size_t room, size_t *ret_got)
{
    const struct connection *c = context;
    ssize_t got;
    while ((got = recv(c->fd, into, room, 0)) < 0) {
        if (errno != EAGAIN && errno != EINTR)
            return fail_errno(t, E_PEER_CLOSED, errno, "reading");
        TRY(socket_wait(t, c->fd, POLLIN, c->rules->leash, c->rules->deadline));
    }
    *ret_got = (size_t)got;
    return true;
}

/* A request is small: it fits into the socket's buffer. */
static bool ask(struct task *t, const struct connection *c, const struct place *place)
{
    struct bytes request = bytes_of_text(
        arena_printf(t->arena,
                     "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: gatehouse/" GATEHOUSE_VERSION
                     "\r\nConnection: close\r\n\r\n",
                     place->path, place->authority));
    ssize_t sent = send(c->fd, request.data, request.len, MSG_NOSIGNAL);
    ENSURE(t, sent == (ssize_t)request.len, E_PEER_CLOSED, "%s takes no request", place->authority);
    return true;
}

bool fetch(struct task *t, const char *url, const struct socket_rules *rules, struct response *ret)
{
    CLEANUP(hang_up) int fd = -1;
    struct place place;
    TRY(place_from_http_url(t, url, &place));
    TRY(socket_connect(t, &place, rules, &fd));
    struct connection connection = {.fd = fd, .rules = rules};
    const struct octet_source source = {.read = read_some, .context = &connection};
    TRY(ask(t, &connection, &place));
    return response_read(t, &source, ret);
}
