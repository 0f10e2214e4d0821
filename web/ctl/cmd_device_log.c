/* devices show --log, accept-log, fetch-log: the MASA's audit log of a device. */
#include "web/ctl/cmd_device_log.h"

#include "web/ctl/call.h"
#include "web/ctl/commands.h"
#include "web/ctl/confirm.h"
#include "web/ctl/print.h"

#include <string.h>

#define PATH         "/v1/devices"
#define DETAIL_WIDTH 100

static const char *log_path(struct task *t, const char *device)
{
    return arena_printf(t->arena, "%s/log", ctl_path(t->arena, PATH, device));
}

/* "own (earlier-request)", "other" */
static const char *whose(struct arena *arena, const json_t *entry)
{
    const char *owner = print_member(arena, entry, "owner");
    const char *cause = print_member(arena, entry, "cause");
    if (owner == NULL || cause == NULL || strncmp(owner, "own", 3) != 0)
        return owner;
    return arena_printf(arena, "%s (%s)", owner, strcmp(cause, "none") == 0 ? "not by us" : cause);
}

static const char *verdict(struct arena *arena, const json_t *entry)
{
    const char *problem = print_member(arena, entry, "problem");
    if (problem == NULL)
        return "good";
    return json_is_true(json_object_get(entry, "accepted"))
               ? arena_printf(arena, "%s, accepted", problem)
               : problem;
}

static void print_entries(FILE *out, struct arena *arena, const json_t *entries)
{
    static const char *const headers[] = {"DATE",  "WHOSE",     "VERDICT", "ASSERTION",
                                          "NONCE", "DOMAIN ID", "DROPPED"};
    struct print_table table = print_table_make(arena, headers, ARRAY_SIZE(headers));
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        const char *nonce = print_member(arena, entry, "nonce");
        print_table_add(&table, print_member(arena, entry, "date"));
        print_table_add(&table, whose(arena, entry));
        print_table_add(&table, verdict(arena, entry));
        print_table_add(&table, print_member(arena, entry, "assertion"));
        print_table_add(&table, nonce == NULL ? "(none)" : nonce);
        print_table_add(&table, print_member(arena, entry, "domain-id"));
        print_table_add(&table, print_member(arena, entry, "truncated"));
    }
    print_table_end(out, &table, "no entries");
}

static void print_log(FILE *out, struct arena *arena, const json_t *log)
{
    static const char *const facts[] = {
        "sha256",    "version",     "first-seen",    "last-seen",
        "times",     "due",         "fetch-problem", "nonced-duplicates",
        "arbitrary", "accepted-by", "accepted-at",   "accepted-sha256",
    };
    const char *problem = print_member(arena, log, "problem");
    const char *detail = print_member(arena, log, "detail");
    const char *hint = print_member(arena, log, "hint");
    (void)fputs("Audit log\n", out);
    for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
        print_fact(out, arena, facts[i], print_member(arena, log, facts[i]));
    print_fact(out, arena, "verdict",
               problem == NULL ? "nothing is held against it"
                               : arena_printf(arena, "%s: %s", problem, detail));
    if (hint != NULL) {
        const char *lead = "what to do: ";
        (void)fputs(lead, out);
        print_wrapped(out, arena, hint, (unsigned)strlen(lead), DETAIL_WIDTH);
    }
    (void)fputs("\n", out);
    print_entries(out, arena, json_object_get(log, "entries"));
}

bool device_log_show(struct task *t, struct ctl *ctl, const char *device, const char *sha256)
{
    json_t *log;
    const char *path = arena_printf(t->arena, "%s%s", log_path(t, device),
                                    ctl_query(t->arena, "", "sha256", sha256));
    TRY(ctl_call(t, ctl, "GET", path, NULL, &log));
    if (ctl->json)
        print_json(ctl->out, log);
    else
        print_log(ctl->out, t->arena, log);
    return true;
}

/* ---- accept-log ---- */

struct accept_options {
    const char *sha256;
    bool yes;
};

static const struct option accept_options[] = {
    OPTION(struct accept_options, sha256, "sha256", OPTION_TEXT, "DIGEST",
           "The log that is accepted; without it, the one received last, which is shown first."),
    OPTION(struct accept_options, yes, "yes", OPTION_FLAG, NULL, "Do it without asking."),
};

/* What is accepted is what was shown: its digest goes along. */
static bool devices_accept_log(struct task *t, struct ctl *ctl, const struct text_list *words,
                               const void *options)
{
    const struct accept_options *o = options;
    const char *device = words->items[0];
    json_t *log;
    json_t *accepted;
    const char *path = log_path(t, device);
    TRY(ctl_call(t, ctl, "GET",
                 arena_printf(t->arena, "%s%s", path, ctl_query(t->arena, "", "sha256", o->sha256)),
                 NULL, &log));
    const char *sha256 = json_string_value(json_object_get(log, "sha256"));
    ENSURE(t, sha256 != NULL, E_CTL_ANSWER, "the log has no digest");
    if (!ctl->json)
        print_log(ctl->out, t->arena, log);
    (void)fflush(ctl->out);
    TRY(confirm(t, o->yes,
                arena_printf(t->arena,
                             "Accept what stands in this log for device %s, now and in every log "
                             "to come?",
                             device)));
    json_t *body = json_in_arena(t, json_pack("{s:s, s:s}", "action", "accept", "sha256", sha256));
    TRY(ctl_call(t, ctl, "POST", path, body, &accepted));
    if (ctl->json)
        print_json(ctl->out, accepted);
    else
        (void)fprintf(ctl->out, "\naccepted the audit log of %s\n", print_safe(t->arena, device));
    return true;
}

/* ---- fetch-log ---- */

static bool devices_fetch_log(struct task *t, struct ctl *ctl, const struct text_list *words,
                              const void *options)
{
    json_t *body = json_in_arena(t, json_pack("{s:s}", "action", "fetch"));
    json_t *answer;
    (void)options;
    TRY(ctl_call(t, ctl, "POST", log_path(t, words->items[0]), body, &answer));
    if (ctl->json)
        print_json(ctl->out, answer);
    else
        (void)fprintf(ctl->out, "the MASA is asked for the audit log of %s\n",
                      print_safe(t->arena, words->items[0]));
    return true;
}

const struct command device_log_commands[] = {
    {.name = "devices accept-log",
     .words = "SERIAL|ID",
     .words_min = 1,
     .words_max = 1,
     .summary = "Accept what stands in a device's audit log, although the policy would not.",
     .text = "The log is shown first. Its entries are accepted for this device and no other, in "
             "every log to come; a new one is held against the policy again. A device that was "
             "refused must begin anew.",
     OPTIONS(struct accept_options, accept_options),
     .run = devices_accept_log},
    {.name = "devices fetch-log",
     .words = "SERIAL|ID",
     .words_min = 1,
     .words_max = 1,
     .summary = "Fetch a device's audit log from its MASA now.",
     .text = "It is fetched by itself as often as the manufacturer's audit-log-again and "
             "audit-log-later say.",
     .run = devices_fetch_log},
    {.name = NULL},
};
