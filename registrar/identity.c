#include "registrar/identity.h"

#include "core/base/clock.h"
#include "core/store/records/authority.h"

static bool check_certificate(struct task *t, const struct cert *cert,
                              const struct keystore_key *key)
{
    static const char *const wanted[] = {OID_KP_CMC_RA, OID_KP_SERVER_AUTH, OID_KP_CLIENT_AUTH};
    int64_t now = clock_wall();
    ENSURE(t, bytes_equal(cert_spki(t, cert), keystore_key_spki(key)), E_REGISTRAR_IDENTITY,
           "our certificate is for another key than the token's %s", keystore_key_label(key));
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
        ENSURE(t, cert_has_eku(cert, wanted[i]), E_REGISTRAR_IDENTITY,
               "our certificate lacks the extended key usage %s", wanted[i]);
    ENSURE(t, now >= cert_not_before(cert) && now <= cert_not_after(cert), E_REGISTRAR_IDENTITY,
           "our certificate is valid from %s to %s", time_to_text(t->arena, cert_not_before(cert)),
           time_to_text(t->arena, cert_not_after(cert)));
    return true;
}

/* Whether the certificate's domainID is among those that were kept. */
static bool find_domain(struct task *t, struct reader *r, const struct cert *cert,
                        struct bytes *ret_id, bool *ret_found)
{
    struct own_domain domain;
    TRY(cert_domain_id(t, cert, ret_id));
    return table_find(t, r, &own_domains, *ret_id, &domain, ret_found);
}

static bool domains_are_known(struct task *t, struct reader *r, const struct cert_list *chain,
                              bool *ret)
{
    bool found = true;
    struct bytes id;
    for (size_t i = 0; found && i < chain->count; i++)
        TRY(find_domain(t, r, chain->items[i], &id, &found));
    *ret = found;
    return true;
}

/* RFC 8995 5.8.2: a MASA may pin, and log, any certificate of the chain. */
static bool note_domains(struct task *t, struct tx *tx, void *arg)
{
    const struct cert_list *chain = arg;
    for (size_t i = 0; i < chain->count; i++) {
        struct own_domain domain;
        bool found;
        struct bytes id;
        TRY(find_domain(t, tx_reader(tx), chain->items[i], &id, &found));
        if (found)
            continue;
        record_init(t, &own_domain_type, &domain);
        domain.id = id;
        domain.since = clock_wall();
        TRY(table_put(t, tx, &own_domains, &domain));
    }
    return true;
}

bool identity_load(struct task *t, struct store *store, struct keystore *keys,
                   struct registrar_identity *ret, struct keystore_key **ret_key)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct bytes_list chain;
    struct cert_list domain;
    struct keystore_key *key;
    const char *label;
    bool known;
    TRY(view_open(t, store, &view));
    if (!authority_chain(t, view_reader(view), AUTHORITY_REGISTRAR, &chain, &label))
        return fail(t, E_REGISTRAR_IDENTITY, "%s", t->detail);
    TRY(certs_parse(t, &chain, &domain));
    TRY(keystore_find(t, keys, label, &key));
    TRY(check_certificate(t, domain.items[0], key));
    *ret = (struct registrar_identity){
        .cert = domain.items[0],
        .key = keystore_key_evp(key),
        /* RFC 8995 5.5: all but the root: what is to be pinned is the registrar CA. */
        .tls_chain = {domain.items, domain.count > 1 ? domain.count - 1 : 1},
        .domain = domain,
    };
    *ret_key = key;
    TRY(domains_are_known(t, view_reader(view), &domain, &known));
    view_close(view);
    view = NULL;
    return known || store_update(t, store, note_domains, &domain);
}
