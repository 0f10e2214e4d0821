/* COSE-signed CBOR (cBRSKI, draft-ietf-anima-constrained-voucher-31 section 9). */
#include "registrar/voucher/voucher.h"

#include "core/pki/cose.h"

/* Hints to the signer: what is no certificate is no help, and no harm (cBRSKI 9.2). */
static struct cert_list readable_certs(struct task *t, const struct bytes_list *der,
                                       const struct cert_list *known)
{
    struct cert_list certs = {arena_array(t->arena, der->count, sizeof(struct cert *)), 0};
    for (size_t i = 0; i < der->count; i++) {
        if (cert_parse_unless(t, der->items[i], known, &certs.items[certs.count]))
            certs.count++;
        else
            task_forgive(t);
    }
    return certs;
}

static bool open_cose(struct task *t, struct bytes octets, unsigned allowed,
                      const struct cert_list *known, struct signed_voucher *ret)
{
    ENSURE(t, octets.len <= VOUCHER_SIZE_MAX, E_VOUCHER_MALFORMED, "%zu octets; at most %zu",
           octets.len, VOUCHER_SIZE_MAX);
    struct cose *cose = arena_alloc(t->arena, sizeof(*cose));
    struct signed_voucher sv = {.form = &voucher_form_cose, .library = cose};
    TRY(cose_open(t, octets, cose));
    ENSURE(t, cose->tagged || (allowed & VOUCHER_COSE_UNTAGGED) != 0, E_VOUCHER_COSE_UNTAGGED,
           "an array of four, with no tag before it");
    TRY(voucher_from_cbor(t, cose->payload, allowed, &sv.voucher));
    sv.voucher.departures |= cose->tagged ? 0 : VOUCHER_COSE_UNTAGGED;
    sv.octets = bytes_copy(t->arena, octets);
    sv.payload = cose->payload;
    sv.certs = readable_certs(t, &cose->certs, known);
    sv.certs_unsigned = cose->protected_certs < cose->certs.count;
    *ret = sv;
    return true;
}

/* The bag says nothing of who signed (RFC 9360 2): the key that the signature fits. */
static bool verify_cose(struct task *t, const struct signed_voucher *sv,
                        const struct cert_list *known, const struct cert **ret_signer)
{
    size_t known_count = known == NULL ? 0 : known->count;
    const struct cert **all =
        arena_array(t->arena, sv->certs.count + known_count, sizeof(struct cert *));
    for (size_t i = 0; i < sv->certs.count; i++)
        all[i] = sv->certs.items[i];
    for (size_t i = 0; i < known_count; i++)
        all[sv->certs.count + i] = known->items[i];
    return cose_verify(t, sv->library, &(struct cert_list){all, sv->certs.count + known_count},
                       ret_signer);
}

/* cBRSKI 9.2: a voucher and a registrar's request carry certificates, a pledge's has none. */
static bool seal_cose(struct task *t, const struct voucher *v, const struct voucher_signer *signer,
                      struct bytes *ret)
{
    struct bytes cbor;
    TRY(voucher_to_cbor(t, v, &cbor));
    return cose_sign(t, cbor, signer->key, &signer->certs, ret);
}

const struct voucher_form voucher_form_cose = {
    .name = "cose",
    .media_type = "application/voucher+cose",
    .signer_from_tls = true,
    .open = open_cose,
    .verify = verify_cose,
    .seal = seal_cose,
    /* cBRSKI 6.8: certificates outside of the signature are for the registrar alone. */
    .for_pledge = cose_without_certs,
};
