/* The audit log as a MASA gives it out (RFC 8995 5.8.1). */
#ifndef GATEHOUSE_LAB_MASA_LOG_H
#define GATEHOUSE_LAB_MASA_LOG_H

#include "core/base/json.h"

#define MASA_LOG_COUNTER_MAX 1024 /* RFC 8995 5.8.1: counters go no further */

/*
 * "version", "events" and "truncation" around the device's events, newest first.  With more than
 * `most` events (0: no limit) the oldest duplicates go first: older events of a domain that has a
 * newer one, both with a nonce or both without.  Their number stands in the newer one's "truncated"
 * and in "truncation".  What is still too many goes from the end, as "arbitrary".
 */
json_t *masa_log_make(struct task *t, json_t *events, size_t most);

#endif
