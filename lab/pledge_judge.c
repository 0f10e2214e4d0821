/* Who the server is: judged during the handshake, in place of libssl. */
#include "lab/pledge_link_private.h"

#include "core/http/problems.h"
#include "lab/problems.h"

#define ANOTHER_CERTIFICATE "%s shows another certificate than before (RFC 8995 5)"

/* The server's chain as it came. */
static bool copy_chain(struct task *t, const STACK_OF(X509) * shown, struct cert_list *ret)
{
    int count = sk_X509_num(shown);
    ENSURE(t, count > 0 && count <= CERT_COUNT_MAX, E_PEER_TLS,
           "the server shows %d certificates; 1 to %d are read", count, CERT_COUNT_MAX);
    const struct cert **certs = arena_array(t->arena, (size_t)count, sizeof(struct cert *));
    for (int i = 0; i < count; i++) {
        unsigned char *der = NULL;
        int len = i2d_X509(sk_X509_value(shown, i), &der);
        ENSURE(t, len > 0, E_PEER_TLS, "the server's certificate cannot be written");
        struct bytes copy = bytes_copy(t->arena, bytes_make(der, (size_t)len));
        OPENSSL_free(der);
        TRY(cert_parse(t, copy, &certs[i]));
    }
    *ret = (struct cert_list){.items = certs, .count = (size_t)count};
    return true;
}

static bool judge(struct task *t, const struct link *link, const struct cert_list *chain)
{
    const struct cert *server = chain->items[0];
    const struct chain_rules rules = {.ignore_validity = link->maker->no_clock};
    ENSURE(t, link->options.anchors != NULL, E_PEER_TLS, "there are no anchors for %s",
           link->place.authority);
    if (!chain_verify(t, link->options.anchors, server, chain, &rules, NULL))
        return fail(t, E_PEER_TLS, "the certificate of %s is not trusted: %s",
                    link->place.authority, t->detail);
    bool right_name = cert_names_host(server, link->place.host);
    /* RFC 7030 3.6.1: under explicit anchors, an RA may answer for any name. */
    bool right_role = link->options.trust == LINK_EST && cert_has_eku(server, OID_KP_CMC_RA);
    ENSURE(t, right_name || right_role, E_PEER_TLS, "the certificate of %s names another host",
           link->place.authority);
    return true;
}

/* An end entity's certificate vouches for itself alone; a CA's for every name it may give. */
static bool judge_pinned(struct task *t, const struct link *link, const struct cert_list *chain)
{
    const struct cert *pinned = link->options.pinned;
    const struct cert *server = chain->items[0];
    const struct chain_rules rules = {.ignore_validity = link->maker->no_clock};
    const struct anchors *anchors;
    TRY(anchors_make(t, &(struct cert_list){.items = &pinned, .count = 1}, &anchors));
    if (!chain_verify(t, anchors, server, chain, &rules, NULL))
        return fail(t, E_EST_SERVER_REFUSED, "%s does not lead to pinned-domain-cert: %s",
                    link->place.authority, t->detail);
    ENSURE(t, bytes_equal(pinned->der, server->der) || cert_names_host(server, link->place.host),
           E_EST_SERVER_REFUSED,
           "the certificate of %s is under pinned-domain-cert, and names "
           "another host",
           link->place.authority);
    return true;
}

/* A first handshake keeps what the server shows; a later one must show the same. */
static bool meet_server(struct task *t, struct link *link, const STACK_OF(X509) * shown)
{
    struct cert_list chain;
    struct arena_mark mark = arena_mark(t->arena);
    TRY(copy_chain(t, shown, &chain));
    if (link->handshakes > 0) {
        ENSURE(t, bytes_equal(chain.items[0]->der, link->chain.items[0]->der), E_PEER_TLS,
               ANOTHER_CERTIFICATE, link->place.authority);
        arena_rewind(t->arena, mark);
        return true;
    }
    link->chain = chain;
    link->validated =
        link->options.trust == LINK_PINNED ? judge_pinned(t, link, &chain) : judge(t, link, &chain);
    if (!link->validated && link->options.trust != LINK_PROVISIONAL)
        return false;
    /* brski-cloud 8.3: note the judgement and go on; the voucher will settle who this is. */
    task_forgive(t);
    return true;
}

int link_judge(X509_STORE_CTX *store, void *unused)
{
    (void)unused;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct link *link = SSL_get_app_data(ssl);
    if (meet_server(link->task, link, X509_STORE_CTX_get0_untrusted(store)))
        return 1;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_UNTRUSTED);
    return 0;
}
