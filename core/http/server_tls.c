#include "core/http/server_private.h"

#include <gnutls/gnutls.h>

/*
 * Peers show at most this many certificates, of this many octets in all: more is no chain that
 * anybody needs, and is not looked at.
 */
#define PEER_CHAIN_MAX  16
#define PEER_OCTETS_MAX (64UL * 1024)
#define SERVER_NAME_MAX 255 /* octets of a name in SNI; longer ones are nobody's here */

/* One certificate of ours; GnuTLS keeps a session's choice by pointer, so it lives as the server.
 */
struct face {
    gnutls_pcert_st *chain;
    unsigned int count;
    gnutls_privkey_t key;   /* borrowed */
    gnutls_x509_crt_t cert; /* for the names in it */
};

struct server_tls {
    struct face *faces; /* the first is shown to whoever asks for nobody in particular */
    size_t count;
    const struct tls_clients *clients; /* NULL: all are let in */
};

/*
 * TLS 1.2 and 1.3 with authenticated encryption and forward secrecy (RFC 9325 4.2).  %COMPAT lets
 * IDevIDs in whose keyUsage lacks digitalSignature.
 */
const char tls_priorities[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
    ":-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-CCM:-MAC-ALL:+AEAD"
    ":-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1"
    ":-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:%NO_TICKETS:%COMPAT";

static gnutls_datum_t datum_of(struct bytes b)
{
    return (gnutls_datum_t){(unsigned char *)b.data, (unsigned int)b.len};
}

static void release_pcert(void *pcert)
{
    gnutls_pcert_deinit(pcert);
}

/* A key that does not fit the certificate would fail every handshake: better to fail the start. */
static bool check_key(struct task *t, const struct face *face)
{
    gnutls_datum_t text = datum_of(BYTES_LITERAL("does this key fit this certificate?"));
    gnutls_datum_t signature;
    gnutls_digest_algorithm_t hash;
    int error = gnutls_pubkey_get_preferred_hash_algorithm(face->chain[0].pubkey, &hash, NULL);
    ENSURE(t, error == 0, E_INVALID, "the server's certificate: %s", gnutls_strerror(error));
    gnutls_sign_algorithm_t algorithm =
        gnutls_pk_to_sign(gnutls_pubkey_get_pk_algorithm(face->chain[0].pubkey, NULL), hash);
    error = gnutls_privkey_sign_data2(face->key, algorithm, 0, &text, &signature);
    ENSURE(t, error == 0, E_INVALID, "the server's key cannot sign: %s", gnutls_strerror(error));
    error = gnutls_pubkey_verify_data2(face->chain[0].pubkey, algorithm, 0, &text, &signature);
    gnutls_free(signature.data);
    ENSURE(t, error >= 0, E_INVALID, "the server's key is not that of its certificate");
    return true;
}

static void release_crt(void *crt)
{
    gnutls_x509_crt_deinit(crt);
}

static bool read_names(struct task *t, struct arena *arena, struct face *face, struct bytes der)
{
    gnutls_datum_t datum = datum_of(der);
    int error = gnutls_x509_crt_init(&face->cert);
    ENSURE(t, error == 0, E_INVALID, "the server's certificate: %s", gnutls_strerror(error));
    arena_defer(arena, release_crt, face->cert);
    error = gnutls_x509_crt_import(face->cert, &datum, GNUTLS_X509_FMT_DER);
    ENSURE(t, error == 0, E_INVALID, "the server's certificate: %s", gnutls_strerror(error));
    return true;
}

static bool make_face(struct task *t, struct arena *arena, const struct http_identity *identity,
                      struct face *face)
{
    ENSURE(t, identity->chain.count > 0, E_INVALID, "the server has no certificate");
    face->key = identity->key;
    face->chain = arena_array(arena, identity->chain.count, sizeof(*face->chain));
    for (size_t i = 0; i < identity->chain.count; i++) {
        gnutls_datum_t der = datum_of(identity->chain.items[i]);
        int error = gnutls_pcert_import_x509_raw(&face->chain[i], &der, GNUTLS_X509_FMT_DER, 0);
        ENSURE(t, error == 0, E_INVALID, "certificate %zu of the server's chain: %s", i + 1,
               gnutls_strerror(error));
        arena_defer(arena, release_pcert, &face->chain[i]);
        face->count++;
    }
    TRY(read_names(t, arena, face, identity->chain.items[0]));
    return check_key(t, face);
}

static bool make_tls(struct task *t, struct http_server *server,
                     const struct http_identity *identities, size_t count, struct server_tls **ret)
{
    struct arena *arena = server->arena;
    struct server_tls *tls = arena_alloc(arena, sizeof(*tls));
    *tls =
        (struct server_tls){arena_array(arena, count, sizeof(*tls->faces)), count, server->clients};
    for (size_t i = 0; i < count; i++)
        TRY(make_face(t, arena, &identities[i], &tls->faces[i]));
    *ret = tls;
    return true;
}

bool http_server_identify(struct task *t, struct http_server *server,
                          const struct http_identity *identities, size_t count)
{
    struct server_tls *tls;
    (void)pthread_mutex_lock(&server->lock);
    bool made = make_tls(t, server, identities, count, &tls);
    (void)pthread_mutex_unlock(&server->lock);
    if (made)
        atomic_store(&server->tls, tls);
    return made;
}

static bool has_name(const struct face *face, const char *name)
{
    return gnutls_x509_crt_check_hostname2(face->cert, name,
                                           GNUTLS_VERIFY_DO_NOT_ALLOW_IP_MATCHES) != 0;
}

/*
 * A name that nobody here has is no reason to refuse (draft-ietf-anima-constrained-voucher 6.3): it
 * is looked at only to tell several certificates of ours apart.
 */
static const struct face *choose_face(gnutls_session_t session, const struct server_tls *tls)
{
    char name[SERVER_NAME_MAX + 1];
    size_t len = sizeof(name);
    unsigned int type;
    if (tls->count == 1 || gnutls_server_name_get(session, name, &len, &type, 0) != 0 ||
        has_name(&tls->faces[0], name))
        return &tls->faces[0];
    for (size_t i = 1; i < tls->count; i++) {
        if (has_name(&tls->faces[i], name))
            return &tls->faces[i];
    }
    return &tls->faces[0];
}

int tls_choose_certificate(gnutls_session_t session, const gnutls_datum_t *ca_names, int ca_count,
                           const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
                           gnutls_pcert_st **ret_chain, unsigned int *ret_count,
                           gnutls_privkey_t *ret_key)
{
    const struct face *face = choose_face(session, gnutls_db_get_ptr(session));
    (void)ca_names;
    (void)ca_count;
    (void)algorithms;
    (void)algorithm_count;
    *ret_chain = face->chain;
    *ret_count = face->count;
    *ret_key = face->key;
    return 0;
}

void tls_begin(gnutls_session_t session, const struct http_server *server)
{
    /* The session's own pointer is libmicrohttpd's; that of the (unused) session store is free. */
    gnutls_db_set_ptr(session, atomic_load(&server->tls));
    /* RFC 8995 5.1: the pledge shows its IDevID.  Asked for, not required: strangers are told. */
    gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
    if (server->clients != NULL)
        clients_demand(session, server->clients);
}

static struct bytes_list copy_chain(struct arena *arena, const gnutls_datum_t *chain, size_t count)
{
    struct bytes_list copy = {arena_array(arena, count, sizeof(*copy.items)), count};
    for (size_t i = 0; i < count; i++)
        copy.items[i] = bytes_copy(arena, bytes_make(chain[i].data, chain[i].size));
    return copy;
}

bool tls_peer(struct arena *arena, gnutls_session_t session, struct bytes_list *ret)
{
    unsigned int count = 0;
    size_t octets = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
    if (chain == NULL)
        count = 0;
    for (unsigned int i = 0; i < count; i++)
        octets += chain[i].size;
    if (count > PEER_CHAIN_MAX || octets > PEER_OCTETS_MAX)
        return false;
    *ret = copy_chain(arena, chain, count);
    return true;
}

const struct tls_clients *tls_clients_of(gnutls_session_t session)
{
    const struct server_tls *tls = gnutls_db_get_ptr(session);
    return tls->clients;
}

struct bytes_list http_connection_peer(struct http_connection *connection)
{
    if (!connection->peer_known && connection->session != NULL)
        connection->close = !tls_peer(connection->arena, connection->session, &connection->peer) ||
                            connection->close;
    connection->peer_known = true;
    return connection->peer;
}

static void learn_ours(struct http_connection *connection)
{
    const gnutls_datum_t *ours = gnutls_certificate_get_ours(connection->session);
    if (ours != NULL)
        connection->ours = bytes_copy(connection->arena, bytes_make(ours->data, ours->size));
}

struct bytes http_connection_ours(struct http_connection *connection)
{
    if (!connection->ours_known && connection->session != NULL)
        learn_ours(connection);
    connection->ours_known = true;
    return connection->ours;
}

const char *http_connection_tls(struct http_connection *connection)
{
    if (connection->session == NULL)
        return NULL;
    return gnutls_protocol_get_name(gnutls_protocol_get_version(connection->session));
}

/*
 * tls-unique fails to tell connections apart only after a resumption or renegotiation (RFC 7627
 * 1), and there is neither here; the extended master secret, which mends that too, goes with
 * %COMPAT.
 */
struct bytes http_connection_binding(struct task *t, struct http_connection *connection)
{
    gnutls_session_t session = connection->session;
    gnutls_datum_t binding = {NULL, 0};
    if (session == NULL)
        return BYTES_ABSENT;
    bool unique = gnutls_protocol_get_version(session) != GNUTLS_TLS1_3;
    if (gnutls_session_channel_binding(
            session, unique ? GNUTLS_CB_TLS_UNIQUE : GNUTLS_CB_TLS_EXPORTER, &binding) != 0)
        return BYTES_ABSENT;
    struct bytes copy = bytes_copy(t->arena, bytes_make(binding.data, binding.size));
    gnutls_free(binding.data);
    return copy;
}
