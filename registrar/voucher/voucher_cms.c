/* CMS-signed JSON (RFC 8366 5.4). */
#include "registrar/voucher/voucher.h"

#include "core/pki/cms.h"

#include <string.h>

static bool open_cms(struct task *t, struct bytes octets, unsigned allowed,
                     const struct cert_list *known, struct signed_voucher *ret)
{
    ENSURE(t, octets.len <= VOUCHER_SIZE_MAX, E_VOUCHER_MALFORMED, "%zu octets; at most %zu",
           octets.len, VOUCHER_SIZE_MAX);
    struct cms *cms = arena_alloc(t->arena, sizeof(*cms));
    struct signed_voucher sv = {.form = &voucher_form_cms, .library = cms};
    TRY(cms_open(t, octets, known, cms));
    /* RFC 8366 5.4 names the voucher's content type; every example of it and RFC 8995 has id-data.
     */
    ENSURE(t,
           strcmp(cms->content_type, OID_ANIMA_JSON_VOUCHER) == 0 ||
               strcmp(cms->content_type, OID_DATA) == 0,
           E_VOUCHER_MALFORMED, "the content type is %s", cms->content_type);
    TRY(voucher_from_json(t, cms->content, allowed, &sv.voucher));
    sv.octets = bytes_copy(t->arena, octets);
    sv.payload = cms->content;
    sv.certs = cms->certs;
    *ret = sv;
    return true;
}

static bool verify_cms(struct task *t, const struct signed_voucher *sv,
                       const struct cert_list *known, const struct cert **ret_signer)
{
    return cms_verify(t, sv->library, known, ret_signer);
}

static bool seal_cms(struct task *t, const struct voucher *v, const struct voucher_signer *signer,
                     struct bytes *ret)
{
    struct bytes json;
    TRY(voucher_to_json(t, v, &json));
    return cms_sign(t, json, OID_ANIMA_JSON_VOUCHER, signer->cert, signer->key, &signer->certs,
                    ret);
}

const struct voucher_form voucher_form_cms = {
    .name = "cms",
    .media_type = "application/voucher-cms+json",
    .open = open_cms,
    .verify = verify_cms,
    .seal = seal_cms,
};
