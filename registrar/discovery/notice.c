#include "registrar/discovery/internal.h"

#include "core/base/clock.h"
#include "core/base/log.h"

#include <stdlib.h>
#include <string.h>

void notice_init(struct notice *n, const struct log *log, const char *what)
{
    *n = (struct notice){.log = log, .what = what, .state = ANNOUNCEMENT_OFF};
    (void)pthread_mutex_init(&n->lock, NULL);
}

void notice_destroy(struct notice *n)
{
    (void)pthread_mutex_destroy(&n->lock);
    free(n->name);
    free(n->detail);
}

static char *copy(const char *text)
{
    char *made = text == NULL ? NULL : strdup(text);
    if (text != NULL && made == NULL)
        abort();
    return made;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* True when it is news. */
static bool change(struct notice *n, enum announcement_state state, const char *name,
                   const struct problem_kind *problem, const char *detail)
{
    (void)pthread_mutex_lock(&n->lock);
    bool news = n->state != state || n->problem != problem || !same(n->name, name) ||
                !same(n->detail, detail);
    if (n->state != state)
        n->since = clock_wall();
    if (news) {
        free(n->name);
        free(n->detail);
        n->state = state;
        n->name = copy(name);
        n->problem = problem;
        n->detail = copy(detail);
    }
    (void)pthread_mutex_unlock(&n->lock);
    return news;
}

void notice_starting(struct notice *n)
{
    (void)change(n, ANNOUNCEMENT_STARTING, NULL, NULL, NULL);
}

void notice_stands(struct notice *n, const char *name)
{
    if (!change(n, ANNOUNCEMENT_STANDS, name, NULL, NULL))
        return;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    task_init(&t, arena, n->log);
    log_info(&t, "announced", LOG_TEXT("by", n->what), LOG_TEXT("name", name));
}

void notice_failing(struct notice *n, const struct task *t)
{
    if (change(n, ANNOUNCEMENT_FAILING, NULL, t->problem, t->detail))
        log_problem(t, "not announced");
}

void notice_count(struct notice *n)
{
    (void)pthread_mutex_lock(&n->lock);
    n->sent++;
    (void)pthread_mutex_unlock(&n->lock);
}

void notice_look(struct notice *n, struct arena *arena, struct announcement *ret)
{
    (void)pthread_mutex_lock(&n->lock);
    *ret = (struct announcement){
        .state = n->state,
        .since = n->since,
        .name = n->name == NULL ? NULL : arena_strdup(arena, n->name),
        .sent = n->sent,
        .problem = n->problem,
        .detail = n->detail == NULL ? NULL : arena_strdup(arena, n->detail),
    };
    (void)pthread_mutex_unlock(&n->lock);
}
