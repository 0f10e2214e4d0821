#include "lab/pledge_load.h"

#include "core/base/clock.h"
#include "core/base/json.h"
#include "lab/figures.h"
#include "lab/pledge_options.h"
#include "lab/problems.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LATE 100 /* ms after its time that a pledge counts as late */

struct load {
    struct pledge_world *world;
    struct text_list folders;
    size_t count;
    int64_t begin; /* clock_monotonic() ms */
    atomic_size_t next;
    atomic_size_t under_way;
    atomic_size_t most_under_way;
    atomic_size_t late;
    struct pledge_outcome *outcomes;
};

static void raise_to(atomic_size_t *most, size_t value)
{
    size_t before = atomic_load(most);
    while (before < value && !atomic_compare_exchange_weak(most, &before, value))
        continue;
}

/* When the pledge is due. */
static int64_t due(const struct load *load, size_t number)
{
    return load->begin + (int64_t)number * SECOND_MS / (int64_t)load->world->settings.rate;
}

static void wait_for_turn(struct load *load, size_t number)
{
    int64_t wait = due(load, number) - clock_monotonic();
    struct timespec left = {.tv_sec = wait / SECOND_MS,
                            .tv_nsec = wait % SECOND_MS * (SECOND_MS * SECOND_MS)};
    while (wait > 0 && nanosleep(&left, &left) != 0)
        continue;
    if (wait < -LATE)
        atomic_fetch_add(&load->late, 1);
}

static void *work(void *argument)
{
    struct load *load = argument;
    for (;;) {
        size_t mine = atomic_fetch_add(&load->next, 1);
        if (mine >= load->count)
            return NULL;
        wait_for_turn(load, mine);
        raise_to(&load->most_under_way, atomic_fetch_add(&load->under_way, 1) + 1);
        pledge_run(load->world, load->folders.items[mine], &load->outcomes[mine]);
        atomic_fetch_sub(&load->under_way, 1);
    }
}

/* --- what came of it --- */

struct summary {
    size_t onboarded;
    double seconds;
    struct figures voucher;
    struct figures certificate;
    struct figures total;
    int status;
};

/* Of those that came so far. */
static struct figures latency(struct task *t, const struct load *load,
                              double (*of)(const struct pledge_outcome *outcome))
{
    double *values = arena_array(t->arena, load->count, sizeof(*values));
    size_t count = 0;
    for (size_t i = 0; i < load->count; i++) {
        double value = of(&load->outcomes[i]);
        if (value > 0)
            values[count++] = value;
    }
    return figures_of(values, count);
}

static double voucher_of(const struct pledge_outcome *outcome)
{
    return outcome->voucher_ms;
}

static double certificate_of(const struct pledge_outcome *outcome)
{
    return outcome->certificate_ms;
}

static double total_of(const struct pledge_outcome *outcome)
{
    return outcome->status == LAB_EXIT_OK ? outcome->total_ms : 0;
}

static struct summary summarize(struct task *t, const struct load *load)
{
    struct summary summary = {
        .seconds = (double)(clock_monotonic() - load->begin) / SECOND_MS,
        .voucher = latency(t, load, voucher_of),
        .certificate = latency(t, load, certificate_of),
        .total = latency(t, load, total_of),
    };
    for (size_t i = 0; i < load->count; i++) {
        int status = load->outcomes[i].status;
        summary.onboarded += status == LAB_EXIT_OK;
        summary.status = crowd_status(summary.status, status);
    }
    return summary;
}

static json_t *figures_json(const struct figures *figures)
{
    return json_pack("{s:I, s:f, s:f, s:f, s:f}", "count", (json_int_t)figures->count, "p50",
                     figures->p50, "p90", figures->p90, "p99", figures->p99, "max", figures->most);
}

/* How often each indicator was seen. */
static json_t *failures_json(const struct load *load)
{
    json_t *failures = json_object();
    for (size_t i = 0; i < load->count; i++) {
        const struct indicator *indicator = load->outcomes[i].indicator;
        if (indicator == NULL)
            continue;
        json_int_t before = json_integer_value(json_object_get(failures, indicator->name));
        (void)json_object_set_new(failures, indicator->name, json_integer(before + 1));
    }
    return failures;
}

static void print_figures(const char *name, const struct figures *figures)
{
    (void)printf("load latency %-11s count=%zu p50=%.1f p90=%.1f p99=%.1f max=%.1f ms\n", name,
                 figures->count, figures->p50, figures->p90, figures->p99, figures->most);
}

static void print_text(const struct load *load, const struct summary *s, json_t *failures)
{
    const char *name;
    json_t *count;
    (void)printf("load started=%zu onboarded=%zu failed=%zu seconds=%.1f rate=%.1f/s late=%zu "
                 "most-under-way=%zu\n",
                 load->count, s->onboarded, load->count - s->onboarded, s->seconds,
                 (double)s->onboarded / s->seconds, atomic_load(&load->late),
                 atomic_load(&load->most_under_way));
    print_figures("voucher", &s->voucher);
    print_figures("certificate", &s->certificate);
    print_figures("onboarded", &s->total);
    json_object_foreach(failures, name, count)(void)
        printf("load failed %s count=%" JSON_INTEGER_FORMAT "\n", name, json_integer_value(count));
}

static void print_json(struct task *t, const struct load *load, const struct summary *s,
                       json_t *failures)
{
    json_t *object = json_in_arena(
        t, json_pack("{s:s, s:I, s:I, s:I, s:f, s:I, s:I, s:O, s:{s:o, s:o, s:o}}", "step", "load",
                     "started", (json_int_t)load->count, "onboarded", (json_int_t)s->onboarded,
                     "failed", (json_int_t)(load->count - s->onboarded), "seconds", s->seconds,
                     "late", (json_int_t)atomic_load(&load->late), "most-under-way",
                     (json_int_t)atomic_load(&load->most_under_way), "failures", failures,
                     "latency-ms", "voucher", figures_json(&s->voucher), "certificate",
                     figures_json(&s->certificate), "onboarded", figures_json(&s->total)));
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    if (text == NULL)
        abort(); /* jansson: no memory */
    (void)puts(text);
    free(text);
}

bool load_run(struct task *t, struct pledge_world *world, int *ret_status)
{
    const struct pledge_settings *s = &world->settings;
    struct load load = {.world = world, .count = (size_t)s->load};
    size_t workers = s->parallel > 1 ? (size_t)s->parallel : PARALLEL_MAX;
    TRY(crowd_list(t, s->identities, &load.folders));
    ENSURE(t, load.count <= load.folders.count, E_USAGE,
           "--load %zu: %s has %zu pledges, and each comes once", load.count, s->identities,
           load.folders.count);
    load.outcomes = arena_array(t->arena, load.count, sizeof(*load.outcomes));
    load.begin = clock_monotonic();
    TRY(crowd_work(t, work, &load, workers < load.count ? workers : load.count));
    struct summary summary = summarize(t, &load);
    json_t *failures = json_in_arena(t, failures_json(&load));
    if (s->json)
        print_json(t, &load, &summary, failures);
    else
        print_text(&load, &summary, failures);
    *ret_status = summary.status;
    return true;
}
