/* RFC 7030 4.4.1: how the client wants its key to be protected, and whether that can be done. */
#include "est/server_key.h"

#include "core/base/clock.h"
#include "core/store/records/certificate.h"

#include <string.h>

#include <openssl/x509v3.h>

/* Certificates looked at for one device or name. */
#define LOOK_MAX 100

/* ---- A certificate's key ---- */

struct search {
    struct bytes identifier;
    const struct cert *found; /* NULL: not yet */
};

static void look_at(const struct cert *cert, struct search *search)
{
    if (search->found == NULL && key_wish_names(cert, search->identifier))
        search->found = cert;
}

/* The certificate that TLS was done with. */
static bool look_at_shown(struct task *t, struct http_request *rq, struct search *search)
{
    struct bytes_list shown = http_connection_peer(rq->connection);
    const struct cert *cert;
    if (shown.count == 0)
        return true;
    TRY(cert_parse(t, shown.items[0], &cert));
    look_at(cert, search);
    return true;
}

static bool look_at_issued(struct task *t, struct reader *r, const struct certificate *record,
                           struct search *search)
{
    struct bytes der;
    const struct cert *cert;
    if (record->state != CERTIFICATE_ISSUED || record->not_after < clock_wall())
        return true;
    TRY(blob_get(t, r, &certificates, record->id, CERTIFICATE_BLOB_DER, &der));
    if (!bytes_present(der))
        return true;
    TRY(cert_parse(t, der, &cert));
    look_at(cert, search);
    return true;
}

/* Those that we issued to the device, the latest first. */
static bool look_at_device(struct task *t, struct view *view, struct bytes device,
                           struct search *search)
{
    struct table_scan scan =
        table_scan_index(t, view, &certificates, &certificates_by_device, device, true);
    for (int looked = 0; search->found == NULL && looked < LOOK_MAX; looked++) {
        struct certificate record;
        bool found;
        TRY(table_scan_next(t, &scan, &record, &found));
        if (!found)
            break;
        TRY(look_at_issued(t, view_reader(view), &record, search));
    }
    return true;
}

/* Those that we issued to the same client under the subject that it asks for. */
static bool look_at_client(struct task *t, struct view *view, const char *client,
                           const char *subject, struct search *search)
{
    const struct bytes parts[] = {bytes_of_text(certificate_name_key(t->arena, subject)),
                                  BYTES_LITERAL("\0")};
    struct table_scan scan = table_scan_prefix(t, view, &certificate_names,
                                               bytes_concat(t->arena, parts, ARRAY_SIZE(parts)));
    for (int looked = 0; search->found == NULL && looked < LOOK_MAX; looked++) {
        struct certificate_name name;
        struct certificate record;
        bool found;
        TRY(table_scan_next(t, &scan, &name, &found));
        if (!found)
            break;
        TRY(table_get(t, view_reader(view), &certificates, name.certificate, &record));
        if (record.client != NULL && strcmp(record.client, client) == 0)
            TRY(look_at_issued(t, view_reader(view), &record, search));
    }
    return true;
}

static bool find_certificate(struct task *t, const struct est *est, struct http_request *rq,
                             const struct est_client *client, const struct csr *csr,
                             struct bytes identifier, const struct cert **ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct search search = {identifier, NULL};
    struct bytes device = client->idevid != NULL   ? client->idevid->device
                          : client->issued != NULL ? client->issued->record.device
                                                   : BYTES_ABSENT;
    TRY(view_open(t, est->store, &view));
    TRY(look_at_shown(t, rq, &search));
    if (bytes_present(device))
        TRY(look_at_device(t, view, device, &search));
    else if (client->name != NULL)
        TRY(look_at_client(t, view, client->name, csr_subject(t, csr), &search));
    /* RFC 7030 4.4.1.2: without the key the request ends with an error. */
    ENSURE(t, search.found != NULL, E_KEY_WISH,
           "no certificate of the client's has the key identifier %s",
           bytes_to_hex(t->arena, identifier));
    *ret = search.found;
    return key_wish_fits(t, search.found);
}

/* ---- A shared key ---- */

static bool find_secret(struct task *t, struct reader *r, struct bytes identifier,
                        struct est_secret *ret)
{
    const char *text = bytes_to_text(t->arena, identifier);
    const char *hex = bytes_to_hex(t->arena, identifier);
    bool found = false;
    if (text != NULL)
        TRY(table_find(t, r, &est_secrets, bytes_of_text(text), ret, &found));
    if (!found)
        TRY(table_find(t, r, &est_secrets, bytes_of_text(hex), ret, &found));
    /* RFC 7030 4.4.1.1: without the key the request ends with an error. */
    ENSURE(t, found && bytes_present(ret->decrypt_key), E_KEY_WISH,
           "no secret with a decrypt-key has the user name %s or %s",
           bytes_to_printable(t->arena, identifier, KEY_IDENTIFIER_MAX), hex);
    return true;
}

static bool find_shared(struct task *t, const struct est *est, const struct est_client *client,
                        struct bytes identifier, const char **ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct est_secret secret;
    TRY(view_open(t, est->store, &view));
    TRY(find_secret(t, view_reader(view), identifier, &secret));
    if (!est_secret_holds(t, &secret, client->label.name))
        return fail(t, E_KEY_WISH, "%s", t->detail);
    *ret = secret.user;
    return true;
}

bool server_key_wanted(struct task *t, const struct est *est, struct http_request *rq,
                       const struct est_client *client, const struct csr *csr,
                       struct server_key *ret)
{
    struct server_key key = {.secret = NULL};
    struct key_wish wish;
    struct cms_recipient recipient = {.cert = NULL};
    unsigned bits;
    /* RFC 7030 4.4: not done unless it was switched on. */
    ENSURE(t, client->label.server_keys != EST_SERVER_KEYS_OFF, E_SERVER_KEYS_OFF,
           "the label %s has server-keys off", client->label.name);
    TRY(key_wish_read(t, csr, &wish));
    if (bytes_present(wish.certificate_key)) {
        TRY(find_certificate(t, est, rq, client, csr, wish.certificate_key, &recipient.cert));
        key.recipient = recipient.cert->der;
    } else if (bytes_present(wish.shared_key)) {
        TRY(find_shared(t, est, client, wish.shared_key, &key.secret));
    } else {
        ENSURE(t, client->label.server_keys == EST_SERVER_KEYS_PLAIN, E_KEY_WISH,
               "the label %s gives keys only encrypted, and the request names no key for that",
               client->label.name);
    }
    if (bytes_present(key.recipient) || key.secret != NULL)
        TRY(key_wish_algorithms(t, &wish, &recipient, &bits));
    const struct bytes ids[] = {wish.certificate_key, wish.shared_key};
    key.wish = bytes_concat(t->arena, ids, ARRAY_SIZE(ids));
    *ret = key;
    return true;
}
