/*
 * Alarms: what stays wrong until somebody sees to it.  An alarm is a problem and what it is about;
 * it is raised and cleared in the update of what brought it, and `gatehousectl status` shows it.
 */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_ALARM_H
#define GATEHOUSE_CORE_STORE_RECORDS_ALARM_H

#include "core/store/table.h"

#define ALARM_ABOUT_MAX 64 /* octets: a manufacturer's name, a CA's */

struct alarm {
    const char *problem; /* name of a problem kind */
    const char *about;
    const char *detail; /* for the administrator; cut and made printable when raised */
    int64_t since;
    const char *hint; /* of the problem kind, for those who are shown it */
    struct record_rest rest;
};
extern const struct record_type alarm_type; /* as it is shown */

/*
 * Inside an update.  One that is up already keeps its time, and its detail is brought up to date;
 * nothing is written when nothing changes.
 */
MUST_USE bool alarm_raise(struct task *t, struct tx *tx, const struct problem_kind *problem,
                          const char *about, const char *detail);
/* Clearing what is not up writes nothing. */
MUST_USE bool alarm_clear(struct task *t, struct tx *tx, const struct problem_kind *problem,
                          const char *about);
/* Those that are up, by problem. */
MUST_USE bool alarms_read(struct task *t, struct view *view, struct alarm **ret, size_t *ret_count);

#endif
