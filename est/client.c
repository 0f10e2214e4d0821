#include "est/client.h"

#include "core/base/clock.h"
#include "core/pledge/failures.h"
#include "est/password.h"

#include <string.h>

/* How long a chain that was found good is good on its connection, without being verified again. */
#define GOOD_CHAIN_MS MINUTE_MS

bool est_client_label(struct task *t, const struct est *est, const struct http_request *rq,
                      struct est_label *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    bool found;
    TRY(view_open(t, est->store, &view));
    TRY(est_label_get(t, view_reader(view), rq->parameter, ret, &found));
    ENSURE(t, found, E_NO_LABEL, "there is no label %s",
           bytes_to_printable(t->arena, bytes_of_text(rq->parameter), 64));
    return true;
}

/* ---- Certificates ---- */

/* The connection's chain was found to lead to these anchors. */
struct good_chain {
    uint8_t anchors[SHA256_LEN];
    int64_t until; /* clock_wall(): then it is looked at again, because certificates end */
};

static bool verify_chain(struct task *t, const struct cert_list *shown,
                         const struct est_label *label)
{
    const struct cert_list others = {shown->items + 1, shown->count - 1};
    struct cert_list anchor_certs;
    const struct anchors *anchors;
    TRY(certs_parse(t, &label->anchors, &anchor_certs));
    TRY(anchors_make(t, &anchor_certs, &anchors));
    return chain_verify(t, anchors, shown->items[0], &others, NULL, NULL);
}

/* The chain that was shown leads to one of the label's anchors. */
static bool verify_shown(struct task *t, struct http_request *rq, const struct est_label *label,
                         const struct cert **ret)
{
    static const char place;
    void **slot = http_connection_slot(rq->connection, &place);
    struct good_chain *good = *slot;
    struct bytes_list shown = http_connection_peer(rq->connection);
    struct bytes anchors =
        bytes_sha256(t->arena, bytes_concat(t->arena, label->anchors.items, label->anchors.count));
    struct cert_list certs;
    if (good == NULL)
        *slot = good = arena_alloc(http_connection_arena(rq->connection), sizeof(*good));
    TRY(certs_parse(t, &shown, &certs));
    if (memcmp(good->anchors, anchors.data, SHA256_LEN) != 0 || clock_wall() >= good->until) {
        TRY(verify_chain(t, &certs, label));
        memcpy(good->anchors, anchors.data, SHA256_LEN);
        good->until = clock_wall() + GOOD_CHAIN_MS;
    }
    *ret = certs.items[0];
    return true;
}

/* RFC 7030 3.7: id-kp-cmcRA makes it an RA; one that has it is taken for nothing else. */
static bool try_third_party(struct task *t, struct http_request *rq, struct est_client *client,
                            bool *ret_is)
{
    const struct est_label *label = &client->label;
    *ret_is = false;
    if (label->anchors.count == 0 || http_connection_peer(rq->connection).count == 0)
        return true;
    if (!verify_shown(t, rq, label, &client->shown)) {
        if (!task_failed_with(t, E_CERT_UNTRUSTED) && !task_failed_with(t, E_CERT_EXPIRED))
            return false;
        task_forgive(t);
        return true;
    }
    client->proof =
        cert_has_eku(client->shown, OID_KP_CMC_RA) ? EST_PROOF_RA : EST_PROOF_THIRD_PARTY;
    client->name = arena_printf(t->arena, "certificate:%s", cert_subject(t, client->shown));
    *ret_is = est_label_takes(label, client->proof);
    return true;
}

static bool try_issued(struct task *t, const struct est *est, struct http_request *rq,
                       int64_t grace, struct est_client *client, bool *ret_is)
{
    *ret_is = false;
    TRY(caller_issued(t, est->callers, rq, &client->issued));
    if (client->issued == NULL)
        return true;
    const struct certificate *record = &client->issued->record;
    const struct est_label *label = &client->label;
    TRY(caller_check_issued(t, record, grace));
    client->proof = EST_PROOF_CERTIFICATE;
    *ret_is = est_label_takes(label, EST_PROOF_CERTIFICATE);
    ENSURE(t, *ret_is, E_PROOF, "the label %s takes no certificate of ours", label->name);
    if (bytes_present(record->device))
        return true;
    ENSURE(t,
           label->other_labels || record->label == NULL || strcmp(record->label, label->name) == 0,
           E_PROOF, "its certificate was given under the label %s, which %s does not take",
           record->label, label->name);
    /* Itself, not the RA that may have asked for its certificate. */
    client->name = arena_printf(t->arena, "certificate:%s", record->subject);
    return true;
}

/* Only who can be a device is judged as one: others are no strangers before the password. */
static bool try_idevid(struct task *t, const struct est *est, struct http_request *rq,
                       struct est_client *client, bool *ret_is)
{
    *ret_is = false;
    if (!est_label_takes(&client->label, EST_PROOF_IDEVID))
        return true;
    if (est_label_takes(&client->label, EST_PROOF_PASSWORD) &&
        http_connection_peer(rq->connection).count == 0)
        return true;
    TRY(caller_judge(t, est->callers, rq, &client->idevid));
    client->proof = EST_PROOF_IDEVID;
    *ret_is = true;
    return true;
}

static bool by_certificate(struct task *t, const struct est *est, struct http_request *rq,
                           int64_t grace, struct est_client *client, bool *ret_is)
{
    TRY(try_issued(t, est, rq, grace, client, ret_is));
    if (!*ret_is)
        TRY(try_third_party(t, rq, client, ret_is));
    return *ret_is || try_idevid(t, est, rq, client, ret_is);
}

static bool by_password(struct task *t, const struct est *est, struct http_request *rq,
                        const struct est_secret_proof *proof, struct est_client *client)
{
    TRY(proof == NULL ? password_check(t, est, rq, &client->label, &client->secret)
                      : proof->check(t, est, rq, &client->label, proof->arg, &client->secret));
    client->has_secret = true;
    return true;
}

bool est_client_identify(struct task *t, const struct est *est, struct http_request *rq,
                         int64_t grace, struct est_client *ret)
{
    return est_client_identify_by(t, est, rq, grace, NULL, ret);
}

bool est_client_identify_by(struct task *t, const struct est *est, struct http_request *rq,
                            int64_t grace, const struct est_secret_proof *proof,
                            struct est_client *ret)
{
    struct est_client client = {.idevid = NULL};
    bool known;
    TRY(est_client_label(t, est, rq, &client.label));
    TRY(by_certificate(t, est, rq, grace, &client, &known));
    if (known && client.label.password_too)
        TRY(by_password(t, est, rq, proof, &client));
    if (!known) {
        ENSURE(t, est_label_takes(&client.label, EST_PROOF_PASSWORD), E_PROOF,
               "the label %s takes no such client", client.label.name);
        TRY(by_password(t, est, rq, proof, &client));
        client.proof = EST_PROOF_PASSWORD;
        client.name = arena_printf(t->arena, "secret:%s", client.secret.user);
    }
    *ret = client;
    return true;
}

/* ---- RFC 7030 3.5 ---- */

bool est_client_binding(struct task *t, struct http_request *rq, const struct est_client *client,
                        const struct csr *csr)
{
    bool required = client->label.binding == EST_BINDING_REQUIRED;
    struct bytes stated;
    if (client->proof == EST_PROOF_RA)
        return true;
    if (csr->challenge_password == NULL) {
        ENSURE(t, !required, E_BINDING, "the label %s asks for a challengePassword",
               client->label.name);
        return true;
    }
    struct bytes binding = http_connection_binding(t, rq->connection);
    ENSURE(t, bytes_present(binding), E_BINDING, "this TLS connection (%s) has no channel binding",
           http_connection_tls(rq->connection));
    ENSURE(t,
           bytes_from_base64(t->arena, bytes_of_text(csr->challenge_password), &stated) &&
               bytes_equal_secret(stated, binding),
           E_BINDING, "the challengePassword is not this connection's channel binding");
    return true;
}

/* ---- Failures ---- */

static bool is_password_failure(const struct task *t)
{
    static const struct problem_kind *const kinds[] = {E_AUTH_NEEDED, E_AUTH_STALE, E_AUTH_WRONG,
                                                       E_AUTH_MALFORMED, NULL};
    return task_failed_with_any(t, kinds);
}

/* It has no password yet, or is to say it anew: the first answer of two. */
static bool is_asked_for(const struct task *t)
{
    return task_failed_with(t, E_AUTH_NEEDED) || task_failed_with(t, E_AUTH_STALE);
}

static void challenge(struct task *t, const struct est *est, struct http_request *rq,
                      struct http_reply *reply)
{
    struct task aside = *t;
    struct est_label label;
    task_forgive(&aside);
    if (is_password_failure(t) && est_client_label(&aside, est, rq, &label))
        reply->headers = password_challenges(t, est, &label, task_failed_with(t, E_AUTH_STALE));
    /* Nobody reads its text, and Bouncy Castle's client gives up when there is one. */
    if (is_asked_for(t))
        reply->media_type = NULL;
}

/* In memory alone, as all that nobody vouches for: who has shown no certificate. */
static void note_nameless(struct task *t, const struct est *est, struct http_request *rq)
{
    const char *address = http_connection_address(rq->connection);
    const char *port = strrchr(address, ':');
    struct stranger stranger = {
        .address =
            port == NULL ? address : arena_strndup(t->arena, address, (size_t)(port - address)),
        .subject = arena_printf(t->arena, "EST, %s", rq->path),
    };
    strangers_note(callers_options(est->callers)->strangers, t, &stranger);
}

/* Who only forgot the password is no news. */
static void note_stranger(struct task *t, const struct est *est, struct http_request *rq)
{
    if (is_asked_for(t))
        return;
    if (http_connection_peer(rq->connection).count > 0)
        caller_is_stranger(t, est->callers, rq->connection);
    else
        note_nameless(t, est, rq);
}

/* What it did stands in a device's timeline. */
static bool is_device(struct task *t, const struct est *est, struct http_request *rq)
{
    const struct ldevid *ldevid;
    const struct idevid *idevid;
    TRY(caller_issued(t, est->callers, rq, &ldevid));
    return ldevid != NULL ? bytes_present(ldevid->record.device)
                          : caller_judge(t, est->callers, rq, &idevid);
}

void est_client_failed(struct task *t, const struct est *est, struct http_request *rq,
                       struct http_reply *reply)
{
    struct task aside = *t;
    challenge(t, est, rq, reply);
    task_forgive(&aside);
    if (!is_device(&aside, est, rq))
        note_stranger(t, est, rq);
}
