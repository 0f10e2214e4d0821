/* Claiming an account: POST claims. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "lab/cloud_owners.h"
#include "lab/problems.h"

#include <string.h>

static bool same_identities(const struct bytes_list *a, const struct bytes_list *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = bytes_equal(a->items[i], b->items[i]);
    return same;
}

/* The client that claims is one of those that are to speak for the owner. */
static bool check_claim(struct task *t, const struct cloud *cloud, const struct http_request *rq,
                        struct cloud_claim *claim, struct bytes_list *ret)
{
    struct cert_list chain;
    const struct cert *client = service_client(t, rq, &chain);
    ENSURE(t, client != NULL, E_OWNER, "a TLS client certificate is needed");
    TRY(cloud_form_read(t, rq->body, &cloud_claim_type, claim));
    TRY(cloud_owner_check(t, claim->owner));
    TRY(cloud_check_proofs(t, cloud, claim->owner, &claim->proofs, ret));
    ENSURE(t, cloud_is_one_of(t, ret, client, &chain), E_PROOF,
           "the TLS client is under none of the certificates that are proven");
    return true;
}

/*
 * A token is used once.  Whoever lost the reply asks the same again, and the account remembers the
 * token also when we were cut short before it was put away.
 */
static bool claim_account(struct task *t, struct cloud *cloud, const struct cloud_claim *claim,
                          const struct bytes_list *identities, bool *ret_new)
{
    const char *state = cloud->settings.state;
    const char *digest = cloud_token_digest(t, claim->token);
    struct cloud_account account;
    bool found = false;
    TRY(cloud_account_read(t, state, claim->owner, &account, &found));
    if (!found) {
        record_init(t, &cloud_account_type, &account);
        account.name = claim->owner;
    }
    *ret_new = account.claimed_with == NULL || strcmp(account.claimed_with, digest) != 0;
    if (!*ret_new) {
        ENSURE(t, same_identities(&account.identities, identities), E_CLAIM,
               "there is no such token, or it was used");
        return true;
    }
    TRY(cloud_token_check(t, state, digest, claim->owner));
    account.claimed_with = digest;
    account.claimed = clock_wall();
    account.identities = *identities;
    TRY(cloud_account_write(t, state, &account));
    return cloud_token_use(t, state, digest);
}

static bool claim(struct task *t, struct cloud *cloud, enum cloud_fault fault,
                  const struct http_request *rq, struct http_reply *reply)
{
    struct cloud_claim claim;
    struct bytes_list identities;
    bool is_new = false;
    (void)fault;
    TRY(check_claim(t, cloud, rq, &claim, &identities));
    (void)pthread_mutex_lock(&cloud->owners_lock);
    bool ok = claim_account(t, cloud, &claim, &identities, &is_new);
    (void)pthread_mutex_unlock(&cloud->owners_lock);
    TRY(ok);
    if (is_new)
        log_info(t, "account claimed", LOG_TEXT("owner", claim.owner));
    json_t *answer = json_in_arena(t, json_pack("{s:s}", "owner", claim.owner));
    reply->status = is_new ? 201 : 200;
    reply->media_type = "application/json";
    return json_write(t, answer, &reply->body);
}

bool cloud_claim_account(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return cloud_serve_owner(t, rq, reply, claim);
}
