#include "registrar/identity.h"

#include "core/base/clock.h"
#include "core/store/records/authority.h"

#include <string.h>

#define AUTHORITY_DEPTH_MAX 8 /* certificates from ours to the root */

static bool read_authority(struct task *t, struct reader *r, const char *name,
                           struct authority *ret, const struct cert **ret_cert)
{
    bool found;
    TRY(table_find(t, r, &authorities, bytes_of_text(name), ret, &found));
    ENSURE(t, found, E_REGISTRAR_IDENTITY, "the store has no authority %s", name);
    return cert_parse(t, ret->certificate, ret_cert);
}

/* From our certificate to the root, by the issuers' names. */
static bool read_chain(struct task *t, struct reader *r, struct authority *ret_own,
                       struct cert_list *ret)
{
    const struct cert **chain = arena_array(t->arena, AUTHORITY_DEPTH_MAX, sizeof(struct cert *));
    struct authority authority;
    size_t count = 0;
    for (const char *name = AUTHORITY_REGISTRAR;; name = authority.issuer) {
        ENSURE(t, count < AUTHORITY_DEPTH_MAX, E_REGISTRAR_IDENTITY,
               "more than %d certificates from ours to the root", AUTHORITY_DEPTH_MAX);
        TRY(read_authority(t, r, name, &authority, &chain[count]));
        if (count++ == 0)
            *ret_own = authority;
        if (strcmp(authority.issuer, authority.name) == 0)
            break;
    }
    *ret = (struct cert_list){chain, count};
    return true;
}

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

bool identity_load(struct task *t, struct store *store, struct keystore *keys,
                   struct registrar_identity *ret, struct keystore_key **ret_key)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct authority own;
    struct cert_list domain;
    struct keystore_key *key;
    TRY(view_open(t, store, &view));
    TRY(read_chain(t, view_reader(view), &own, &domain));
    TRY(keystore_find(t, keys, own.key_label, &key));
    TRY(check_certificate(t, domain.items[0], key));
    *ret = (struct registrar_identity){
        .cert = domain.items[0],
        .key = keystore_key_evp(key),
        /* RFC 8995 5.5: all but the root: what is to be pinned is the registrar CA. */
        .tls_chain = {domain.items, domain.count > 1 ? domain.count - 1 : 1},
        .domain = domain,
    };
    *ret_key = key;
    return true;
}
