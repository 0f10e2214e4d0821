#include "core/base/clock.h"
#include "core/base/record.h"
#include "registrar/identity/change.h"
#include "web/ctl/call.h"
#include "web/ctl/commands.h"
#include "web/ctl/confirm.h"
#include "web/ctl/members.h"
#include "web/ctl/offline.h"
#include "web/ctl/print.h"

#include <string.h>

#define PATH "/v1/identity"

/* ---- Telling ---- */

static const char *joined(struct task *t, const json_t *list)
{
    const char *text = NULL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *item = json_string_value(json_array_get(list, i));
        text = text == NULL ? item : arena_printf(t->arena, "%s, %s", text, item);
    }
    return text;
}

static void tell(struct task *t, struct ctl *ctl, const json_t *report)
{
    static const char *const headers[] = {"ROLE", "SHOWN", "UNTIL", "NAMES", "KEY", "SHA-256"};
    const json_t *list = json_object_get(report, "certificates");
    const json_t *obstacles = json_object_get(report, "obstacles");
    if (ctl->json) {
        print_json(ctl->out, report);
        return;
    }
    struct print_table table = print_table_make(t->arena, headers, ARRAY_SIZE(headers));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *line = json_array_get(list, i);
        print_table_add(&table, print_member(t->arena, line, "role"));
        print_table_add(&table, json_is_true(json_object_get(line, "shown")) ? "yes" : "no");
        print_table_add(&table, print_member(t->arena, line, "not-after"));
        print_table_add(&table, joined(t, json_object_get(line, "names")));
        print_table_add(&table, print_member(t->arena, line, "key-label"));
        print_table_add(&table, print_member(t->arena, line, "sha256"));
    }
    print_table_end(ctl->out, &table, "nobody");
    for (size_t i = 0; i < json_array_size(obstacles); i++)
        (void)fprintf(ctl->out, "in the way of a switch: %s\n",
                      print_safe(t->arena, json_string_value(json_array_get(obstacles, i))));
}

static bool identity_show(struct task *t, struct ctl *ctl, const struct text_list *words,
                          const void *options)
{
    json_t *report;
    (void)words;
    (void)options;
    TRY(ctl_call(t, ctl, "GET", PATH, NULL, &report));
    tell(t, ctl, report);
    return true;
}

static bool send_action(struct task *t, struct ctl *ctl, json_t *body)
{
    json_t *report;
    TRY(ctl_call(t, ctl, "POST", PATH, body, &report));
    tell(t, ctl, report);
    return true;
}

/* ---- renew ---- */

struct renew_options {
    bool new_key;
    struct text_list names;
    const char *validity;
    bool offline;
};

static const struct option renew_options[] = {
    OPTION(struct renew_options, new_key, "new-key", OPTION_FLAG, NULL,
           "For another key, made in the token, instead of the present one."),
    OPTION(struct renew_options, names, "name", OPTION_TEXTS, "HOST",
           "DNS name or IP address in the certificate; none: those of the present one."),
    OPTION(struct renew_options, validity, "validity", OPTION_TEXT, "TIME",
           "How long it is valid: \"730 d\" unless said otherwise."),
    OPTION(struct renew_options, offline, "offline", OPTION_FLAG, NULL,
           "Without the daemon, which does not run: for when the present key is lost."),
};

static bool renew_offline(struct task *t, struct ctl *ctl, const struct renew_options *o)
{
    struct offline offline;
    const struct cert *made;
    struct identity_plan plan = {.new_key = o->new_key, .hosts = o->names, .actor = own_name(t)};
    ENSURE(t, o->validity == NULL || duration_from_text(o->validity, &plan.validity), E_CTL_USAGE,
           "--validity: a number and a unit, such as \"730 d\"");
    TRY(offline_open(t, ctl, &offline));
    bool done = identity_stage(t, offline.store, offline.keys, &plan, &made);
    offline_close(&offline);
    TRY(done);
    (void)fprintf(ctl->out, "%s waits to be switched to\n",
                  bytes_to_hex(t->arena, bytes_sha256(t->arena, made->der)));
    return true;
}

static bool identity_renew(struct task *t, struct ctl *ctl, const struct text_list *words,
                           const void *options)
{
    const struct renew_options *o = options;
    (void)words;
    if (o->offline)
        return renew_offline(t, ctl, o);
    json_t *body = json_in_arena(t, json_pack("{s:s}", "action", "renew"));
    if (o->new_key)
        (void)json_object_set_new(body, "new-key", json_true());
    TRY(member_set_texts(t, body, "names", &o->names));
    TRY(member_set_text(t, body, "validity", o->validity));
    return send_action(t, ctl, body);
}

/* ---- switch, take-back ---- */

struct switch_options {
    const char *override;
    bool offline;
    bool yes;
};

static const struct option switch_options[] = {
    OPTION(struct switch_options, override, "override", OPTION_TEXT, "REASON",
           "Do it although devices will not find us any more, as when the key is lost. The reason "
           "goes to the audit trail."),
    OPTION(struct switch_options, offline, "offline", OPTION_FLAG, NULL,
           "Without the daemon, which does not run."),
    OPTION(struct switch_options, yes, "yes", OPTION_FLAG, NULL,
           "With --override: do it without asking."),
};

static bool switch_offline(struct task *t, struct ctl *ctl, const struct switch_options *o)
{
    struct offline offline;
    const struct identity_switch change = {own_name(t), o->override};
    TRY(offline_open(t, ctl, &offline));
    bool done = identity_switch(t, offline.store, &change);
    offline_close(&offline);
    TRY(done);
    (void)fputs("switched; the daemon shows it from its next start on\n", ctl->out);
    return true;
}

static bool identity_switch_over(struct task *t, struct ctl *ctl, const struct text_list *words,
                                 const void *options)
{
    const struct switch_options *o = options;
    (void)words;
    if (o->override != NULL)
        TRY(confirm(t, o->yes,
                    "Show another certificate, though devices may not find us any more?"));
    if (o->offline)
        return switch_offline(t, ctl, o);
    json_t *body = json_in_arena(t, json_pack("{s:s}", "action", "switch"));
    TRY(member_set_text(t, body, "override", o->override));
    return send_action(t, ctl, body);
}

static bool identity_take_back(struct task *t, struct ctl *ctl, const struct text_list *words,
                               const void *options)
{
    (void)words;
    (void)options;
    return send_action(t, ctl, json_in_arena(t, json_pack("{s:s}", "action", "take-back")));
}

const struct command identity_commands[] = {
    {.name = "identity show",
     .summary = "Show our own certificates: what devices see, what waits, what was.",
     .run = identity_show},
    {.name = "identity renew",
     .summary = "Make a new certificate for this registrar, which waits to be switched to.",
     .text = "Devices see it only under a name that the present one does not have. Clouds are told "
             "what they need to know.",
     OPTIONS(struct renew_options, renew_options),
     .run = identity_renew},
    {.name = "identity switch",
     .summary = "Use the certificate that waits: devices see it from then on.",
     .text = "Connections under way keep what they have seen. It is refused when devices would not "
             "find us any more.",
     OPTIONS(struct switch_options, switch_options),
     .run = identity_switch_over},
    {.name = "identity take-back",
     .summary = "Give up the certificate that waits.",
     .run = identity_take_back},
    {.name = NULL},
};
