/*
 * Strangers: callers whose IDevID nobody vouches for, and garbage.  They write nothing durable; a
 * bounded ring in memory shows them to the administrator.  Safe for many threads.
 */
#ifndef GATEHOUSE_CORE_PLEDGE_STRANGERS_H
#define GATEHOUSE_CORE_PLEDGE_STRANGERS_H

#include "core/base/field.h"
#include "core/base/task.h"

struct strangers;

struct stranger {
    int64_t first_seen;
    int64_t last_seen;
    uint64_t times;      /* knocks with the same certificate (or none) from the same address */
    const char *address; /* without port */
    const char *subject; /* of the certificate shown; NULL: none */
    const char *issuer;
    const char *serial; /* serialNumber attribute; NULL: none */
    struct bytes certificate_sha256;
    const char *problem;
    const char *detail;
    const char *trace;
    struct record_rest rest; /* for the field table; always empty */
};
extern const struct record_type stranger_type;

/* `size` entries at most; the one seen longest ago gives way. */
struct strangers *strangers_make(size_t size);
void strangers_free(struct strangers *strangers);
/* Notes a knock; the problem is the task's.  Texts are copied and cut. */
void strangers_note(struct strangers *strangers, const struct task *t,
                    const struct stranger *stranger);
/* Copies, latest first. */
void strangers_list(struct task *t, struct strangers *strangers, struct stranger **ret,
                    size_t *ret_count);

#endif
