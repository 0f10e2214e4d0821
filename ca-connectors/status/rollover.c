/* A new key for a CA, with the certificates that lead from one to the other (RFC 4210 4.4). */
#include "ca-connectors/ca_urls.h"
#include "ca-connectors/problems.h"
#include "ca-connectors/status/status_private.h"

#include "core/base/clock.h"
#include "core/pki/issue.h"
#include "core/store/records/authority.h"
#include "core/store/records/event.h"
#include "core/store/records/setting.h"

#include <string.h>

#define BACKDATE (5 * MINUTE_MS)

/* The CA as it is, as it will be, and who signs for it. */
struct rollover {
    const struct status_service *service;
    const struct status_ca *ca;
    const char *asked_by;
    const char *former; /* the name that the record in use gets */
    const char *label;  /* of the new key */
    struct authority before;
    struct authority issuer;
    struct keystore_key *issuer_key;
    struct keystore_key *new_key;
    const struct cert *made;
    const struct cert *new_with_old;
    const struct cert *old_with_new;
};

static bool asked_for(struct task *t, struct reader *r, const char *name, const char **ret_by)
{
    struct setting setting;
    bool found;
    const char *key = arena_printf(t->arena, SETTING_ROLLOVER "%s", name);
    TRY(table_find(t, r, &settings, bytes_of_text(key), &setting, &found));
    *ret_by = !found ? NULL : setting.text == NULL ? "admin" : setting.text;
    return true;
}

static bool read_records(struct task *t, struct rollover *ro)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    TRY(view_open(t, ro->service->options.store, &view));
    struct reader *r = view_reader(view);
    TRY(asked_for(t, r, ro->ca->name, &ro->asked_by));
    if (ro->asked_by == NULL)
        return true;
    TRY(table_get(t, r, &authorities, bytes_of_text(ro->ca->name), &ro->before));
    TRY(table_get(t, r, &authorities, bytes_of_text(ro->before.issuer), &ro->issuer));
    TRY(authority_former_name(t, r, ro->ca->name, &ro->former));
    ro->label =
        arena_printf(t->arena, "gatehouse-%s-after%s", ro->ca->name, strrchr(ro->former, '-'));
    return true;
}

/* A key with this label is there when an earlier roll-over was cut short. */
static bool get_keys(struct task *t, struct rollover *ro)
{
    struct keystore *keys = ro->service->options.keys;
    bool p384 = EVP_PKEY_get_bits(keystore_key_evp(ro->ca->key)) > 256;
    TRY(keystore_find(t, keys, ro->issuer.key_label, &ro->issuer_key));
    if (keystore_generate(t, keys, ro->label, p384 ? KEYSTORE_P384 : KEYSTORE_P256, &ro->new_key))
        return true;
    if (!task_failed_with(t, E_EXISTS))
        return false;
    task_forgive(t);
    return keystore_find(t, keys, ro->label, &ro->new_key);
}

static bool ca_extensions(struct task *t, const struct rollover *ro, const struct cert *issuer,
                          struct extension_list *ret)
{
    const char *usages[] = {"keyCertSign", "cRLSign"};
    const struct text_list usage = {usages, ARRAY_SIZE(usages)};
    struct extension *items = arena_array(t->arena, 1 + CA_URL_EXTENSIONS, sizeof(*items));
    size_t count = 1;
    items[0] = (struct extension){.oid = OID_CE_KEY_USAGE, .critical = true};
    TRY(extension_key_usage(t, &usage, &items[0].value));
    TRY(ca_url_extensions(t, ro->service->options.url, issuer, items, &count));
    *ret = (struct extension_list){items, count};
    return true;
}

/* `subject_key` under the CA's name, signed by `issuer`, within the validity of both. */
static bool sign(struct task *t, const struct rollover *ro, struct keystore_key *subject_key,
                 const struct cert *issuer, struct keystore_key *issuer_key, int64_t until,
                 const struct cert **ret)
{
    int64_t from = clock_wall() - BACKDATE;
    int64_t first = cert_not_before(issuer);
    int64_t last = cert_not_after(issuer);
    struct issue issue = {
        .subject = X509_get_subject_name(ro->ca->cert->x509),
        .key = keystore_key_evp(subject_key),
        .not_before = from > first ? from : first,
        .not_after = until < last ? until : last,
        .ca = true,
        .path_length = 0,
        .issuer = issuer,
        .issuer_key = keystore_key_evp(issuer_key),
    };
    TRY(ca_extensions(t, ro, issuer, &issue.extensions));
    return issue_certificate(t, &issue, ret);
}

static bool make_certificates(struct task *t, struct rollover *ro)
{
    const struct cert *old = ro->ca->cert;
    const struct cert *issuer;
    int64_t lifetime = cert_not_after(old) - cert_not_before(old);
    TRY(cert_parse(t, ro->issuer.certificate, &issuer));
    TRY(sign(t, ro, ro->new_key, issuer, ro->issuer_key, clock_wall() + lifetime, &ro->made));
    TRY(sign(t, ro, ro->new_key, old, ro->ca->key, cert_not_after(old), &ro->new_with_old));
    return sign(t, ro, ro->ca->key, ro->made, ro->new_key, cert_not_after(old), &ro->old_with_new);
}

static bool put_rollover(struct task *t, struct tx *tx, void *arg)
{
    const struct rollover *ro = arg;
    struct authority former = ro->before;
    struct authority made;
    const char *setting = arena_printf(t->arena, SETTING_ROLLOVER "%s", ro->ca->name);
    former.name = ro->former;
    former.replaced = clock_wall();
    record_init(t, &authority_type, &made);
    made.name = ro->ca->name;
    made.certificate = ro->made->der;
    made.issuer = ro->before.issuer;
    made.key_label = ro->label;
    made.created = clock_wall();
    made.new_with_old = ro->new_with_old->der;
    made.old_with_new = ro->old_with_new->der;
    const struct event event = {
        .name = "ca-rolled-over",
        .severity = EVENT_WARNING,
        .actor = ro->asked_by,
        .detail = arena_printf(t->arena, "%s has a new key; the one before is %s", ro->ca->name,
                               ro->former),
    };
    TRY(table_put(t, tx, &authorities, &former));
    TRY(table_put(t, tx, &authorities, &made));
    TRY(table_delete(t, tx, &settings, bytes_of_text(setting)));
    return event_add(t, tx, &event);
}

bool rollover_tend(struct task *t, const struct status_service *service, const struct status_ca *ca,
                   bool *ret_done)
{
    struct rollover ro = {.service = service, .ca = ca};
    *ret_done = false;
    TRY(read_records(t, &ro));
    if (ro.asked_by == NULL)
        return true;
    TRY(get_keys(t, &ro));
    TRY(make_certificates(t, &ro));
    TRY(store_update(t, service->options.store, put_rollover, &ro));
    *ret_done = true;
    return true;
}
