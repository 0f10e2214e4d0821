/* What came of an order, in the cloud's record and timeline. */
#include "core/base/clock.h"
#include "core/store/records/event.h"
#include "registrar/cloud/internal.h"

#include <string.h>

#define SOON (100LL) /* ms: something has changed while the order ran */

bool cloud_event(struct task *t, struct tx *tx, const char *name, const char *event,
                 const char *detail)
{
    const struct event e = {
        .name = event,
        .actor = "gatehouse",
        .device = cloud_subject(t->arena, name),
        .detail = detail,
    };
    return event_add(t, tx, &e);
}

static bool event_of_trouble(struct task *t, struct tx *tx, const struct cloud_outcome *o,
                             const char *name, const struct problem_kind *problem,
                             const char *detail)
{
    const struct event e = {
        .name = name,
        .severity = EVENT_ERROR,
        .actor = "gatehouse",
        .device = cloud_subject(t->arena, o->name),
        .problem = problem->name,
        .detail = detail,
    };
    return event_add(t, tx, &e);
}

/* ---- Success ---- */

static bool same_pin(const struct cloud_pinned *pinned, const struct cloud_outcome *o)
{
    return pinned != NULL && bytes_present(o->pin) && bytes_equal(pinned->certificate, o->pin) &&
           pinned->est_domain != NULL && strcmp(pinned->est_domain, o->est_domain) == 0;
}

/* The pins that may still be in somebody's voucher, and the one that is acknowledged now. */
static void note_pin(struct task *t, struct cloud *cloud, const struct cloud_outcome *o)
{
    const struct cloud_pinned *before = cloud->pins.items;
    int64_t now = clock_wall();
    struct cloud_pinned *pins = arena_array(t->arena, CLOUD_PINNED_MAX, sizeof(*pins));
    size_t count = 0;
    size_t first =
        cloud->pins.count >= CLOUD_PINNED_MAX ? cloud->pins.count - CLOUD_PINNED_MAX + 1 : 0;
    if (same_pin(cloud_pinned_now(cloud), o))
        return;
    for (size_t i = first; i < cloud->pins.count; i++) {
        pins[count] = before[i];
        if (pins[count].until == 0)
            pins[count].until = now;
        count += pins[count].until + cloud->pin_hold > now;
    }
    if (bytes_present(o->pin))
        pins[count++] =
            (struct cloud_pinned){.est_domain = o->est_domain, .certificate = o->pin, .since = now};
    cloud->pins = (struct record_list){pins, count};
}

static bool note_reach(struct task *t, struct tx *tx, struct cloud *cloud,
                       const struct cloud_outcome *o)
{
    unsigned before = cloud->reach;
    cloud->reach = !o->answer.looked     ? CLOUD_REACH_UNKNOWN
                   : o->answer.reachable ? CLOUD_REACHABLE
                                         : CLOUD_UNREACHABLE;
    cloud->reach_checked = o->answer.checked;
    cloud->reach_detail = o->answer.reach_detail;
    if (cloud->reach == before ||
        (before == CLOUD_REACH_UNKNOWN && cloud->reach == CLOUD_REACHABLE))
        return true;
    if (cloud->reach == CLOUD_REACHABLE)
        return cloud_event(t, tx, cloud->name, "cloud-finds-us", "TLS shows what devices expect");
    if (cloud->reach == CLOUD_REACH_UNKNOWN)
        return true;
    return event_of_trouble(t, tx, o, "cloud-does-not-find-us", E_CLOUD_BLIND,
                            o->answer.reach_detail == NULL ? "it does not say why"
                                                           : o->answer.reach_detail);
}

static void note_import(struct cloud *cloud, const struct cloud_outcome *o)
{
    if (!o->import.wanted)
        return;
    cloud->imported = clock_wall();
    cloud->import_added = o->import.added;
    cloud->import_gone = o->import.prune ? 0 : o->import.gone;
    if (cloud->asked == o->asked) { /* or it was asked for meanwhile */
        cloud->import_once = false;
        cloud->prune = false;
    }
    cloud->devices = o->import.listed;
}

/* Daily it is not worth a word. */
static bool tell(struct task *t, struct tx *tx, const struct cloud *before,
                 const struct cloud_outcome *o)
{
    bool news = before->problem != NULL || before->registered_generation != o->generation ||
                before->state == CLOUD_NEW || before->state == CLOUD_WITHDRAWN ||
                (bytes_present(o->pin) && !same_pin(cloud_pinned_now(before), o));
    if (o->released > 0)
        TRY(cloud_event(t, tx, o->name, "cloud-devices-released",
                        arena_printf(t->arena, "%llu devices that have left us",
                                     (unsigned long long)o->released)));
    if (o->withdrawn)
        return before->state == CLOUD_WITHDRAWN ||
               cloud_event(t, tx, o->name, "cloud-withdrawn", "nothing is registered any more");
    if (!news)
        return true;
    const char *detail =
        bytes_present(o->pin)
            ? arena_printf(t->arena, "vouchers for %s, pinned SHA-256 %s", o->est_domain,
                           bytes_to_hex(t->arena, bytes_sha256(t->arena, o->pin)))
            : arena_printf(t->arena, "redirect to %s", before->registrar_url);
    return cloud_event(t, tx, o->name, "cloud-registered", detail);
}

static void note_state(struct cloud *cloud, const struct cloud_outcome *o)
{
    int64_t now = clock_wall();
    bool as_wanted = cloud->generation == o->generation;
    cloud->registered_generation = o->generation;
    cloud->tried = now;
    cloud->succeeded = now;
    cloud->failures = 0;
    cloud->problem = NULL;
    cloud->detail = NULL;
    cloud->released += o->released;
    if (o->released_until != 0)
        cloud->released_until = o->released_until;
    if (!o->import.wanted)
        cloud->devices = o->answer.devices;
    cloud->state = o->withdrawn ? CLOUD_WITHDRAWN : as_wanted ? CLOUD_REGISTERED : CLOUD_CHANGED;
}

/* The orders of a cloud follow one another as long as there is something to register. */
static bool place_next(struct task *t, struct tx *tx, struct cloud *cloud, struct cloud_outcome *o)
{
    bool changed = cloud->generation != o->generation || cloud->asked != o->asked;
    int64_t now = clock_wall();
    if (!changed && o->withdrawn) {
        cloud->order = BYTES_ABSENT;
        return true;
    }
    TRY(cloud_place_order(t, tx, o->agent->orders, cloud,
                          changed ? now + SOON : now + cloud->interval, true));
    o->next = cloud->order;
    return true;
}

bool cloud_note_success(struct task *t, struct tx *tx, void *outcome)
{
    struct cloud_outcome *o = outcome;
    struct cloud cloud;
    bool found;
    o->next = BYTES_ABSENT;
    TRY(table_find(t, tx_reader(tx), &clouds, bytes_of_text(o->name), &cloud, &found));
    if (!found || !bytes_equal(cloud.order, o->order->id))
        return true; /* removed meanwhile, or another order has taken its place */
    TRY(tell(t, tx, &cloud, o));
    TRY(note_reach(t, tx, &cloud, o));
    note_pin(t, &cloud, o);
    note_import(&cloud, o);
    note_state(&cloud, o);
    TRY(place_next(t, tx, &cloud, o));
    return table_put(t, tx, &clouds, &cloud);
}

bool cloud_note_claim(struct task *t, struct tx *tx, void *outcome)
{
    const struct cloud_outcome *o = outcome;
    struct cloud cloud;
    bool found;
    TRY(table_find(t, tx_reader(tx), &clouds, bytes_of_text(o->name), &cloud, &found));
    if (!found || cloud.token == NULL)
        return true;
    cloud.token = NULL;
    cloud.claimed = clock_wall();
    TRY(table_put(t, tx, &clouds, &cloud));
    return cloud_event(t, tx, o->name, "cloud-claimed",
                       arena_printf(t->arena, "the account %s is ours", cloud.owner));
}

/* ---- Failure ---- */

static bool note_failure(struct task *t, struct tx *tx, struct cloud_outcome *o, bool place)
{
    struct cloud cloud;
    bool found;
    o->next = BYTES_ABSENT;
    TRY(table_find(t, tx_reader(tx), &clouds, bytes_of_text(o->name), &cloud, &found));
    if (!found || !bytes_equal(cloud.order, o->order->id))
        return true;
    if (cloud.problem == NULL || strcmp(cloud.problem, o->problem->name) != 0)
        TRY(event_of_trouble(t, tx, o, "cloud-not-registered", o->problem, o->detail));
    cloud.tried = clock_wall();
    cloud.failures++;
    cloud.problem = o->problem->name;
    cloud.detail = event_foreign_text(t->arena, bytes_of_text(o->detail), EVENT_DETAIL_MAX);
    if (place) {
        TRY(cloud_place_order(t, tx, o->agent->orders, &cloud, clock_wall() + MINUTE_MS, true));
        o->next = cloud.order;
    }
    return table_put(t, tx, &clouds, &cloud);
}

bool cloud_note_failure(struct task *t, struct tx *tx, void *outcome)
{
    return note_failure(t, tx, outcome, false);
}

bool cloud_note_failure_and_go_on(struct task *t, struct tx *tx, void *outcome)
{
    return note_failure(t, tx, outcome, true);
}
