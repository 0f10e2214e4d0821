/* The order as it is stored. */
#include "core/order/internal.h"

#include "core/store/prefixes.h"

DEFINE_PROBLEMS(order_problems, ORDER_PROBLEMS)

#define KIND_MAX  64
#define PEER_MAX  300 /* a host name and a port, with room for what kind of peer it is */
#define NAME_LEN  64
#define MEDIA_MAX 256
#define ACTOR_MAX 128

const char *const order_state_names[] = {
    [ORDER_WAITING] = "waiting", [ORDER_READY] = "ready",     [ORDER_RUNNING] = "running",
    [ORDER_DONE] = "done",       [ORDER_REFUSED] = "refused", NULL,
};

static const struct field fields[] = {
    FIELD(1, struct order, id, "id", FIELD_HEX, .flags = FIELD_REQUIRED | FIELD_READ_ONLY,
          .min = ID_LEN, .max = ID_LEN, .help = "Identifies the order; later ones are greater."),
    FIELD(2, struct order, kind, "kind", FIELD_TEXT, .flags = FIELD_REQUIRED | FIELD_READ_ONLY,
          .max = KIND_MAX, .help = "What is to be done."),
    FIELD(3, struct order, identity, "identity", FIELD_HEX, .flags = FIELD_READ_ONLY,
          .min = SHA256_LEN, .max = SHA256_LEN,
          .help = "Digest of what was asked: whoever asks the same joins this order. Absent once "
                  "a later order has taken its place."),
    FIELD(4, struct order, state, "state", FIELD_ENUM, .flags = FIELD_READ_ONLY,
          .names = order_state_names, .help = "How far it has come."),
    FIELD(5, struct order, device, "device", FIELD_HEX, .flags = FIELD_READ_ONLY,
          .min = SUBJECT_LEN, .max = SUBJECT_LEN, .help = "The device it is for."),
    FIELD(6, struct order, episode, "episode", FIELD_HEX, .flags = FIELD_READ_ONLY, .min = ID_LEN,
          .max = ID_LEN, .help = "The onboarding it belongs to."),
    FIELD(7, struct order, peer, "peer", FIELD_TEXT, .flags = FIELD_REQUIRED | FIELD_READ_ONLY,
          .max = PEER_MAX, .help = "Whom it needs, such as masa:HOST:PORT or ca:NAME."),
    FIELD(8, struct order, created, "created", FIELD_TIME,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .help = "When it was placed."),
    FIELD(9, struct order, updated, "updated", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it last changed."),
    FIELD(10, struct order, due, "due", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "It is not tried before this time."),
    FIELD(11, struct order, expires, "expires", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "It is given up at this time."),
    FIELD(12, struct order, finished, "finished", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it was done or refused."),
    FIELD(13, struct order, attempts, "attempts", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "How often it has been tried."),
    FIELD(14, struct order, problem, "problem", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = NAME_LEN,
          .help = "Refused: the kind of problem. Ready: what kept the last attempt from success."),
    FIELD(15, struct order, detail, "detail", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = ORDER_DETAIL_MAX, .help = "Particulars of the problem."),
    FIELD(16, struct order, liftable, "liftable", FIELD_BOOL, .flags = FIELD_READ_ONLY,
          .help = "Refused, and tried again when the device asks again."),
    FIELD(17, struct order, result_type, "result-type", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = MEDIA_MAX, .help = "Media type of the result."),
    FIELD(18, struct order, decided_by, "decided-by", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = ACTOR_MAX, .help = "Who approved or declined it."),
};
const struct record_type order_type = RECORD_TYPE("order", 1, struct order, fields);

static struct bytes key_of(struct arena *arena, const void *record)
{
    const struct order *order = record;
    (void)arena;
    return order->id;
}

static struct bytes by_identity(struct arena *arena, const void *record)
{
    const struct order *order = record;
    (void)arena;
    return order->identity;
}

/* Ids grow with time, and the index goes on with them. */
static struct bytes by_device(struct arena *arena, const void *record)
{
    const struct order *order = record;
    (void)arena;
    return order->device;
}

static struct bytes by_due(struct arena *arena, const void *record)
{
    const struct order *order = record;
    return order_is_open(order) ? key_of_number(arena, (uint64_t)order->due) : BYTES_ABSENT;
}

static struct bytes by_finished(struct arena *arena, const void *record)
{
    const struct order *order = record;
    return order_is_open(order) ? BYTES_ABSENT : key_of_number(arena, (uint64_t)order->finished);
}

#define BY_DEVICE                                                                                  \
    {                                                                                              \
        PREFIX_ORDER_BY_DEVICE, false, by_device                                                   \
    }
#define BY_IDENTITY                                                                                \
    {                                                                                              \
        PREFIX_ORDER_BY_IDENTITY, true, by_identity                                                \
    }
#define ACTIVE                                                                                     \
    {                                                                                              \
        PREFIX_ORDER_ACTIVE, false, by_due                                                         \
    }
#define FINISHED                                                                                   \
    {                                                                                              \
        PREFIX_ORDER_FINISHED, false, by_finished                                                  \
    }

const struct table_index order_table_by_device = BY_DEVICE;
const struct table_index order_table_by_identity = BY_IDENTITY;
const struct table_index order_table_active = ACTIVE;
const struct table_index order_table_finished = FINISHED;
static const struct table_index indexes[] = {BY_DEVICE, BY_IDENTITY, ACTIVE, FINISHED};

const struct table order_table = {
    .prefix = PREFIX_ORDER,
    .type = &order_type,
    .key_of = key_of,
    .indexes = indexes,
    .index_count = ARRAY_SIZE(indexes),
    .blobs = ORDER_BLOB_RESULT,
};

bool order_is_open(const struct order *order)
{
    return order->state != ORDER_DONE && order->state != ORDER_REFUSED;
}

int64_t order_when(const struct order *order)
{
    if (order->state == ORDER_WAITING || order->due > order->expires)
        return order->expires;
    return order->due;
}

void order_close_refused(struct task *t, struct order *order, const struct problem_kind *kind,
                         const char *detail, int64_t now)
{
    order->state = ORDER_REFUSED;
    order->liftable = false;
    order->problem = kind->name;
    order->detail = bytes_to_printable(t->arena, bytes_of_text(detail), ORDER_DETAIL_MAX);
    order->updated = now;
    order->finished = now;
}

bool order_give_up(struct task *t, struct tx *tx, const struct order_kind_entry *kinds,
                   struct order *order, const char *detail, int64_t now)
{
    const struct order_kind_entry *entry = order_kind_named(kinds, order->kind);
    order_close_refused(t, order, E_ORDER_EXPIRED, detail, now);
    TRY(table_put(t, tx, &order_table, order));
    return entry == NULL || entry->kind->given_up == NULL || entry->kind->given_up(t, tx, order);
}
