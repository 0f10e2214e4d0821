/* POST certificates/{}: revoke, suspend, take up again. */
#include "core/store/records/certificate.h"
#include "core/store/records/event.h"
#include "web/api_internal.h"
#include "web/views.h"

#include <string.h>

enum act { ACT_REVOKE, ACT_SUSPEND, ACT_RESUME };

struct acting {
    struct bytes id;
    enum act act;
    enum revocation_reason reason;
    const char *because;
    const char *actor;
    struct certificate after;
};

static bool note(struct task *t, struct tx *tx, const struct acting *a)
{
    static const char *const names[] = {
        [ACT_REVOKE] = "certificate-revoked",
        [ACT_SUSPEND] = "certificate-suspended",
        [ACT_RESUME] = "certificate-resumed",
    };
    const struct certificate *c = &a->after;
    const struct event event = {
        .name = names[a->act],
        .severity = a->act == ACT_RESUME ? EVENT_INFO : EVENT_WARNING,
        .actor = a->actor,
        .device = c->device,
        .detail = arena_printf(
            t->arena, "serial %s, subject %s%s%s%s%s", bytes_to_hex(t->arena, c->serial),
            c->subject == NULL ? "(none)" : c->subject, a->act == ACT_REVOKE ? ", " : "",
            a->act == ACT_REVOKE ? revocation_reason_names[a->reason] : "",
            a->because == NULL ? "" : ": ", a->because == NULL ? "" : a->because),
    };
    return event_add(t, tx, &event);
}

static bool act_in(struct task *t, struct tx *tx, void *arg)
{
    struct acting *a = arg;
    bool changed = true;
    if (a->act == ACT_RESUME)
        TRY(certificate_resume(t, tx, a->id, &a->after));
    else
        TRY(certificate_revoke(t, tx, a->id, a->reason, a->because, &a->after, &changed));
    ENSURE(t, changed || a->after.state != CERTIFICATE_REVOKED, E_INVALID,
           "the certificate is revoked already (%s)", revocation_reason_names[a->after.reason]);
    return !changed || note(t, tx, a);
}

/* RFC 5280 5.3.1: certificateHold is what `suspend` is for; a CA's compromise is no device's. */
static bool is_for_devices(enum revocation_reason reason)
{
    return reason != REVOKED_CERTIFICATE_HOLD && reason != REVOKED_CA_COMPROMISE &&
           strncmp(revocation_reason_names[reason], "reserved", 8) != 0;
}

static bool read_reason(struct task *t, const char *text, enum revocation_reason *ret)
{
    const char *choices = "";
    if (text == NULL)
        text = revocation_reason_names[REVOKED_UNSPECIFIED];
    for (unsigned i = 0; revocation_reason_names[i] != NULL; i++) {
        const char *name = revocation_reason_names[i];
        if (!is_for_devices((enum revocation_reason)i))
            continue;
        if (strcmp(name, text) == 0) {
            *ret = (enum revocation_reason)i;
            return true;
        }
        choices = arena_printf(t->arena, "%s%s%s", choices, *choices == '\0' ? "" : ", ", name);
    }
    return fail(t, E_INVALID, "reason: must be one of %s", choices);
}

bool api_certificate_act(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    static const char *const actions[] = {"revoke", "suspend", "resume", NULL};
    struct acting a = {.actor = api_actor(t, rq)};
    struct certificate_action action;
    unsigned which;
    json_t *json;
    TRY(api_certificate_id(t, rq, &a.id));
    TRY(api_read_record(t, rq, &certificate_action_type, &action));
    TRY(api_choice(t, "action", action.action, actions, &which));
    a.act = (enum act)which;
    a.because = action.because;
    ENSURE(t, action.reason == NULL || a.act == ACT_REVOKE, E_INVALID,
           "reason: belongs to revoke alone");
    TRY(read_reason(t, action.reason, &a.reason));
    if (a.act == ACT_SUSPEND)
        a.reason = REVOKED_CERTIFICATE_HOLD;
    TRY(store_update(t, api_of(rq)->store, act_in, &a));
    TRY(record_to_json(t, &certificate_type, &a.after, &json));
    return api_reply(t, reply, 200, json);
}
