/* JWS-signed JSON (draft-ietf-anima-jws-voucher-16). */
#include "registrar/voucher/voucher.h"

#include "core/pki/jws.h"

#include <strings.h>

#define JWS_VOUCHER_TYPE "voucher-jws+json"
#define MEDIA_TYPE       "application/" JWS_VOUCHER_TYPE

/* jws-voucher 3: "typ" may be missing; RFC 7515 4.1.9 lets "application/" stand before it. */
static bool check_signature_header(struct task *t, const struct jws_signature *signature)
{
    ENSURE(t,
           signature->type == NULL || strcasecmp(signature->type, JWS_VOUCHER_TYPE) == 0 ||
               strcasecmp(signature->type, MEDIA_TYPE) == 0,
           E_VOUCHER_MALFORMED, "\"typ\" is \"%s\"",
           bytes_to_printable(t->arena, bytes_of_text(signature->type), 40));
    /* jws-voucher 3: whoever signs with a key of a certificate says which. */
    ENSURE(t, signature->certs.count > 0, E_VOUCHER_MALFORMED, "there is no \"x5c\"");
    return true;
}

static bool open_jws(struct task *t, struct bytes octets, unsigned allowed,
                     const struct cert_list *known, struct signed_voucher *ret)
{
    ENSURE(t, octets.len <= VOUCHER_SIZE_MAX, E_VOUCHER_MALFORMED, "%zu octets; at most %zu",
           octets.len, VOUCHER_SIZE_MAX);
    struct jws *jws = arena_alloc(t->arena, sizeof(*jws));
    struct signed_voucher sv = {.form = &voucher_form_jws, .library = jws};
    TRY(jws_open(t, octets, known, jws));
    for (size_t i = 0; i < jws->count; i++)
        TRY(check_signature_header(t, &jws->signatures[i]));
    TRY(voucher_from_json(t, jws->payload, allowed, &sv.voucher));
    /* brski-prm 6.3: it is vouchers that a registrar countersigns. */
    ENSURE(t, jws->count == 1 || sv.voucher.kind == VOUCHER, E_VOUCHER_MALFORMED,
           "a voucher request with %zu signatures", jws->count);
    sv.octets = bytes_copy(t->arena, octets);
    sv.payload = jws->payload;
    sv.certs = jws->signatures[0].certs;
    *ret = sv;
    return true;
}

/* The first signature is the issuer's; one that countersigns counts for nothing, and must be right.
 */
static bool verify_jws(struct task *t, const struct signed_voucher *sv,
                       const struct cert_list *known, const struct cert **ret_signer)
{
    const struct jws *jws = sv->library;
    const struct cert *signer;
    const struct cert *countersigner;
    (void)known; /* x5c says whose each signature is */
    TRY(jws_verify(t, jws, 0, &signer));
    for (size_t i = 1; i < jws->count; i++) {
        if (!jws_verify(t, jws, i, &countersigner))
            return fail_context(t, "countersignature");
    }
    *ret_signer = signer;
    return true;
}

static bool seal_jws(struct task *t, const struct voucher *v, const struct voucher_signer *signer,
                     struct bytes *ret)
{
    struct bytes json;
    TRY(voucher_to_json(t, v, &json));
    ENSURE(t,
           signer->certs.count > 0 && bytes_equal(signer->certs.items[0]->der, signer->cert->der),
           E_INVALID, "the signer's certificate does not come first, as x5c has it");
    return jws_sign(t, json, JWS_VOUCHER_TYPE, signer->key, &signer->certs, ret);
}

const struct voucher_form voucher_form_jws = {
    .name = "jws",
    .media_type = MEDIA_TYPE,
    .open = open_jws,
    .verify = verify_jws,
    .seal = seal_jws,
};
