/* gatehousectl: the administrator's program. */
#include "core/base/log.h"
#include "web/ctl/commands.h"
#include "web/ctl/print.h"

#include <string.h>

enum ctl_exit { CTL_DONE = 0, CTL_FAILED = 1, CTL_USAGE = 2, CTL_UNREACHABLE = 3 };

#define MESSAGE_WIDTH 100

static const struct command *const groups[] = {
    init_commands,
    manufacturer_commands,
    manufacturer_more_commands,
    configuration_commands,
    profile_commands,
    csrattrs_commands,
    device_commands,
    device_act_commands,
    device_log_commands,
    voucher_commands,
    device_decision_commands,
    device_import_commands,
    device_leave_commands,
    admission_commands,
    order_commands,
    status_commands,
    store_commands,
    inspect_commands,
    certificate_commands,
    authority_commands,
    label_commands,
    secret_commands,
    crl_commands,
    cloud_commands,
    identity_commands,
};

/* All groups in one table. */
static const struct command *all_commands(struct arena *arena)
{
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        for (const struct command *c = groups[i]; c->name != NULL; c++)
            count++;
    }
    struct command *all = arena_array(arena, count + 1, sizeof(*all));
    struct command *next = all;
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        for (const struct command *c = groups[i]; c->name != NULL; c++)
            *next++ = *c;
    }
    return all;
}

/* What went wrong and what to do about it. */
static enum ctl_exit report(struct task *t)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "gatehousectl: %s: %s\n", print_safe(t->arena, t->problem->name),
                  print_safe(t->arena, t->detail));
    if (t->problem->hint[0] != '\0') {
        (void)fputs("  what to do: ", stderr);
        print_wrapped(stderr, t->arena, t->problem->hint, (unsigned)strlen("  what to do: "),
                      MESSAGE_WIDTH);
    }
    if (task_failed_with(t, E_CTL_USAGE))
        return CTL_USAGE;
    return task_failed_with(t, E_CTL_UNREACHABLE) ? CTL_UNREACHABLE : CTL_FAILED;
}

static bool run(struct task *t, struct ctl *ctl, const struct text_list *arguments)
{
    const struct command *commands = all_commands(t->arena);
    struct command_line line;
    TRY(command_line_read(t, commands, arguments, ctl, &line));
    if (ctl->version)
        (void)fprintf(ctl->out, "gatehousectl %s\n", GATEHOUSE_VERSION);
    else if (ctl->help)
        command_help(ctl->out, t, commands, &line);
    else
        TRY(line.command->run(t, ctl, &line.words, line.options));
    if (fflush(ctl->out) != 0 || ferror(ctl->out))
        return fail(t, E_IO, "what was to be printed could not be written");
    return true;
}

int main(int argc, char **argv)
{
    struct arena *arena CLEANUP(arena_cleanup) = arena_create();
    struct log log = log_make("gatehousectl", LOG_LEVEL_ERROR);
    struct task task;
    struct ctl ctl = {.out = stdout};
    task_init(&task, arena, &log);
    struct text_list arguments = {(const char **)argv + 1, argc > 0 ? (size_t)argc - 1 : 0};
    return run(&task, &ctl, &arguments) ? (int)CTL_DONE : (int)report(&task);
}
