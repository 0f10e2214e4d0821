/* Failed requests, where the administrator finds them. */
#ifndef GATEHOUSE_CORE_PLEDGE_FAILURES_H
#define GATEHOUSE_CORE_PLEDGE_FAILURES_H

#include "core/pledge/caller.h"

/*
 * Puts the task's problem into the timeline of the device whose certificate the connection has
 * shown and that was judged to be one; other callers are strangers, noted elsewhere.  `event` is
 * the event's name.  Past limits.failures-per-hour nothing more is written for that hour but one
 * event that says so.  Never fails: what cannot be written is logged.
 */
void failure_note(struct task *t, struct callers *callers, struct http_request *rq,
                  const char *event);

#endif
