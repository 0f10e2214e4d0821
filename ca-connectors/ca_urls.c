#include "ca-connectors/ca_urls.h"

#include "core/pki/status_urls.h"

bool ca_key_id(struct task *t, const struct cert *ca, const char **ret)
{
    struct bytes id;
    TRY(cert_domain_id(t, ca, &id));
    *ret = bytes_to_hex(t->arena, id);
    return true;
}

bool ca_url_extensions(struct task *t, const char *url, const struct cert *issuer,
                       struct extension *items, size_t *count)
{
    const char *id;
    if (url == NULL)
        return true;
    TRY(ca_key_id(t, issuer, &id));
    struct extension points = {.oid = OID_CE_CRL_POINTS};
    struct extension access = {.oid = OID_PE_AUTHORITY_INFO};
    TRY(extension_crl_url(t, arena_printf(t->arena, "%s/crl/%s.crl", url, id), &points.value));
    TRY(extension_authority_info(t, arena_printf(t->arena, "%s/ocsp", url),
                                 arena_printf(t->arena, "%s/ca/%s.cer", url, id), &access.value));
    items[(*count)++] = points;
    items[(*count)++] = access;
    return true;
}
