/* The registration itself: PUT, GET and DELETE owners/OWNER/registration. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "lab/cloud_owners.h"
#include "lab/problems.h"

#include <string.h>

static const char *const mode_words[] = {"none", "redirect", "voucher"};

/* ---- The answer ---- */

static bool reply_state(struct task *t, struct cloud *cloud, const struct cloud_account *account,
                        struct http_reply *reply)
{
    json_t *reachability;
    TRY(record_to_json(t, &cloud_reachability_type, &account->reachability, &reachability));
    const struct cloud_registration *r = &account->registration;
    json_t *answer = json_in_arena(
        t, json_pack("{s:s, s:s, s:s, s:I, s:O}", "owner", account->name, "mode",
                     mode_words[r->mode], "registered", time_to_text(t->arena, account->registered),
                     "devices", (json_int_t)cloud_count_devices(t, cloud, account), "reachability",
                     reachability));
    reply->status = 200;
    reply->media_type = "application/json";
    return json_write(t, answer, &reply->body);
}

/* ---- PUT ---- */

/* brski-cloud 7.2: nobody registers a way back to where pledges come from. */
static bool check_forward(struct task *t, const struct cloud *cloud,
                          const struct cloud_registration *r)
{
    struct place place;
    if (r->mode != CLOUD_MODE_REDIRECT)
        return true;
    TRY(place_from_url(t, r->registrar, &place));
    return cloud_check_forward(t, cloud, &place);
}

static bool check_registration(struct task *t, const struct cloud *cloud,
                               const struct http_request *rq, const struct cloud_registration *r,
                               struct bytes_list *ret_identities)
{
    struct cert_list chain;
    struct bytes_list identities;
    const struct cert *client = service_client(t, rq, &chain);
    bool pin_is_proven = r->mode != CLOUD_MODE_VOUCHER;
    ENSURE(t, r->owner != NULL && strcmp(r->owner, rq->parameter) == 0, E_INVALID,
           "owner: is not the one in the path");
    TRY(cloud_registration_check(t, r));
    TRY(check_forward(t, cloud, r));
    ENSURE(t, r->mode != CLOUD_MODE_VOUCHER || cloud_has_masa(cloud), E_NO_MASA,
           "vouchers are not given here");
    TRY(cloud_check_proofs(t, cloud, r->owner, &r->proofs, &identities));
    for (size_t i = 0; i < identities.count; i++)
        pin_is_proven = pin_is_proven || bytes_equal(identities.items[i], r->pinned_domain_cert);
    ENSURE(t, pin_is_proven, E_PROOF, "pinned-domain-cert is none of the certificates proven");
    /* Or it would have shut itself out. */
    ENSURE(t, client != NULL && cloud_is_one_of(t, &identities, client, &chain), E_PROOF,
           "the TLS client is under none of the certificates that are proven");
    *ret_identities = identities;
    return true;
}

static bool store_registration(struct task *t, struct cloud *cloud, const char *owner,
                               const struct cloud_registration *r,
                               const struct bytes_list *identities,
                               const struct cloud_reachability *reachability,
                               struct cloud_account *ret)
{
    bool found = false;
    TRY(cloud_account_read(t, cloud->settings.state, owner, ret, &found));
    ENSURE(t, found, E_OWNER, "the account is gone");
    ret->registration = *r;
    ret->registered = clock_wall();
    if (identities != NULL)
        ret->identities = *identities;
    ret->reachability = *reachability;
    return cloud_account_write(t, cloud->settings.state, ret);
}

static bool put(struct task *t, struct cloud *cloud, enum cloud_fault fault,
                const struct http_request *rq, struct http_reply *reply)
{
    struct cloud_account account;
    struct cloud_registration r;
    struct bytes_list identities;
    struct cloud_reachability reachability;
    TRY(cloud_meet_owner(t, cloud, rq, &account));
    TRY(cloud_form_read(t, rq->body, &cloud_registration_type, &r));
    TRY(check_registration(t, cloud, rq, &r, &identities));
    account.registration = r;
    account.identities = identities;
    cloud_probe(t, cloud, &account, &reachability);
    if (fault == CLOUD_FAULT_R_UNREACHABLE)
        reachability = (struct cloud_reachability){.checked = clock_wall(), .detail = "fault"};
    (void)pthread_mutex_lock(&cloud->owners_lock);
    bool ok = store_registration(t, cloud, account.name, &r, &identities, &reachability, &account);
    (void)pthread_mutex_unlock(&cloud->owners_lock);
    TRY(ok);
    log_info(t, "registered", LOG_TEXT("owner", account.name), LOG_TEXT("mode", mode_words[r.mode]),
             LOG_TEXT("reachable", reachability.reachable ? "yes" : "no"));
    return reply_state(t, cloud, &account, reply);
}

bool cloud_register(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return cloud_serve_owner(t, rq, reply, put);
}

/* ---- GET, DELETE ---- */

static bool get(struct task *t, struct cloud *cloud, enum cloud_fault fault,
                const struct http_request *rq, struct http_reply *reply)
{
    struct cloud_account account;
    (void)fault;
    TRY(cloud_meet_owner(t, cloud, rq, &account));
    ENSURE(t, account.registration.mode != CLOUD_MODE_NONE, E_NOT_FOUND, "nothing is registered");
    return reply_state(t, cloud, &account, reply);
}

bool cloud_show_registration(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return cloud_serve_owner(t, rq, reply, get);
}

static bool withdraw(struct task *t, struct cloud *cloud, enum cloud_fault fault,
                     const struct http_request *rq, struct http_reply *reply)
{
    struct cloud_account account;
    struct cloud_registration nothing;
    struct cloud_reachability unknown;
    (void)fault;
    record_init(t, &cloud_registration_type, &nothing);
    record_init(t, &cloud_reachability_type, &unknown);
    TRY(cloud_meet_owner(t, cloud, rq, &account));
    (void)pthread_mutex_lock(&cloud->owners_lock);
    bool ok = store_registration(t, cloud, account.name, &nothing, NULL, &unknown, &account);
    (void)pthread_mutex_unlock(&cloud->owners_lock);
    TRY(ok);
    log_info(t, "withdrawn", LOG_TEXT("owner", account.name));
    json_t *answer = json_in_arena(
        t, json_pack("{s:s, s:s}", "owner", account.name, "mode", mode_words[CLOUD_MODE_NONE]));
    reply->status = 200;
    reply->media_type = "application/json";
    return json_write(t, answer, &reply->body);
}

bool cloud_withdraw(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return cloud_serve_owner(t, rq, reply, withdraw);
}
