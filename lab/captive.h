/* What a network's captive portal API says (RFC 8908). */
#ifndef GATEHOUSE_LAB_CAPTIVE_H
#define GATEHOUSE_LAB_CAPTIVE_H

#include "core/base/task.h"

#define CAPTIVE_MEDIA_TYPE "application/captive+json"
#define CAPTIVE_SIZE_MAX   ((size_t)16 * 1024) /* octets */

struct captivity {
    bool captive;
    const char *portal; /* user-portal-url, for people; NULL: not named */
};

/* Members that are not known are passed over.  Fails with E_MALFORMED. */
MUST_USE bool captive_read(struct task *t, struct bytes json, struct captivity *ret);

#endif
