#include "est/gate.h"

#include "core/base/clock.h"

static bool read_episode(struct task *t, const struct est *est, struct bytes device_id,
                         struct episode *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct device device;
    bool found;
    TRY(view_open(t, est->store, &view));
    TRY(table_find(t, view_reader(view), &devices, device_id, &device, &found));
    ENSURE(t, found && device.admission == DEVICE_ADMITTED && bytes_present(device.episode),
           E_NOT_ONBOARDED, "the device has never been onboarded");
    return table_get(t, view_reader(view), &episodes, device.episode, ret);
}

bool gate_episode(struct task *t, const struct est *est, struct bytes device, struct episode *ret)
{
    struct episode e;
    TRY(read_episode(t, est, device, &e));
    ENSURE(t, e.voucher_report != REPORT_FAILURE, E_PLEDGE_DECLINED,
           "voucher_status came with status false");
    ENSURE(t, e.log_verdict != VERDICT_REFUSED, E_LOG_SPEAKS_AGAINST,
           "the audit log was refused at %s", time_to_text(t->arena, e.log_at));
    ENSURE(t, e.closed == 0, E_NOT_ONBOARDED, "the onboarding was closed: %s",
           e.closed_because == NULL ? "no reason kept" : e.closed_because);
    ENSURE(t, bytes_present(e.voucher_sha256), E_NOT_ONBOARDED,
           "there is no voucher yet in this onboarding");
    int64_t age = clock_wall() - e.opened;
    ENSURE(t, age <= est->enrol_window, E_ONBOARDING_OVER, "the voucher was asked for %s ago",
           duration_to_text(t->arena, age / MINUTE_MS * MINUTE_MS));
    *ret = e;
    return true;
}

bool gate_pass(struct task *t, const struct est *est, struct bytes device, struct episode *ret,
               enum gate *ret_gate)
{
    struct episode e;
    TRY(gate_episode(t, est, device, &e));
    if (e.log_verdict == VERDICT_PENDING) {
        struct order order;
        struct bytes result;
        order_hasten(est->orders, e.log_order);
        TRY(order_wait(t, est->orders, e.log_order, est->answer.wait, &order, &result));
        TRY(gate_episode(t, est, device, &e));
    }
    *ret = e;
    *ret_gate = e.log_verdict == VERDICT_ACCEPTED ? GATE_OPEN : GATE_LATER;
    return true;
}
