/* On what ground a device may have a voucher: the owner's word on it (RFC 8995 5.3). */
#ifndef GATEHOUSE_REGISTRAR_GROUNDS_H
#define GATEHOUSE_REGISTRAR_GROUNDS_H

#include "core/pledge/caller.h"
#include "core/store/records/admission_rule.h"
#include "registrar/problems.h"

enum ground_kind {
    GROUND_LIST, /* it has a place on the list of expected devices */
    GROUND_RULE, /* a rule speaks of it */
    GROUND_HOLD, /* none yet: it waits until an administrator decides */
};

struct ground {
    enum ground_kind kind;
    struct expected place;      /* GROUND_LIST */
    struct admission_rule rule; /* GROUND_RULE */
};

/* What may be said of a device that knocks, besides what the list says. */
struct ground_hints {
    const char *rule; /* name of the rule that speaks of it, when one was found; NULL: none */
    bool waits;       /* this very request is held already */
};

/* The rule that speaks of the device; NULL in *ret_rule: none does. */
MUST_USE bool ground_rule(struct task *t, struct view *view, const struct idevid *idevid,
                          const char **ret_rule);

/*
 * `device` is NULL when the device has no record yet.  Rules cannot be looked for inside an update:
 * the one that was found before is held against the device once more, as it is now.  Fails with
 * E_DEVICE_UNEXPECTED, E_DEVICE_OTHER_KEY, E_DEVICE_DECLINED, E_DEVICE_GONE.
 */
MUST_USE bool ground_find(struct task *t, struct reader *r, const struct idevid *idevid,
                          const struct device *device, const struct ground_hints *hints,
                          struct ground *ret);
/* Only a voucher that asserts "verified" lets the device in (RFC 8366 5.3). */
bool ground_needs_verified(const struct ground *ground);

#endif
