#include "lab/pledge_link.h"

#include "core/base/clock.h"
#include "core/http/problems.h"
#include "lab/pledge_link_private.h"
#include "lab/problems.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINK_PATIENCE  (30 * SECOND_MS)
#define EXPORTER_LABEL "EXPORTER-Channel-Binding" /* RFC 9266 */
#define EXPORTER_LEN   32
#define DRIP_PAUSE     200 /* ms */
#define FINISHED_MAX   64  /* octets of a Finished message's verify data */

static int64_t earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void start_waiting(struct task *t, struct link *link)
{
    link->deadline = clock_monotonic() +
                     earliest(link->maker->patience, task_time_left(t, link->maker->patience));
}

bool link_maker_make(struct task *t, int version, const struct text_list *resolve,
                     struct link_maker *ret)
{
    for (size_t i = 0; i < resolve->count; i++)
        TRY(resolve_check(t, resolve->items[i]));
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    ENSURE(t, tls != NULL, E_CRYPTO, "no TLS: %s", crypto_error(t));
    ARENA_DEFER(t->arena, SSL_CTX_free, tls);
    ENSURE(t,
           SSL_CTX_set_min_proto_version(tls, version == 0 ? TLS1_2_VERSION : version) == 1 &&
               SSL_CTX_set_max_proto_version(tls, version) == 1,
           E_CRYPTO, "TLS version: %s", crypto_error(t));
    SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(tls, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(tls, link_judge, NULL);
    *ret = (struct link_maker){.tls = tls, .resolve = *resolve, .patience = LINK_PATIENCE};
    return true;
}

void link_close(struct link *link)
{
    if (link == NULL)
        return;
    if (link->ssl != NULL)
        (void)SSL_shutdown(link->ssl);
    SSL_free(link->ssl);
    link->ssl = NULL;
    if (link->fd >= 0)
        (void)close(link->fd);
    link->fd = -1;
}

/* What a failed call of libssl means. */
static bool tls_failure(struct task *t, const struct link *link, int reason, const char *what)
{
    if (t->problem != NULL) /* link_judge() has said why */
        return false;
    unsigned long error = ERR_peek_error();
    bool broken = reason == SSL_ERROR_SYSCALL || reason == SSL_ERROR_ZERO_RETURN ||
                  ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    if (broken) {
        ERR_clear_error();
        return fail(t, E_PEER_CLOSED, "%s closed the connection during %s", link->place.authority,
                    what);
    }
    return fail(t, E_PEER_TLS, "%s with %s: %s", what, link->place.authority, crypto_error(t));
}

/* Waits for what libssl wants; anything but a wish is a failure. */
static bool attend(struct task *t, struct link *link, int result, const char *what)
{
    int reason = SSL_get_error(link->ssl, result);
    if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE)
        return tls_failure(t, link, reason, what);
    if (socket_wait(t, link->fd, reason == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT,
                    link->options.leash, link->deadline))
        return true;
    return fail_context(t, "%s with %s", what, link->place.authority);
}

static bool present_credentials(struct task *t, SSL *ssl, const struct credentials *credentials)
{
    bool done = SSL_use_certificate(ssl, credentials->cert->x509) == 1 &&
                SSL_use_PrivateKey(ssl, credentials->key) == 1;
    for (size_t i = 1; done && i < credentials->chain.count; i++)
        done = SSL_add1_chain_cert(ssl, credentials->chain.items[i]->x509) == 1;
    ENSURE(t, done, E_CRYPTO, "our certificate cannot be used: %s", crypto_error(t));
    return true;
}

/* Before there is TLS. */
static bool read_plain(struct task *t, void *context, uint8_t *into, size_t room, size_t *ret_got)
{
    const struct link *link = context;
    ssize_t got;
    while ((got = recv(link->fd, into, room, 0)) < 0) {
        if (errno != EAGAIN && errno != EINTR)
            return fail_errno(t, E_PEER_CLOSED, errno, "%s", link->place.authority);
        TRY(socket_wait(t, link->fd, POLLIN, link->options.leash, link->deadline));
    }
    *ret_got = (size_t)got;
    return true;
}

static bool write_plain(struct task *t, void *context, struct bytes octets)
{
    const struct link *link = context;
    size_t done = 0;
    while (done < octets.len) {
        ssize_t wrote = send(link->fd, octets.data + done, octets.len - done, MSG_NOSIGNAL);
        if (wrote >= 0)
            done += (size_t)wrote;
        else if (errno == EAGAIN || errno == EINTR)
            TRY(socket_wait(t, link->fd, POLLOUT, link->options.leash, link->deadline));
        else
            return fail_errno(t, E_PEER_CLOSED, errno, "%s", link->place.authority);
    }
    return true;
}

/* A fault: the beginning of a handshake, and then nothing until the other side has had enough. */
static bool stall(struct task *t, struct link *link)
{
    static const uint8_t client_hello[] = {0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00};
    uint8_t octet;
    size_t got;
    TRY(write_plain(t, link, BYTES_ARRAY(client_hello)));
    do {
        TRY(read_plain(t, link, &octet, 1, &got));
    } while (got > 0);
    return fail(t, E_PEER_CLOSED, "%s closed the stalled handshake", link->place.authority);
}

static bool shake_hands(struct task *t, struct link *link)
{
    if (link->options.stall)
        return stall(t, link);
    link->ssl = SSL_new(link->maker->tls);
    ENSURE(t, link->ssl != NULL && SSL_set_fd(link->ssl, link->fd) == 1, E_CRYPTO, "no TLS: %s",
           crypto_error(t));
    SSL_set_app_data(link->ssl, link);
    if (link->options.credentials != NULL)
        TRY(present_credentials(t, link->ssl, link->options.credentials));
    /* brski-cloud 3.1: send SNI whenever the name is known (RFC 6066 3: names only). */
    if (!link->place.is_address)
        ENSURE(t, SSL_set_tlsext_host_name(link->ssl, link->place.host) == 1, E_CRYPTO, "SNI: %s",
               crypto_error(t));
    for (;;) {
        ERR_clear_error();
        int result = SSL_connect(link->ssl);
        if (result == 1)
            return true;
        TRY(attend(t, link, result, "handshake"));
    }
}

/* To the server, or through the proxy. */
static bool reach(struct task *t, struct link *link)
{
    const struct link_maker *maker = link->maker;
    const struct place *next = maker->proxy == NULL ? &link->place : &maker->proxy->place;
    const struct proxy_wire wire = {
        .source = {.read = read_plain, .context = link},
        .write = write_plain,
        .context = link,
    };
    const struct socket_rules rules = {
        .resolve = &maker->resolve, .leash = link->options.leash, .deadline = link->deadline};
    TRY(socket_connect(t, next, &rules, &link->fd));
    if (maker->proxy == NULL || proxy_pass(t, maker->proxy, &link->place, &wire))
        return true;
    return fail_context(t, "proxy %s", next->authority);
}

static bool connect_link(struct task *t, struct link *link)
{
    link_close(link);
    link->task = t;
    link->calls = 0;
    start_waiting(t, link);
    if (!reach(t, link) || !shake_hands(t, link)) {
        link_close(link);
        return false;
    }
    link->handshakes++;
    leash_move(link->options.leash);
    return true;
}

bool link_open(struct task *t, const struct link_maker *maker, const struct link_options *options,
               struct link **ret)
{
    struct link *link = arena_alloc(t->arena, sizeof(*link));
    *link = (struct link){.maker = maker, .options = *options, .place = *options->place, .fd = -1};
    ARENA_DEFER(t->arena, link_close, link);
    TRY(connect_link(t, link));
    *ret = link;
    return true;
}

static bool send_octets(struct task *t, struct link *link, struct bytes octets)
{
    size_t done = 0;
    while (done < octets.len) {
        size_t wrote = 0;
        ERR_clear_error();
        int result = SSL_write_ex(link->ssl, octets.data + done, octets.len - done, &wrote);
        if (result != 1)
            TRY(attend(t, link, result, "request"));
        done += wrote;
    }
    return true;
}

static bool read_link(struct task *t, void *context, uint8_t *into, size_t room, size_t *ret_got)
{
    struct link *link = context;
    for (;;) {
        size_t got = 0;
        ERR_clear_error();
        int result = SSL_read_ex(link->ssl, into, room, &got);
        if (result == 1 || SSL_get_error(link->ssl, result) == SSL_ERROR_ZERO_RETURN) {
            *ret_got = got;
            return true;
        }
        TRY(attend(t, link, result, "answer"));
    }
}

static struct bytes request_octets(struct task *t, const struct link *link,
                                   const struct link_request *request)
{
    bool with_body = request->media_type != NULL;
    const char *accept =
        request->accept == NULL ? "" : arena_printf(t->arena, "Accept: %s\r\n", request->accept);
    const char *about_body =
        !with_body ? ""
                   : arena_printf(t->arena, "Content-Type: %s\r\nContent-Length: %zu\r\n",
                                  request->media_type, request->body.len);
    const char *header =
        arena_printf(t->arena,
                     "%s %s HTTP/1.1\r\nHost: %s\r\n"
                     "User-Agent: gatehouse-pledge/" GATEHOUSE_VERSION "\r\n"
                     "%s%s\r\n",
                     request->method, request->path, link->place.authority, accept, about_body);
    const struct bytes parts[] = {bytes_of_text(header), request->body};
    return bytes_concat(t->arena, parts, with_body ? 2 : 1);
}

/* Faults: octet by octet, as slowly as the other side bears it. */
static bool drip_octets(struct task *t, struct link *link, struct bytes octets)
{
    for (size_t i = 0; i < octets.len; i++) {
        TRY(send_octets(t, link, bytes_make(octets.data + i, 1)));
        TRY(leash_rest(t, link->options.leash, DRIP_PAUSE));
        ENSURE(t, clock_monotonic() < link->deadline, E_PEER_TIMEOUT,
               "%s takes what drips for as long as one likes", link->place.authority);
    }
    return true;
}

/* What a registrar must survive; LINK_PLAIN is the way of all others. */
static bool send_request(struct task *t, struct link *link, enum link_manner manner,
                         struct bytes octets)
{
    const uint8_t *end = memmem(octets.data, octets.len, "\r\n\r\n", 4);
    size_t header = end == NULL ? octets.len : (size_t)(end - octets.data) + 4;
    switch (manner) {
    case LINK_DRIP_HEADER:
        return drip_octets(t, link, octets);
    case LINK_DRIP_BODY:
        TRY(send_octets(t, link, bytes_make(octets.data, header)));
        return drip_octets(t, link, bytes_make(octets.data + header, octets.len - header));
    case LINK_HALF:
        TRY(send_octets(t, link, bytes_make(octets.data, (header + octets.len) / 2)));
        return fail(t, E_PEER_CLOSED, "hung up in the middle of the request, as told");
    case LINK_HANG_UP:
        TRY(send_octets(t, link, octets));
        return fail(t, E_PEER_CLOSED, "hung up before the answer, as told");
    case LINK_PLAIN:
        break;
    }
    return send_octets(t, link, octets);
}

static bool exchange(struct task *t, struct link *link, enum link_manner manner,
                     struct bytes octets, struct response *ret)
{
    const struct octet_source source = {.read = read_link, .context = link};
    struct response response;
    start_waiting(t, link);
    if (!send_request(t, link, manner, octets) || !response_read(t, &source, &response)) {
        /* Nothing more can be understood of this connection. */
        link_close(link);
        return false;
    }
    link->calls++;
    if (response.close)
        link_close(link);
    *ret = response;
    return true;
}

bool link_ready(struct task *t, struct link *link)
{
    return link->ssl != NULL || connect_link(t, link);
}

bool link_call(struct task *t, struct link *link, const struct link_request *request,
               struct response *ret)
{
    struct bytes octets = request_octets(t, link, request);
    TRY(link_ready(t, link));
    bool used_before = link->calls > 0;
    if (exchange(t, link, request->manner, octets, ret))
        return true;
    /* RFC 9112 9.3.1: a server may close an idle connection just when it is used again. */
    if (!used_before || !task_failed_with(t, E_PEER_CLOSED) || request->manner != LINK_PLAIN)
        return false;
    task_forgive(t);
    TRY(connect_link(t, link));
    return exchange(t, link, request->manner, octets, ret);
}

const struct cert_list *link_chain(const struct link *link)
{
    return &link->chain;
}

bool link_validated(const struct link *link)
{
    return link->validated;
}

struct bytes link_local_address(struct task *t, const struct link *link)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } here = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t len = sizeof(here);
    if (link->fd < 0 || getsockname(link->fd, &here.any, &len) != 0)
        return BYTES_ABSENT;
    if (here.any.sa_family == AF_INET)
        return bytes_copy(t->arena, bytes_make(&here.v4.sin_addr, sizeof(here.v4.sin_addr)));
    return bytes_copy(t->arena, bytes_make(&here.v6.sin6_addr, sizeof(here.v6.sin6_addr)));
}

const char *link_tls_version(const struct link *link)
{
    return link->ssl == NULL ? "none" : SSL_get_version(link->ssl);
}

unsigned link_handshakes(const struct link *link)
{
    return link->handshakes;
}

bool link_channel_binding(struct task *t, const struct link *link, struct bytes *ret)
{
    ENSURE(t, link->ssl != NULL, E_PEER_CLOSED, "no connection to bind the request to");
    if (SSL_version(link->ssl) >= TLS1_3_VERSION) {
        uint8_t *exported = arena_alloc(t->arena, EXPORTER_LEN);
        ENSURE(t,
               SSL_export_keying_material(link->ssl, exported, EXPORTER_LEN, EXPORTER_LABEL,
                                          strlen(EXPORTER_LABEL), (const uint8_t *)"", 0, 1) == 1,
               E_CRYPTO, "tls-exporter: %s", crypto_error(t));
        *ret = bytes_make(exported, EXPORTER_LEN);
        return true;
    }
    /* RFC 7627: without it tls-unique binds nothing.  A full handshake's is the client's. */
    ENSURE(t, SSL_get_extms_support(link->ssl) == 1, E_PEER_TLS,
           "the server has no extended master secret: tls-unique cannot be used");
    uint8_t *finished = arena_alloc(t->arena, FINISHED_MAX);
    size_t len = SSL_get_finished(link->ssl, finished, FINISHED_MAX);
    ENSURE(t, len > 0 && len <= FINISHED_MAX, E_CRYPTO, "no tls-unique");
    *ret = bytes_make(finished, len);
    return true;
}
