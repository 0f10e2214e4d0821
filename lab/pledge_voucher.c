/* What the pledge demands of a voucher (RFC 8995 5.6.1). */
#include "core/base/clock.h"
#include "lab/pledge.h"
#include "lab/problems.h"

#include <string.h>

/* Signed by the manufacturer: its anchors are built in. */
static bool check_signature(struct task *t, const struct pledge *p, const struct signed_voucher *sv)
{
    const struct pledge_world *world = p->world;
    const struct chain_rules rules = {.ignore_validity = world->settings.no_clock};
    const struct cert *signer;
    TRY(sv->form->verify(t, sv, &world->masa.certs, &signer));
    return chain_verify(t, world->masa.anchors, signer, &sv->certs, &rules, NULL);
}

/* RFC 8366bis 6.1: serial numbers are unique per issuer only. */
static bool check_issuer(struct task *t, const struct pledge *p, const struct voucher *v)
{
    struct bytes ours;
    if (!bytes_present(v->idevid_issuer))
        return true;
    TRY(cert_idevid_issuer(t, p->idevid.cert, &ours));
    ENSURE(t, bytes_equal(v->idevid_issuer, ours), E_VOUCHER_REFUSED,
           "idevid-issuer names another issuer than our IDevID's");
    return true;
}

/* RFC 8995 5.6.1, 11.3: what the manufacturer must have seen to is the device's policy. */
static bool check_assertion(struct task *t, const struct pledge *p, const struct voucher *v)
{
    const struct text_list *accepted = &p->world->settings.assertions;
    for (size_t i = 0; v->assertion != NULL && i < accepted->count; i++) {
        if (strcmp(accepted->items[i], v->assertion) == 0)
            return true;
    }
    ENSURE(t, accepted->count == 0, E_VOUCHER_REFUSED, "assertion is %s, which is not accepted",
           v->assertion == NULL ? "missing" : v->assertion);
    return true;
}

static bool check_members(struct task *t, const struct pledge *p, const struct voucher *v)
{
    ENSURE(t, v->serial_number != NULL && strcmp(v->serial_number, p->serial) == 0,
           E_VOUCHER_REFUSED, "serial-number is %s, ours is %s",
           v->serial_number == NULL ? "missing" : v->serial_number, p->serial);
    /* RFC 8995 7.2: a voucher without nonce is accepted; one with another nonce is not ours. */
    ENSURE(t, v->nonce == NULL || strcmp(v->nonce, p->now.nonce) == 0, E_VOUCHER_REFUSED,
           "nonce is not that of our voucher request");
    TRY(check_issuer(t, p, v));
    TRY(check_assertion(t, p, v));
    ENSURE(t, p->world->settings.no_clock || v->expires_on == 0 || clock_wall() < v->expires_on,
           E_VOUCHER_REFUSED, "expired on %s", time_to_text(t->arena, v->expires_on));
    ENSURE(t, bytes_present(v->pinned_domain_cert), E_VOUCHER_REFUSED,
           "pinned-domain-cert is missing");
    return true;
}

static bool open_voucher(struct task *t, const struct pledge *p, const struct response *answer,
                         struct signed_voucher *ret)
{
    const struct voucher_form *form =
        answer->media_type == NULL ? NULL : voucher_form_of(answer->media_type);
    ENSURE(t, form != NULL && form == p->form, E_VOUCHER_REFUSED,
           "media type %s where %s was asked for",
           answer->media_type == NULL ? "missing" : answer->media_type, p->form->media_type);
    TRY(form->open(t, answer->body, 0, NULL, ret));
    ENSURE(t, ret->voucher.kind == VOUCHER, E_VOUCHER_REFUSED, "a voucher request, no voucher");
    return true;
}

bool pledge_check_voucher(struct task *t, const struct pledge *p, const struct response *answer,
                          struct signed_voucher *ret)
{
    struct signed_voucher sv;
    if (open_voucher(t, p, answer, &sv) && check_signature(t, p, &sv) &&
        check_members(t, p, &sv.voucher)) {
        *ret = sv;
        return true;
    }
    return fail(t, E_VOUCHER_REFUSED, "voucher: %s", t->detail);
}
