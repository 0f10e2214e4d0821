/* GET /.well-known/est/csrattrs (RFC 7030 4.5, RFC 9908, RFC 8995 5.9.2). */
#include "est/est.h"

#include "core/base/clock.h"
#include "core/base/failpoint.h"
#include "core/store/records/event.h"
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

/*
 * The answer is made for the device that asks, and remembered: its request is held against it
 * (RFC 8995 5.9.2).
 */
bool est_csrattrs(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct est *est = rq->context;
    const struct idevid *idevid;
    struct episode e;
    struct handing_out h = {.address = http_connection_address(rq->connection)};
    TRY(caller_idevid(t, est->callers, rq, &idevid));
    TRY(gate_episode(t, est, idevid, &e));
    TRY(profile_asked(t, est->store, &e, &h.asked));
    h.episode = e.id;
    if (!bytes_equal(h.asked.told, h.asked.attributes)) {
        failpoint(FP_CSRATTRS_BEFORE_STORED);
        TRY(store_update(t, est->store, remember, &h));
        failpoint(FP_CSRATTRS_AFTER_STORED);
    }
    est_write_body(t, "application/csrattrs", h.asked.attributes, reply);
    return true;
}
