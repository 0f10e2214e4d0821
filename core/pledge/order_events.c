#include "core/pledge/order_events.h"

#include "core/store/records/event.h"

#include <string.h>

static void init_event(struct task *t, const struct order *order, struct event *ret)
{
    record_init(t, &event_type, ret);
    ret->device = order->device;
    ret->episode = order->episode;
}

bool order_event(struct task *t, struct tx *tx, const struct order *order, const char *event,
                 const char *actor, const char *detail)
{
    struct event e;
    init_event(t, order, &e);
    e.name = event;
    e.actor = actor;
    e.detail = event_foreign_text(t->arena, bytes_of_text(detail), EVENT_DETAIL_MAX);
    return event_add(t, tx, &e);
}

struct order_trouble order_trouble_of(const struct task *t, const struct order *order,
                                      const char *event)
{
    return (struct order_trouble){order, event, t->problem, t->detail};
}

static bool add_problem(struct task *t, struct tx *tx, const struct order_trouble *trouble,
                        enum event_severity severity)
{
    struct event e;
    init_event(t, trouble->order, &e);
    e.name = trouble->event;
    e.actor = "gatehouse";
    e.severity = severity;
    e.problem = trouble->problem->name;
    e.detail = event_foreign_text(t->arena, bytes_of_text(trouble->detail), EVENT_DETAIL_MAX);
    return event_add(t, tx, &e);
}

bool order_trouble_note(struct task *t, struct tx *tx, void *arg)
{
    const struct order_trouble *trouble = arg;
    const char *last = trouble->order->problem;
    if (last != NULL && strcmp(last, trouble->problem->name) == 0)
        return true;
    return add_problem(t, tx, trouble, EVENT_ERROR);
}

bool order_warning(struct task *t, struct tx *tx, const struct order *order, const char *event,
                   const struct problem_kind *problem, const char *detail)
{
    const struct order_trouble trouble = {order, event, problem, detail};
    return add_problem(t, tx, &trouble, EVENT_WARNING);
}

bool order_given_up_note(struct task *t, struct tx *tx, const struct order *order,
                         const char *event)
{
    struct event e;
    init_event(t, order, &e);
    e.name = event;
    e.actor = "gatehouse";
    e.severity = EVENT_ERROR;
    e.problem = order->problem;
    e.detail = order->detail;
    return event_add(t, tx, &e);
}
