#include "web/ctl/call.h"
#include "web/ctl/commands.h"
#include "web/ctl/print.h"

#define PATH "/v1/orders"

struct list_options {
    const char *state;
    const char *device;
};

static const struct option list_options[] = {
    OPTION(struct list_options, state, "state", OPTION_TEXT, "STATE",
           "Only those that are waiting, ready, running, done or refused."),
    OPTION(struct list_options, device, "device", OPTION_TEXT, "ID", "Only this device's."),
};

static bool orders_list(struct task *t, struct ctl *ctl, const struct text_list *words,
                        const void *options)
{
    static const struct print_column columns[] = {
        {"ID", "id"},           {"KIND", "kind"},           {"STATE", "state"},
        {"CREATED", "created"}, {"ATTEMPTS", "attempts"},   {"PEER", "peer"},
        {"PROBLEM", "problem"}, {"WAITS FOR", "waits-for"},
    };
    const struct list_options *o = options;
    json_t *list;
    (void)words;
    const char *query =
        ctl_query(t->arena, ctl_query(t->arena, "", "state", o->state), "device", o->device);
    TRY(ctl_list(t, ctl, PATH, query, &list));
    if (ctl->json)
        print_json(ctl->out, list);
    else
        print_objects(ctl->out, t->arena, list, columns, ARRAY_SIZE(columns), "no orders");
    return true;
}

struct show_options {
    bool octets;
};

static const struct option show_options[] = {
    OPTION(struct show_options, octets, "octets", OPTION_FLAG, NULL,
           "Print the request, work and result too, as base64."),
};

static bool orders_show(struct task *t, struct ctl *ctl, const struct text_list *words,
                        const void *options)
{
    const struct show_options *o = options;
    json_t *order;
    const char *path = arena_printf(t->arena, "%s%s", ctl_path(t->arena, PATH, words->items[0]),
                                    o->octets ? "?octets=1" : "");
    TRY(ctl_call(t, ctl, "GET", path, NULL, &order));
    if (ctl->json)
        print_json(ctl->out, order);
    else
        print_tree(ctl->out, t->arena, order, 0);
    return true;
}

static bool decide(struct task *t, struct ctl *ctl, const char *id, const char *decision)
{
    json_t *order;
    json_t *body = json_in_arena(t, json_pack("{s:s}", "decision", decision));
    TRY(ctl_call(t, ctl, "POST", ctl_path(t->arena, PATH, id), body, &order));
    if (ctl->json) {
        print_json(ctl->out, order);
        return true;
    }
    const char *state = print_member(t->arena, order, "state");
    (void)fprintf(ctl->out, "order %s is now %s\n", print_safe(t->arena, id),
                  state == NULL ? "?" : print_safe(t->arena, state));
    return true;
}

static bool orders_approve(struct task *t, struct ctl *ctl, const struct text_list *words,
                           const void *options)
{
    (void)options;
    return decide(t, ctl, words->items[0], "approve");
}

static bool orders_decline(struct task *t, struct ctl *ctl, const struct text_list *words,
                           const void *options)
{
    (void)options;
    return decide(t, ctl, words->items[0], "decline");
}

const struct command order_commands[] = {
    {.name = "orders list",
     .summary = "List orders: what is being done, waits, or has been done for devices.",
     OPTIONS(struct list_options, list_options),
     .run = orders_list},
    {.name = "orders show",
     .words = "ID",
     .words_min = 1,
     .words_max = 1,
     .summary = "Show one order.",
     OPTIONS(struct show_options, show_options),
     .run = orders_show},
    {.name = "orders approve",
     .words = "ID",
     .words_min = 1,
     .words_max = 1,
     .summary = "Let an order that waits for approval go on, or lift a refusal.",
     .run = orders_approve},
    {.name = "orders decline",
     .words = "ID",
     .words_min = 1,
     .words_max = 1,
     .summary = "Refuse an order that waits for approval.",
     .run = orders_decline},
    {.name = NULL},
};
