/*
 * The command line as data: each command is a row that says what it takes, from which come its
 * parsing and its help.
 */
#ifndef GATEHOUSE_WEB_CTL_COMMAND_H
#define GATEHOUSE_WEB_CTL_COMMAND_H

#include "core/base/task.h"
#include "web/ctl/problems.h"

#include <stdio.h>

/* What every command may be told, before or after its name. */
struct ctl {
    const char *config; /* the node file; NULL: the usual one */
    const char *socket; /* NULL: as the node file says */
    bool json;
    bool help;
    bool version;
    FILE *out;
};

enum option_kind {
    OPTION_FLAG,  /* bool */
    OPTION_TEXT,  /* const char *: given once; NULL: not given */
    OPTION_TEXTS, /* struct text_list: may be repeated */
};

struct option {
    const char *name; /* without dashes */
    enum option_kind kind;
    const char *value; /* what stands for the value in the help; NULL for flags */
    size_t offset;     /* in the command's options */
    const char *help;
};
#define OPTION(structure, member, name_, kind_, value_, help_)                                     \
    {                                                                                              \
        .name = (name_), .kind = (kind_), .value = (value_),                                       \
        .offset = offsetof(structure, member), .help = (help_)                                     \
    }

struct command {
    const char *name;  /* "status", or group and verb: "devices add" */
    const char *words; /* its arguments in the help; NULL: none */
    size_t words_min;
    size_t words_max;
    const char *summary; /* one line */
    const char *text;    /* more, for its own help; may be NULL */
    const struct option *options;
    size_t option_count;
    size_t options_size; /* of the structure that the offsets are in */
    /* `options` is that structure, zero where nothing was given. */
    bool (*run)(struct task *t, struct ctl *ctl, const struct text_list *words,
                const void *options);
};
#define OPTIONS(structure, table)                                                                  \
    .options = (table), .option_count = ARRAY_SIZE(table), .options_size = sizeof(structure)

/* A command line that has been understood.  `command` is NULL when none was named. */
struct command_line {
    const struct command *command;
    const char *group; /* the first word, when it names a group and no command follows */
    struct text_list words;
    void *options;
};

/* Whether any option of the table has been given. */
bool options_given(const struct option *table, size_t count, const void *options);

/*
 * Reads the words of a command line (without the program's name) by `commands`, which ends with a
 * NULL name.  Options may stand anywhere behind the command's name; "--" ends them.  With --help
 * neither command nor arguments need be complete.  Fails with E_CTL_USAGE.
 */
MUST_USE bool command_line_read(struct task *t, const struct command *commands,
                                const struct text_list *arguments, struct ctl *ctl,
                                struct command_line *ret);
/* Help for what the line names: everything, a group, or one command. */
void command_help(FILE *out, struct task *t, const struct command *commands,
                  const struct command_line *line);

#endif
