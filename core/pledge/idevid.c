#include "core/pledge/idevid.h"

#include "core/base/clock.h"
#include "core/store/records/device.h"

#include <string.h>

/* RFC 8995 5.3: the IDevID chains to a manufacturer's anchor. */
static bool find_maker(struct task *t, const struct trust_snapshot *trust,
                       const struct cert_list *others, const struct chain_rules *rules,
                       struct idevid *idevid)
{
    const struct cert *leaf = idevid->cert;
    TRY(chain_verify(t, trust->idevid_anchors, leaf, others, rules, &idevid->chain));
    const struct cert_list *chain = &idevid->chain;
    idevid->maker = trust_maker_of(trust, chain->items[chain->count - 1]);
    ENSURE(t, idevid->maker != NULL, E_INTERNAL, "the anchor of %s is no manufacturer's",
           cert_subject(t, leaf));
    idevid->manufacturer = &idevid->maker->record;
    return true;
}

static bool fail_unknown(struct task *t, const struct cert *leaf)
{
    return fail(t, E_UNKNOWN_MAKER, "%s, issued by %s: %s", cert_subject(t, leaf),
                cert_issuer(t, leaf), t->detail);
}

/*
 * RFC 8995 2.6.2: whether an IDevID whose time is over is good is for the owner to say, for each
 * manufacturer.  Whose it is must be known first; then `ret_expired` is what is wrong with it.
 */
static bool verify(struct task *t, const struct trust_snapshot *trust,
                   const struct cert_list *others, struct idevid *idevid, const char **ret_expired)
{
    const struct chain_rules whenever = {.ignore_validity = true};
    *ret_expired = NULL;
    ENSURE(t, trust->idevid_anchors != NULL, E_UNKNOWN_MAKER, "no manufacturer is configured");
    if (find_maker(t, trust, others, NULL, idevid))
        return true;
    if (!task_failed_with(t, E_CERT_EXPIRED))
        return fail_unknown(t, idevid->cert);
    *ret_expired = t->detail;
    task_forgive(t);
    return find_maker(t, trust, others, &whenever, idevid) || fail_unknown(t, idevid->cert);
}

static bool check_time(struct task *t, struct idevid *idevid, const char *expired)
{
    if (expired == NULL)
        return true;
    /* What is not valid yet has not expired: a clock is wrong, or the certificate is not genuine.
     */
    ENSURE(t,
           idevid->manufacturer->expired_idevids && cert_not_before(idevid->cert) <= clock_wall(),
           E_IDEVID_EXPIRED, "%s", expired);
    idevid->expired = true;
    return true;
}

/* RFC 8995 2.3.1: which device it is, read in the way the manufacturer's record says. */
static bool identify(struct task *t, struct idevid *idevid)
{
    const struct cert *leaf = idevid->cert;
    const struct serial_rule *rule = &idevid->maker->serial_rule;
    const char *serial;
    if (!cert_device_serial(t, leaf, rule, &serial))
        return fail(t, E_NO_SERIAL, "%s", t->detail);
    ENSURE(t, serial != NULL, E_NO_SERIAL, "no serial number in its %s; its subject is \"%s\"",
           serial_source_names[rule->source], cert_subject(t, leaf));
    ENSURE(t, strlen(serial) <= SERIAL_MAX, E_NO_SERIAL,
           "the serial number is longer than %d octets", SERIAL_MAX);
    const struct cert *issuer = idevid->chain.items[idevid->chain.count > 1 ? 1 : 0];
    idevid->serial = serial;
    idevid->issuer_spki_sha256 = cert_spki_sha256(t, issuer);
    idevid->spki_sha256 = cert_spki_sha256(t, leaf);
    idevid->device = device_id(t->arena, idevid->issuer_spki_sha256, serial);
    return true;
}

/* RFC 5280 6.3: no certificate of the path is on a list that its issuer has signed. */
static bool check_revoked(struct task *t, const struct idevid *idevid)
{
    const struct cert_list *chain = &idevid->chain;
    for (size_t i = 0; i + 1 < chain->count; i++) {
        struct bytes issuer = cert_spki_sha256(t, chain->items[i + 1]);
        for (size_t k = 0; k < idevid->maker->crl_count; k++) {
            const struct trusted_crl *crl = &idevid->maker->crls[k];
            ENSURE(t,
                   !bytes_equal(crl->issuer_spki_sha256, issuer) ||
                       !crl_lists(crl->crl, chain->items[i]),
                   E_IDEVID_REVOKED, "%s is on the revocation list of %s of %s",
                   cert_subject(t, chain->items[i]), crl_issuer(t, crl->crl),
                   time_to_text(t->arena, crl->crl->this_update));
        }
    }
    return true;
}

bool idevid_judge(struct task *t, const struct trust_snapshot *trust, const struct cert *leaf,
                  const struct cert_list *others, struct idevid *idevid)
{
    const char *expired;
    idevid->cert = leaf;
    TRY(verify(t, trust, others, idevid, &expired));
    TRY(identify(t, idevid));
    TRY(check_time(t, idevid, expired));
    return check_revoked(t, idevid);
}

/* The first anchor that the certificate names as its issuer; NULL: none of theirs. */
static const struct trusted_maker *claimed_maker(const struct trust_snapshot *trust,
                                                 const struct cert *leaf, const struct cert **ret)
{
    for (size_t i = 0; i < trust->maker_count; i++) {
        const struct trusted_maker *maker = &trust->makers[i];
        for (size_t k = 0; maker->record.unauthenticated && k < maker->idevid_anchors.count; k++) {
            *ret = maker->idevid_anchors.items[k];
            if (cert_is_issued_by(leaf, *ret))
                return maker;
        }
    }
    return NULL;
}

/* Nothing else limits for how long it is believed. */
static bool check_own_time(struct task *t, const struct idevid *idevid)
{
    const struct cert *leaf = idevid->cert;
    int64_t now = clock_wall();
    ENSURE(t,
           cert_not_before(leaf) <= now &&
               (now <= cert_not_after(leaf) || idevid->manufacturer->expired_idevids),
           E_IDEVID_EXPIRED, "%s is valid from %s to %s", cert_subject(t, leaf),
           time_to_text(t->arena, cert_not_before(leaf)),
           time_to_text(t->arena, cert_not_after(leaf)));
    return true;
}

bool idevid_claim(struct task *t, const struct trust_snapshot *trust, const struct cert *leaf,
                  struct idevid *idevid)
{
    const struct cert *anchor = NULL;
    const struct trusted_maker *maker = claimed_maker(trust, leaf, &anchor);
    if (maker == NULL)
        return false;
    task_forgive(t);
    const struct cert **chain = arena_array(t->arena, 2, sizeof(struct cert *));
    chain[0] = leaf;
    chain[1] = anchor;
    *idevid = (struct idevid){
        .cert = leaf,
        .chain = {chain, 2},
        .maker = maker,
        .manufacturer = &maker->record,
        .unauthenticated = true,
    };
    TRY(identify(t, idevid));
    TRY(check_own_time(t, idevid));
    return check_revoked(t, idevid);
}
