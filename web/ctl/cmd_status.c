#include "web/ctl/call.h"
#include "web/ctl/commands.h"
#include "web/ctl/print.h"

/* What waits for the administrator stands below the figures, where it is seen. */
static void print_held(FILE *out, const json_t *status)
{
    json_int_t held =
        json_integer_value(json_object_get(json_object_get(status, "devices"), "held"));
    if (held > 0)
        (void)fprintf(out, "\n%lld device%s until somebody decides: `gatehousectl devices held`\n",
                      (long long)held, held == 1 ? " is held" : "s are held");
}

static bool status(struct task *t, struct ctl *ctl, const struct text_list *words,
                   const void *options)
{
    json_t *answer;
    (void)words;
    (void)options;
    TRY(ctl_call(t, ctl, "GET", "/v1/status", NULL, &answer));
    if (ctl->json)
        print_json(ctl->out, answer);
    else
        print_tree(ctl->out, t->arena, answer, 0);
    if (!ctl->json)
        print_held(ctl->out, answer);
    return true;
}

static bool strangers(struct task *t, struct ctl *ctl, const struct text_list *words,
                      const void *options)
{
    static const struct print_column columns[] = {
        {"LAST SEEN", "last-seen"},  {"TIMES", "times"},   {"ADDRESS", "address"},
        {"SERIAL", "serial-number"}, {"ISSUER", "issuer"}, {"PROBLEM", "problem"},
    };
    json_t *answer;
    (void)words;
    (void)options;
    TRY(ctl_call(t, ctl, "GET", "/v1/strangers", NULL, &answer));
    const json_t *list = json_object_get(answer, "items");
    if (ctl->json)
        print_json(ctl->out, list);
    else
        print_objects(ctl->out, t->arena, list, columns, ARRAY_SIZE(columns), "no strangers");
    return true;
}

const struct command status_commands[] = {
    {.name = "status", .summary = "Show how the daemon is doing.", .run = status},
    {.name = "strangers",
     .summary = "List callers that nobody vouches for: latest first, kept in memory only.",
     .run = strangers},
    {.name = NULL},
};
