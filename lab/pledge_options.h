/* The command line of gatehouse-pledge. */
#ifndef GATEHOUSE_LAB_PLEDGE_OPTIONS_H
#define GATEHOUSE_LAB_PLEDGE_OPTIONS_H

#include "lab/options.h"
#include "lab/pledge.h"

#define PARALLEL_MAX 512

extern const struct lab_command pledge_command;

/* What the table cannot say.  Fails with E_USAGE. */
MUST_USE bool pledge_check_usage(struct task *t, const struct pledge_settings *s);

#endif
