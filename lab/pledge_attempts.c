/* Trying again (RFC 8995 5.2, draft-ietf-anima-brski-cloud 3.3.1). */
#include "core/base/clock.h"
#include "lab/pledge.h"

#define BACK_OFF_MAX HOUR_MS

void pledge_step(struct pledge *p, const char *step, enum encounter with)
{
    p->step = step;
    p->with = with;
}

/* RFC 8995 2.7, 4.1: registrars that were discovered; the cloud registrar where there are none. */
static bool find_owner(struct task *t, struct pledge *p)
{
    const struct pledge_world *world = p->world;
    bool has_cloud = world->cloud.host != NULL;
    if (world->registrar_count + has_cloud > 1)
        return pledge_race(t, p);
    p->from_cloud = has_cloud;
    p->start = has_cloud ? &world->cloud : &world->registrars[0];
    return pledge_bootstrap(t, p);
}

static bool attempt(struct task *t, struct pledge *p)
{
    p->now = (struct attempt){0};
    TRY(pledge_check_network(t, p));
    TRY(find_owner(t, p));
    p->outcome.voucher_ms = report_elapsed(&p->line);
    TRY(pledge_tell_accepted(t, p));
    return pledge_enrol(t, p);
}

const struct indicator *pledge_indicate(struct task *t, const struct pledge *p)
{
    const struct indicator *indicator = indicator_of(t->problem, p->with, p->status);
    report_indicator(t, &p->line, indicator);
    return indicator;
}

int64_t pledge_back_off(int64_t wait)
{
    return wait * 2 > BACK_OFF_MAX ? BACK_OFF_MAX : wait * 2;
}

/* Waits before the next attempt; false when there is to be none. */
static bool back_off(struct task *t, struct pledge *p, int64_t *wait)
{
    if (p->attempts_left <= 1 || *wait >= task_time_left(t, INT64_MAX))
        return false;
    (void)pledge_indicate(t, p);
    report_note(t, &p->line, p->step,
                arena_printf(t->arena, "%s; from the start again in %s", t->detail,
                             duration_to_text(t->arena, *wait)));
    task_forgive(t);
    TRY(pledge_pause(t, p, *wait));
    p->attempts_left--;
    *wait = pledge_back_off(*wait);
    return true;
}

static bool try_until_done(struct task *t, struct pledge *p)
{
    int64_t wait = p->world->settings.retry_wait;
    struct arena_mark mark = arena_mark(t->arena);
    while (!attempt(t, p)) {
        TRY(back_off(t, p, &wait));
        p->now = (struct attempt){0};
        arena_rewind(t->arena, mark);
    }
    return true;
}

static bool onboard(struct task *t, struct pledge *p)
{
    struct task saving;
    bool onboarded = try_until_done(t, p);
    if (onboarded)
        pledge_configure(t, p);
    task_init(&saving, t->arena, t->log);
    bool saved = p->world->settings.out == NULL || pledge_save(&saving, p);
    if (!onboarded || saved)
        return onboarded;
    pledge_step(p, "save", ENCOUNTER_EST);
    return fail(t, saving.problem, "%s", saving.detail);
}

void pledge_onboard(struct task *t, struct pledge *p)
{
    bool onboarded = onboard(t, p);
    p->outcome.total_ms = report_elapsed(&p->line);
    if (onboarded) {
        p->outcome.status = LAB_EXIT_OK;
        report_onboarded(t, &p->line, cert_subject(t, p->now.ldevid),
                         cert_issuer(t, p->now.ldevid));
        return;
    }
    p->outcome.indicator = pledge_indicate(t, p);
    p->outcome.status = p->outcome.indicator->exit;
    report_failed(t, &p->line, p->step, p->outcome.indicator);
}
