/* What a device's own doing brings into its timeline: failed requests above all. */
#ifndef GATEHOUSE_CORE_PLEDGE_FAILURES_H
#define GATEHOUSE_CORE_PLEDGE_FAILURES_H

#include "core/pledge/caller.h"

/*
 * Puts the task's problem into the timeline of the device whose certificate the connection has
 * shown and that was judged to be one; other callers are strangers, noted elsewhere.  `event` is
 * the event's name.  Never fails: what cannot be written is logged.
 */
void failure_note(struct task *t, struct callers *callers, struct http_request *rq,
                  const char *event);
/* The same, as a warning, for what is no failure and still out of the ordinary. */
void oddity_note(struct task *t, struct callers *callers, struct http_request *rq,
                 const char *event, const char *detail);

/*
 * For a server's witness (core/http/server.h): a request that did not come whole goes into the
 * timeline of its device; who never came to a request is noted as a stranger.
 */
void breakage_note(struct task *t, struct callers *callers, struct http_connection *connection);

/*
 * Whether the timeline has room for one more entry that the device itself causes: up to
 * limits.failures-per-hour, then one that says so, then none for the rest of the hour.  Counts in
 * `device`, which the caller writes when there was room, or when *ret_changed.
 */
MUST_USE bool timeline_room(struct task *t, struct tx *tx, struct callers *callers,
                            struct device *device, const char *address, bool *ret_room,
                            bool *ret_changed);

#endif
