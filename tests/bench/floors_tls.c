/*
 * A mutual TLS 1.3 handshake as GnuTLS offers it, the server's side of it: the key is in the token,
 * the client's chain is verified.  Client and server take turns in one thread, over queues in
 * memory, and the watch runs for the server alone.
 */
#include "tests/bench/floors.h"

#include <errno.h>
#include <string.h>

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#define TURNS_MAX 32
#define QUEUE_MAX 16384

/* TLS 1.3 and the group that the pledges' library chooses. */
static const char priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-X25519"
                                 ":%NO_TICKETS";

struct queue {
    uint8_t octets[QUEUE_MAX];
    size_t begin;
    size_t end;
};

/* One end: what it sends to and what it receives from. */
struct end {
    gnutls_session_t session;
    struct queue *out;
    struct queue *in;
};

struct handshake {
    gnutls_priority_t priorities;
    gnutls_certificate_credentials_t server;
    gnutls_certificate_credentials_t client;
    gnutls_pcert_st chain[2];
    gnutls_privkey_t key;
};

static ssize_t push(gnutls_transport_ptr_t ptr, const void *data, size_t len)
{
    struct queue *out = ((struct end *)ptr)->out;
    if (len > QUEUE_MAX - out->end) {
        errno = EPIPE;
        return -1;
    }
    memcpy(out->octets + out->end, data, len);
    out->end += len;
    return (ssize_t)len;
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *data, size_t len)
{
    struct end *end = ptr;
    struct queue *in = end->in;
    size_t there = in->end - in->begin;
    if (there == 0) {
        gnutls_transport_set_errno(end->session, EAGAIN);
        return -1;
    }
    len = len < there ? len : there;
    memcpy(data, in->octets + in->begin, len);
    in->begin += len;
    return (ssize_t)len;
}

/* As core/http/server_tls.c chooses: by pointer, so that nothing is copied for a connection. */
static int choose(gnutls_session_t session, const gnutls_datum_t *ca_names, int ca_count,
                  const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
                  gnutls_pcert_st **ret_chain, unsigned int *ret_count, gnutls_privkey_t *ret_key)
{
    struct handshake *handshake = gnutls_session_get_ptr(session);
    (void)ca_names;
    (void)ca_count;
    (void)algorithms;
    (void)algorithm_count;
    *ret_chain = handshake->chain;
    *ret_count = ARRAY_SIZE(handshake->chain);
    *ret_key = handshake->key;
    return 0;
}

static int begin(const struct handshake *handshake, struct end *end, unsigned flags,
                 gnutls_certificate_credentials_t credentials)
{
    int error = gnutls_init(&end->session, flags);
    if (error != 0)
        return error;
    gnutls_session_set_ptr(end->session, (void *)handshake);
    gnutls_transport_set_ptr(end->session, end);
    gnutls_transport_set_push_function(end->session, push);
    gnutls_transport_set_pull_function(end->session, pull);
    error = gnutls_priority_set(end->session, handshake->priorities);
    if (error != 0)
        return error;
    return gnutls_credentials_set(end->session, GNUTLS_CRD_CERTIFICATE, credentials);
}

static int begin_server(const struct handshake *handshake, struct end *end)
{
    int error = begin(handshake, end, GNUTLS_SERVER | GNUTLS_NONBLOCK, handshake->server);
    if (error == 0)
        gnutls_certificate_server_set_request(end->session, GNUTLS_CERT_REQUIRE);
    return error;
}

/* GnuTLS's answer for one step; the client's certificate is judged at the end. */
static int serve(struct end *end)
{
    unsigned status = 1;
    int error = gnutls_handshake(end->session);
    if (error != 0)
        return error;
    error = gnutls_certificate_verify_peers2(end->session, &status);
    return error == 0 && status != 0 ? GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR : error;
}

static int take_turns(struct end *server, struct end *client, struct stopwatch *watch)
{
    int servers = GNUTLS_E_AGAIN;
    int clients = GNUTLS_E_AGAIN;
    for (int i = 0; i < TURNS_MAX && (servers != 0 || clients != 0); i++) {
        if (clients != 0)
            clients = gnutls_handshake(client->session);
        if (clients != 0 && gnutls_error_is_fatal(clients))
            return clients;
        if (servers == 0)
            continue;
        stopwatch_go(watch);
        servers = serve(server);
        stopwatch_halt(watch);
        if (servers != 0 && gnutls_error_is_fatal(servers))
            return servers;
    }
    return servers != 0 ? servers : clients;
}

static bool shake_hands(struct task *t, void *arg, struct stopwatch *watch)
{
    const struct handshake *handshake = arg;
    struct queue *to_server = arena_alloc(t->arena, sizeof(*to_server));
    struct queue *to_client = arena_alloc(t->arena, sizeof(*to_client));
    struct end server = {.out = to_client, .in = to_server};
    struct end client = {.out = to_server, .in = to_client};
    int error = begin(handshake, &client, GNUTLS_CLIENT | GNUTLS_NONBLOCK, handshake->client);
    stopwatch_go(watch);
    if (error == 0)
        error = begin_server(handshake, &server);
    stopwatch_halt(watch);
    if (error == 0)
        error = take_turns(&server, &client, watch);
    stopwatch_go(watch);
    gnutls_deinit(server.session);
    stopwatch_halt(watch);
    gnutls_deinit(client.session);
    ENSURE(t, error == 0, E_INTERNAL, "GnuTLS: %s", gnutls_strerror(error));
    return true;
}

static int load_server(const struct scene *scene, struct handshake *handshake)
{
    struct bytes anchor = scene->maker_anchor.items[0]->der;
    gnutls_datum_t trust = {(unsigned char *)anchor.data, (unsigned int)anchor.len};
    handshake->key = keystore_key_gnutls(scene->registrar_key);
    for (size_t i = 0; i < ARRAY_SIZE(handshake->chain); i++) {
        struct bytes der = scene->registrar_chain.items[i]->der;
        gnutls_datum_t datum = {(unsigned char *)der.data, (unsigned int)der.len};
        int error =
            gnutls_pcert_import_x509_raw(&handshake->chain[i], &datum, GNUTLS_X509_FMT_DER, 0);
        if (error != 0)
            return error;
    }
    gnutls_certificate_set_retrieve_function2(handshake->server, choose);
    int count =
        gnutls_certificate_set_x509_trust_mem(handshake->server, &trust, GNUTLS_X509_FMT_DER);
    return count < 0 ? count : 0;
}

static int load(const struct scene *scene, struct handshake *handshake)
{
    int error = gnutls_priority_init(&handshake->priorities, priorities, NULL);
    if (error == 0)
        error = gnutls_certificate_allocate_credentials(&handshake->server);
    if (error == 0)
        error = gnutls_certificate_allocate_credentials(&handshake->client);
    if (error == 0)
        error = load_server(scene, handshake);
    if (error == 0)
        error = gnutls_certificate_set_x509_key_file(handshake->client, scene->idevid_cert,
                                                     scene->idevid_key, GNUTLS_X509_FMT_PEM);
    return error;
}

static bool prepare(struct task *t, const struct scene *scene, void **ret)
{
    struct handshake *handshake = arena_alloc(t->arena, sizeof(*handshake));
    int error = load(scene, handshake);
    ENSURE(t, error == 0, E_INTERNAL, "GnuTLS: %s", gnutls_strerror(error));
    *ret = handshake;
    return true;
}

const struct part part_handshake = {
    .name = "handshake",
    .of_library = true,
    .at_once = 1,
    .prepare = prepare,
    .once = shake_hands,
};
