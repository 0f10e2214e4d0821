#include "registrar/voucher_check.h"

#include "core/base/clock.h"
#include "core/pki/chain.h"

#include <string.h>

/*
 * cBRSKI 9.2: certificates that nobody has signed count as the way to an anchor; without an anchor,
 * when they are one that signed itself and the voucher.
 */
static bool check_unsigned_certs(struct task *t, const struct signed_voucher *sv,
                                 const struct cert *signer, const struct voucher_wanted *wanted)
{
    ENSURE(t,
           wanted->voucher_anchors != NULL || !sv->certs_unsigned ||
               (sv->certs.count == 1 && cert_is_self_signed(signer)),
           E_VOUCHER_UNTRUSTED,
           "its certificates are outside of what was signed, and there is no voucher anchor");
    return true;
}

static bool check_signature(struct task *t, const struct signed_voucher *sv,
                            const struct voucher_wanted *wanted)
{
    const struct cert *signer;
    ENSURE(t, sv->certs.count > 0 || wanted->voucher_certs->count > 0, E_VOUCHER_UNTRUSTED,
           "it carries no certificate, and there is no voucher anchor");
    if (!sv->form->verify(t, sv, wanted->voucher_certs, &signer))
        return fail(t, E_VOUCHER_SIGNATURE, "%s", t->detail);
    TRY(check_unsigned_certs(t, sv, signer, wanted));
    if (wanted->voucher_anchors != NULL &&
        !chain_verify(t, wanted->voucher_anchors, signer, &sv->certs, NULL, NULL))
        return fail(t, E_VOUCHER_UNTRUSTED, "signed by %s: %s", cert_subject(t, signer), t->detail);
    return true;
}

/*
 * RFC 8995 5.6.1: the pledge's own nonce, as it stands; in a voucher of another form than the
 * request, the octets that it stands for.
 */
static bool same_nonce(struct task *t, const struct signed_voucher *sv,
                       const struct voucher_wanted *wanted)
{
    const char *nonce = sv->voucher.nonce;
    if (nonce == NULL || wanted->nonce == NULL)
        return false;
    return strcmp(nonce, wanted->nonce) == 0 ||
           (sv->form != wanted->request_form && nonce_same_octets(t, nonce, wanted->nonce));
}

static bool check_device(struct task *t, const struct signed_voucher *sv,
                         const struct voucher_wanted *wanted)
{
    const struct voucher *v = &sv->voucher;
    ENSURE(t, v->serial_number != NULL && strcmp(v->serial_number, wanted->serial) == 0,
           E_VOUCHER_SERIAL, "the voucher is for %s, the device is %s",
           v->serial_number == NULL ? "nobody" : v->serial_number, wanted->serial);
    bool without = v->nonce == NULL && (wanted->nonce == NULL || wanted->nonceless);
    ENSURE(t, without || same_nonce(t, sv, wanted), E_VOUCHER_NONCE,
           "the voucher's nonce is %s, %s", v->nonce == NULL ? "missing" : v->nonce,
           wanted->nonce == NULL ? "and none was asked for"
                                 : arena_printf(t->arena, "the pledge's is %s", wanted->nonce));
    ENSURE(t,
           !bytes_present(v->idevid_issuer) || bytes_equal(v->idevid_issuer, wanted->idevid_issuer),
           E_VOUCHER_ISSUER, "the voucher's idevid-issuer is %s, the device's is %s",
           bytes_to_hex(t->arena, v->idevid_issuer), bytes_to_hex(t->arena, wanted->idevid_issuer));
    ENSURE(t, v->expires_on == 0 || v->expires_on > clock_wall(), E_VOUCHER_EXPIRED,
           "expired on %s", time_to_text(t->arena, v->expires_on));
    return true;
}

/* Each kind of pin that is there fits; a pledge looks at the kind that it knows. */
static bool pins(struct task *t, const struct voucher *v, const struct cert *cert)
{
    return (!bytes_present(v->pinned_domain_cert) ||
            bytes_equal(v->pinned_domain_cert, cert->der)) &&
           (!bytes_present(v->pinned_domain_pubk) ||
            bytes_equal(v->pinned_domain_pubk, cert_spki(t, cert))) &&
           (!bytes_present(v->pinned_domain_pubk_sha256) ||
            bytes_equal(v->pinned_domain_pubk_sha256, cert_spki_sha256(t, cert)));
}

/* RFC 8995 5.6.2: the pledge will hold our TLS chain against the pin; so do we. */
static bool check_pin(struct task *t, const struct voucher *v, const struct voucher_wanted *wanted)
{
    ENSURE(t,
           bytes_present(v->pinned_domain_cert) || bytes_present(v->pinned_domain_pubk) ||
               bytes_present(v->pinned_domain_pubk_sha256),
           E_VOUCHER_PIN, "nothing is pinned");
    for (size_t i = 0; i < wanted->tls_chain->count; i++) {
        if (pins(t, v, wanted->tls_chain->items[i]))
            return true;
    }
    const struct cert *pinned;
    if (!bytes_present(v->pinned_domain_cert))
        return fail(t, E_VOUCHER_PIN, "the pinned key is none of our TLS chain");
    if (!cert_parse(t, v->pinned_domain_cert, &pinned))
        return fail(t, E_VOUCHER_PIN, "the pinned certificate cannot be read");
    return fail(t, E_VOUCHER_PIN, "pinned is %s, issued by %s", cert_subject(t, pinned),
                cert_issuer(t, pinned));
}

/* RFC 8366 5.3: one of these; RFC 8366bis lets it be missing. */
static bool check_assertion(struct task *t, const struct voucher *v)
{
    static const char *const known[] = {"verified", "logged", "proximity", "agent-proximity"};
    if (v->assertion == NULL)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (strcmp(v->assertion, known[i]) == 0)
            return true;
    }
    return fail(t, E_MASA_ANSWER, "the voucher's assertion is none that RFC 8366 knows");
}

bool voucher_check(struct task *t, const struct voucher_form *form, struct bytes octets,
                   const struct voucher_wanted *wanted, struct voucher *ret)
{
    struct signed_voucher sv;
    if (!form->open(t, octets, 0, wanted->voucher_certs, &sv))
        return fail(t, E_MASA_ANSWER, "no voucher that can be read: %s", t->detail);
    ENSURE(t, sv.voucher.kind == VOUCHER, E_MASA_ANSWER,
           "the MASA sent a voucher request instead of a voucher");
    TRY(check_assertion(t, &sv.voucher));
    TRY(check_signature(t, &sv, wanted));
    TRY(check_device(t, &sv, wanted));
    TRY(check_pin(t, &sv.voucher, wanted));
    *ret = sv.voucher;
    return true;
}
