#include "lab/options.h"

#include "core/base/near_miss.h"
#include "core/base/record.h"
#include "lab/problems.h"

#include <stdio.h>
#include <string.h>

#define HELP_INDENT 8
#define HELP_WIDTH  92

static const char exit_codes[] = "Exit status:\n"
                                 "  0  what was asked for was done\n"
                                 "  1  it failed; the reason is on standard error\n"
                                 "  2  the command line was wrong; nothing was done\n";

/* Words of `text`, wrapped and indented. */
static void print_wrapped(const char *text)
{
    size_t column = 0;
    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (column > 0 && column + 1 + word > HELP_WIDTH - HELP_INDENT) {
            (void)putchar('\n');
            column = 0;
        }
        if (column == 0)
            (void)printf("%*s", HELP_INDENT, "");
        else
            (void)putchar(' ');
        (void)printf("%.*s", (int)word, text);
        column += word + (column > 0);
        text += word;
        text += strspn(text, " ");
    }
    (void)putchar('\n');
}

static void print_choices(const struct field *f)
{
    (void)printf("%*sOne of", HELP_INDENT, "");
    for (size_t i = 0; f->names[i] != NULL; i++)
        (void)printf("%s %s", i == 0 ? "" : ",", f->names[i]);
    (void)puts(".");
}

static void print_option(const struct lab_option *option)
{
    const struct field *f = &option->field;
    (void)printf("  --%s%s%s%s\n", f->name, option->value == NULL ? "" : " ",
                 option->value == NULL ? "" : option->value,
                 f->kind == FIELD_TEXTS ? "   (may be repeated)" : "");
    print_wrapped(f->help);
    if (f->kind == FIELD_ENUM)
        print_choices(f);
    if (f->preset != NULL && f->kind != FIELD_BOOL)
        (void)printf("%*sDefault: %s\n", HELP_INDENT, "", f->preset);
    else if (f->flags & FIELD_REQUIRED)
        (void)printf("%*sRequired.\n", HELP_INDENT, "");
}

void lab_help_print(const struct lab_command *command)
{
    (void)printf("usage: %s%s%s%s\n\n%s\n", command->name, command->operands == NULL ? "" : " ",
                 command->operands == NULL ? "" : command->operands,
                 command->count == 0 ? "" : " [OPTION]...", command->about);
    if (command->count > 0)
        (void)puts("Options:");
    for (size_t i = 0; i < command->count; i++)
        print_option(&command->options[i]);
    (void)puts("  --help\n        Print this and exit.\n"
               "  --version\n        Print the version and exit.");
    if (command->more != NULL)
        (void)printf("\n%s", command->more);
    (void)printf("\n%s%s", exit_codes, command->exits == NULL ? "" : command->exits);
}

static const struct lab_option *find_option(const struct lab_command *command, const char *name,
                                            size_t len)
{
    for (size_t i = 0; i < command->count; i++) {
        const char *known = command->options[i].field.name;
        if (strlen(known) == len && strncmp(known, name, len) == 0)
            return &command->options[i];
    }
    return NULL;
}

static bool unknown_option(struct task *t, const struct lab_command *command, const char *name)
{
    const char **names = arena_array(t->arena, command->count, sizeof(*names));
    for (size_t i = 0; i < command->count; i++)
        names[i] = command->options[i].field.name;
    const char *near = near_miss(t->arena, name, names, command->count);
    if (near == NULL)
        return fail(t, E_USAGE, "there is no option --%s", name);
    return fail(t, E_USAGE, "there is no option --%s; did you mean --%s?", name, near);
}

static void append_text(struct task *t, struct text_list *list, const char *text)
{
    const char **items = arena_array(t->arena, list->count + 1, sizeof(*items));
    for (size_t i = 0; i < list->count; i++)
        items[i] = list->items[i];
    items[list->count++] = text;
    list->items = items;
}

static bool set_option(struct task *t, const struct lab_option *option, const char *text,
                       void *values)
{
    const struct field *f = &option->field;
    if (f->kind == FIELD_TEXTS) {
        append_text(t, (struct text_list *)((char *)values + f->offset), text);
        return true;
    }
    if (field_from_text(t, f, text, values))
        return true;
    return fail(t, E_USAGE, "--%s", t->detail);
}

/* "--name VALUE", "--name=VALUE", or "--name" for a bool; *at is moved over what was used. */
static bool read_option(struct task *t, const struct lab_command *command, const char *const **at,
                        void *values)
{
    const char *name = **at + 2;
    size_t len = strcspn(name, "=");
    const char *text = name[len] == '=' ? name + len + 1 : NULL;
    const struct lab_option *option = find_option(command, name, len);
    if (option == NULL)
        return unknown_option(t, command, arena_strndup(t->arena, name, len));
    if (option->field.kind == FIELD_BOOL) {
        ENSURE(t, text == NULL, E_USAGE, "--%s takes no value", option->field.name);
        text = "true";
    } else if (text == NULL) {
        text = *++*at;
        ENSURE(t, text != NULL, E_USAGE, "--%s needs a value (%s)", option->field.name,
               option->value);
    }
    ++*at;
    return set_option(t, option, text, values);
}

static bool set_presets(struct task *t, const struct lab_command *command, void *values)
{
    for (size_t i = 0; i < command->count; i++) {
        const struct lab_option *option = &command->options[i];
        if (option->field.preset != NULL)
            TRY(set_option(t, option, option->field.preset, values));
    }
    return true;
}

static bool check_required(struct task *t, const struct lab_command *command, void *values)
{
    for (size_t i = 0; i < command->count; i++) {
        const struct lab_option *option = &command->options[i];
        if ((option->field.flags & FIELD_REQUIRED) == 0)
            continue;
        ENSURE(t, field_to_text(t, &option->field, values) != NULL, E_USAGE, "--%s %s is required",
               option->field.name, option->value);
    }
    return true;
}

/* The two that every program has. */
static bool show(const struct lab_command *command, const char *argument)
{
    if (strcmp(argument, "--help") == 0) {
        lab_help_print(command);
        return true;
    }
    if (strcmp(argument, "--version") == 0) {
        (void)printf("%s (Gatehouse) " GATEHOUSE_VERSION "\n", command->name);
        return true;
    }
    return false;
}

bool lab_options_read(struct task *t, const struct lab_command *command, const char *const *argv,
                      void *values, size_t size, struct lab_arguments *ret)
{
    struct lab_arguments arguments = {0};
    memset(values, 0, size);
    TRY(set_presets(t, command, values));
    for (const char *const *at = argv + 1; *at != NULL;) {
        if (show(command, *at)) {
            arguments.shown = true;
            *ret = arguments;
            return true;
        }
        if (strncmp(*at, "--", 2) == 0) {
            TRY(read_option(t, command, &at, values));
            continue;
        }
        ENSURE(t, arguments.operands.count < command->operands_max, E_USAGE,
               "\"%s\" is one argument too many", *at);
        append_text(t, &arguments.operands, *at++);
    }
    TRY(check_required(t, command, values));
    *ret = arguments;
    return true;
}

int lab_complain(const struct task *t, const char *name)
{
    if (t->problem == E_USAGE) {
        (void)fprintf(stderr, "%s: %s\nTry \"%s --help\".\n", name, t->detail, name);
        return LAB_EXIT_USAGE;
    }
    (void)fprintf(stderr, "%s: %s\n  %s\n", name, t->detail, t->problem->hint);
    return LAB_EXIT_FAILED;
}
