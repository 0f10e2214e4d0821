/* POST /.well-known/est/simplereenroll (RFC 7030 4.2.2). */
#include "est/est.h"

#include "core/base/clock.h"
#include "est/client.h"
#include "est/enrol.h"
#include "est/gate.h"
#include "est/names.h"
#include "est/profile.h"

/* RFC 7030 3.3.2: the certificate to be renewed is the one that TLS was done with. */
static bool check_certificate(struct task *t, const struct est_client *client)
{
    ENSURE(t, client->issued != NULL, E_NOT_RENEWABLE,
           "no certificate of ours was shown: an IDevID, a password or another's certificate gets "
           "simpleenroll");
    const struct certificate *record = &client->issued->record;
    const struct est_label *label = &client->label;
    int64_t first = record->not_after - label->renew_before;
    /* Grace after the end is the label's, and was not looked at before the label was known. */
    TRY(caller_check_issued(t, record, label->renew_after));
    ENSURE(t, label->renew_before == 0 || clock_wall() >= first, E_NOT_RENEWABLE,
           "too early: it can be renewed from %s on", time_to_text(t->arena, first));
    return true;
}

static bool read_certificate(struct task *t, const struct est *est,
                             const struct certificate *record, const struct cert **ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct bytes der;
    TRY(view_open(t, est->store, &view));
    TRY(blob_get(t, view_reader(view), &certificates, record->id, CERTIFICATE_BLOB_DER, &der));
    ENSURE(t, bytes_present(der), E_STORE_DAMAGED, "certificate %s is gone",
           bytes_to_hex(t->arena, record->id));
    return cert_parse(t, der, ret);
}

/*
 * What the device's profile asks for now.  Names and values that cannot be had meanwhile are in the
 * way of nobody who keeps those it has: then what is the same for all counts.
 */
static bool read_asked(struct task *t, const struct est *est, const struct enrol_request *request,
                       struct asked *ret)
{
    static const struct problem_kind *const personal[] = {E_PROFILE_NAME, E_PROFILE_VALUE, NULL};
    if (profile_asked(t, est->store, request->episode, false, ret))
        return true;
    if (request->csr->change.asked || !task_failed_with_any(t, personal))
        return false;
    task_forgive(t);
    return profile_asked_of_all(t, est->store, request->episode, ret);
}

/*
 * A device renews by its profile as it is now.  RFC 7030 4.2.2: with a ChangeSubjectName it asks
 * for the names that the profile gives it now, which are checked as in a first request.
 */
static bool check_device(struct task *t, const struct est *est, const struct enrol_request *request,
                         struct asked *asked)
{
    const struct csr *csr = request->csr;
    struct sender sender = {
        .address = profile_address(t, request->address),
        .key_is_ours = request->server_key != NULL,
    };
    TRY(read_asked(t, est, request, asked));
    TRY(profile_idevid(t, est->store, request->episode->device, &sender.idevid));
    sender.profile = &asked->profile;
    sender.serial = asked->serial;
    if (!csr->change.asked)
        return csr_renewal_as_asked(t, csr, &asked->wishes, &sender);
    ENSURE(t, asked->profile.change_subject_name, E_NOT_RENEWABLE,
           "it asks for other names (ChangeSubjectName: %s), which profile %s does not allow",
           csr_wanted_subject_text(t, csr), asked->profile.name);
    return csr_as_asked(t, csr, &asked->wishes, &sender);
}

/* Another client by the label's profile, and to other names by the label's rules. */
static bool check_other(struct task *t, const struct est *est, const struct est_client *client,
                        const struct enrol_request *request)
{
    const struct csr *csr = request->csr;
    struct asked asked;
    if (csr->change.asked) {
        ENSURE(t, client->label.change_subject_name, E_NOT_RENEWABLE,
               "it asks for other names (ChangeSubjectName: %s), which label %s does not allow",
               csr_wanted_subject_text(t, csr), client->label.name);
        return enrol_check_other(t, est, client, request);
    }
    TRY(profile_generic(t, est->store, client->label.profile, false, &asked));
    const struct sender sender = {
        .profile = &asked.profile,
        .key_is_ours = request->server_key != NULL,
    };
    return csr_renewal_as_asked(t, csr, &asked.wishes, &sender);
}

/* Who renews, and whether it asks for what it may have. */
static bool check_request(struct task *t, const struct est *est, const struct est_client *client,
                          struct enrol_request *request, struct episode *e, struct asked *asked)
{
    const struct certificate *record = request->renews;
    request->secret = client->has_secret ? &client->secret : NULL;
    if (bytes_present(record->device)) {
        TRY(gate_certificate(t, est, record, e));
        request->episode = e;
        TRY(check_device(t, est, request, asked));
        request->asked = request->csr->change.asked ? asked : NULL;
        return true;
    }
    request->client = client->name;
    return check_other(t, est, client, request);
}

static bool check_unchanged(struct task *t, const struct est *est, const struct est_client *client,
                            const struct csr *csr)
{
    const struct cert *before;
    TRY(read_certificate(t, est, &client->issued->record, &before));
    return names_unchanged(t, csr, before);
}

bool enrol_is_again(struct task *t, const struct est *est, const struct est_client *client,
                    const struct csr *csr, bool *ret)
{
    if (client->issued == NULL || bytes_present(client->issued->record.device)) {
        *ret = client->issued != NULL;
        return true;
    }
    *ret = check_unchanged(t, est, client, csr);
    if (*ret || !task_failed_with(t, E_NOT_RENEWABLE))
        return *ret;
    task_forgive(t);
    return true;
}

bool enrol_grant_again(struct task *t, const struct est *est, const struct est_client *client,
                       const struct enrol_request *request, struct http_reply *reply,
                       struct bytes *ret_order)
{
    struct enrol_request renewal = *request;
    struct episode e;
    struct asked asked;
    TRY(check_certificate(t, client));
    TRY(check_unchanged(t, est, client, request->csr));
    renewal.renews = &client->issued->record;
    TRY(check_request(t, est, client, &renewal, &e, &asked));
    TRY(names_have_room(t, est->store, &client->label, request->csr));
    return enrol_place(t, est, &renewal, reply, ret_order);
}

bool enrol_again(struct task *t, struct http_request *rq, const struct est_client *client,
                 const struct csr *csr, struct http_reply *reply, struct bytes *ret_order)
{
    struct enrol_request request = {
        .csr = csr,
        .label = &client->label,
        .address = http_connection_address(rq->connection),
    };
    return enrol_grant_again(t, rq->context, client, &request, reply, ret_order);
}

bool est_simplereenroll(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct est *est = rq->context;
    struct est_client client;
    struct est_label label;
    struct csr csr;
    struct bytes order;
    answer_begin(t, &est->answer);
    TRY(est_client_label(t, est, rq, &label));
    TRY(est_client_identify(t, est, rq, label.renew_after, &client));
    /* Before anything is read of what it asks for. */
    TRY(check_certificate(t, &client));
    TRY(enrol_read(t, rq, &client, &csr));
    TRY(enrol_again(t, rq, &client, &csr, reply, &order));
    return enrol_written(t, &client.label, reply);
}
