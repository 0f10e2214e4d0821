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

static bool remember(struct task *t, struct tx *tx, void *arg)
{
    const struct handing_out *h = arg;
    struct episode e;
    struct event event;
    TRY(table_get(t, tx_reader(tx), &episodes, h->episode, &e));
    TRY(profile_claim_name(t, tx, h->asked.name, e.device));
    e.csrattrs_at = clock_wall();
    TRY(table_put(t, tx, &episodes, &e));
    TRY(blob_put(t, tx, &episodes, e.id, EPISODE_BLOB_CSRATTRS, h->asked.attributes));
    record_init(t, &event_type, &event);
    event.name = "csrattrs-served";
    event.actor = "pledge";
    event.device = e.device;
    event.episode = e.id;
    event.address = h->address;
    event.detail =
        arena_printf(t->arena, "to ask for %s", h->asked.name == NULL ? "no name" : h->asked.name);
    return event_add(t, tx, &event);
}

/* The device's own answer, remembered: its request is held against it (RFC 8995 5.9.2). */
static bool answer_device(struct task *t, const struct est *est, struct http_request *rq,
                          const struct idevid *idevid, struct handing_out *h)
{
    struct episode e;
    TRY(gate_episode(t, est, rq, idevid, GATE_ATTRIBUTES, &e));
    TRY(profile_asked(t, est->store, &e, &h->asked));
    h->episode = e.id;
    if (bytes_equal(h->asked.told, h->asked.attributes))
        return true;
    failpoint(FP_CSRATTRS_BEFORE_STORED);
    TRY(store_update(t, est->store, remember, h));
    failpoint(FP_CSRATTRS_AFTER_STORED);
    return true;
}

/* Whether the caller is to be taken for a device: only such a one gets values of its own. */
static bool is_for_devices(struct task *t, const struct est *est, struct http_request *rq,
                           const struct est_label *label, bool *ret)
{
    const struct ldevid *issued;
    bool others = est_label_takes(label, EST_PROOF_PASSWORD) ||
                  est_label_takes(label, EST_PROOF_THIRD_PARTY) ||
                  est_label_takes(label, EST_PROOF_RA);
    bool shown = http_connection_peer(rq->connection).count > 0;
    *ret = false;
    if (!est_label_takes(label, EST_PROOF_IDEVID) || (others && !shown))
        return true;
    TRY(caller_issued(t, est->callers, rq, &issued));
    /* Nobody need say who it is; who does so with what was taken from it is told no. */
    if (issued != NULL && issued->record.state != CERTIFICATE_ISSUED)
        TRY(caller_check_issued(t, &issued->record, 0));
    *ret = issued == NULL;
    return true;
}

/*
 * RFC 7030 4.5: no authentication is asked for.  What is told to one device alone needs its IDevID;
 * everybody else gets what the label asks of all.
 */
bool est_csrattrs(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct est *est = rq->context;
    const struct idevid *idevid;
    struct est_label label;
    struct handing_out h = {.address = http_connection_address(rq->connection)};
    bool device;
    TRY(est_client_label(t, est, rq, &label));
    TRY(is_for_devices(t, est, rq, &label, &device));
    if (device) {
        TRY(caller_judge(t, est->callers, rq, &idevid));
        TRY(answer_device(t, est, rq, idevid, &h));
    } else {
        TRY(profile_generic(t, est->store, label.profile, label.binding == EST_BINDING_REQUIRED,
                            &h.asked.attributes));
    }
    est_write_lines(t, "application/csrattrs", h.asked.attributes, label.line_length, reply);
    return true;
}
