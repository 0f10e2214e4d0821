/* A device's onboarding is ended; it is decommissioned, or sold. */
#include "web/ctl/call.h"
#include "web/ctl/commands.h"
#include "web/ctl/confirm.h"
#include "web/ctl/members.h"
#include "web/ctl/print.h"

#define PATH "/v1/devices"

struct leave_options {
    const char *manufacturer;
    const char *reason;
    const char *to;
    const char *erase;
    bool yes;
};

#define MANUFACTURER_OPTION                                                                        \
    OPTION(struct leave_options, manufacturer, "manufacturer", OPTION_TEXT, "NAME",                \
           "Whose device it is, when others have the same serial number.")
#define REASON_OPTION                                                                              \
    OPTION(struct leave_options, reason, "reason", OPTION_TEXT, "TEXT",                            \
           "Why, for the device's timeline.")
#define ERASE_OPTION                                                                               \
    OPTION(struct leave_options, erase, "erase", OPTION_TEXT, "WHAT",                              \
           "personal, names (the subject names too) or nothing, instead of what the "              \
           "manufacturer's record says.")
#define YES_OPTION                                                                                 \
    OPTION(struct leave_options, yes, "yes", OPTION_FLAG, NULL, "Do it without asking.")

static const struct option revoke_options[] = {MANUFACTURER_OPTION, REASON_OPTION, YES_OPTION};
static const struct option decommission_options[] = {MANUFACTURER_OPTION, REASON_OPTION,
                                                     ERASE_OPTION, YES_OPTION};
static const struct option sell_options[] = {
    MANUFACTURER_OPTION, OPTION(struct leave_options, to, "to", OPTION_TEXT, "TEXT", "To whom."),
    REASON_OPTION,       ERASE_OPTION,
    YES_OPTION,
};

static long long number(const json_t *answer, const char *name)
{
    return (long long)json_integer_value(json_object_get(answer, name));
}

static void print_left(FILE *out, struct arena *arena, const char *device, const char *what,
                       const json_t *answer)
{
    (void)fprintf(out,
                  "device %s is %s: %lld certificates revoked, %lld orders cancelled, %lld "
                  "belongings deleted\n",
                  print_safe(arena, device), what, number(answer, "certificates"),
                  number(answer, "orders"), number(answer, "belongings"));
    const char *erasure = print_member(arena, answer, "erasure");
    if (erasure != NULL)
        (void)fprintf(out, "what was personal is being erased (order %s)\n",
                      print_safe(arena, erasure));
}

/* What one of the commands says, and is asked about. */
struct words {
    const char *action;
    const char *done;
    const char *question; /* behind the device's name */
};

static bool leave(struct task *t, struct ctl *ctl, const char *device,
                  const struct leave_options *o, const struct words *words)
{
    json_t *answer;
    json_t *body = json_in_arena(t, json_pack("{s:s}", "action", words->action));
    TRY(member_set_text(t, body, "manufacturer", o->manufacturer));
    TRY(member_set_text(t, body, "reason", o->reason));
    TRY(member_set_text(t, body, "to", o->to));
    TRY(member_set_text(t, body, "erase", o->erase));
    TRY(confirm(t, o->yes, arena_printf(t->arena, "Device %s: %s", device, words->question)));
    TRY(ctl_call(t, ctl, "POST", ctl_path(t->arena, PATH, device), body, &answer));
    if (ctl->json)
        print_json(ctl->out, answer);
    else
        print_left(ctl->out, t->arena, device, words->done, answer);
    return true;
}

static bool devices_revoke(struct task *t, struct ctl *ctl, const struct text_list *words,
                           const void *options)
{
    static const struct words say = {"revoke", "revoked",
                                     "revoke all of its certificates and end its onboarding?"};
    const struct leave_options *o = options;
    ENSURE(t, o->reason != NULL, E_CTL_USAGE, "devices revoke needs --reason");
    return leave(t, ctl, words->items[0], o, &say);
}

static bool devices_decommission(struct task *t, struct ctl *ctl, const struct text_list *words,
                                 const void *options)
{
    static const struct words say = {"decommission", "decommissioned",
                                     "revoke its certificates, take it off every list, and erase "
                                     "what is personal?  That cannot be taken back."};
    const struct leave_options *o = options;
    ENSURE(t, o->reason != NULL, E_CTL_USAGE, "devices decommission needs --reason");
    return leave(t, ctl, words->items[0], o, &say);
}

static bool devices_sell(struct task *t, struct ctl *ctl, const struct text_list *words,
                         const void *options)
{
    static const struct words say = {"sell", "sold",
                                     "give it away: revoke its certificates, take it off every "
                                     "list, and erase what is personal?  That cannot be taken "
                                     "back."};
    const struct leave_options *o = options;
    ENSURE(t, o->to != NULL, E_CTL_USAGE, "devices sell needs --to");
    return leave(t, ctl, words->items[0], o, &say);
}

#define DEVICE .words = "SERIAL|ID", .words_min = 1, .words_max = 1

const struct command device_leave_commands[] = {
    {.name = "devices revoke",
     DEVICE,
     .summary = "Revoke a device's certificates and end its onboarding; it stays ours.",
     .text = "Nothing is granted to it any more, over no connection, until it is onboarded anew, "
             "as after a reset.",
     OPTIONS(struct leave_options, revoke_options),
     .run = devices_revoke},
    {.name = "devices decommission",
     DEVICE,
     .summary = "Take a device out of service for good.",
     .text = "Its certificates are revoked, its open orders cancelled, its place on the list, "
             "names and stored vouchers deleted, and what was personal is erased; that it was here "
             "stays, and the audit chain stays whole.",
     OPTIONS(struct leave_options, decommission_options),
     .run = devices_decommission},
    {.name = "devices sell",
     DEVICE,
     .summary = "The same, for a device that is somebody else's from now on.",
     .text = "Clouds that attribute it to us are told that it is not ours any more.",
     OPTIONS(struct leave_options, sell_options),
     .run = devices_sell},
    {.name = NULL},
};
