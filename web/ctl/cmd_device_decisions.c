/* What an administrator decides about devices that have come. */
#include "web/ctl/call.h"
#include "web/ctl/commands.h"
#include "web/ctl/members.h"
#include "web/ctl/print.h"

#define PATH "/v1/devices"

struct decide_options {
    const char *manufacturer;
    const char *reason;
};

static const struct option decide_options[] = {
    OPTION(struct decide_options, manufacturer, "manufacturer", OPTION_TEXT, "NAME",
           "Whose device it is, when others have the same serial number."),
    OPTION(struct decide_options, reason, "reason", OPTION_TEXT, "TEXT",
           "Why, for the device's timeline."),
};

static bool decide(struct task *t, struct ctl *ctl, const char *device, const char *action,
                   const struct decide_options *o)
{
    json_t *answer;
    json_t *body = json_in_arena(t, json_pack("{s:s}", "action", action));
    TRY(member_set_text(t, body, "manufacturer", o->manufacturer));
    TRY(member_set_text(t, body, "reason", o->reason));
    TRY(ctl_call(t, ctl, "POST", ctl_path(t->arena, PATH, device), body, &answer));
    if (ctl->json) {
        print_json(ctl->out, answer);
        return true;
    }
    const char *admission = print_member(t->arena, answer, "admission");
    (void)fprintf(ctl->out, "device %s is %s\n", print_safe(t->arena, device),
                  admission == NULL ? "?" : print_safe(t->arena, admission));
    return true;
}

static bool devices_approve(struct task *t, struct ctl *ctl, const struct text_list *words,
                            const void *options)
{
    return decide(t, ctl, words->items[0], "approve", options);
}

static bool devices_decline(struct task *t, struct ctl *ctl, const struct text_list *words,
                            const void *options)
{
    return decide(t, ctl, words->items[0], "decline", options);
}

static bool devices_held(struct task *t, struct ctl *ctl, const struct text_list *words,
                         const void *options)
{
    static const struct print_column columns[] = {
        {"SERIAL", "serial-number"}, {"MANUFACTURER", "manufacturer"}, {"FIRST SEEN", "first-seen"},
        {"LAST SEEN", "last-seen"},  {"ADDRESS", "last-address"},      {"ID", "id"},
    };
    json_t *list;
    (void)words;
    (void)options;
    TRY(ctl_list(t, ctl, PATH, "?admission=held", &list));
    if (ctl->json)
        print_json(ctl->out, list);
    else
        print_objects(ctl->out, t->arena, list, columns, ARRAY_SIZE(columns), "no held devices");
    return true;
}

#define DEVICE .words = "SERIAL|ID", .words_min = 1, .words_max = 1

const struct command device_decision_commands[] = {
    {.name = "devices held",
     .summary = "List devices that wait for a decision, those that have waited longest first.",
     .run = devices_held},
    {.name = "devices approve",
     DEVICE,
     .summary = "Let a device in that is on no list, now and whenever it comes again.",
     .text = "It gets a place on the list of expected devices. A device that is held gets its "
             "voucher at once.",
     OPTIONS(struct decide_options, decide_options),
     .run = devices_approve},
    {.name = "devices decline",
     DEVICE,
     .summary = "Turn a device away until it is approved, or put on the list.",
     OPTIONS(struct decide_options, decide_options),
     .run = devices_decline},
    {.name = NULL},
};
