/* Which clients are let through the handshake, and what they are told of that before. */
#include "core/http/server_private.h"

#include "core/base/log.h"

#include <gnutls/gnutls.h>

struct tls_clients {
    gnutls_certificate_credentials_t credentials; /* NULL: no names are sent */
    bool (*known)(void *context, const struct bytes_list *chain);
    void *context;
};

static void release_credentials(void *credentials)
{
    gnutls_certificate_free_credentials(credentials);
}

/* GnuTLS sends the names of what a session's credentials trust; nothing else comes of it here. */
static bool trust(struct task *t, gnutls_certificate_credentials_t credentials,
                  const struct bytes_list *authorities)
{
    for (size_t i = 0; i < authorities->count; i++) {
        gnutls_datum_t der = {(unsigned char *)authorities->items[i].data,
                              (unsigned int)authorities->items[i].len};
        int count = gnutls_certificate_set_x509_trust_mem(credentials, &der, GNUTLS_X509_FMT_DER);
        ENSURE(t, count == 1, E_INVALID, "authority %zu is no certificate", i + 1);
    }
    return true;
}

static bool name_authorities(struct task *t, struct arena *arena,
                             const struct bytes_list *authorities, struct tls_clients *ret)
{
    gnutls_certificate_credentials_t credentials;
    int error = gnutls_certificate_allocate_credentials(&credentials);
    ENSURE(t, error == 0, E_INTERNAL, "GnuTLS: %s", gnutls_strerror(error));
    arena_defer(arena, release_credentials, credentials);
    gnutls_certificate_set_retrieve_function2(credentials, tls_choose_certificate);
    TRY(trust(t, credentials, authorities));
    ret->credentials = credentials;
    return true;
}

/* Octets that the names take in TLS: each with its length (RFC 8446 4.2.4). */
static bool names_size(struct task *t, const struct bytes_list *authorities, size_t *ret)
{
    size_t size = 0;
    for (size_t i = 0; i < authorities->count; i++) {
        gnutls_x509_crt_t cert;
        gnutls_datum_t name = {NULL, 0};
        gnutls_datum_t der = {(unsigned char *)authorities->items[i].data,
                              (unsigned int)authorities->items[i].len};
        int error = gnutls_x509_crt_init(&cert);
        ENSURE(t, error == 0, E_INTERNAL, "GnuTLS: %s", gnutls_strerror(error));
        error = gnutls_x509_crt_import(cert, &der, GNUTLS_X509_FMT_DER);
        if (error == 0)
            error = gnutls_x509_crt_get_raw_dn(cert, &name);
        size += 2 + name.size;
        gnutls_free(name.data);
        gnutls_x509_crt_deinit(cert);
        ENSURE(t, error == 0, E_INVALID, "authority %zu: %s", i + 1, gnutls_strerror(error));
    }
    *ret = size;
    return true;
}

bool clients_make(struct task *t, struct arena *arena, const struct http_clients *clients,
                  struct tls_clients **ret)
{
    struct tls_clients *made = arena_alloc(arena, sizeof(*made));
    size_t size;
    made->known = clients->known;
    made->context = clients->context;
    TRY(names_size(t, &clients->authorities, &size));
    if (size > HTTP_AUTHORITIES_MAX)
        log_warning(t, "too many authorities to be named in TLS: none are",
                    LOG_NUMBER("octets", size), LOG_NUMBER("limit", HTTP_AUTHORITIES_MAX));
    else if (clients->authorities.count > 0)
        TRY(name_authorities(t, arena, &clients->authorities, made));
    *ret = made;
    return true;
}

static bool is_known(const struct tls_clients *clients, gnutls_session_t session)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct bytes_list chain;
    return tls_peer(arena, session, &chain) && chain.count > 0 &&
           clients->known(clients->context, &chain);
}

/* A gnutls_certificate_verify_function: 0 lets the client through. */
static int judge(gnutls_session_t session)
{
    if (is_known(tls_clients_of(session), session))
        return 0;
    (void)gnutls_alert_send(session, GNUTLS_AL_FATAL, GNUTLS_A_UNKNOWN_CA);
    return GNUTLS_E_CERTIFICATE_ERROR;
}

void clients_demand(gnutls_session_t session, const struct tls_clients *clients)
{
    if (clients->credentials != NULL)
        (void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, clients->credentials);
    if (clients->known == NULL)
        return;
    gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
    gnutls_session_set_verify_function(session, judge);
}
