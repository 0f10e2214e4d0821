#include "web/ctl/call.h"
#include "web/ctl/cmd_device_log.h"
#include "web/ctl/commands.h"
#include "web/ctl/print.h"

#include <string.h>

#define PATH         "/v1/devices"
#define EVENT_COLUMN 26
#define EVENT_INDENT 4
#define EVENT_WIDTH  100

/* ---- add ---- */

struct add_options {
    const char *manufacturer;
    struct text_list serials;
    const char *note;
};

static const struct option add_options[] = {
    OPTION(struct add_options, manufacturer, "manufacturer", OPTION_TEXT, "NAME",
           "Whose devices they are."),
    OPTION(struct add_options, serials, "serial", OPTION_TEXTS, "SERIAL",
           "A serial number as the IDevID states it."),
    OPTION(struct add_options, note, "note", OPTION_TEXT, "TEXT", "A remark for people."),
};

static bool devices_add(struct task *t, struct ctl *ctl, const struct text_list *words,
                        const void *options)
{
    const struct add_options *o = options;
    json_t *body = json_in_arena(t, json_array());
    json_t *made;
    (void)words;
    ENSURE(t, o->manufacturer != NULL && o->serials.count > 0, E_CTL_USAGE,
           "devices add needs --manufacturer and at least one --serial");
    for (size_t i = 0; i < o->serials.count; i++) {
        json_t *device = json_pack("{s:s, s:s, s:s*}", "manufacturer", o->manufacturer,
                                   "serial-number", o->serials.items[i], "note", o->note);
        ENSURE(t, device != NULL, E_CTL_USAGE, "manufacturer, serial number or note: not UTF-8");
        (void)json_array_append_new(body, device);
    }
    TRY(ctl_call(t, ctl, "POST", PATH, body, &made));
    if (ctl->json)
        print_json(ctl->out, made);
    else
        (void)fprintf(ctl->out, "expecting %zu %s of %s\n", o->serials.count,
                      o->serials.count == 1 ? "device" : "devices",
                      print_safe(t->arena, o->manufacturer));
    return true;
}

/* ---- list ---- */

struct list_options {
    const char *manufacturer;
    const char *serial;
    const char *stage;
    const char *admission;
    const char *search;
};

static const struct option list_options[] = {
    OPTION(struct list_options, search, "search", OPTION_TEXT, "TEXT",
           "Only those whose serial number, name, or certificate's subject begins so."),
    OPTION(struct list_options, admission, "admission", OPTION_TEXT, "ADMISSION",
           "Only those that are expected, unexpected, admitted, held, declined, decommissioned or "
           "sold."),
    OPTION(struct list_options, manufacturer, "manufacturer", OPTION_TEXT, "NAME",
           "Only this manufacturer's."),
    OPTION(struct list_options, serial, "serial", OPTION_TEXT, "SERIAL",
           "Only this serial number."),
    OPTION(struct list_options, stage, "stage", OPTION_TEXT, "STAGE",
           "Only those at this stage of their onboarding."),
};

static bool devices_list(struct task *t, struct ctl *ctl, const struct text_list *words,
                         const void *options)
{
    static const struct print_column columns[] = {
        {"SERIAL", "serial-number"}, {"MANUFACTURER", "manufacturer"},
        {"ADMISSION", "admission"},  {"STAGE", "stage"},
        {"LAST SEEN", "last-seen"},  {"LAST PROBLEM", "last-problem"},
        {"WAITS FOR", "waits-for"},
    };
    const struct list_options *o = options;
    json_t *list;
    (void)words;
    char *query = ctl_query(t->arena, "", "manufacturer", o->manufacturer);
    query = ctl_query(t->arena, query, "serial", o->serial);
    query = ctl_query(t->arena, query, "stage", o->stage);
    query = ctl_query(t->arena, query, "admission", o->admission);
    query = ctl_query(t->arena, query, "search", o->search);
    TRY(ctl_list(t, ctl, PATH, query, &list));
    if (ctl->json)
        print_json(ctl->out, list);
    else
        print_objects(ctl->out, t->arena, list, columns, ARRAY_SIZE(columns), "no devices");
    return true;
}

/* ---- show ---- */

/* When, what and by whom; for a failure, why and what to do about it. */
static void print_event(FILE *out, struct arena *arena, const json_t *event)
{
    const char *when = print_member(arena, event, "at");
    const char *what = print_member(arena, event, "event");
    const char *actor = print_member(arena, event, "actor");
    const char *address = print_member(arena, event, "address");
    const char *problem = print_member(arena, event, "problem");
    const char *detail = print_member(arena, event, "detail");
    const char *hint = print_member(arena, event, "hint");
    (void)fprintf(
        out, "%-*s %s  %s%s%s\n", EVENT_COLUMN, when == NULL ? "" : print_safe(arena, when),
        what == NULL ? "" : print_safe(arena, what), actor == NULL ? "" : print_safe(arena, actor),
        address == NULL ? "" : " at ", address == NULL ? "" : print_safe(arena, address));
    if (detail != NULL) {
        const char *text =
            problem == NULL ? detail : arena_printf(arena, "%s: %s", problem, detail);
        (void)fprintf(out, "%*s", EVENT_INDENT, "");
        print_wrapped(out, arena, text, EVENT_INDENT, EVENT_WIDTH);
    }
    if (hint != NULL) {
        const char *lead = "what to do: ";
        unsigned indent = EVENT_INDENT + (unsigned)strlen(lead);
        (void)fprintf(out, "%*s%s", EVENT_INDENT, "", lead);
        print_wrapped(out, arena, hint, indent, EVENT_WIDTH);
    }
}

static void print_facts(FILE *out, struct arena *arena, const json_t *object,
                        const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        print_fact(out, arena, names[i], print_member(arena, object, names[i]));
}

static void print_device(FILE *out, struct arena *arena, const json_t *answer)
{
    static const char *const device_facts[] = {
        "id",          "serial-number",   "manufacturer", "admission",  "admission-since",
        "decided-by",  "decided-because", "sold-to",      "first-seen", "last-seen",
        "last-address"};
    static const char *const expected_facts[] = {"manufacturer", "serial-number", "added",
                                                 "added-by",     "source",        "note"};
    const json_t *device = json_object_get(answer, "device");
    const json_t *expected = json_object_get(answer, "expected");
    (void)fprintf(out, "%s\n", device == NULL ? "Expected device, not seen yet" : "Device");
    print_facts(out, arena, device, device_facts, ARRAY_SIZE(device_facts));
    if (device == NULL) {
        print_facts(out, arena, expected, expected_facts, ARRAY_SIZE(expected_facts));
    } else if (expected != NULL) {
        print_fact(out, arena, "added-by", print_member(arena, expected, "added-by"));
        print_fact(out, arena, "source", print_member(arena, expected, "source"));
        print_fact(out, arena, "note", print_member(arena, expected, "note"));
    }
}

static void print_episode(FILE *out, struct arena *arena, const json_t *episode)
{
    static const char *const facts[] = {"stage",
                                        "opened",
                                        "closed",
                                        "closed-because",
                                        "address",
                                        "masa-url",
                                        "voucher-report",
                                        "rule",
                                        "voucher-assertion",
                                        "voucher-report-reason",
                                        "log-verdict",
                                        "enrol-report",
                                        "enrol-report-reason"};
    if (episode == NULL)
        return;
    (void)fputs("\nCurrent onboarding\n", out);
    print_facts(out, arena, episode, facts, ARRAY_SIZE(facts));
}

static void print_earlier(FILE *out, struct arena *arena, const json_t *episodes)
{
    static const struct print_column columns[] = {
        {"OPENED", "opened"},
        {"CLOSED", "closed"},
        {"STAGE", "stage"},
        {"BECAUSE", "closed-because"},
    };
    if (json_array_size(episodes) == 0)
        return;
    (void)fputs("\nEarlier onboardings\n", out);
    print_objects(out, arena, episodes, columns, ARRAY_SIZE(columns), "");
}

static void print_certificates(FILE *out, struct arena *arena, const json_t *certificates)
{
    static const char *const headers[] = {"ISSUED", "UNTIL", "STATE", "SERIAL", "SUBJECT", "NAMES"};
    static const char *const members[] = {"issued", "not-after", "state", "serial-number",
                                          "subject"};
    if (json_array_size(certificates) == 0)
        return;
    struct print_table table = print_table_make(arena, headers, ARRAY_SIZE(headers));
    for (size_t i = 0; i < json_array_size(certificates); i++) {
        const json_t *certificate = json_array_get(certificates, i);
        const json_t *names = json_object_get(certificate, "names");
        const char *joined = NULL;
        for (size_t j = 0; j < ARRAY_SIZE(members); j++)
            print_table_add(&table, print_member(arena, certificate, members[j]));
        for (size_t j = 0; j < json_array_size(names); j++)
            joined = arena_printf(arena, "%s%s%s", joined == NULL ? "" : joined,
                                  joined == NULL ? "" : ", ",
                                  json_string_value(json_array_get(names, j)));
        print_table_add(&table, joined);
    }
    (void)fputs("\nCertificates\n", out);
    print_table_end(out, &table, "");
}

/* What is under way, and what it waits for. */
static void print_orders(FILE *out, struct arena *arena, const json_t *orders)
{
    static const struct print_column columns[] = {
        {"ORDER", "id"}, {"KIND", "kind"}, {"STATE", "state"}, {"WAITS FOR", "waits-for"}};
    if (json_array_size(orders) == 0)
        return;
    (void)fputs("\nUnder way\n", out);
    print_objects(out, arena, orders, columns, ARRAY_SIZE(columns), "");
}

static void print_timeline(FILE *out, struct arena *arena, const json_t *timeline)
{
    if (json_array_size(timeline) == 0)
        return;
    (void)fputs("\nTimeline\n", out);
    for (size_t i = 0; i < json_array_size(timeline); i++)
        print_event(out, arena, json_array_get(timeline, i));
}

struct show_options {
    const char *events;
    bool log;
    const char *sha256;
};

static const struct option show_options[] = {
    OPTION(struct show_options, events, "events", OPTION_TEXT, "COUNT",
           "How many of the latest events to show (100; at most 1000)."),
    OPTION(struct show_options, log, "log", OPTION_FLAG, NULL,
           "Show the MASA's audit log instead: whose each entry is, and what the policy holds "
           "against it."),
    OPTION(struct show_options, sha256, "sha256", OPTION_TEXT, "DIGEST",
           "With --log: one that was received earlier."),
};

static bool devices_show(struct task *t, struct ctl *ctl, const struct text_list *words,
                         const void *options)
{
    const struct show_options *o = options;
    json_t *answer;
    if (o->log)
        return device_log_show(t, ctl, words->items[0], o->sha256);
    const char *path = arena_printf(t->arena, "%s%s", ctl_path(t->arena, PATH, words->items[0]),
                                    ctl_query(t->arena, "", "events", o->events));
    TRY(ctl_call(t, ctl, "GET", path, NULL, &answer));
    if (ctl->json) {
        print_json(ctl->out, answer);
        return true;
    }
    print_device(ctl->out, t->arena, answer);
    print_episode(ctl->out, t->arena, json_object_get(answer, "episode"));
    print_orders(ctl->out, t->arena, json_object_get(answer, "orders"));
    print_certificates(ctl->out, t->arena, json_object_get(answer, "certificates"));
    print_earlier(ctl->out, t->arena, json_object_get(answer, "earlier-episodes"));
    print_timeline(ctl->out, t->arena, json_object_get(answer, "timeline"));
    return true;
}

const struct command device_commands[] = {
    {.name = "devices add",
     .summary = "Expect devices: the first that comes with its serial number is admitted.",
     OPTIONS(struct add_options, add_options),
     .run = devices_add},
    {.name = "devices list",
     .summary = "List expected devices and those that have been seen.",
     OPTIONS(struct list_options, list_options),
     .run = devices_list},
    {.name = "devices show",
     .words = "SERIAL|ID",
     .words_min = 1,
     .words_max = 1,
     .summary = "Show a device: its onboarding, certificates and timeline.",
     .text = "The timeline tells what happened, latest last; under each failure stands why it "
             "failed and what to do about it.",
     OPTIONS(struct show_options, show_options),
     .run = devices_show},
    {.name = NULL},
};
