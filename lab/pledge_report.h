/*
 * What the reference pledge tells about itself: one line per step, for people or as JSON.  Lines of
 * pledges that run at the same time do not mix.
 */
#ifndef GATEHOUSE_LAB_PLEDGE_REPORT_H
#define GATEHOUSE_LAB_PLEDGE_REPORT_H

#include "core/base/task.h"
#include "lab/indicator.h"

#include <pthread.h>

/* Shared by all pledges of a run. */
struct report {
    bool json;
    bool quiet;   /* only the last line of each pledge */
    bool several; /* lines begin with the serial number */
    bool load;    /* only failures have lines */
    pthread_mutex_t lock;
};

/* One pledge's. */
struct report_line {
    struct report *report;
    const char *serial;
    const char *via; /* the registrar it is about, where several are tried at once; NULL: one */
    int64_t started; /* nanoseconds, monotonic */
};

void report_begin(struct report_line *line, struct report *report, const char *serial);
/* Milliseconds since report_begin(). */
double report_elapsed(const struct report_line *line);
/* One exchange: "POST requestvoucher", 307, "https://..." (NULL: nothing to add). */
void report_step(struct task *t, const struct report_line *line, const char *step,
                 const char *action, int status, const char *note);
/* Something that is no exchange: "voucher", "accepted: ...". */
void report_note(struct task *t, const struct report_line *line, const char *step,
                 const char *note);
void report_onboarded(struct task *t, const struct report_line *line, const char *subject,
                      const char *issuer);
/* An attempt has failed: what a person in front of the device sees of it. */
void report_indicator(struct task *t, const struct report_line *line,
                      const struct indicator *indicator);
/* The task's problem is the reason. */
void report_failed(struct task *t, const struct report_line *line, const char *step,
                   const struct indicator *indicator);

#endif
