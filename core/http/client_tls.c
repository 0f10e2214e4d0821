#include "core/http/client_private.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

static X509 *parse(struct task *t, struct bytes der)
{
    const unsigned char *at = der.data;
    X509 *cert = der.len > INT32_MAX ? NULL : d2i_X509(NULL, &at, (long)der.len);
    if (cert != NULL)
        ARENA_DEFER(t->arena, X509_free, cert);
    return cert;
}

static bool trust(struct task *t, SSL_CTX *context, const struct http_target *target)
{
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    for (size_t i = 0; i < target->anchors.count; i++) {
        X509 *anchor = parse(t, target->anchors.items[i]);
        ENSURE(t, anchor != NULL && X509_STORE_add_cert(store, anchor) == 1, E_PEER_TLS,
               "anchor %zu is no certificate", i + 1);
    }
    /* Found by their names when they are needed: the folder is not read. */
    if (target->system_anchors)
        ENSURE(t, SSL_CTX_set_default_verify_dir(context) == 1, E_INTERNAL,
               "libssl has no folder of CA certificates");
    /* An anchor may be an intermediate or the server's own certificate (RFC 5280 6.1.1 (d)). */
    (void)X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    return true;
}

/* RFC 9525 6.3: the name must be in subjectAltName; the subject's common name is no name. */
static bool expect_host(struct task *t, SSL_CTX *context, const struct origin *origin)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                               X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    int set = origin->numeric ? X509_VERIFY_PARAM_set1_ip_asc(param, origin->host)
                              : X509_VERIFY_PARAM_set1_host(param, origin->host, 0);
    ENSURE(t, set == 1, E_PEER_TLS, "\"%s\" cannot stand in a certificate", origin->host);
    return true;
}

static bool show(struct task *t, SSL_CTX *context, const struct http_target *target)
{
    for (size_t i = 0; i < target->chain.count; i++) {
        X509 *cert = parse(t, target->chain.items[i]);
        ENSURE(t, cert != NULL, E_PEER_TLS, "certificate %zu of our chain cannot be read", i + 1);
        int added = i == 0 ? SSL_CTX_use_certificate(context, cert)
                           : (int)SSL_CTX_add1_chain_cert(context, cert);
        ENSURE(t, added == 1, E_PEER_TLS, "certificate %zu of our chain cannot be used", i + 1);
    }
    if (target->chain.count > 0)
        ENSURE(t, SSL_CTX_use_PrivateKey(context, target->key) == 1, E_PEER_TLS,
               "our key does not fit our certificate");
    return true;
}

static bool prepare(struct task *t, SSL_CTX *context, const struct http_target *target,
                    const struct origin *origin)
{
    ENSURE(t, target->anchors.count > 0 || target->system_anchors, E_PEER_TLS,
           "no anchor is configured for it");
    ENSURE(t, SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1, E_INTERNAL,
           "libssl refuses TLS 1.2");
    (void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    /* Anchors are for judging: nothing of them is sent as part of our chain. */
    (void)SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
    TRY(trust(t, context, target));
    TRY(expect_host(t, context, origin));
    return show(t, context, target);
}

bool client_tls_prepare(struct task *t, SSL_CTX *context, const struct http_target *target,
                        const struct origin *origin)
{
    bool ok = prepare(t, context, target, origin);
    /* libssl would take what is left in the thread's queue for its own. */
    ERR_clear_error();
    return ok;
}
