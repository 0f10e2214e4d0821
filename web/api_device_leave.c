/* POST devices/{}: a device's onboarding is ended; it is decommissioned, or sold. */
#include "core/base/log.h"
#include "core/pledge/leaving.h"
#include "web/api_internal.h"

#include <string.h>

static enum leaving_how how_of(const char *action)
{
    if (strcmp(action, "sell") == 0)
        return LEAVING_SOLD;
    return strcmp(action, "decommission") == 0 ? LEAVING_DECOMMISSIONED : LEAVING_REVOKED;
}

static bool check_words(struct task *t, const struct device_action *action, enum leaving_how how)
{
    ENSURE(t, how == LEAVING_SOLD || action->reason != NULL, E_INVALID,
           "reason: is required: it stands in the device's timeline from now on");
    ENSURE(t, how != LEAVING_SOLD || action->to != NULL, E_INVALID,
           "to: is required: to whom it was sold");
    ENSURE(t, how == LEAVING_SOLD || action->to == NULL, E_INVALID, "to: belongs to sell alone");
    ENSURE(t, how != LEAVING_REVOKED || action->erase == NULL, E_INVALID,
           "erase: belongs to decommission and sell");
    return true;
}

static bool reply_left(struct task *t, const struct left *left, struct http_reply *reply)
{
    const struct departure_view view = {
        .device = left->device,
        .certificates = left->certificates,
        .orders = left->orders,
        .belongings = left->belongings,
        .erasure = left->erasure,
    };
    json_t *json;
    TRY(record_to_json(t, &departure_type, &view, &json));
    return api_reply(t, reply, 200, json);
}

/* It has left, whatever comes of this: clouds hear of it at the latest when they are told again. */
static void tell_clouds(struct task *t, const struct api *api, const struct device *device)
{
    struct task aside = *t;
    if (api->works != NULL &&
        !api->works->clouds_wake(&aside, api->works_context, device->manufacturer))
        log_problem(&aside, "clouds are told later that a device has left");
}

bool api_device_leave(struct task *t, struct http_request *rq, const struct device_action *action,
                      struct http_reply *reply)
{
    const struct api *api = api_of(rq);
    struct leaving leaving = {
        .how = how_of(action->action),
        .by = api_actor(t, rq),
        .because = action->reason,
        .to = action->to,
    };
    struct left left;
    enum manufacturer_erases erases;
    unsigned number;
    TRY(check_words(t, action, leaving.how));
    if (action->erase != NULL) {
        TRY(api_choice(t, "erase", action->erase, manufacturer_erases_names, &number));
        erases = (enum manufacturer_erases)number;
        leaving.erases = &erases;
    }
    TRY(api_find_seen(t, rq, action->manufacturer, &leaving.device));
    TRY(device_leave(t, api->store, api->orders, &leaving, &left));
    if (leaving.how != LEAVING_REVOKED)
        tell_clouds(t, api, &left.device);
    return reply_left(t, &left, reply);
}
