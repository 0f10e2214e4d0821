#include "core/store/records/event.h"

#include "core/base/clock.h"

#define SALT_LEN     16
#define NAME_MAX_LEN 64
#define ACTOR_MAX    128
#define ADDRESS_MAX  64

static const char *const severity_names[] = {"info", "warning", "error", NULL};

static const struct field fields[] = {
    FIELD(1, struct event, salt, "salt", FIELD_HEX,
          .flags = FIELD_REQUIRED | FIELD_SECRET | FIELD_READ_ONLY, .min = SALT_LEN,
          .max = SALT_LEN,
          .help = "Random octets, so that the digest in the audit chain tells nothing about the "
                  "rest."),
    FIELD(2, struct event, at, "at", FIELD_TIME, .flags = FIELD_REQUIRED | FIELD_READ_ONLY,
          .help = "When it happened."),
    FIELD(3, struct event, name, "event", FIELD_TEXT, .flags = FIELD_REQUIRED | FIELD_READ_ONLY,
          .max = NAME_MAX_LEN, .help = "What happened, such as voucher-requested."),
    FIELD(4, struct event, severity, "severity", FIELD_ENUM, .flags = FIELD_READ_ONLY,
          .names = severity_names, .help = "How much attention it deserves."),
    FIELD(5, struct event, actor, "actor", FIELD_TEXT, .flags = FIELD_READ_ONLY, .max = ACTOR_MAX,
          .help = "By whose doing: pledge, masa, gatehouse or admin:NAME."),
    FIELD(6, struct event, device, "device", FIELD_HEX, .flags = FIELD_READ_ONLY,
          .min = SUBJECT_LEN, .max = SUBJECT_LEN, .help = "The device it concerns."),
    FIELD(7, struct event, episode, "episode", FIELD_HEX, .flags = FIELD_READ_ONLY, .min = ID_LEN,
          .max = ID_LEN, .help = "The onboarding it belongs to."),
    FIELD(8, struct event, address, "address", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = ADDRESS_MAX, .help = "Network address that it came from."),
    FIELD(9, struct event, trace, "trace", FIELD_TEXT, .flags = FIELD_READ_ONLY, .max = TRACE_LEN,
          .help = "Trace id: the same one stands in the log."),
    FIELD(10, struct event, problem, "problem", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = NAME_MAX_LEN, .help = "What kind of problem it was; absent when nothing failed."),
    FIELD(11, struct event, detail, "detail", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = EVENT_DETAIL_MAX, .help = "Particulars, for the administrator."),
};
const struct record_type event_type = RECORD_TYPE("event", 1, struct event, fields);

bool event_add(struct task *t, struct tx *tx, const struct event *event)
{
    struct event complete = *event;
    struct bytes payload;
    if (!bytes_present(complete.salt))
        complete.salt = bytes_random(t->arena, SALT_LEN);
    if (complete.at == 0)
        complete.at = clock_wall();
    if (complete.trace == NULL && t->trace[0] != '\0')
        complete.trace = t->trace;
    if (complete.detail != NULL)
        complete.detail =
            event_foreign_text(t->arena, bytes_of_text(complete.detail), EVENT_DETAIL_MAX);
    TRY(record_encode(t, &event_type, &complete, &payload));
    return tx_audit(t, tx, complete.device, payload);
}

bool event_decode(struct task *t, struct bytes payload, struct event *ret)
{
    if (record_decode(t, &event_type, payload, ret))
        return true;
    return fail(t, E_STORE_DAMAGED, "an audit payload is no event: %s", t->detail);
}

char *event_foreign_text(struct arena *arena, struct bytes text, size_t max)
{
    return bytes_to_printable(arena, text, max);
}
