/*
 * One order: what is wanted of one cloud, said to it.  What is sent is in the order first, and is
 * sent again octet for octet, unless it has become another or its statements too old.
 */
#include "core/base/cbor.h"
#include "core/base/clock.h"
#include "core/base/failpoint.h"
#include "core/base/record.h"
#include "registrar/cloud/internal.h"

#define STATEMENT_LIFE (30 * MINUTE_MS) /* the cloud takes them for an hour */
#define PATIENCE       HOUR_MS          /* what needs somebody is not tried every minute */

/* What is sent; kept in the order. */
struct cloud_work {
    uint64_t generation;
    struct bytes identities; /* digest of who we were */
    int64_t made;
    const char *est_domain;
    struct bytes pin;
    struct bytes claim;
    struct bytes registration;
    struct record_rest rest;
};

#define BODY_MAX (8L * 1024 * 1024)

static const struct field work_fields[] = {
    FIELD(1, struct cloud_work, generation, "generation", FIELD_UINT,
          .help = "What is registered."),
    FIELD(2, struct cloud_work, identities, "identities", FIELD_HEX, .min = SHA256_LEN,
          .max = SHA256_LEN, .flags = FIELD_REQUIRED, .help = "Who we are."),
    FIELD(3, struct cloud_work, made, "made", FIELD_TIME, .help = "When the statements were made."),
    FIELD(4, struct cloud_work, est_domain, "est-domain", FIELD_TEXT,
          .help = "Where vouchers send devices."),
    FIELD(5, struct cloud_work, pin, "pin", FIELD_OCTETS, .help = "What they pin."),
    FIELD(6, struct cloud_work, claim, "claim", FIELD_OCTETS, .flags = FIELD_SECRET,
          .max = BODY_MAX, .help = "The claim's body."),
    FIELD(7, struct cloud_work, registration, "registration", FIELD_OCTETS, .flags = FIELD_SECRET,
          .max = BODY_MAX, .help = "The registration's body."),
};
static const struct record_type work_type =
    RECORD_TYPE("cloud-work", 1, struct cloud_work, work_fields);

struct cloud_run {
    struct order_run *run;
    const struct cloud_agent *agent;
    struct cloud cloud;
    struct cloud_work work;
    struct cloud_outcome outcome;
};

/* ---- What is to be sent ---- */

static struct bytes digest_of(struct task *t, const struct identity_set *set)
{
    struct bytes *parts = arena_array(t->arena, set->count, sizeof(*parts));
    for (size_t i = 0; i < set->count; i++)
        parts[i] = set->items[i].sha256;
    return bytes_sha256(t->arena, bytes_concat(t->arena, parts, set->count));
}

static bool still_good(struct task *t, struct cloud_run *cr, struct bytes identities)
{
    int64_t age = 0;
    if (!bytes_present(cr->run->work))
        return false;
    if (!record_decode(t, &work_type, cr->run->work, &cr->work)) {
        task_forgive(t);
        return false;
    }
    age = clock_wall() - cr->work.made;
    return cr->work.generation == cr->cloud.generation && age >= 0 && age < STATEMENT_LIFE &&
           bytes_equal(cr->work.identities, identities);
}

static bool prepare(struct task *t, struct cloud_run *cr)
{
    struct cloud_plan plan;
    struct bytes octets;
    struct bytes identities = digest_of(t, identities_now(cr->agent->identities));
    if (still_good(t, cr, identities))
        return true;
    TRY(cloud_plan_make(t, cr->agent, &cr->cloud, &plan));
    record_init(t, &work_type, &cr->work);
    cr->work.generation = cr->cloud.generation;
    cr->work.identities = identities;
    cr->work.made = clock_wall();
    cr->work.est_domain = cr->cloud.est_domain;
    cr->work.pin = plan.pin;
    cr->work.claim = plan.claim;
    cr->work.registration = plan.registration;
    TRY(record_encode(t, &work_type, &cr->work, &octets));
    return order_save_work(t, cr->run, octets, NULL, NULL);
}

/* ---- Saying it ---- */

static bool claim(struct task *t, struct cloud_run *cr)
{
    struct bytes ignored;
    const struct cloud_call call = {.operation = CLOUD_OP_CLAIM, .body = cr->work.claim};
    if (!bytes_present(cr->work.claim) || cr->cloud.token == NULL)
        return true;
    TRY(cloud_call(t, cr->agent, &cr->cloud, &call, &ignored));
    return store_update(t, cr->agent->store, cloud_note_claim, &cr->outcome);
}

static bool put_registration(struct task *t, struct cloud_run *cr)
{
    struct bytes answer;
    TRY(prepare(t, cr));
    cr->outcome.generation = cr->work.generation;
    cr->outcome.pin = cr->work.pin;
    cr->outcome.est_domain = cr->work.est_domain;
    TRY(claim(t, cr));
    const struct cloud_call call = {.operation = CLOUD_OP_REGISTER, .body = cr->work.registration};
    failpoint(FP_CLOUD_BEFORE_SEND);
    TRY(cloud_call(t, cr->agent, &cr->cloud, &call, &answer));
    failpoint(FP_CLOUD_AFTER_ANSWER);
    return cloud_registered_read(t, answer, &cr->outcome.answer);
}

static bool speak(struct task *t, struct cloud_run *cr)
{
    const struct cloud *cloud = &cr->cloud;
    struct cloud_outcome *o = &cr->outcome;
    struct bytes ignored;
    const struct cloud_call withdraw = {.operation = CLOUD_OP_WITHDRAW};
    if (cloud->wish == CLOUD_WITHDRAW) {
        o->withdrawn = true;
        o->generation = cloud->generation;
        return cloud_call(t, cr->agent, cloud, &withdraw, &ignored);
    }
    TRY(put_registration(t, cr));
    TRY(cloud_release(t, cr->agent, cloud, &o->released, &o->released_until));
    o->import.wanted = cloud->import || cloud->import_once;
    o->import.prune = cloud->import_once && cloud->prune;
    return !o->import.wanted || cloud_import(t, cr->agent, cloud, &o->import);
}

static bool read_cloud(struct task *t, struct cloud_run *cr)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    cr->outcome.name = bytes_to_text(t->arena, cr->run->request);
    ENSURE(t, cr->outcome.name != NULL, E_INTERNAL, "an order for a cloud without a name");
    TRY(view_open(t, cr->agent->store, &view));
    TRY(table_get(t, view_reader(view), &clouds, bytes_of_text(cr->outcome.name), &cr->cloud));
    ENSURE(t, bytes_equal(cr->cloud.order, cr->run->order->id), E_NOT_FOUND,
           "another order has taken its place");
    cr->outcome.asked = cr->cloud.asked;
    return true;
}

/* ---- What came of it ---- */

/* True for what passes by itself. */
static bool passes(const struct task *t)
{
    static const struct problem_kind *const lasting[] = {
        E_CLOUD_UNCLAIMED, E_CLOUD_REFUSED, E_CLOUD_REJECTED, E_CLOUD_ANSWER,  E_CLOUD_PROGRAM,
        E_CLOUD_ADDRESS,   E_TOO_LARGE,     E_PEER_URL,       E_PEER_NOT_HTTP, NULL,
    };
    return !task_failed_with_any(t, lasting);
}

static bool give_up_or_wait(struct task *t, struct cloud_run *cr)
{
    struct cloud_outcome *o = &cr->outcome;
    int64_t wait = passes(t) ? 0 : PATIENCE;
    o->problem = t->problem;
    o->detail = t->detail;
    /* The order has had its time, or would have had before it is tried again: another goes on. */
    if (clock_wall() + PATIENCE + MINUTE_MS < cr->run->order->expires)
        return order_retry(t, cr->run, wait, cloud_note_failure, o);
    TRY(order_refuse(t, cr->run, false, cloud_note_failure_and_go_on, o));
    if (bytes_present(o->next))
        orders_wake(cr->agent->orders, o->next);
    return true;
}

static bool run_cloud(struct task *t, struct order_run *run)
{
    struct cloud_run cr = {.run = run, .agent = run->context};
    cr.outcome.agent = cr.agent;
    cr.outcome.order = run->order;
    if (!read_cloud(t, &cr)) /* removed */
        return order_refuse(t, run, false, NULL, NULL);
    if (!speak(t, &cr))
        return give_up_or_wait(t, &cr);
    TRY(order_done(t, run, "application/json", BYTES_LITERAL("{}"), cloud_note_success,
                   &cr.outcome));
    if (bytes_present(cr.outcome.next))
        orders_wake(cr.agent->orders, cr.outcome.next);
    return true;
}

const struct order_kind cloud_order = {
    .name = "cloud-registration",
    .run = run_cloud,
};
