/* devices remove, devices readmit: a place on the list is taken away or vacated. */
#include "web/ctl/call.h"
#include "web/ctl/commands.h"
#include "web/ctl/confirm.h"
#include "web/ctl/members.h"
#include "web/ctl/print.h"

#define PATH "/v1/devices"

struct act_options {
    const char *manufacturer;
    bool yes;
};

static const struct option act_options[] = {
    OPTION(struct act_options, manufacturer, "manufacturer", OPTION_TEXT, "NAME",
           "Whose device is meant, when others have the same serial number."),
    OPTION(struct act_options, yes, "yes", OPTION_FLAG, NULL, "Do it without asking."),
};

static bool act(struct task *t, struct ctl *ctl, const char *device, const char *action,
                const struct act_options *o, json_t **ret_place)
{
    json_t *body = json_in_arena(t, json_pack("{s:s}", "action", action));
    TRY(member_set_text(t, body, "manufacturer", o->manufacturer));
    return ctl_call(t, ctl, "POST", ctl_path(t->arena, PATH, device), body, ret_place);
}

/* "A1 of acme" */
static const char *name_of(struct task *t, const json_t *place)
{
    const char *serial = print_member(t->arena, place, "serial-number");
    const char *manufacturer = print_member(t->arena, place, "manufacturer");
    return print_safe(t->arena, arena_printf(t->arena, "%s of %s", serial == NULL ? "?" : serial,
                                             manufacturer == NULL ? "?" : manufacturer));
}

static bool devices_remove(struct task *t, struct ctl *ctl, const struct text_list *words,
                           const void *options)
{
    const struct act_options *o = options;
    json_t *place;
    TRY(confirm(t, o->yes,
                arena_printf(t->arena, "Take device %s off the list?  It is not let in any more.",
                             words->items[0])));
    TRY(act(t, ctl, words->items[0], "remove", o, &place));
    if (ctl->json)
        print_json(ctl->out, place);
    else
        (void)fprintf(ctl->out, "%s is not expected any more\n", name_of(t, place));
    return true;
}

static bool devices_readmit(struct task *t, struct ctl *ctl, const struct text_list *words,
                            const void *options)
{
    const struct act_options *o = options;
    json_t *place;
    TRY(confirm(t, o->yes,
                arena_printf(t->arena,
                             "Let the next device that comes with the serial number of %s take "
                             "its place, whatever its key?",
                             words->items[0])));
    TRY(act(t, ctl, words->items[0], "readmit", o, &place));
    if (ctl->json)
        print_json(ctl->out, place);
    else
        (void)fprintf(ctl->out, "the next that comes as %s is let in\n", name_of(t, place));
    return true;
}

const struct command device_act_commands[] = {
    {.name = "devices remove",
     .words = "SERIAL|ID",
     .words_min = 1,
     .words_max = 1,
     .summary = "Take a device off the list of expected ones: it is not let in any more.",
     .text = "What is known of it stays, and so do its certificates.",
     OPTIONS(struct act_options, act_options),
     .run = devices_remove},
    {.name = "devices readmit",
     .words = "SERIAL|ID",
     .words_min = 1,
     .words_max = 1,
     .summary = "Vacate a device's place: the next that comes with its serial number is let in.",
     .text = "For a device that was repaired or replaced and has another key or IDevID issuer "
             "since. Until it comes nobody is let in with that serial number.",
     OPTIONS(struct act_options, act_options),
     .run = devices_readmit},
    {.name = NULL},
};
