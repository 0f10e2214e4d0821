#include "registrar/status_report.h"

#include "core/base/json.h"
#include "core/store/records/event.h"

static const char *context_text(struct task *t, json_t *context)
{
    struct bytes text;
    if (context == NULL)
        return NULL;
    if (!json_write(t, context, &text)) { /* it stays in the report; only its text is lost */
        task_forgive(t);
        return NULL;
    }
    return event_foreign_text(t->arena, text, STATUS_TEXT_MAX);
}

/* RFC 8995 5.7: version and status must be there; names are case-sensitive. */
bool status_report_read(struct task *t, struct bytes json, struct status_report *ret)
{
    json_t *root;
    if (!json_parse(t, json, &root))
        return fail(t, E_TELEMETRY, "%s", t->detail);
    json_t *version = json_object_get(root, "version");
    json_t *status = json_object_get(root, "status");
    json_t *reason = json_object_get(root, "reason");
    ENSURE(t, json_is_integer(version) && json_integer_value(version) >= 1, E_TELEMETRY,
           "version is missing or no positive number");
    ENSURE(t, json_is_boolean(status), E_TELEMETRY, "status is missing or not true or false");
    ENSURE(t, reason == NULL || json_is_string(reason), E_TELEMETRY, "reason is no text");
    *ret = (struct status_report){
        .version = (uint64_t)json_integer_value(version),
        .success = json_is_true(status),
        .context = context_text(t, json_object_get(root, "reason-context")),
    };
    if (reason != NULL)
        ret->reason =
            event_foreign_text(t->arena, bytes_of_text(json_string_value(reason)), STATUS_TEXT_MAX);
    return true;
}
