/*
 * Several registrars at once (RFC 8995 4.1, 5.1): attempts begin some seconds apart, each with a
 * nonce and a back-off of its own; when all places are taken, the one that has stood still longest
 * makes room.  The first voucher that settles who the registrar is wins.
 */
#include "core/base/clock.h"
#include "core/base/condition.h"
#include "lab/pledge.h"
#include "lab/problems.h"

#include <pthread.h>

enum contender_state {
    CONTENDER_WAITING, /* for its turn */
    CONTENDER_RUNNING,
    CONTENDER_RESTING, /* its back-off */
    CONTENDER_DONE,
};

struct contender {
    struct race *race;
    struct arena *arena;
    struct task task;
    struct pledge pledge;
    struct leash leash;
    pthread_t thread;
    bool started; /* the thread is there */
    enum contender_state state;
    uint64_t turn; /* among those that wait: the least comes first */
    bool dropped;  /* its leash was pulled for standing still */
    int64_t wait;  /* next back-off */
    uint64_t failures;
};

struct race {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const struct pledge_settings *settings;
    struct contender *contenders; /* the cloud registrar, where there is one, comes last */
    size_t count;
    uint64_t turns; /* given so far */
    struct contender *winner;
    bool over;
    int64_t next_start; /* clock_monotonic() ms: not before */
};

static size_t count_running(const struct race *race)
{
    size_t count = 0;
    for (size_t i = 0; i < race->count; i++)
        count += race->contenders[i].state == CONTENDER_RUNNING;
    return count;
}

static void await_turn(struct contender *c)
{
    c->state = CONTENDER_WAITING;
    c->turn = c->race->turns++;
}

/* RFC 8995 2.7: the cloud registrar's turn comes when no registrar nearby has helped. */
static bool is_wanted(const struct race *race, const struct contender *c)
{
    for (size_t i = 0; c->pledge.from_cloud && i < race->count; i++) {
        const struct contender *other = &race->contenders[i];
        if (other != c && other->failures == 0)
            return false;
    }
    return true;
}

/* Those that were found begin in the order in which they were found. */
static bool is_first(const struct race *race, const struct contender *c)
{
    for (size_t i = 0; i < race->count; i++) {
        const struct contender *other = &race->contenders[i];
        if (other->state == CONTENDER_WAITING && other->turn < c->turn && is_wanted(race, other))
            return false;
    }
    return true;
}

static bool may_begin(const struct race *race, const struct contender *c)
{
    return is_wanted(race, c) && is_first(race, c) &&
           count_running(race) < race->settings->at_once && clock_monotonic() >= race->next_start;
}

/* Until it is this one's turn; false when there is nothing to win any more. */
static bool enter(struct contender *c)
{
    struct race *race = c->race;
    (void)pthread_mutex_lock(&race->lock);
    if (c->state != CONTENDER_WAITING)
        await_turn(c);
    (void)pthread_cond_broadcast(&race->changed);
    while (!race->over && !may_begin(race, c))
        (void)condition_wait(&race->changed, &race->lock,
                             race->next_start > clock_monotonic() ? race->next_start
                                                                  : clock_monotonic() + HOUR_MS);
    bool go = !race->over;
    if (go) {
        c->state = CONTENDER_RUNNING;
        c->dropped = false;
        leash_slacken(&c->leash);
        race->next_start = clock_monotonic() + race->settings->start_interval;
        (void)pthread_cond_broadcast(&race->changed);
    }
    (void)pthread_mutex_unlock(&race->lock);
    return go;
}

static bool win(struct contender *c)
{
    struct race *race = c->race;
    (void)pthread_mutex_lock(&race->lock);
    bool first = race->winner == NULL;
    if (first)
        race->winner = c;
    race->over = true;
    (void)pthread_cond_broadcast(&race->changed);
    (void)pthread_mutex_unlock(&race->lock);
    return first;
}

static void be_done(struct contender *c)
{
    (void)pthread_mutex_lock(&c->race->lock);
    c->state = CONTENDER_DONE;
    (void)pthread_cond_broadcast(&c->race->changed);
    (void)pthread_mutex_unlock(&c->race->lock);
}

/* An attempt has failed; false when the race is over anyway. */
static bool fall_back(struct contender *c, bool *ret_dropped)
{
    (void)pthread_mutex_lock(&c->race->lock);
    c->state = CONTENDER_RESTING;
    c->failures++;
    *ret_dropped = c->dropped;
    bool goes_on = !c->race->over;
    (void)pthread_cond_broadcast(&c->race->changed);
    (void)pthread_mutex_unlock(&c->race->lock);
    return goes_on;
}

/* An attempt has failed.  True when there is to be another, after its back-off. */
static bool rest(struct contender *c)
{
    struct task *t = &c->task;
    bool dropped;
    if (!fall_back(c, &dropped))
        return false;
    if (dropped)
        report_note(t, &c->pledge.line, c->pledge.step, "no progress: others come first");
    else
        (void)pledge_indicate(t, &c->pledge);
    report_note(t, &c->pledge.line, c->pledge.step, t->detail);
    if (c->pledge.attempts_left <= 1)
        return false;
    c->pledge.attempts_left--;
    leash_slacken(&c->leash);
    task_forgive(t);
    if (!pledge_pause(t, &c->pledge, c->wait))
        return false;
    c->wait = pledge_back_off(c->wait);
    return true;
}

static bool try_once(struct contender *c)
{
    struct task *t = &c->task;
    c->pledge.now = (struct attempt){0};
    if (!pledge_bootstrap(t, &c->pledge))
        return false;
    if (win(c))
        return true;
    (void)fail(t, E_ABANDONED, "another registrar's voucher came first");
    pledge_tell_refused(t, &c->pledge);
    return false;
}

static void *contend(void *argument)
{
    struct contender *c = argument;
    struct arena_mark mark = arena_mark(c->arena);
    bool again = true;
    bool won = false;
    while (again && !won && enter(c)) {
        won = try_once(c);
        again = won || rest(c);
        if (again && !won)
            arena_rewind(c->arena, mark);
    }
    be_done(c);
    return NULL;
}

/* The one that has stood still longest, when somebody else is waiting for its place. */
static struct contender *stalest(struct race *race, int64_t *ret_since)
{
    struct contender *found = NULL;
    bool wanted = false;
    for (size_t i = 0; i < race->count; i++) {
        struct contender *c = &race->contenders[i];
        wanted = wanted || c->state == CONTENDER_WAITING;
        if (c->state != CONTENDER_RUNNING || c->dropped)
            continue;
        int64_t since = atomic_load(&c->leash.moved);
        if (found == NULL || since < *ret_since) {
            found = c;
            *ret_since = since;
        }
    }
    return wanted && count_running(race) >= race->settings->at_once ? found : NULL;
}

static bool all_done(const struct race *race)
{
    for (size_t i = 0; i < race->count; i++) {
        if (race->contenders[i].state != CONTENDER_DONE)
            return false;
    }
    return true;
}

/* RFC 8995 5.1: until somebody has won or all have given up. */
static void watch(struct race *race)
{
    (void)pthread_mutex_lock(&race->lock);
    while (!race->over && !all_done(race)) {
        int64_t since = 0;
        int64_t next = clock_monotonic() + HOUR_MS;
        struct contender *c = stalest(race, &since);
        if (c != NULL && clock_monotonic() >= since + race->settings->stale_after) {
            c->dropped = true;
            leash_pull(&c->leash);
            continue;
        }
        if (c != NULL)
            next = since + race->settings->stale_after;
        (void)condition_wait(&race->changed, &race->lock, next);
    }
    race->over = true;
    for (size_t i = 0; i < race->count; i++) {
        if (&race->contenders[i] != race->winner)
            leash_pull(&race->contenders[i].leash);
    }
    (void)pthread_cond_broadcast(&race->changed);
    (void)pthread_mutex_unlock(&race->lock);
}

static void release_arena(void *arena)
{
    arena_destroy(arena);
}

static bool line_up(struct task *t, const struct pledge *p, const struct place *start,
                    struct race *race)
{
    struct contender *c = &race->contenders[race->count];
    *c = (struct contender){.race = race, .arena = arena_create(), .pledge = *p};
    arena_defer(t->arena, release_arena, c->arena);
    TRY(leash_make(t, &c->leash));
    task_init(&c->task, c->arena, t->log);
    c->task.deadline = t->deadline;
    c->wait = race->settings->retry_wait;
    c->pledge.start = start;
    c->pledge.from_cloud = start == &p->world->cloud;
    c->pledge.leash = &c->leash;
    c->pledge.line.via = start->authority;
    await_turn(c);
    race->count++;
    return true;
}

static void run(struct race *race)
{
    for (size_t i = 0; i < race->count; i++) {
        struct contender *c = &race->contenders[i];
        c->started = pthread_create(&c->thread, NULL, contend, c) == 0;
        if (!c->started)
            be_done(c);
    }
    watch(race);
    for (size_t i = 0; i < race->count; i++) {
        if (race->contenders[i].started)
            (void)pthread_join(race->contenders[i].thread, NULL);
    }
}

/* Nobody helped: the first one's failure stands for all, which have said theirs. */
static bool lost(struct task *t, struct pledge *p, const struct race *race)
{
    const struct contender *c = &race->contenders[0];
    p->attempts_left = 1; /* each had as many as there may be */
    pledge_step(p, c->pledge.step, c->pledge.with);
    p->status = c->pledge.status;
    if (c->task.problem == NULL)
        return fail(t, E_TIMEOUT, "no registrar helped in time");
    return fail(t, c->task.problem, "%s: %s", c->pledge.start->authority, c->task.detail);
}

bool pledge_race(struct task *t, struct pledge *p)
{
    const struct pledge_world *world = p->world;
    struct race *race = arena_alloc(t->arena, sizeof(*race));
    race->settings = &world->settings;
    race->contenders = arena_array(t->arena, world->registrar_count + 1, sizeof(*race->contenders));
    (void)pthread_mutex_init(&race->lock, NULL);
    condition_init(&race->changed);
    for (size_t i = 0; i < world->registrar_count; i++)
        TRY(line_up(t, p, &world->registrars[i], race));
    if (world->cloud.host != NULL)
        TRY(line_up(t, p, &world->cloud, race));
    run(race);
    (void)pthread_cond_destroy(&race->changed);
    (void)pthread_mutex_destroy(&race->lock);
    if (race->winner == NULL)
        return lost(t, p, race);
    /* What it has found lies in its arena, which lives as long as ours. */
    p->now = race->winner->pledge.now;
    pledge_step(p, race->winner->pledge.step, race->winner->pledge.with);
    return true;
}
