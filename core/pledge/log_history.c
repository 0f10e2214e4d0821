#include "core/pledge/log_history.h"

#include "core/pki/cert.h"
#include "core/store/records/authority.h"
#include "core/store/records/device.h"
#include "core/store/records/episode.h"
#include "core/store/records/log_watch.h"
#include "core/store/records/stored_voucher.h"

/* Whose requests are looked for; with the view. */
struct history {
    struct reader *reader;
    struct bytes device;
};

/* Every nonce that was let in is in the store before our request with it is sent. */
static bool was_sent(struct task *t, void *context, const char *nonce, bool *ret)
{
    const struct history *history = context;
    struct used_nonce used;
    struct bytes key = used_nonce_key(t->arena, history->device, nonce);
    if (!bytes_present(history->device)) {
        *ret = false;
        return true;
    }
    return table_find(t, history->reader, &used_nonces, key, &used, ret);
}

/* RFC 8995 5.8.2: of every certificate that may be pinned. */
static bool domain_ids(struct task *t, const struct cert_list *certs, struct bytes_list *ret)
{
    struct bytes *ids = arena_array(t->arena, certs->count, sizeof(*ids));
    for (size_t i = 0; i < certs->count; i++)
        TRY(cert_domain_id(t, certs->items[i], &ids[i]));
    *ret = (struct bytes_list){ids, certs->count};
    return true;
}

static bool read_own(struct task *t, struct reader *r, struct bytes_list *ret)
{
    struct bytes_list chain;
    struct cert_list certs;
    const char *label;
    TRY(authority_chain(t, r, AUTHORITY_REGISTRAR, &chain, &label));
    TRY(certs_parse(t, &chain, &certs));
    return domain_ids(t, &certs, ret);
}

bool log_policy_read(struct task *t, struct view *view, const struct log_subject *subject,
                     struct log_policy *ret)
{
    struct reader *r = view_reader(view);
    struct history *history = arena_alloc(t->arena, sizeof(*history));
    struct log_watch watch = {.due = 0};
    struct log_policy policy = {
        .allowed = subject->maker->allowed_domain_ids,
        .newer = (enum audit_log_newer)subject->maker->audit_log_newer,
        .nonce = subject->nonce,
        .cloud = subject->maker->est_domain_vouchers,
        .arrived = subject->arrived,
        .sent = was_sent,
        .context = history,
    };
    *history = (struct history){r, subject->device};
    TRY(subject->own == NULL ? read_own(t, r, &policy.own)
                             : domain_ids(t, subject->own, &policy.own));
    TRY(own_domains_read(t, view, &policy.own_past));
    TRY(restorations_read(t, view, &policy.restorations));
    TRY(stored_voucher_requests(t, r, subject->maker->name, subject->serial, &policy.nonceless));
    if (bytes_present(subject->device))
        TRY(log_watch_get(t, r, subject->device, &watch));
    policy.pardons = watch.pardons;
    policy.pardoned_arbitrary = watch.pardoned_arbitrary;
    policy.pardoned_version = watch.pardoned_version;
    policy.pardoned = bytes_present(subject->log_sha256) &&
                      bytes_equal(subject->log_sha256, watch.pardoned_sha256);
    *ret = policy;
    return true;
}

/* The log that is asked for, and its octets. */
static bool find_log(struct task *t, struct reader *r, struct bytes device, struct bytes sha256,
                     struct judged_log *ret, struct bytes *ret_octets)
{
    bool found = false;
    TRY(log_watch_get(t, r, device, &ret->watch));
    const struct seen_log *latest = log_watch_latest(&ret->watch);
    ENSURE(t, latest != NULL, E_NOT_FOUND, "no audit log of this device was ever received");
    struct bytes wanted = bytes_present(sha256) ? sha256 : latest->sha256;
    TRY(log_watch_find(t, r, &ret->watch, wanted, &ret->seen, ret_octets, &found));
    ENSURE(t, found, E_NOT_FOUND, "no audit log with that SHA-256 is kept");
    return true;
}

/* The manufacturer may be gone, and with it what it allowed. */
static bool read_maker(struct task *t, struct reader *r, const char *name, struct manufacturer *ret)
{
    bool found;
    record_init(t, &manufacturer_type, ret);
    ret->name = name;
    return table_find(t, r, &manufacturers, bytes_of_text(name), ret, &found);
}

bool judged_log_read(struct task *t, struct view *view, struct bytes device_id, struct bytes sha256,
                     struct judged_log *ret)
{
    struct reader *r = view_reader(view);
    struct judged_log judged;
    struct manufacturer maker;
    struct log_policy policy;
    struct device device;
    struct episode e = {.nonce = NULL};
    struct bytes octets;
    bool found = false;
    TRY(find_log(t, r, device_id, sha256, &judged, &octets));
    TRY(table_get(t, r, &devices, device_id, &device));
    TRY(read_maker(t, r, device.manufacturer, &maker));
    if (bytes_present(device.episode))
        TRY(table_find(t, r, &episodes, device.episode, &e, &found));
    const struct log_subject subject = {
        .maker = &maker,
        .device = device_id,
        .serial = device.serial,
        .nonce = e.voucher_nonceless ? NULL : e.nonce,
        .arrived = e.begun_by == EPISODE_BY_EST_DOMAIN,
        .log_sha256 = judged.seen.sha256,
    };
    TRY(audit_log_read(t, octets, AUDIT_LOG_REGISTRAR_ID, &judged.log));
    TRY(log_policy_read(t, view, &subject, &policy));
    TRY(log_judge(t, &judged.log, &policy, &judged.verdict));
    *ret = judged;
    return true;
}
