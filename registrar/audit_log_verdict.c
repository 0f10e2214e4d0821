#include "registrar/audit_log_verdict.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/store/records/alarm.h"
#include "core/store/records/device_certificates.h"
#include "core/store/records/event.h"
#include "registrar/allowances.h"
#include "registrar/onboarding.h"
#include "registrar/reduced_security.h"

#define BECAUSE       "the MASA's audit log was refused"
#define BECAUSE_AGAIN "the MASA's audit log, fetched again, was refused"

static bool revokes(const struct onboarding_verdict *v)
{
    return v->verdict == VERDICT_REFUSED && v->maker->audit_log_revokes;
}

bool onboarding_verdict_prepare(struct task *t, struct onboarding_verdict *v)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    v->revoked = (struct bytes_list){NULL, 0};
    if (!revokes(v))
        return true;
    TRY(view_open(t, v->registrar->store, &view));
    return device_certificates_live(t, view, v->order->device, &v->revoked);
}

static bool revoke(struct task *t, struct tx *tx, const struct onboarding_verdict *v)
{
    const struct device_revocation revocation = {
        .certificates = v->revoked,
        .reason = REVOKED_PRIVILEGE_WITHDRAWN,
        .because = v->again ? BECAUSE_AGAIN : BECAUSE,
        .actor = "gatehouse",
    };
    return device_certificates_revoke(t, tx, &revocation);
}

static const char *words_about(struct task *t, const struct onboarding_verdict *v)
{
    if (v->verdict == VERDICT_NOT_ASKED)
        return "the manufacturer's audit-log is off";
    if (v->ahead_at != 0)
        return arena_printf(t->arena, "as it came with the stored voucher at %s: now %s",
                            time_to_text(t->arena, v->ahead_at), v->detail);
    if (v->detail != NULL)
        return v->detail;
    size_t restored = v->fetched->verdict.restored;
    if (restored > 0)
        return arena_printf(t->arena, "%zu entries, %zu of them from before the store was restored",
                            v->fetched->log.count, restored);
    return arena_printf(t->arena, "%zu entries", v->fetched->log.count);
}

static const char *event_name(const struct onboarding_verdict *v)
{
    if (v->verdict == VERDICT_REFUSED)
        return "audit-log-refused";
    if (v->verdict == VERDICT_NOT_ASKED)
        return "audit-log-not-asked";
    return v->problem != NULL && v->ahead_at == 0 ? "audit-log-let-pass" : "audit-log-accepted";
}

static enum event_severity severity_of(const struct onboarding_verdict *v)
{
    if (v->verdict == VERDICT_REFUSED)
        return EVENT_ERROR;
    bool plain = v->problem == NULL && v->verdict == VERDICT_ACCEPTED &&
                 (v->fetched == NULL || v->fetched->verdict.restored == 0);
    return plain ? EVENT_INFO : EVENT_WARNING;
}

static bool add_event(struct task *t, struct tx *tx, const struct onboarding_verdict *v)
{
    struct event event;
    record_init(t, &event_type, &event);
    event.name = event_name(v);
    event.severity = severity_of(v);
    event.actor = "gatehouse";
    event.device = v->order->device;
    event.episode = v->order->episode;
    event.problem = v->problem == NULL || v->ahead_at != 0 ? NULL : v->problem->name;
    event.detail = words_about(t, v);
    return event_add(t, tx, &event);
}

/* The log was not asked for, or what is wrong with it does not count. */
static bool passes_unheeded(const struct onboarding_verdict *v)
{
    return v->verdict == VERDICT_NOT_ASKED ||
           (v->verdict == VERDICT_ACCEPTED && v->problem != NULL && v->ahead_at == 0);
}

static void set_verdict(struct task *t, const struct onboarding_verdict *v, struct episode *e)
{
    e->log_verdict = v->verdict;
    e->log_at = clock_wall();
    e->log_problem = v->problem == NULL || v->ahead_at != 0 ? NULL : v->problem->name;
    e->log_ahead = v->ahead_at != 0;
    if (v->fetched != NULL) {
        e->log_sha256 = bytes_sha256(t->arena, v->fetched->answer.body);
        e->log_entries = v->fetched->log.count;
    }
    if (v->verdict != VERDICT_REFUSED)
        return;
    e->stage = EPISODE_LOG_REFUSED;
    e->closed = e->log_at;
    e->closed_because = v->again ? BECAUSE_AGAIN : BECAUSE;
}

/* A device that was let in and turns out to be somebody else's is for somebody to see to. */
static bool raise_or_clear(struct task *t, struct tx *tx, const struct onboarding_verdict *v)
{
    const char *about = bytes_to_hex(t->arena, v->order->device);
    if (v->verdict != VERDICT_REFUSED)
        return alarm_clear(t, tx, E_LOG_TURNED, about);
    return !v->again || alarm_raise(t, tx, E_LOG_TURNED, about, v->detail);
}

bool onboarding_verdict_note(struct task *t, struct tx *tx, void *arg)
{
    const struct onboarding_verdict *v = arg;
    struct episode e;
    bool new;
    const struct log_news news = {
        .device = v->order->device,
        .order = v->order->id,
        .media_type = v->media_type,
        .fetched = v->fetched,
        .problem = v->problem,
        .detail = v->detail,
        .due = v->verdict == VERDICT_REFUSED ? 0 : v->due,
    };
    TRY(onboarding_open(t, tx_reader(tx), v->order->episode, &e));
    set_verdict(t, v, &e);
    if (v->fetched != NULL)
        TRY(allowances_note(t, tx, &e, v->fetched->used));
    TRY(table_put(t, tx, &episodes, &e));
    TRY(raise_or_clear(t, tx, v));
    TRY(audit_log_note(t, tx, &news, &new));
    TRY(revoke(t, tx, v));
    /* What stands in the timeline already need not stand there each time. */
    if (v->again && !new && v->verdict != VERDICT_REFUSED)
        return true;
    TRY(add_event(t, tx, v));
    return !passes_unheeded(v) ||
           reduced_security_note(t, tx, &e, REDUCTION_AUDIT_LOG, words_about(t, v));
}

static bool revoke_update(struct task *t, struct tx *tx, void *arg)
{
    return revoke(t, tx, arg);
}

/* A certificate that was issued between the look and the update. */
static bool revoke_the_rest(struct task *t, struct onboarding_verdict *v)
{
    TRY(onboarding_verdict_prepare(t, v));
    return v->revoked.count == 0 || store_update(t, v->registrar->store, revoke_update, v);
}

void onboarding_verdict_alarm(struct task *t, struct onboarding_verdict *v)
{
    if (v->verdict != VERDICT_REFUSED)
        return;
    log_error(t, "a device's audit log was refused",
              LOG_TEXT("device", bytes_to_hex(t->arena, v->order->device)),
              LOG_TEXT("problem", v->problem->name), LOG_TEXT("detail", v->detail),
              LOG_TEXT("hint", v->problem->hint));
    if (!revoke_the_rest(t, v)) {
        log_problem(t, "not all certificates of a refused device were revoked");
        task_forgive(t);
    }
}
