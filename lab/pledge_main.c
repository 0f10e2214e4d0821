/* gatehouse-pledge: what all pledges of a run share, and the program. */
#include "core/base/file.h"
#include "lab/pledge_load.h"
#include "lab/pledge_options.h"
#include "lab/problems.h"

#include <signal.h>

static bool read_place(struct task *t, const char *option, const char *url, struct place *ret)
{
    if (place_from_url(t, url, ret))
        return true;
    return fail(t, E_USAGE, "--%s: %s", option, t->detail);
}

/* Where to begin. */
static bool read_places(struct task *t, struct pledge_world *world)
{
    const struct pledge_settings *s = &world->settings;
    const struct text_list *registrars = &s->registrars;
    world->registrars = arena_array(t->arena, registrars->count, sizeof(*world->registrars));
    for (size_t i = 0; i < registrars->count; i++)
        TRY(read_place(t, "registrar", registrars->items[i], &world->registrars[i]));
    world->registrar_count = registrars->count;
    if (s->cloud != NULL)
        TRY(read_place(t, "cloud", s->cloud, &world->cloud));
    if (s->captive_api != NULL && !place_from_any_url(t, s->captive_api, &world->captive))
        return fail(t, E_USAGE, "--captive-api: %s", t->detail);
    return true;
}

static bool read_trust(struct task *t, struct pledge_world *world)
{
    const struct pledge_settings *s = &world->settings;
    if (s->anchors != NULL)
        TRY(trust_read(t, s->anchors, &world->implicit));
    if (s->captive_anchors != NULL)
        TRY(trust_read(t, s->captive_anchors, &world->portal));
    return trust_read(t, s->masa_anchors, &world->masa);
}

static bool read_proxy(struct task *t, struct pledge_world *world)
{
    const struct pledge_settings *s = &world->settings;
    struct bytes credentials;
    if (s->proxy == NULL)
        return true;
    if (!proxy_from_text(t, s->proxy, &world->proxy))
        return fail(t, E_USAGE, "--proxy: %s", t->detail);
    world->link_maker.proxy = &world->proxy;
    if (s->proxy_credentials == NULL)
        return true;
    TRY(file_read_secret(t, s->proxy_credentials, CREDENTIAL_FILE_MAX, &credentials));
    if (proxy_set_credentials(t, credentials, &world->proxy))
        return true;
    return fail_context(t, "%s", s->proxy_credentials);
}

static bool make_world(struct task *t, struct pledge_world *world)
{
    static const int versions[] = {
        [PLEDGE_TLS_ANY] = 0,
        [PLEDGE_TLS_1_2] = TLS1_2_VERSION,
        [PLEDGE_TLS_1_3] = TLS1_3_VERSION,
    };
    const struct pledge_settings *s = &world->settings;
    TRY(pledge_check_usage(t, s));
    world->faults = arena_alloc(t->arena, sizeof(*world->faults));
    TRY(pledge_faults_read(t, &s->faults, world->faults));
    TRY(read_places(t, world));
    TRY(link_maker_make(t, versions[s->tls], &s->resolve, &world->link_maker));
    world->link_maker.patience = s->patience;
    world->link_maker.no_clock = s->no_clock;
    world->direct = world->link_maker;
    TRY(read_proxy(t, world));
    TRY(read_trust(t, world));
    world->report = (struct report){
        .json = s->json,
        .quiet = s->quiet || s->load > 0,
        .load = s->load > 0,
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
    if (world->settings.load > 0)
        return load_run(t, world, ret_status);
    if (world->settings.identities != NULL)
        return crowd_run(t, world, ret_status);
    struct pledge_outcome outcome;
    pledge_run(world, world->settings.identity, &outcome);
    *ret_status = outcome.status;
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
