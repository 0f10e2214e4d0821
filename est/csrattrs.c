/* GET /.well-known/est/csrattrs (RFC 7030 4.5, RFC 9908, RFC 8995 5.9.2). */
#include "est/est.h"

#include "core/base/clock.h"
#include "core/base/failpoint.h"
#include "core/store/records/event.h"
#include "est/client.h"
#include "est/gate.h"
#include "est/profile.h"
#include "est/wire.h"

struct handing_out {
    struct bytes episode;
    struct asked asked;
    const char *address;
};

static const char *names_in_words(struct task *t, const struct text_list *names)
{
    const char *text = names->count == 0 ? "no name" : names->items[0];
    for (size_t i = 1; i < names->count; i++)
        text = arena_printf(t->arena, "%s, %s", text, names->items[i]);
    return text;
}

static bool remember(struct task *t, struct tx *tx, void *arg)
{
    const struct handing_out *h = arg;
    struct episode e;
    struct event event;
    TRY(table_get(t, tx_reader(tx), &episodes, h->episode, &e));
    TRY(profile_claim_names(t, tx, &h->asked.claims, e.device));
    e.csrattrs_at = clock_wall();
    TRY(table_put(t, tx, &episodes, &e));
    TRY(blob_put(t, tx, &episodes, e.id, EPISODE_BLOB_CSRATTRS, h->asked.attributes));
    record_init(t, &event_type, &event);
    event.name = "csrattrs-served";
    event.actor = "pledge";
    event.device = e.device;
    event.episode = e.id;
    event.address = h->address;
    event.detail = arena_printf(t->arena, "to ask for %s", names_in_words(t, &h->asked.claims));
    return event_add(t, tx, &event);
}

/*
 * The onboarding of the device that asks, with its IDevID or with the certificate that it got in
 * it: who is not let in is told nothing of its own.
 */
static bool whose(struct task *t, const struct est *est, struct http_request *rq,
                  const struct ldevid *issued, struct episode *ret)
{
    const struct idevid *idevid;
    if (issued != NULL)
        return gate_certificate(t, est, &issued->record, ret);
    TRY(caller_judge(t, est->callers, rq, &idevid));
    return gate_episode(t, est, rq, idevid, GATE_ATTRIBUTES, ret);
}

/* The device's own answer, remembered: its request is held against it (RFC 8995 5.9.2). */
static bool answer_device(struct task *t, const struct est *est, const struct episode *e,
                          bool binding, struct handing_out *h)
{
    TRY(profile_asked(t, est->store, e, binding, &h->asked));
    h->episode = e->id;
    if (bytes_equal(h->asked.told, h->asked.attributes))
        return true;
    failpoint(FP_CSRATTRS_BEFORE_STORED);
    TRY(store_update(t, est->store, remember, h));
    failpoint(FP_CSRATTRS_AFTER_STORED);
    return true;
}

/*
 * Whether the caller is to be taken for a device: only such a one gets values of its own.
 * *ret_issued: its certificate of ours; NULL: its IDevID is to be looked at.
 */
static bool is_for_devices(struct task *t, const struct est *est, struct http_request *rq,
                           const struct est_label *label, bool *ret,
                           const struct ldevid **ret_issued)
{
    const struct ldevid *issued;
    bool others = est_label_takes(label, EST_PROOF_PASSWORD) ||
                  est_label_takes(label, EST_PROOF_THIRD_PARTY) ||
                  est_label_takes(label, EST_PROOF_RA);
    bool idevid = est_label_takes(label, EST_PROOF_IDEVID);
    bool shown = http_connection_peer(rq->connection).count > 0;
    *ret = false;
    if ((!idevid && !est_label_takes(label, EST_PROOF_CERTIFICATE)) || (others && !shown))
        return true;
    TRY(caller_issued(t, est->callers, rq, &issued));
    /* Nobody need say who it is; who does so with what was taken from it is told no. */
    if (issued != NULL && issued->record.state != CERTIFICATE_ISSUED)
        TRY(caller_check_issued(t, &issued->record, 0));
    *ret = issued == NULL ? idevid : bytes_present(issued->record.device);
    *ret_issued = issued;
    return true;
}

/*
 * RFC 7030 4.5: no authentication is asked for.  What is told to one device alone needs its IDevID;
 * everybody else gets what the label asks of all.
 */
bool est_csrattrs(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct est *est = rq->context;
    const struct ldevid *issued = NULL;
    struct est_label label;
    struct handing_out h = {.address = http_connection_address(rq->connection)};
    struct episode e;
    bool device;
    TRY(est_client_label(t, est, rq, &label));
    bool binding = label.binding == EST_BINDING_REQUIRED;
    TRY(is_for_devices(t, est, rq, &label, &device, &issued));
    if (device) {
        TRY(whose(t, est, rq, issued, &e));
        TRY(answer_device(t, est, &e, binding, &h));
    } else {
        TRY(profile_generic(t, est->store, label.profile, binding, &h.asked));
    }
    est_write_lines(t, "application/csrattrs", h.asked.attributes, label.line_length, reply);
    return true;
}
