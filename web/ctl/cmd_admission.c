/* Admission rules: whom else than the devices on the list the owner lets in. */
#include "web/ctl/call.h"
#include "web/ctl/commands.h"
#include "web/ctl/members.h"
#include "web/ctl/print.h"
#include "web/ctl/resource.h"

#define PATH "/v1/admission-rules"

struct add_options {
    const char *manufacturer;
    const char *subject;
    const char *serial;
    const char *note;
    bool unverified;
    const char *reason;
};

static const struct option add_options[] = {
    OPTION(struct add_options, manufacturer, "manufacturer", OPTION_TEXT, "NAME",
           "Whose devices it speaks of."),
    OPTION(struct add_options, subject, "subject", OPTION_TEXT, "PATTERN",
           "Only those whose IDevID has a subject like this (RFC 4514); \"*\" stands for anything, "
           "\"?\" for one character."),
    OPTION(struct add_options, serial, "serial", OPTION_TEXT, "PATTERN",
           "Only those with a serial number like this."),
    OPTION(struct add_options, note, "note", OPTION_TEXT, "TEXT", "A remark for people."),
    OPTION(struct add_options, unverified, "unverified", OPTION_FLAG, NULL,
           "Let them in although their voucher does not assert that the MASA verified our "
           "ownership: anyone who has such a device can then come in. Needs --reason."),
    OPTION(struct add_options, reason, "reason", OPTION_TEXT, "TEXT",
           "Why unverified ones are let in, for the audit trail."),
};

static bool admission_add(struct task *t, struct ctl *ctl, const struct text_list *words,
                          const void *options)
{
    const struct add_options *o = options;
    json_t *body = json_in_arena(t, json_object());
    json_t *made;
    ENSURE(t, o->manufacturer != NULL, E_CTL_USAGE, "admission add needs --manufacturer");
    TRY(member_set_text(t, body, "name", words->items[0]));
    TRY(member_set_text(t, body, "manufacturer", o->manufacturer));
    TRY(member_set_text(t, body, "subject", o->subject));
    TRY(member_set_text(t, body, "serial-number", o->serial));
    TRY(member_set_text(t, body, "note", o->note));
    TRY(member_set_text(t, body, "reason", o->reason));
    if (o->unverified)
        (void)json_object_set_new(body, "unverified", json_true());
    TRY(ctl_call(t, ctl, "POST", PATH, body, &made));
    if (ctl->json)
        print_json(ctl->out, made);
    else
        (void)fprintf(ctl->out, "added admission rule %s\n", print_safe(t->arena, words->items[0]));
    return true;
}

static const struct print_column columns[] = {
    {"NAME", "name"},
    {"MANUFACTURER", "manufacturer"},
    {"SUBJECT", "subject"},
    {"SERIAL", "serial-number"},
    {"UNVERIFIED", "unverified"},
    {"REASON", "reason"},
    {"NOTE", "note"},
};
static const struct resource resource = {
    .path = PATH,
    .noun = "admission rule",
    .empty = "no admission rules: only devices on the list are let in",
    .columns = columns,
    .column_count = ARRAY_SIZE(columns),
};

static bool admission_list(struct task *t, struct ctl *ctl, const struct text_list *words,
                           const void *options)
{
    (void)words;
    (void)options;
    return resource_list(t, ctl, &resource);
}

static bool admission_remove(struct task *t, struct ctl *ctl, const struct text_list *words,
                             const void *options)
{
    (void)options;
    return resource_remove(t, ctl, &resource, words->items[0]);
}

const struct command admission_commands[] = {
    {.name = "admission list", .summary = "List the admission rules.", .run = admission_list},
    {.name = "admission add",
     .words = "NAME",
     .words_min = 1,
     .words_max = 1,
     .summary = "Let devices in that are on no list: all of a manufacturer's, or those of a kind.",
     .text = "Their voucher is asked for, and handed out only when it asserts \"verified\": that "
             "the MASA knows them to be ours.",
     OPTIONS(struct add_options, add_options),
     .run = admission_add},
    {.name = "admission remove",
     .words = "NAME",
     .words_min = 1,
     .words_max = 1,
     .summary = "Remove an admission rule. Devices that came in by it keep their certificates.",
     .run = admission_remove},
    {.name = NULL},
};
