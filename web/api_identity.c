/* Our own certificates: what is shown, what waits, and the change from one to the other. */
#include "core/store/records/authority.h"
#include "web/api_internal.h"

#include <string.h>

#define EVENTS 50 /* of the timeline */

static bool works_of(struct task *t, const struct http_request *rq, const struct api **ret)
{
    const struct api *api = api_of(rq);
    ENSURE(t, api->works != NULL, E_NOT_FOUND, "there is no registrar here");
    *ret = api;
    return true;
}

static bool reply_report(struct task *t, const struct api *api, struct http_reply *reply)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    struct identity_report report;
    json_t *json;
    record_init(t, &identity_report_type, &report);
    TRY(api->works->identity_look(t, api->works_context, &report));
    TRY(record_to_json(t, &identity_report_type, &report, &json));
    TRY(view_open(t, api->store, &view));
    TRY(api_add_timeline(t, api, view, identity_subject(t->arena), EVENTS, json));
    return api_reply(t, reply, 200, json);
}

bool api_identity(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct api *api;
    TRY(works_of(t, rq, &api));
    return reply_report(t, api, reply);
}

static bool check(struct task *t, const struct identity_action *action)
{
    static const char *const names[] = {"renew", "take-back", "switch", NULL};
    unsigned which;
    TRY(api_choice(t, "action", action->action, names, &which));
    ENSURE(t,
           strcmp(action->action, "renew") == 0 || (!action->new_key && action->names.count == 0),
           E_INVALID, "new-key and names go with renew");
    ENSURE(t, strcmp(action->action, "switch") == 0 || action->override == NULL, E_INVALID,
           "override: goes with switch");
    return true;
}

bool api_identity_act(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct api *api;
    struct identity_action action;
    TRY(works_of(t, rq, &api));
    TRY(api_read_record(t, rq, &identity_action_type, &action));
    TRY(check(t, &action));
    TRY(api->works->identity_act(t, api->works_context, &action, api_actor(t, rq)));
    return reply_report(t, api, reply);
}
