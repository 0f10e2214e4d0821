/*
 * Command lines, described by field tables: one row gives an option's parsing, its range, its
 * default and its paragraph in --help.
 */
#ifndef GATEHOUSE_LAB_OPTIONS_H
#define GATEHOUSE_LAB_OPTIONS_H

#include "core/base/field.h"
#include "core/base/task.h"

/* Exit statuses of every program of the lab. */
#define LAB_EXIT_OK     0
#define LAB_EXIT_FAILED 1 /* what was asked for did not succeed */
#define LAB_EXIT_USAGE  2

struct lab_option {
    /* `name` without "--"; FIELD_BOOL takes no value; FIELD_TEXTS is given once per element. */
    struct field field;
    const char *value; /* what --help calls the value: "FILE"; NULL with FIELD_BOOL */
};

#define LAB_OPTION(value_, structure, member, name_, kind_, ...)                                   \
    {                                                                                              \
        .value = (value_), .field = FIELD(0, structure, member, name_, kind_, __VA_ARGS__)         \
    }

struct lab_command {
    const char *name;     /* as typed: "gatehouse-maker pledge" */
    const char *operands; /* "DIR"; NULL: none are taken */
    const char *about;    /* paragraphs, wrapped by hand */
    const char *more;     /* after the options: files, examples; NULL: nothing */
    const char *exits;    /* further lines of "Exit status"; NULL: none */
    const struct lab_option *options;
    size_t count;
    size_t operands_max;
};

struct lab_arguments {
    bool shown; /* --help or --version was asked for and printed: nothing else is to be done */
    struct text_list operands;
};

/*
 * Sets every option's default in `values` (zeroed first: `size` octets) and reads the arguments
 * after argv[0] over it.  Fails with E_USAGE, naming the option.
 */
MUST_USE bool lab_options_read(struct task *t, const struct lab_command *command,
                               const char *const *argv, void *values, size_t size,
                               struct lab_arguments *ret);
void lab_help_print(const struct lab_command *command);
/* Prints the task's problem as "NAME: detail" with its hint, and says which status to exit with. */
int lab_complain(const struct task *t, const char *name);

#endif
