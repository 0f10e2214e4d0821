/* POST devices/{}: a device that is on nobody's list is approved or declined. */
#include "core/pledge/decision.h"
#include "web/api_internal.h"

#include <string.h>

bool api_device_decide(struct task *t, struct http_request *rq, const struct device_action *action,
                       struct http_reply *reply)
{
    const struct api *api = api_of(rq);
    struct device_decision decision = {
        .approve = strcmp(action->action, "approve") == 0,
        .by = api_actor(t, rq),
        .because = action->reason,
    };
    struct device device;
    json_t *json;
    TRY(api_find_seen(t, rq, action->manufacturer, &decision.device));
    TRY(device_decide(t, api->store, api->orders, &decision, &device));
    TRY(record_to_json(t, &device_type, &device, &json));
    return api_reply(t, reply, 200, json);
}
