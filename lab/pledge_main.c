/* gatehouse-pledge: command line, and many pledges at once. */
#include "core/base/clock.h"
#include "lab/options.h"
#include "lab/pledge.h"
#include "lab/problems.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARALLEL_MAX   512
#define IDENTITIES_MAX 1000000

static const char *const tls_names[] = {"any", "1.2", "1.3", NULL};

static const struct lab_option options[] = {
    LAB_OPTION("DIR", struct pledge_settings, identity, "identity", FIELD_TEXT,
               .help =
                   "One pledge: the folder with its idevid.pem (the IDevID and what chain it is "
                   "to send) and idevid.key."),
    LAB_OPTION("DIR", struct pledge_settings, identities, "identities", FIELD_TEXT,
               .help = "Many pledges: every folder in DIR that has an idevid.pem, in the order of "
                       "their names."),
    LAB_OPTION("N", struct pledge_settings, parallel, "parallel", FIELD_UINT, .preset = "1",
               .min = 1, .max = PARALLEL_MAX,
               .help = "With --identities: how many are onboarded at the same time."),
    LAB_OPTION("URL", struct pledge_settings, cloud, "cloud", FIELD_TEXT,
               .help =
                   "The cloud registrar that is built in: an https URL; without a path, or with "
                   "/.well-known/brski, requestvoucher there is meant."),
    LAB_OPTION("URL", struct pledge_settings, registrar, "registrar", FIELD_TEXT,
               .help = "Begin at this registrar, over provisional TLS, instead of at a cloud."),
    LAB_OPTION("FILE", struct pledge_settings, anchors, "anchors", FIELD_TEXT,
               .help = "PEM: the implicit trust anchors that validate the cloud registrar, and the "
                       "targets of redirects. Required with --cloud."),
    LAB_OPTION("FILE", struct pledge_settings, masa_anchors, "masa-anchors", FIELD_TEXT,
               .flags = FIELD_REQUIRED,
               .help = "PEM: the manufacturer's anchors that voucher signatures lead to."),
    LAB_OPTION("NAME:PORT:ADDRESS", struct pledge_settings, resolve, "resolve", FIELD_TEXTS,
               .help = "Connect to ADDRESS for this host and port instead of asking the resolver."),
    LAB_OPTION("DIR", struct pledge_settings, out, "out", FIELD_TEXT,
               .help = "Save to DIR/SERIAL/: ldevid.pem, ldevid.key, voucher.cms, "
                       "voucher-request.cms, cacerts.pem and csrattrs.der, as far as it came."),
    LAB_OPTION("VERSION", struct pledge_settings, tls, "tls", FIELD_ENUM, .preset = "any",
               .names = tls_names, .help = "The one TLS version to speak."),
    LAB_OPTION(NULL, struct pledge_settings, no_clock, "no-clock", FIELD_BOOL,
               .help =
                   "A pledge that does not know the time: no dates of certificates and vouchers "
                   "are judged (RFC 8995 2.6.1)."),
    LAB_OPTION(NULL, struct pledge_settings, json, "json", FIELD_BOOL,
               .help = "One JSON object per line instead of text."),
    LAB_OPTION(NULL, struct pledge_settings, quiet, "quiet", FIELD_BOOL,
               .help = "Only the last line of each pledge."),
    LAB_OPTION("TIME", struct pledge_settings, timeout, "timeout", FIELD_DURATION, .preset = "4 d",
               .min = 1, .help = "Give a pledge up after this long, whatever it is doing."),
    LAB_OPTION("TIME", struct pledge_settings, patience, "patience", FIELD_DURATION,
               .preset = "30 s", .min = 1,
               .help = "Longest wait for a TLS connection, and for each answer."),
    LAB_OPTION("N", struct pledge_settings, attempts, "attempts", FIELD_UINT, .preset = "1",
               .min = 1,
               .help = "Attempts in all. A failure starts again at the beginning; a 401, or a 503 "
                       "with Retry-After, asks the same registrar again."),
    LAB_OPTION("TIME", struct pledge_settings, retry_wait, "retry-wait", FIELD_DURATION,
               .preset = "60 s",
               .help = "Wait before the next attempt; twice as long each time, at most 1 h. A "
                       "Retry-After in a 401 or 503 counts instead."),
    LAB_OPTION("TIME", struct pledge_settings, max_wait, "max-wait", FIELD_DURATION,
               .preset = "60 s", .max = 60 * SECOND_MS,
               .help = "Longest wait after a 202, whatever its Retry-After says (RFC 8995 5.6: at "
                       "most 60 s)."),
    LAB_OPTION("N", struct pledge_settings, retry_limit, "retry-limit", FIELD_UINT, .preset = "0",
               .help = "Give up when a request was answered with 202 more often than this; 0: only "
                       "the time limit ends the waiting."),
    LAB_OPTION("N", struct pledge_settings, max_redirects, "max-redirects", FIELD_UINT,
               .preset = "24", .max = 1000, .help = "Redirects in one attempt."),
};

static const struct lab_command command = {
    .name = "gatehouse-pledge",
    .about =
        "Onboards devices as the reference pledge: voucher request to the cloud registrar, its\n"
        "redirect to the owner's registrar, voucher, EST enrolment, and the first use of the\n"
        "LDevID (RFC 8995, draft-ietf-anima-brski-cloud 4.1). One line per step, then a line that\n"
        "begins with \"onboarded\" or \"failed\". One of --identity and --identities, and one of\n"
        "--cloud and --registrar, is required.\n",
    .more =
        "With --json, each line is an object with \"serial\", \"step\" and \"ms\" (since the\n"
        "pledge's start), and where they apply \"action\", \"status\" (of HTTP) and \"note\".\n"
        "The last one of each pledge has the step \"onboarded\" (with \"subject\" and \"issuer\")\n"
        "or \"failed\" (with \"failed-step\", \"problem\" and \"reason\").\n",
    .options = options,
    .count = ARRAY_SIZE(options),
};

static bool check_usage(struct task *t, const struct pledge_settings *s)
{
    ENSURE(t, (s->identity == NULL) != (s->identities == NULL), E_USAGE,
           "one of --identity and --identities is required");
    ENSURE(t, (s->cloud == NULL) != (s->registrar == NULL), E_USAGE,
           "one of --cloud and --registrar is required");
    ENSURE(t, s->cloud == NULL || s->anchors != NULL, E_USAGE, "--cloud needs --anchors");
    ENSURE(t, s->parallel == 1 || s->identities != NULL, E_USAGE, "--parallel needs --identities");
    return true;
}

static bool make_world(struct task *t, struct pledge_world *world)
{
    static const int versions[] = {
        [PLEDGE_TLS_ANY] = 0,
        [PLEDGE_TLS_1_2] = TLS1_2_VERSION,
        [PLEDGE_TLS_1_3] = TLS1_3_VERSION,
    };
    const struct pledge_settings *s = &world->settings;
    TRY(check_usage(t, s));
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

static bool read_identity(struct task *t, const char *folder, struct pledge *p)
{
    TRY(credentials_read(t, path_in(t, folder, "idevid.pem"), path_in(t, folder, "idevid.key"),
                         &p->idevid));
    TRY(cert_subject_serial(t, p->idevid.cert, &p->serial));
    ENSURE(t, p->serial != NULL, E_INVALID, "%s/idevid.pem: the subject has no serialNumber",
           folder);
    return true;
}

/* One pledge from its folder to its LDevID. */
static bool onboard(struct pledge_world *world, const char *folder)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct pledge p = {
        .world = world,
        .step = "identity",
        .form = &voucher_form_cms,
        .attempts_left = world->settings.attempts,
    };
    task_init(&t, arena, NULL);
    t.deadline = clock_monotonic() + world->settings.timeout;
    report_begin(&p.line, &world->report, folder);
    if (!read_identity(&t, folder, &p)) {
        report_failed(&t, &p.line, p.step);
        return false;
    }
    p.line.serial = p.serial;
    return pledge_onboard(&t, &p);
}

struct crowd {
    struct pledge_world *world;
    struct text_list folders;
    atomic_size_t next;
    atomic_size_t onboarded;
};

static void *work(void *argument)
{
    struct crowd *crowd = argument;
    for (;;) {
        size_t mine = atomic_fetch_add(&crowd->next, 1);
        if (mine >= crowd->folders.count)
            return NULL;
        if (onboard(crowd->world, crowd->folders.items[mine]))
            atomic_fetch_add(&crowd->onboarded, 1);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void close_folder(DIR **folder)
{
    if (*folder != NULL)
        (void)closedir(*folder);
}

static bool has_idevid(struct task *t, const char *folder)
{
    struct arena_mark mark = arena_mark(t->arena);
    FILE *file = fopen(path_in(t, folder, "idevid.pem"), "re");
    arena_rewind(t->arena, mark);
    if (file == NULL)
        return false;
    (void)fclose(file);
    return true;
}

static bool list_identities(struct task *t, const char *parent, struct text_list *ret)
{
    CLEANUP(close_folder) DIR *entries = opendir(parent);
    size_t room = 64;
    size_t count = 0;
    const char **folders = arena_array(t->arena, room, sizeof(*folders));
    if (entries == NULL)
        return fail_errno(t, E_IO, errno, "cannot open %s", parent);
    const struct dirent *entry;
    while ((entry = readdir(entries)) != NULL) { /* NOLINT(concurrency-mt-unsafe) */
        const char *folder = path_in(t, parent, entry->d_name);
        if (entry->d_name[0] == '.' || !has_idevid(t, folder))
            continue;
        ENSURE(t, count < IDENTITIES_MAX, E_TOO_LARGE, "%s has more than %d pledges", parent,
               IDENTITIES_MAX);
        if (count == room) {
            const char **more = arena_array(t->arena, room * 2, sizeof(*more));
            memcpy(more, folders, count * sizeof(*more));
            folders = more;
            room *= 2;
        }
        folders[count++] = folder;
    }
    ENSURE(t, count > 0, E_NOT_FOUND, "no folder in %s has an idevid.pem", parent);
    qsort(folders, count, sizeof(*folders), by_name);
    *ret = (struct text_list){.items = folders, .count = count};
    return true;
}

static bool start_workers(struct task *t, struct crowd *crowd, size_t wanted)
{
    pthread_t *threads = arena_array(t->arena, wanted, sizeof(*threads));
    size_t started = 0;
    int error = 0;
    while (started < wanted && error == 0) {
        error = pthread_create(&threads[started], NULL, work, crowd);
        started += error == 0;
    }
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
    if (started == 0)
        return fail_errno(t, E_IO, error, "no thread");
    return true;
}

static bool onboard_all(struct task *t, struct pledge_world *world, bool *ret_all)
{
    struct crowd crowd = {.world = world};
    TRY(list_identities(t, world->settings.identities, &crowd.folders));
    size_t wanted = (size_t)world->settings.parallel;
    int64_t started = clock_monotonic();
    TRY(start_workers(t, &crowd, wanted < crowd.folders.count ? wanted : crowd.folders.count));
    size_t onboarded = atomic_load(&crowd.onboarded);
    (void)fprintf(stderr, "gatehouse-pledge: %zu of %zu onboarded in %.1f s\n", onboarded,
                  crowd.folders.count, (double)(clock_monotonic() - started) / SECOND_MS);
    *ret_all = onboarded == crowd.folders.count;
    return true;
}

static bool run(struct task *t, const char *const *argv, bool *ret_onboarded)
{
    struct pledge_world *world = arena_alloc(t->arena, sizeof(*world));
    struct lab_arguments arguments;
    TRY(lab_options_read(t, &command, argv, &world->settings, sizeof(world->settings), &arguments));
    if (arguments.shown) {
        *ret_onboarded = true;
        return true;
    }
    TRY(make_world(t, world));
    if (world->settings.identities != NULL)
        return onboard_all(t, world, ret_onboarded);
    *ret_onboarded = onboard(world, world->settings.identity);
    return true;
}

int main(int argc, char **argv)
{
    (void)argc;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    bool onboarded = false;
    /* A peer that goes away is an error of write(2), not the end of everything. */
    (void)signal(SIGPIPE, SIG_IGN);
    task_init(&t, arena, NULL);
    if (!run(&t, (const char *const *)argv, &onboarded))
        return lab_complain(&t, command.name);
    return onboarded ? LAB_EXIT_OK : LAB_EXIT_FAILED;
}
