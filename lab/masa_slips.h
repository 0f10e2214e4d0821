/* Audit logs that wait for a while behind an address that nobody can guess (RFC 8995 5.8: 201). */
#ifndef GATEHOUSE_LAB_MASA_SLIPS_H
#define GATEHOUSE_LAB_MASA_SLIPS_H

#include "core/base/task.h"

#define MASA_LOG_PATH "/.well-known/brski/auditlog/"
#define MASA_LOG_TYPE "application/json"

struct masa_slips;

/* Lives as long as the arena. */
struct masa_slips *masa_slips_make(struct task *t);
/* Keeps a copy; the last part of its address.  Of many, the oldest is forgotten. */
const char *masa_slip_put(struct task *t, struct masa_slips *slips, struct bytes octets);
/* False when there is none of that name.  Safe for many threads, as is the other. */
bool masa_slip_get(struct task *t, struct masa_slips *slips, const char *name, struct bytes *ret);

#endif
