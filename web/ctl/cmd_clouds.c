#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/store/records/cloud.h"
#include "web/ctl/commands.h"
#include "web/ctl/confirm.h"
#include "web/ctl/members.h"
#include "web/ctl/resource.h"

#include <string.h>
#include <time.h>

#define PATH       "/v1/clouds"
#define SECRET_MAX 4096 /* octets of a file with a secret */
#define WAIT_MAX   (60 * SECOND_MS)
#define WAIT_STEP  (100L * 1000 * 1000) /* ns */

/* ---- add, set ---- */

struct cloud_options {
    const char *manufacturer;
    const char *url;
    struct text_list anchors;
    struct text_list networks;
    const char *program;
    const char *owner;
    const char *token_file;
    const char *mode;
    const char *registrar_url;
    const char *est_domain;
    const char *pin;
    const char *configuration_file;
    struct text_list orders;
    struct text_list serials;
    const char *import;
    const char *interval;
    const char *pin_hold;
    const char *pin_match;
};

static const struct option cloud_options[] = {
    OPTION(struct cloud_options, manufacturer, "manufacturer", OPTION_TEXT, "NAME",
           "Whose devices it sends; only when it is added."),
    OPTION(struct cloud_options, url, "url", OPTION_TEXT, "URL",
           "Base of its registration resource, as its operator gives it."),
    OPTION(struct cloud_options, anchors, "anchor", OPTION_TEXTS, "FILE",
           "Certificates (PEM or DER) that its TLS certificate chains to."),
    OPTION(struct cloud_options, networks, "network", OPTION_TEXTS, "CIDR",
           "A private or loopback network that it may be in."),
    OPTION(struct cloud_options, program, "command", OPTION_TEXT, "NAME",
           "A program in the node file's cloud-programs folder speaks to it."),
    OPTION(struct cloud_options, owner, "owner", OPTION_TEXT, "NAME", "Our account there."),
    OPTION(struct cloud_options, token_file, "token-file", OPTION_TEXT, "FILE",
           "File with the token that the account is claimed with, once."),
    OPTION(struct cloud_options, mode, "mode", OPTION_TEXT, "MODE",
           "redirect (to our registrar) or voucher (for our EST server)."),
    OPTION(struct cloud_options, registrar_url, "registrar-url", OPTION_TEXT, "URL",
           "Mode redirect: our registrar, as devices reach it."),
    OPTION(struct cloud_options, est_domain, "est-domain", OPTION_TEXT, "URL",
           "Mode voucher: our EST server, as devices reach it."),
    OPTION(struct cloud_options, pin, "pin", OPTION_TEXT, "WHAT",
           "Mode voucher: registrar-ca (the default) or end-entity."),
    OPTION(struct cloud_options, configuration_file, "configuration-url-file", OPTION_TEXT, "FILE",
           "File with the address of devices' configurations, a secret; {serial-number} in it is "
           "the device's."),
    OPTION(struct cloud_options, orders, "order", OPTION_TEXTS, "ORDER",
           "Only devices of this order."),
    OPTION(struct cloud_options, serials, "serial", OPTION_TEXTS, "SERIAL", "Only this device."),
    OPTION(struct cloud_options, import, "import", OPTION_TEXT, "yes|no",
           "Whether devices that it attributes to us become expected with each registration."),
    OPTION(struct cloud_options, interval, "interval", OPTION_TEXT, "TIME",
           "How often we register when nothing changes; \"1 d\"."),
    OPTION(struct cloud_options, pin_hold, "pin-hold", OPTION_TEXT, "TIME",
           "How long devices may hold vouchers with a pin that was replaced; \"7 d\"."),
    OPTION(struct cloud_options, pin_match, "pin-match", OPTION_TEXT, "WHAT",
           "With --pin end-entity, what its devices take for the pinned certificate: certificate "
           "(that one alone, the default) or key (a renewed one with its key, too)."),
};

/* Secrets come from files, so that they stand on no command line. */
static bool set_secret(struct task *t, json_t *body, const char *name, const char *file)
{
    struct bytes octets;
    if (file == NULL)
        return true;
    TRY(file_read_secret(t, file, SECRET_MAX, &octets));
    const char *text = bytes_to_text(t->arena, octets);
    ENSURE(t, text != NULL, E_CTL_USAGE, "%s is no text", file);
    return member_set_text(t, body, name, text);
}

static bool set_import(struct task *t, json_t *body, const char *word)
{
    if (word == NULL)
        return true;
    bool yes = strcmp(word, "yes") == 0;
    ENSURE(t, yes || strcmp(word, "no") == 0, E_CTL_USAGE, "--import: yes or no");
    (void)json_object_set_new(body, "import", json_boolean(yes));
    return true;
}

/* Another mode has other addresses: what belongs to the one before is taken away. */
static void change_mode(json_t *body, const struct cloud_options *o)
{
    static const char *const of_redirect[] = {"registrar-url"};
    static const char *const of_voucher[] = {"est-domain", "additional-configuration-url"};
    if (o->mode == NULL)
        return;
    bool redirect = strcmp(o->mode, "redirect") == 0;
    for (size_t i = 0; redirect && i < ARRAY_SIZE(of_voucher); i++)
        (void)json_object_set_new(body, of_voucher[i], json_null());
    for (size_t i = 0; !redirect && i < ARRAY_SIZE(of_redirect); i++)
        (void)json_object_set_new(body, of_redirect[i], json_null());
}

static bool set_members(struct task *t, json_t *body, const void *options)
{
    const struct cloud_options *o = options;
    change_mode(body, o);
    TRY(member_set_text(t, body, "manufacturer", o->manufacturer));
    TRY(member_set_text(t, body, "backend", o->program != NULL ? "command" : NULL));
    TRY(member_set_text(t, body, "program", o->program));
    TRY(member_set_text(t, body, "url", o->url));
    TRY(member_set_certificates(t, body, "anchors", &o->anchors));
    TRY(member_set_texts(t, body, "networks", &o->networks));
    TRY(member_set_text(t, body, "owner", o->owner));
    TRY(set_secret(t, body, "token", o->token_file));
    TRY(member_set_text(t, body, "mode", o->mode));
    TRY(member_set_text(t, body, "registrar-url", o->registrar_url));
    TRY(member_set_text(t, body, "est-domain", o->est_domain));
    TRY(member_set_text(t, body, "pin", o->pin));
    TRY(set_secret(t, body, "additional-configuration-url", o->configuration_file));
    TRY(member_set_texts(t, body, "orders", &o->orders));
    TRY(member_set_texts(t, body, "serial-numbers", &o->serials));
    TRY(set_import(t, body, o->import));
    TRY(member_set_text(t, body, "interval", o->interval));
    TRY(member_set_text(t, body, "pin-match", o->pin_match));
    return member_set_text(t, body, "pin-hold", o->pin_hold);
}

static const struct print_column columns[] = {
    {"NAME", "name"},       {"MANUFACTURER", "manufacturer"},
    {"MODE", "mode"},       {"STATE", "state"},
    {"REACH", "reach"},     {"LAST SUCCESS", "succeeded"},
    {"PROBLEM", "problem"},
};

static const struct resource resource = {
    .path = PATH,
    .noun = "cloud",
    .empty = "no clouds; `gatehousectl clouds add`",
    .columns = columns,
    .column_count = ARRAY_SIZE(columns),
    .type = &cloud_type,
    .set = set_members,
};

static bool clouds_add(struct task *t, struct ctl *ctl, const struct text_list *words,
                       const void *options)
{
    const struct cloud_options *o = options;
    json_t *made;
    ENSURE(t, o->manufacturer != NULL && o->owner != NULL, E_CTL_USAGE,
           "clouds add needs --manufacturer and --owner");
    return resource_add(t, ctl, &resource, "name", words->items[0], options, &made);
}

static bool get_cloud(struct task *t, struct ctl *ctl, const char *name, json_t **ret)
{
    json_t *answer;
    TRY(ctl_call(t, ctl, "GET", ctl_path(t->arena, PATH, name), NULL, &answer));
    ENSURE(t, json_is_object(json_object_get(answer, "cloud")), E_CTL_ANSWER, "no cloud in it");
    *ret = json_object_get(answer, "cloud");
    return true;
}

static bool clouds_set(struct task *t, struct ctl *ctl, const struct text_list *words,
                       const void *options)
{
    json_t *cloud;
    json_t *changed;
    ENSURE(t, options_given(cloud_options, ARRAY_SIZE(cloud_options), options), E_CTL_USAGE,
           "clouds set: no option says what to change");
    TRY(get_cloud(t, ctl, words->items[0], &cloud));
    members_keep_writable(cloud, &cloud_type);
    TRY(set_members(t, cloud, options));
    TRY(ctl_call(t, ctl, "PUT", ctl_path(t->arena, PATH, words->items[0]), cloud, &changed));
    resource_say(t, ctl, &resource, "changed", words->items[0], changed);
    return true;
}

/* ---- sync, withdraw, register, import ---- */

struct act_options {
    bool no_wait;
    bool prune;
};

static const struct option act_options[] = {
    OPTION(struct act_options, no_wait, "no-wait", OPTION_FLAG, NULL,
           "Do not wait until it is done."),
};
static const struct option import_options[] = {
    OPTION(struct act_options, no_wait, "no-wait", OPTION_FLAG, NULL,
           "Do not wait until it is done."),
    OPTION(struct act_options, prune, "prune", OPTION_FLAG, NULL,
           "Take places away that came from this cloud, that nobody has claimed, and that it no "
           "longer has."),
};

static int64_t time_of(const json_t *object, const char *name)
{
    int64_t time;
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL && time_from_text(text, &time) ? time : 0;
}

/* Until the cloud has answered something that was asked after `before`. */
static bool wait_for_cloud(struct task *t, struct ctl *ctl, const char *name, int64_t before,
                           json_t **cloud)
{
    const struct timespec step = {.tv_nsec = WAIT_STEP};
    int64_t end = clock_monotonic() + WAIT_MAX;
    while (time_of(*cloud, "tried") <= before) {
        ENSURE(t, clock_monotonic() < end, E_TIMEOUT,
               "%s has not answered yet; `gatehousectl clouds show` tells when it has", name);
        (void)nanosleep(&step, NULL);
        TRY(get_cloud(t, ctl, name, cloud));
    }
    return true;
}

static bool tell_how_it_stands(struct task *t, struct ctl *ctl, const char *name,
                               const json_t *cloud)
{
    const char *problem = json_string_value(json_object_get(cloud, "problem"));
    if (ctl->json)
        print_json(ctl->out, cloud);
    else if (problem == NULL)
        (void)fprintf(ctl->out, "cloud %s: %s, %s\n", print_safe(t->arena, name),
                      print_member(t->arena, cloud, "state"),
                      print_member(t->arena, cloud, "reach"));
    ENSURE(t, problem == NULL, E_CTL_CLOUD, "%s: %s: %s", name, problem,
           print_member(t->arena, cloud, "detail"));
    return true;
}

static bool act(struct task *t, struct ctl *ctl, const char *name, const char *action,
                const struct act_options *o)
{
    json_t *before;
    json_t *cloud;
    json_t *body = json_in_arena(t, json_pack("{s:s}", "action", action));
    if (o->prune)
        (void)json_object_set_new(body, "prune", json_true());
    TRY(get_cloud(t, ctl, name, &before));
    int64_t tried = time_of(before, "tried");
    TRY(ctl_call(t, ctl, "POST", ctl_path(t->arena, PATH, name), body, &cloud));
    if (!o->no_wait)
        TRY(wait_for_cloud(t, ctl, name, tried, &cloud));
    return tell_how_it_stands(t, ctl, name, cloud);
}

static bool clouds_sync(struct task *t, struct ctl *ctl, const struct text_list *words,
                        const void *options)
{
    return act(t, ctl, words->items[0], "sync", options);
}

static bool clouds_withdraw(struct task *t, struct ctl *ctl, const struct text_list *words,
                            const void *options)
{
    return act(t, ctl, words->items[0], "withdraw", options);
}

static bool clouds_register(struct task *t, struct ctl *ctl, const struct text_list *words,
                            const void *options)
{
    return act(t, ctl, words->items[0], "register", options);
}

static bool clouds_import(struct task *t, struct ctl *ctl, const struct text_list *words,
                          const void *options)
{
    return act(t, ctl, words->items[0], "import", options);
}

/* ---- remove ---- */

static bool clouds_remove(struct task *t, struct ctl *ctl, const struct text_list *words,
                          const void *options)
{
    const struct confirm_options *o = options;
    TRY(confirm(t, o->yes, arena_printf(t->arena, "Remove cloud %s?", words->items[0])));
    return resource_remove(t, ctl, &resource, words->items[0]);
}

/* ---- list, show ---- */

static bool clouds_list(struct task *t, struct ctl *ctl, const struct text_list *words,
                        const void *options)
{
    (void)words;
    (void)options;
    return resource_list(t, ctl, &resource);
}

static bool clouds_show(struct task *t, struct ctl *ctl, const struct text_list *words,
                        const void *options)
{
    (void)options;
    return resource_show(t, ctl, &resource, words->items[0]);
}

#define ONE_NAME .words = "NAME", .words_min = 1, .words_max = 1

const struct command cloud_commands[] = {
    {.name = "clouds add",
     ONE_NAME,
     .summary = "Register with a cloud registrar where our devices are to go.",
     .text = "Its operator gives the URL, the name of our account and a token. See "
             "docs/cloud-registration.yaml.",
     OPTIONS(struct cloud_options, cloud_options),
     .run = clouds_add},
    {.name = "clouds set",
     ONE_NAME,
     .summary = "Change what is registered with a cloud.",
     .text = "What is not given stays. An empty value takes away what is there.",
     OPTIONS(struct cloud_options, cloud_options),
     .run = clouds_set},
    {.name = "clouds list",
     .summary = "List the clouds and how the registrations stand.",
     .run = clouds_list},
    {.name = "clouds show",
     ONE_NAME,
     .summary = "Show one cloud: state, last success, last problem, timeline.",
     .run = clouds_show},
    {.name = "clouds sync",
     ONE_NAME,
     .summary = "Register now rather than when it is due.",
     OPTIONS(struct act_options, act_options),
     .run = clouds_sync},
    {.name = "clouds import",
     ONE_NAME,
     .summary = "Put the devices that it attributes to us on the list of expected ones.",
     OPTIONS(struct act_options, import_options),
     .run = clouds_import},
    {.name = "clouds withdraw",
     ONE_NAME,
     .summary = "Withdraw the registration; our devices are sent nowhere from then on.",
     OPTIONS(struct act_options, act_options),
     .run = clouds_withdraw},
    {.name = "clouds register",
     ONE_NAME,
     .summary = "Register again after a withdrawal.",
     OPTIONS(struct act_options, act_options),
     .run = clouds_register},
    {.name = "clouds remove",
     ONE_NAME,
     .summary = "Forget a cloud from which the registration was withdrawn.",
     OPTIONS(struct confirm_options, confirm_options),
     .run = clouds_remove},
    {.name = NULL},
};
