#include "web/ctl/confirm.h"

#include "web/ctl/print.h"
#include "web/ctl/problems.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#define ANSWER_ROOM 16 /* octets: enough to tell yes from everything else */

bool confirm(struct task *t, bool yes, const char *question)
{
    char answer[ANSWER_ROOM] = "";
    if (yes)
        return true;
    ENSURE(t, isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1, E_CTL_USAGE,
           "there is no terminal to ask on: \"%s\"; --yes does it without asking", question);
    (void)fprintf(stderr, "%s [y/N] ", print_safe(t->arena, question));
    (void)fflush(stderr);
    if (fgets(answer, sizeof(answer), stdin) != NULL)
        answer[strcspn(answer, "\r\n")] = '\0';
    ENSURE(t, strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0, E_CTL_NOT_CONFIRMED,
           "the answer was not yes");
    return true;
}

const struct option confirm_options[1] = {
    OPTION(struct confirm_options, yes, "yes", OPTION_FLAG, NULL, "Do it without asking."),
};
