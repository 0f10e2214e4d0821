/*
 * Admission rules: whom else than the devices on the list the owner lets in.  A rule speaks of all
 * devices of a manufacturer, or of those of a kind, by their IDevID's subject or serial number.
 *
 * Anyone who owns a device of the same kind can knock, so a rule alone lets nobody in: the MASA's
 * voucher must assert that ownership was verified (RFC 8366 5.3), unless the rule says otherwise,
 * and why.
 */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_ADMISSION_RULE_H
#define GATEHOUSE_CORE_STORE_RECORDS_ADMISSION_RULE_H

#include "core/store/table.h"

#define ADMISSION_RULES_MAX 100 /* they are all looked at when a device on no list knocks */

struct admission_rule {
    const char *name; /* slug; the key */
    const char *manufacturer;
    const char *subject; /* pattern: "*" for anything, "?" for one octet; NULL: any */
    const char *serial;  /* pattern */
    bool unverified;     /* lets devices in whatever their voucher asserts */
    const char *reason;  /* why it does */
    const char *note;
    int64_t created;
    const char *created_by;
    struct record_rest rest;
};
extern const struct record_type admission_rule_type;
extern const struct table admission_rules;

/* Every rule for a rule, those of the field table included; fails with E_INVALID. */
MUST_USE bool admission_rule_check(struct task *t, const struct admission_rule *rule);

/* What a rule is held against. */
struct admission_candidate {
    const char *manufacturer;
    const char *subject; /* RFC 4514 */
    const char *serial;
};
bool admission_rule_matches(const struct admission_rule *rule,
                            const struct admission_candidate *candidate);
/* The first that matches, in order of their names; rather one that needs no verified voucher. */
MUST_USE bool admission_rule_find(struct task *t, struct view *view,
                                  const struct admission_candidate *candidate,
                                  struct admission_rule *ret, bool *ret_found);

/* "*" stands for any octets, "?" for one, all others for themselves; the whole text must match. */
bool pattern_matches(const char *pattern, const char *text);

#endif
