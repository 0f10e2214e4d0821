/* gatehouse-pledge: what all pledges of a run share, and the program. */
#include "lab/pledge_crowd.h"
#include "lab/pledge_options.h"
#include "lab/problems.h"

#include <signal.h>

static bool make_world(struct task *t, struct pledge_world *world)
{
    static const int versions[] = {
        [PLEDGE_TLS_ANY] = 0,
        [PLEDGE_TLS_1_2] = TLS1_2_VERSION,
        [PLEDGE_TLS_1_3] = TLS1_3_VERSION,
    };
    const struct pledge_settings *s = &world->settings;
    TRY(pledge_check_usage(t, s));
    if (!place_from_url(t, s->cloud != NULL ? s->cloud : s->registrar, &world->start))
        return fail(t, E_USAGE, "%s: %s", s->cloud != NULL ? "--cloud" : "--registrar", t->detail);
    TRY(link_maker_make(t, versions[s->tls], &s->resolve, &world->link_maker));
    world->link_maker.patience = s->patience;
    world->link_maker.no_clock = s->no_clock;
    if (s->anchors != NULL)
        TRY(trust_read(t, s->anchors, &world->implicit));
    TRY(trust_read(t, s->masa_anchors, &world->masa));
    world->report = (struct report){
        .json = s->json,
        .quiet = s->quiet,
        .several = s->identities != NULL,
        .lock = PTHREAD_MUTEX_INITIALIZER,
    };
    return true;
}

static bool run(struct task *t, const char *const *argv, int *ret_status)
{
    struct pledge_world *world = arena_alloc(t->arena, sizeof(*world));
    struct lab_arguments arguments;
    TRY(lab_options_read(t, &pledge_command, argv, &world->settings, sizeof(world->settings),
                         &arguments));
    if (arguments.shown)
        return true;
    TRY(make_world(t, world));
    if (world->settings.identities != NULL)
        return crowd_run(t, world, ret_status);
    *ret_status = pledge_run(world, world->settings.identity);
    return true;
}

int main(int argc, char **argv)
{
    (void)argc;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    int status = LAB_EXIT_OK;
    /* A peer that goes away is an error of write(2), not the end of everything. */
    (void)signal(SIGPIPE, SIG_IGN);
    task_init(&t, arena, NULL);
    if (!run(&t, (const char *const *)argv, &status))
        return lab_complain(&t, pledge_command.name);
    return status;
}
