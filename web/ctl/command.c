#include "web/ctl/command.h"

#include "core/base/near_miss.h"
#include "web/ctl/print.h"

#include <string.h>

#define HELP_COLUMN 28
#define HELP_WIDTH  80

static const struct option global_options[] = {
    OPTION(struct ctl, config, "config", OPTION_TEXT, "FILE", "The node file."),
    OPTION(struct ctl, socket, "socket", OPTION_TEXT, "PATH",
           "The daemon's socket, instead of the one in the node file."),
    OPTION(struct ctl, json, "json", OPTION_FLAG, NULL, "Print JSON."),
    OPTION(struct ctl, help, "help", OPTION_FLAG, NULL, "Print this help."),
    OPTION(struct ctl, version, "version", OPTION_FLAG, NULL, "Print the version."),
};

/* ---- Reading ---- */

/* The words of a command line, one after the other. */
struct arguments {
    const struct text_list *list;
    size_t at;
    bool options_ended; /* "--" was passed */
};

static const char *next_argument(struct arguments *a)
{
    return a->at < a->list->count ? a->list->items[a->at++] : NULL;
}

static void append(struct arena *arena, struct text_list *list, const char *text)
{
    const char **items = arena_array(arena, list->count + 1, sizeof(*items));
    if (list->count > 0)
        memcpy(items, list->items, list->count * sizeof(*items));
    items[list->count] = text;
    *list = (struct text_list){items, list->count + 1};
}

static const struct option *find_option(const struct option *options, size_t count,
                                        const char *name, size_t len)
{
    for (size_t i = 0; i < count; i++) {
        if (strncmp(options[i].name, name, len) == 0 && options[i].name[len] == '\0')
            return &options[i];
    }
    return NULL;
}

static bool unknown_option(struct task *t, const struct command *command, const char *argument)
{
    size_t own = command == NULL ? 0 : command->option_count;
    size_t count = own + ARRAY_SIZE(global_options);
    const char **names = arena_array(t->arena, count, sizeof(*names));
    for (size_t i = 0; i < own; i++)
        names[i] = command->options[i].name;
    for (size_t i = own; i < count; i++)
        names[i] = global_options[i - own].name;
    const char *near = near_miss(t->arena, argument + 2, names, count);
    if (near != NULL)
        return fail(t, E_CTL_USAGE, "unknown option %s; did you mean --%s?", argument, near);
    return fail(t, E_CTL_USAGE, "unknown option %s", argument);
}

static bool set_option(struct task *t, const struct option *option, void *base, const char *value)
{
    void *place = (char *)base + option->offset;
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)place = true;
        return true;
    case OPTION_TEXT:
        ENSURE(t, *(const char **)place == NULL, E_CTL_USAGE, "--%s is given twice", option->name);
        *(const char **)place = value;
        return true;
    case OPTION_TEXTS:
        append(t->arena, place, value);
        return true;
    }
    return true;
}

bool options_given(const struct option *table, size_t count, const void *options)
{
    for (size_t i = 0; i < count; i++) {
        const void *place = (const char *)options + table[i].offset;
        bool given = table[i].kind == OPTION_FLAG   ? *(const bool *)place
                     : table[i].kind == OPTION_TEXT ? *(const char *const *)place != NULL
                                                    : ((const struct text_list *)place)->count > 0;
        if (given)
            return true;
    }
    return false;
}

/* "--name value", "--name=value" or "--flag". */
static bool read_option(struct task *t, const char *argument, struct arguments *a, struct ctl *ctl,
                        struct command_line *line)
{
    const char *name = argument + 2;
    const char *equals = strchr(name, '=');
    size_t len = equals == NULL ? strlen(name) : (size_t)(equals - name);
    const struct option *option =
        find_option(global_options, ARRAY_SIZE(global_options), name, len);
    void *base = ctl;
    if (option == NULL && line->command != NULL) {
        option = find_option(line->command->options, line->command->option_count, name, len);
        base = line->options;
    }
    if (option == NULL)
        return unknown_option(t, line->command, argument);
    const char *value = equals == NULL ? NULL : equals + 1;
    if (option->kind == OPTION_FLAG) {
        ENSURE(t, value == NULL, E_CTL_USAGE, "--%s takes no value", option->name);
    } else if (value == NULL) {
        value = next_argument(a);
        ENSURE(t, value != NULL, E_CTL_USAGE, "--%s needs a value: %s", option->name,
               option->value);
    }
    return set_option(t, option, base, value);
}

static bool is_group(const struct command *commands, const char *word)
{
    size_t len = strlen(word);
    for (const struct command *c = commands; c->name != NULL; c++) {
        if (strncmp(c->name, word, len) == 0 && c->name[len] == ' ')
            return true;
    }
    return false;
}

static const struct command *find_command(const struct command *commands, const char *name)
{
    for (const struct command *c = commands; c->name != NULL; c++) {
        if (strcmp(c->name, name) == 0)
            return c;
    }
    return NULL;
}

static bool unknown_command(struct task *t, const struct command *commands, const char *name)
{
    size_t count = 0;
    while (commands[count].name != NULL)
        count++;
    const char **names = arena_array(t->arena, count, sizeof(*names));
    for (size_t i = 0; i < count; i++)
        names[i] = commands[i].name;
    const char *near = near_miss(t->arena, name, names, count);
    if (near != NULL)
        return fail(t, E_CTL_USAGE, "no command \"%s\"; did you mean \"%s\"?", name, near);
    return fail(t, E_CTL_USAGE, "no command \"%s\"; `gatehousectl --help` lists them", name);
}

/* A word before the command is known: the group, or the command itself. */
static bool read_name(struct task *t, const struct command *commands, const char *word,
                      struct command_line *line)
{
    if (line->group == NULL && is_group(commands, word)) {
        line->group = word;
        return true;
    }
    const char *name =
        line->group == NULL ? word : arena_printf(t->arena, "%s %s", line->group, word);
    line->command = find_command(commands, name);
    if (line->command == NULL)
        return unknown_command(t, commands, name);
    line->options = arena_alloc(t->arena, line->command->options_size);
    return true;
}

static bool check_words(struct task *t, const struct command_line *line)
{
    const struct command *c = line->command;
    ENSURE(t, c != NULL, E_CTL_USAGE, "%s%sa command is missing",
           line->group == NULL ? "" : line->group, line->group == NULL ? "" : ": ");
    ENSURE(t, line->words.count >= c->words_min, E_CTL_USAGE, "%s needs %s", c->name, c->words);
    ENSURE(t, line->words.count <= c->words_max, E_CTL_USAGE, "%s: \"%s\" is too much", c->name,
           line->words.items[c->words_max]);
    return true;
}

bool command_line_read(struct task *t, const struct command *commands,
                       const struct text_list *arguments, struct ctl *ctl, struct command_line *ret)
{
    struct command_line line = {0};
    struct arguments a = {.list = arguments};
    const char *argument;
    while ((argument = next_argument(&a)) != NULL) {
        if (!a.options_ended && strcmp(argument, "--") == 0)
            a.options_ended = true;
        else if (!a.options_ended && strncmp(argument, "--", 2) == 0)
            TRY(read_option(t, argument, &a, ctl, &line));
        else if (!a.options_ended && argument[0] == '-' && argument[1] != '\0')
            return fail(t, E_CTL_USAGE, "unknown option %s: options have two dashes", argument);
        else if (line.command == NULL)
            TRY(read_name(t, commands, argument, &line));
        else
            append(t->arena, &line.words, argument);
    }
    if (!ctl->help && !ctl->version)
        TRY(check_words(t, &line));
    *ret = line;
    return true;
}

/* ---- Help ---- */

static void help_row(FILE *out, struct task *t, const char *what, const char *text)
{
    (void)fprintf(out, "  %-*s", HELP_COLUMN - 2, what);
    if (strlen(what) > HELP_COLUMN - 4)
        (void)fprintf(out, "\n%*s", HELP_COLUMN, "");
    print_wrapped(out, t->arena, text, HELP_COLUMN, HELP_WIDTH);
}

static void help_options(FILE *out, struct task *t, const char *title, const struct option *options,
                         size_t count)
{
    if (count == 0)
        return;
    (void)fprintf(out, "\n%s:\n", title);
    for (size_t i = 0; i < count; i++) {
        const struct option *o = &options[i];
        help_row(out, t,
                 arena_printf(t->arena, "--%s%s%s", o->name, o->value == NULL ? "" : " ",
                              o->value == NULL ? "" : o->value),
                 arena_printf(t->arena, "%s%s", o->help,
                              o->kind == OPTION_TEXTS ? " May be repeated." : ""));
    }
}

static void help_command(FILE *out, struct task *t, const struct command *c)
{
    (void)fprintf(out, "usage: gatehousectl %s%s%s%s\n\n", c->name, c->words == NULL ? "" : " ",
                  c->words == NULL ? "" : c->words, c->option_count > 0 ? " [OPTION...]" : "");
    print_wrapped(out, t->arena, c->summary, 0, HELP_WIDTH);
    if (c->text != NULL) {
        (void)fputc('\n', out);
        print_wrapped(out, t->arena, c->text, 0, HELP_WIDTH);
    }
    help_options(out, t, "options", c->options, c->option_count);
}

static void help_list(FILE *out, struct task *t, const struct command *commands, const char *group)
{
    size_t len = group == NULL ? 0 : strlen(group);
    (void)fprintf(out,
                  "usage: gatehousectl [--config FILE] [--socket PATH] %s [ARGUMENT...]\n\n"
                  "commands:\n",
                  group == NULL ? "COMMAND" : arena_printf(t->arena, "%s COMMAND", group));
    for (const struct command *c = commands; c->name != NULL; c++) {
        if (group == NULL || (strncmp(c->name, group, len) == 0 && c->name[len] == ' '))
            help_row(out, t, c->name, c->summary);
    }
}

void command_help(FILE *out, struct task *t, const struct command *commands,
                  const struct command_line *line)
{
    if (line->command != NULL)
        help_command(out, t, line->command);
    else
        help_list(out, t, commands, line->group);
    help_options(out, t, "options of every command", global_options, ARRAY_SIZE(global_options));
    (void)fputs("\nexit status: 0 done, 1 failed, 2 wrong usage, 3 daemon not reachable\n", out);
}
