#include "lab/pledge_crowd.h"

#include "core/base/clock.h"
#include "lab/problems.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDENTITIES_MAX 1000000

static bool read_identity(struct task *t, const char *folder, struct pledge *p)
{
    TRY(credentials_read(t, path_in(t, folder, "idevid.pem"), path_in(t, folder, "idevid.key"),
                         &p->idevid));
    TRY(cert_subject_serial(t, p->idevid.cert, &p->serial));
    ENSURE(t, p->serial != NULL, E_INVALID, "%s/idevid.pem: the subject has no serialNumber",
           folder);
    return true;
}

void pledge_run(struct pledge_world *world, const char *folder, struct pledge_outcome *ret)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct pledge p = {
        .world = world,
        .step = "identity",
        .with = ENCOUNTER_NOBODY,
        .form = voucher_forms[world->settings.form],
        .attempts_left = world->settings.attempts,
    };
    task_init(&t, arena, NULL);
    t.deadline = clock_monotonic() + world->settings.timeout;
    report_begin(&p.line, &world->report, folder);
    if (read_identity(&t, folder, &p)) {
        p.line.serial = p.serial;
        pledge_onboard(&t, &p);
    } else {
        p.outcome.indicator = indicator_of(t.problem, p.with, 0);
        p.outcome.status = p.outcome.indicator->exit;
        report_failed(&t, &p.line, p.step, p.outcome.indicator);
    }
    *ret = p.outcome;
}

struct crowd {
    struct pledge_world *world;
    struct text_list folders;
    atomic_size_t next;
    atomic_size_t onboarded;
    atomic_int status; /* LAB_EXIT_OK, or the one class of all failures, or LAB_EXIT_FAILED */
};

int crowd_status(int before, int status)
{
    if (status == LAB_EXIT_OK || status == before)
        return before;
    return before == LAB_EXIT_OK ? status : LAB_EXIT_FAILED;
}

static void note_status(struct crowd *crowd, int status)
{
    int before = atomic_load(&crowd->status);
    atomic_fetch_add(&crowd->onboarded, status == LAB_EXIT_OK);
    while (!atomic_compare_exchange_weak(&crowd->status, &before, crowd_status(before, status)))
        continue;
}

static void *work(void *argument)
{
    struct crowd *crowd = argument;
    for (;;) {
        size_t mine = atomic_fetch_add(&crowd->next, 1);
        if (mine >= crowd->folders.count)
            return NULL;
        struct pledge_outcome outcome;
        pledge_run(crowd->world, crowd->folders.items[mine], &outcome);
        note_status(crowd, outcome.status);
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

bool crowd_list(struct task *t, const char *parent, struct text_list *ret)
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

bool crowd_work(struct task *t, void *(*work_on)(void *), void *shared, size_t wanted)
{
    pthread_t *threads = arena_array(t->arena, wanted, sizeof(*threads));
    size_t started = 0;
    int error = 0;
    while (started < wanted && error == 0) {
        error = pthread_create(&threads[started], NULL, work_on, shared);
        started += error == 0;
    }
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
    if (started == 0)
        return fail_errno(t, E_IO, error, "no thread");
    return true;
}

bool crowd_run(struct task *t, struct pledge_world *world, int *ret_status)
{
    struct crowd crowd = {.world = world};
    TRY(crowd_list(t, world->settings.identities, &crowd.folders));
    size_t wanted = (size_t)world->settings.parallel;
    int64_t started = clock_monotonic();
    TRY(crowd_work(t, work, &crowd, wanted < crowd.folders.count ? wanted : crowd.folders.count));
    size_t onboarded = atomic_load(&crowd.onboarded);
    (void)fprintf(stderr, "gatehouse-pledge: %zu of %zu onboarded in %.1f s\n", onboarded,
                  crowd.folders.count, (double)(clock_monotonic() - started) / SECOND_MS);
    *ret_status = atomic_load(&crowd.status);
    return true;
}
