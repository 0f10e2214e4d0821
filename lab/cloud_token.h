/* What the operator of a cloud registrar does beside running it. */
#ifndef GATEHOUSE_LAB_CLOUD_TOKEN_H
#define GATEHOUSE_LAB_CLOUD_TOKEN_H

#include "lab/options.h"

extern const struct lab_command cloud_token_command;
extern const struct lab_command cloud_owners_command;
/* `argv[0]` stands for the words before. */
MUST_USE bool cloud_token_run(struct task *t, const char *const *argv);
MUST_USE bool cloud_owners_run(struct task *t, const char *const *argv);

#endif
