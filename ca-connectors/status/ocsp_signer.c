/* Who signs OCSP responses for a CA: a key of its own in the token, delegated to (RFC 6960 2.6). */
#include "ca-connectors/ca_urls.h"
#include "ca-connectors/problems.h"
#include "ca-connectors/status/status_private.h"

#include "core/base/clock.h"
#include "core/pki/issue.h"
#include "core/store/records/authority.h"
#include "core/store/records/event.h"

#define KEY_LABEL "gatehouse-ocsp"
/* RFC 6960 4.2.2.2.1: with id-pkix-ocsp-nocheck it cannot be revoked, so it does not last. */
#define VALIDITY (30 * DAY_MS)
#define BACKDATE (5 * MINUTE_MS)

const char *responder_name(struct arena *arena, const char *ca)
{
    return arena_printf(arena, AUTHORITY_OCSP_PREFIX "%s", ca);
}

static bool get_key(struct task *t, struct keystore *keys, struct keystore_key **ret)
{
    if (keystore_generate(t, keys, KEY_LABEL, KEYSTORE_P256, ret))
        return true;
    if (!task_failed_with(t, E_EXISTS))
        return false;
    task_forgive(t);
    return keystore_find(t, keys, KEY_LABEL, ret);
}

static bool make_extensions(struct task *t, struct extension_list *ret)
{
    const char *usages[] = {"digitalSignature"};
    const char *purposes[] = {OID_KP_OCSP_SIGNING};
    const struct text_list usage = {usages, ARRAY_SIZE(usages)};
    const struct text_list purpose = {purposes, ARRAY_SIZE(purposes)};
    struct extension *items = arena_array(t->arena, 3, sizeof(*items));
    items[0] = (struct extension){.oid = OID_CE_KEY_USAGE, .critical = true};
    items[1] = (struct extension){.oid = OID_CE_EXT_KEY_USAGE};
    items[2] = (struct extension){.oid = OID_OCSP_NOCHECK, .value = BYTES_LITERAL("\x05\x00")};
    TRY(extension_key_usage(t, &usage, &items[0].value));
    TRY(extension_ext_key_usage(t, &purpose, &items[1].value));
    *ret = (struct extension_list){items, 3};
    return true;
}

static bool make_certificate(struct task *t, const struct status_ca *ca, struct keystore_key *key,
                             const struct cert **ret)
{
    int64_t now = clock_wall();
    int64_t first = cert_not_before(ca->cert);
    int64_t last = cert_not_after(ca->cert);
    ENSURE(t, now < last, E_CA_FAILED, "the CA's certificate ended at %s",
           time_to_text(t->arena, last));
    struct issue issue = {
        .key = keystore_key_evp(key),
        .not_before = now - BACKDATE > first ? now - BACKDATE : first,
        .not_after = now + VALIDITY < last ? now + VALIDITY : last,
        .path_length = -1,
        .issuer = ca->cert,
        .issuer_key = keystore_key_evp(ca->key),
    };
    TRY(name_from_text(t, "CN=OCSP responder", &issue.subject));
    TRY(make_extensions(t, &issue.extensions));
    return issue_certificate(t, &issue, ret);
}

static bool put_responder(struct task *t, struct tx *tx, void *arg)
{
    const struct authority *authority = arg;
    const struct event event = {
        .name = "ocsp-responder-made",
        .severity = EVENT_INFO,
        .actor = "gatehouse",
        .detail = arena_printf(t->arena, "for %s", authority->issuer),
    };
    TRY(table_put(t, tx, &authorities, authority));
    return event_add(t, tx, &event);
}

static bool is_good(const struct cert *responder)
{
    return responder != NULL && cert_not_after(responder) - clock_wall() > VALIDITY / 2;
}

bool responder_tend(struct task *t, const struct status_service *service,
                    const struct status_ca *ca, bool *ret_made)
{
    struct keystore_key *key;
    const struct cert *cert;
    struct authority authority;
    *ret_made = false;
    if (is_good(ca->responder) || clock_wall() >= cert_not_after(ca->cert))
        return true;
    TRY(get_key(t, service->options.keys, &key));
    TRY(make_certificate(t, ca, key, &cert));
    record_init(t, &authority_type, &authority);
    authority.name = responder_name(t->arena, ca->name);
    authority.certificate = cert->der;
    authority.issuer = ca->name;
    authority.key_label = KEY_LABEL;
    authority.created = clock_wall();
    TRY(store_update(t, service->options.store, put_responder, &authority));
    *ret_made = true;
    return true;
}
