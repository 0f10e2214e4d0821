#include "est/gate.h"

#include "core/base/clock.h"
#include "core/pledge/log_history.h"

/* How far the clock may have been set back since the voucher was asked for, ms. */
#define CLOCK_SLACK (5 * MINUTE_MS)

static bool check_age(struct task *t, const struct est *est, const struct episode *e)
{
    int64_t age = clock_wall() - e->opened;
    ENSURE(t, age <= est->enrol_window, E_ONBOARDING_OVER, "the voucher was asked for %s ago",
           duration_to_text(t->arena, age / MINUTE_MS * MINUTE_MS));
    ENSURE(t, age >= -CLOCK_SLACK, E_ONBOARDING_OVER,
           "the voucher was asked for at %s, which is still to come: was the clock set back?",
           time_to_text(t->arena, e->opened));
    return true;
}

/* What ends an onboarding for good, whenever it is looked at. */
static bool check_standing(struct task *t, struct reader *r, const struct device *device,
                           struct episode *ret)
{
    struct episode e;
    ENSURE(t, device->admission != DEVICE_SOLD && device->admission != DEVICE_DECOMMISSIONED,
           E_DEVICE_GONE, "the device is %s since %s", device_admission_names[device->admission],
           time_to_text(t->arena, device->admission_since));
    ENSURE(t, device->admission != DEVICE_HELD, E_DEVICE_HELD,
           "it has waited for a decision since %s",
           time_to_text(t->arena, device->admission_since));
    ENSURE(t, device->admission != DEVICE_DECLINED, E_DEVICE_DECLINED, "declined at %s",
           time_to_text(t->arena, device->admission_since));
    ENSURE(t, device->admission == DEVICE_ADMITTED && bytes_present(device->episode),
           E_NOT_ONBOARDED, "the device is %s, and %s", device_admission_names[device->admission],
           bytes_present(device->episode) ? "not let in" : "has never been onboarded");
    TRY(table_get(t, r, &episodes, device->episode, &e));
    ENSURE(t, e.voucher_report != REPORT_FAILURE, E_PLEDGE_DECLINED,
           "voucher_status came with status false");
    ENSURE(t, e.log_verdict != VERDICT_REFUSED, E_LOG_SPEAKS_AGAINST,
           "the audit log was refused at %s", time_to_text(t->arena, e.log_at));
    ENSURE(t, e.closed == 0, E_NOT_ONBOARDED, "the onboarding was closed: %s",
           e.closed_because == NULL ? "no reason kept" : e.closed_because);
    ENSURE(t, episode_has_voucher(&e), E_NOT_ONBOARDED,
           "there is no voucher yet in this onboarding");
    ENSURE(t, episode_voucher_suffices(&e, e.voucher_assertion), E_NOT_ONBOARDED,
           "an admission rule asks for a voucher with the assertion \"verified\"");
    *ret = e;
    return true;
}

bool gate_check(struct task *t, struct reader *r, const struct est *est,
                const struct device *device, struct episode *ret)
{
    struct episode e;
    TRY(check_standing(t, r, device, &e));
    TRY(check_age(t, est, &e));
    *ret = e;
    return true;
}

bool gate_renews(struct task *t, struct reader *r, struct bytes device_id, struct bytes episode,
                 struct episode *ret)
{
    struct device device;
    struct episode e;
    bool found = false;
    if (bytes_present(device_id))
        TRY(table_find(t, r, &devices, device_id, &device, &found));
    ENSURE(t, found, E_NOT_ONBOARDED, "the certificate is no device's");
    TRY(check_standing(t, r, &device, &e));
    ENSURE(t, bytes_equal(e.id, episode), E_NOT_ONBOARDED,
           "the device has begun anew since it got this certificate");
    ENSURE(t, episode_log_passed(&e), E_NOT_ONBOARDED, "the audit log's verdict is not in");
    *ret = e;
    return true;
}

bool gate_certificate(struct task *t, const struct est *est, const struct certificate *certificate,
                      struct episode *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    TRY(view_open(t, est->store, &view));
    return gate_renews(t, view_reader(view), certificate->device, certificate->episode, ret);
}

/* *ret_current is set also when the gate is shut. */
static bool look(struct task *t, const struct est *est, const struct idevid *idevid,
                 struct bytes *ret_current, struct episode *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct device device;
    bool found;
    *ret_current = BYTES_ABSENT;
    TRY(view_open(t, est->store, &view));
    TRY(table_find(t, view_reader(view), &devices, idevid->device, &device, &found));
    ENSURE(t, found, E_NOT_ONBOARDED, "the device has never been onboarded");
    TRY(caller_check_key(t, &device, idevid));
    *ret_current = device.episode;
    return gate_check(t, view_reader(view), est, &device, ret);
}

/* What another voucher mends. */
static const struct problem_kind *const endings[] = {E_NOT_ONBOARDED, E_ONBOARDING_OVER,
                                                     E_PLEDGE_DECLINED, E_LOG_SPEAKS_AGAINST, NULL};

/*
 * No voucher mends what the audit log says; nor is it forgotten because the device comes again.  It
 * may begin anew once an administrator has accepted the log, or asks less of it.
 */
static bool log_passes_now(struct task *t, const struct est *est, const struct idevid *idevid)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct task aside = *t;
    struct judged_log judged;
    if (idevid->manufacturer->audit_log != AUDIT_LOG_ENFORCE)
        return true;
    task_forgive(&aside);
    return view_open(&aside, est->store, &view) &&
           judged_log_read(&aside, view, idevid->device, BYTES_ABSENT, &judged) &&
           (judged.verdict.problem == NULL || !judged.verdict.final);
}

static bool is_mended(struct task *t, const struct est *est, const struct idevid *idevid)
{
    return task_failed_with_any(t, endings) &&
           (!task_failed_with(t, E_LOG_SPEAKS_AGAINST) || log_passes_now(t, est, idevid));
}

/* The address stands for the place in the connection: whether a device has arrived over it. */
static const char place;

/*
 * Nothing is seen of a voucher of the cloud's, nor of its nonce, so a connection stands for it: a
 * pledge that starts again comes over another one.
 */
static bool arrive(struct task *t, const struct est *est, struct http_request *rq,
                   const struct idevid *idevid, struct bytes current)
{
    const struct arrival arrival = {
        .idevid = idevid,
        .address = http_connection_address(rq->connection),
        .ours = http_connection_ours(rq->connection),
        .current = current,
    };
    TRY(est->arrivals->arrive(t, est->arrivals->context, &arrival));
    *http_connection_slot(rq->connection, &place) = (void *)est;
    return true;
}

static bool may_arrive(struct http_request *rq, const struct idevid *idevid)
{
    return idevid->manufacturer->est_domain_vouchers &&
           *http_connection_slot(rq->connection, &place) == NULL;
}

bool gate_episode(struct task *t, const struct est *est, struct http_request *rq,
                  const struct idevid *idevid, enum gate_errand errand, struct episode *ret)
{
    struct episode e;
    struct bytes current;
    bool open = look(t, est, idevid, &current, &e);
    bool through = open && errand == GATE_ATTRIBUTES && e.begun_by == EPISODE_BY_EST_DOMAIN &&
                   e.stage == EPISODE_CONFIRMED;
    if ((open && !through) || !may_arrive(rq, idevid) || (!open && !is_mended(t, est, idevid))) {
        if (open)
            *ret = e;
        return open;
    }
    task_forgive(t);
    TRY(arrive(t, est, rq, idevid, current));
    return look(t, est, idevid, &current, ret);
}

bool gate_holds(struct task *t, struct reader *r, const struct est *est, struct bytes device_id,
                struct bytes episode, struct episode *ret)
{
    struct device device;
    struct episode e;
    TRY(table_get(t, r, &devices, device_id, &device));
    TRY(gate_check(t, r, est, &device, &e));
    ENSURE(t, bytes_equal(e.id, episode), E_NOT_ONBOARDED, "the device has begun anew since");
    ENSURE(t, episode_log_passed(&e), E_NOT_ONBOARDED, "the audit log's verdict is not in");
    *ret = e;
    return true;
}

bool gate_pass(struct task *t, const struct est *est, struct http_request *rq,
               const struct idevid *idevid, enum gate_errand errand, struct episode *ret,
               enum gate *ret_gate)
{
    struct bytes current;
    struct episode e;
    TRY(gate_episode(t, est, rq, idevid, errand, &e));
    if (e.log_verdict == VERDICT_PENDING) {
        struct order order;
        struct bytes result;
        order_hasten(est->orders, e.log_order);
        TRY(order_wait(t, est->orders, e.log_order, est->answer.wait, &order, &result));
        TRY(look(t, est, idevid, &current, &e));
    }
    *ret = e;
    *ret_gate = episode_log_passed(&e) ? GATE_OPEN : GATE_LATER;
    return true;
}
