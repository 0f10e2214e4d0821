/*
 * The committer: one thread that runs queued updates, as many as are waiting in one engine
 * transaction, each in a nested one (an update that is alone has the transaction to itself).
 * While it syncs, the next ones gather.  An update that comes alone does not wait for company; when
 * the last batch was one of several, the next waits `gather` ms for more: a sync is the dearest
 * thing there is here, and under load others are about to come.
 */
#include "core/store/internal.h"

#include "core/base/clock.h"
#include "core/base/condition.h"
#include "core/base/failpoint.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>

#define BEAT_MS SECOND_MS
/* Runs of one function before E_BUSY from its commit is believed. */
#define UPDATE_TRIES 8

/* An update that somebody waits for; on the waiting thread's stack. */
struct job {
    struct task *task;
    store_fn fn;
    void *arg;
    bool ok; /* nothing has failed yet */
    sem_t finished;
    struct job *next;
};

struct committer {
    struct arena *arena; /* holds this */
    const struct engine *engine;
    void *handle;
    unsigned batch;
    int64_t gather;
    pthread_t thread;

    /* The thread's own. */
    bool busy; /* the last batch held several jobs */
    struct task task;
    struct chain_head head;

    pthread_mutex_t lock;
    pthread_cond_t wake; /* the queue is no longer empty, or `closing` */
    struct job *first;
    struct job **last;
    bool closing;

    atomic_uint_least64_t commits;
    atomic_uint_least64_t updates;
    atomic_int_least64_t last_beat;
};

enum outcome { OUTCOME_OK, OUTCOME_FAILED, OUTCOME_AGAIN };

static bool commit(struct committer *c, struct task *t, struct engine_tx *tx, bool durably)
{
    if (!durably)
        return c->engine->commit(t, tx);
    failpoint(FP_STORE_BEFORE_COMMIT);
    TRY(c->engine->commit(t, tx));
    failpoint(FP_STORE_AFTER_COMMIT);
    return true;
}

/* `parent` NULL: the job is alone, and made durable. */
static enum outcome try_job(struct committer *c, struct engine_tx *parent, struct job *job,
                            struct chain_head *head)
{
    struct task *t = job->task;
    struct tx tx = {.reader = {.engine = c->engine}};
    struct chain_head next = *head;
    tx.last_draft = &tx.drafts;
    if (!c->engine->begin(t, c->handle, parent, &tx.reader.tx))
        return OUTCOME_FAILED;
    if (!job->fn(t, &tx, job->arg) || !chain_append(t, &tx, &next)) {
        c->engine->abort(tx.reader.tx);
        return OUTCOME_FAILED;
    }
    if (!commit(c, t, tx.reader.tx, parent == NULL))
        return task_failed_with(t, E_BUSY) ? OUTCOME_AGAIN : OUTCOME_FAILED;
    *head = next;
    return OUTCOME_OK;
}

static bool run_job(struct committer *c, struct engine_tx *parent, struct job *job,
                    struct chain_head *head)
{
    struct task *t = job->task;
    const struct task before = *t;
    struct arena_mark mark = arena_mark(t->arena);
    enum outcome outcome = try_job(c, parent, job, head);
    for (int tries = 1; outcome == OUTCOME_AGAIN && tries < UPDATE_TRIES; tries++) {
        arena_rewind(t->arena, mark);
        t->problem = before.problem;
        t->detail = before.detail;
        outcome = try_job(c, parent, job, head);
    }
    if (outcome != OUTCOME_OK && t->problem == NULL)
        return fail(t, E_INTERNAL, "an update failed without saying why");
    return outcome == OUTCOME_OK;
}

/* What could not be begun or committed fails for everybody who had not failed before. */
static void fail_jobs(struct job *jobs, const struct task *why)
{
    for (struct job *job = jobs; job != NULL; job = job->next) {
        if (job->ok)
            job->ok = fail(job->task, why->problem, "%s", why->detail);
    }
}

static void count(struct committer *c, unsigned updates)
{
    atomic_fetch_add(&c->commits, 1);
    atomic_fetch_add(&c->updates, updates);
}

static void run_alone(struct committer *c, struct job *job)
{
    job->ok = run_job(c, NULL, job, &c->head);
    if (job->ok)
        count(c, 1);
}

static void run_together(struct committer *c, struct job *jobs)
{
    struct engine_tx *parent;
    struct chain_head head = c->head;
    unsigned done = 0;
    if (!c->engine->begin(&c->task, c->handle, NULL, &parent)) {
        fail_jobs(jobs, &c->task);
        return;
    }
    for (struct job *job = jobs; job != NULL; job = job->next) {
        job->ok = run_job(c, parent, job, &head);
        done += job->ok;
    }
    if (done == 0) {
        c->engine->abort(parent);
    } else if (!commit(c, &c->task, parent, true)) {
        fail_jobs(jobs, &c->task);
    } else {
        c->head = head;
        count(c, done);
    }
}

/* A job is gone as soon as its waiter knows. */
static void release_jobs(struct job *jobs)
{
    while (jobs != NULL) {
        struct job *next = jobs->next;
        (void)sem_post(&jobs->finished);
        jobs = next;
    }
}

/* Up to a batch of jobs; NULL when it is time to go.  Beats while it waits. */
static struct job *take_jobs(struct committer *c)
{
    (void)pthread_mutex_lock(&c->lock);
    atomic_store(&c->last_beat, clock_monotonic());
    while (c->first == NULL && !c->closing) {
        (void)condition_wait(&c->wake, &c->lock, clock_monotonic() + BEAT_MS);
        atomic_store(&c->last_beat, clock_monotonic());
    }
    int64_t gathered = clock_monotonic() + c->gather;
    while (c->busy && !c->closing && condition_wait(&c->wake, &c->lock, gathered))
        ;
    struct job *jobs = c->first;
    struct job **end = &c->first;
    for (unsigned i = 0; i < c->batch && *end != NULL; i++)
        end = &(*end)->next;
    c->first = *end;
    *end = NULL;
    if (c->first == NULL)
        c->last = &c->first;
    (void)pthread_mutex_unlock(&c->lock);
    c->busy = c->gather > 0 && jobs != NULL && jobs->next != NULL;
    return jobs;
}

static void *committer_main(void *arg)
{
    struct committer *c = arg;
    struct arena_mark mark = arena_mark(c->task.arena);
    struct job *jobs;
    while ((jobs = take_jobs(c)) != NULL) {
        if (jobs->next == NULL)
            run_alone(c, jobs);
        else
            run_together(c, jobs);
        release_jobs(jobs);
        task_forgive(&c->task);
        arena_rewind(c->task.arena, mark);
    }
    return NULL;
}

static void enqueue(struct committer *c, struct job *job)
{
    if (c->first == NULL)
        (void)pthread_cond_signal(&c->wake);
    *c->last = job;
    c->last = &job->next;
}

bool committer_update(struct task *t, struct committer *c, store_fn fn, void *arg)
{
    struct job job = {.task = t, .fn = fn, .arg = arg, .ok = true};
    ENSURE(t, !pthread_equal(pthread_self(), c->thread), E_INTERNAL,
           "an update cannot wait for another");
    (void)sem_init(&job.finished, 0, 0);
    (void)pthread_mutex_lock(&c->lock);
    bool closing = c->closing;
    if (!closing)
        enqueue(c, &job);
    (void)pthread_mutex_unlock(&c->lock);
    while (!closing && sem_wait(&job.finished) != 0 && errno == EINTR)
        ;
    (void)sem_destroy(&job.finished);
    ENSURE(t, !closing, E_STORE_CLOSING, "the store is being closed");
    return job.ok;
}

static void destroy(struct committer *c)
{
    (void)pthread_cond_destroy(&c->wake);
    (void)pthread_mutex_destroy(&c->lock);
    arena_destroy(c->task.arena);
    arena_destroy(c->arena);
}

bool committer_start(struct task *t, const struct engine *engine, void *handle,
                     const struct store_options *options, struct committer **ret)
{
    struct chain_head head;
    TRY(chain_open(t, engine, handle, &head));
    struct arena *arena = arena_create();
    struct committer *c = arena_alloc(arena, sizeof(*c));
    c->arena = arena;
    c->engine = engine;
    c->handle = handle;
    c->batch = options->batch;
    c->gather = options->gather;
    c->head = head;
    c->last = &c->first;
    task_init(&c->task, arena_create(), t->log);
    (void)pthread_mutex_init(&c->lock, NULL);
    condition_init(&c->wake);
    atomic_store(&c->last_beat, clock_monotonic());
    int error = pthread_create(&c->thread, NULL, committer_main, c);
    if (error != 0) {
        destroy(c);
        return fail_errno(t, E_STORE, error, "cannot start the committer");
    }
    (void)pthread_setname_np(c->thread, "committer");
    *ret = c;
    return true;
}

void committer_stop(struct committer *c)
{
    if (c == NULL)
        return;
    (void)pthread_mutex_lock(&c->lock);
    c->closing = true;
    (void)pthread_cond_signal(&c->wake);
    (void)pthread_mutex_unlock(&c->lock);
    (void)pthread_join(c->thread, NULL);
    destroy(c);
}

void committer_figures(struct committer *c, struct store_figures *ret)
{
    ret->commits = atomic_load(&c->commits);
    ret->updates = atomic_load(&c->updates);
    ret->last_beat = atomic_load(&c->last_beat);
}
