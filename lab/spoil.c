#include "lab/spoil.h"

#include "core/base/clock.h"
#include "core/pki/issue.h"

#define NONCE_LEN  16
#define ISSUER_LEN 24
#define JSON_TAIL  10 /* octets: what ends a JWS, and a few of base64url before it */

/* One octet of the signature: the last one, or in JSON the last but a few. */
static void break_signature(struct task *t, struct bytes *voucher)
{
    uint8_t *octets = (uint8_t *)bytes_copy(t->arena, *voucher).data;
    uint8_t *in_json = &octets[voucher->len - JSON_TAIL];
    if (octets[0] == '{')
        *in_json = *in_json == 'A' ? 'B' : 'A';
    else
        octets[voucher->len - 1] ^= 0x01;
    *voucher = bytes_make(octets, voucher->len);
}

static void spoil_members(struct task *t, const struct credentials *signer, enum spoil spoil,
                          struct voucher *voucher)
{
    switch (spoil) {
    case SPOIL_SERIAL:
        voucher->serial_number = arena_printf(t->arena, "%s-other", voucher->serial_number);
        break;
    case SPOIL_NONCE:
        voucher->nonce = bytes_to_base64(t->arena, bytes_random(t->arena, NONCE_LEN));
        break;
    case SPOIL_PIN:
        voucher->pinned_domain_cert = signer->cert->der;
        break;
    case SPOIL_NO_PIN:
        voucher->pinned_domain_cert = BYTES_ABSENT;
        break;
    case SPOIL_EXPIRED:
        voucher->created_on = clock_wall() - DAY_MS;
        voucher->expires_on = clock_wall() - HOUR_MS;
        break;
    case SPOIL_EST_DOMAIN:
        voucher->est_domain = NULL;
        break;
    case SPOIL_ISSUER:
        voucher->idevid_issuer = bytes_random(t->arena, ISSUER_LEN);
        break;
    case SPOIL_SIGNATURE:
    case SPOIL_SIGNER:
    case SPOIL_NOTHING:
        break;
    }
}

/* A certificate with the signer's name, and a key that nobody knows. */
static bool pose(struct task *t, const struct credentials *signer, struct voucher_signer *ret)
{
    struct issue issue = {
        .not_before = cert_not_before(signer->cert),
        .not_after = cert_not_after(signer->cert),
        .path_length = -1,
        .subject = X509_get_subject_name(signer->cert->x509),
    };
    const struct cert **certs = arena_array(t->arena, 1, sizeof(struct cert *));
    TRY(key_generate(t, KEY_P256, 0, &issue.key));
    issue.issuer_key = issue.key;
    TRY(issue_certificate(t, &issue, &certs[0]));
    *ret = (struct voucher_signer){
        .cert = certs[0], .key = issue.key, .certs = {.items = certs, .count = 1}};
    return true;
}

bool voucher_spoil(struct task *t, const struct credentials *signer,
                   const struct voucher_form *form, enum spoil spoil, struct bytes *voucher)
{
    struct signed_voucher right;
    if (spoil == SPOIL_NOTHING)
        return true;
    if (spoil == SPOIL_SIGNATURE) {
        break_signature(t, voucher);
        return true;
    }
    TRY(form->open(t, *voucher, 0, NULL, &right));
    struct voucher wrong = right.voucher;
    struct voucher_signer as = {
        .cert = signer->cert,
        .key = signer->key,
        .certs = signer->chain,
    };
    spoil_members(t, signer, spoil, &wrong);
    if (spoil == SPOIL_SIGNER)
        TRY(pose(t, signer, &as));
    return form->seal(t, &wrong, &as, voucher);
}
