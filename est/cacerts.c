/* GET /.well-known/est/cacerts (RFC 7030 4.1). */
#include "est/est.h"

#include "core/base/log.h"
#include "core/pki/cms.h"
#include "core/store/records/authority.h"
#include "est/wire.h"

static bool contains(const struct cert_list *list, const struct cert *cert)
{
    for (size_t i = 0; i < list->count; i++) {
        if (bytes_equal(list->items[i]->der, cert->der))
            return true;
    }
    return false;
}

/* The CA certificates of `more` that are not there yet. */
static void add_cas(struct task *t, struct cert_list *list, const struct cert_list *more)
{
    const struct cert **items =
        arena_array(t->arena, list->count + more->count, sizeof(struct cert *));
    for (size_t i = 0; i < list->count; i++)
        items[i] = list->items[i];
    list->items = items;
    for (size_t i = 0; i < more->count; i++) {
        if (cert_is_ca(more->items[i]) && !contains(list, more->items[i]))
            items[list->count++] = more->items[i];
    }
}

/*
 * RFC 7030 4.1.3: the current root and every intermediate.  The anchor of our own TLS certificate
 * is always among them, whatever CA signs the devices: it is how they know us from now on.
 */
bool est_prepare(struct task *t, struct est *est)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct cert_list all = {NULL, 0};
    struct bytes p7;
    TRY(view_open(t, est->store, &view));
    struct table_scan scan = table_scan(t, view, &cas, BYTES_ABSENT);
    for (;;) {
        struct ca_record record;
        const struct ca *ca;
        struct cert_list chain;
        bool found;
        TRY(table_scan_next(t, &scan, &record, &found));
        if (!found)
            break;
        TRY(ca_find(t, est->cas, record.name, &ca));
        TRY(ca_chain(t, ca, &chain));
        add_cas(t, &all, &chain);
    }
    add_cas(t, &all, &est->own_chain);
    TRY(cms_certs_only(t, &all, &p7));
    est->cacerts = p7;
    return true;
}

/* RFC 7030 4.1.2: no client authentication is asked for. */
bool est_cacerts(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct est *est = rq->context;
    est_write_body(t, "application/pkcs7-mime", est->cacerts, reply);
    return true;
}
