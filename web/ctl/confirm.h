/* Asking before something is done that cannot be taken back. */
#ifndef GATEHOUSE_WEB_CTL_CONFIRM_H
#define GATEHOUSE_WEB_CTL_CONFIRM_H

#include "web/ctl/command.h"

/*
 * Asks on the terminal, unless `yes` says so already.  Fails with E_CTL_NOT_CONFIRMED when the
 * answer is no, and with E_CTL_USAGE when there is no terminal to ask on.
 */
MUST_USE bool confirm(struct task *t, bool yes, const char *question);

/* Of commands that only ask whether to do it. */
struct confirm_options {
    bool yes;
};
extern const struct option confirm_options[1];

#endif
