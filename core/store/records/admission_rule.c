#include "core/store/records/admission_rule.h"

#include "core/store/prefixes.h"
#include "core/store/records/slug.h"

#include <string.h>

#define PATTERN_MAX 256 /* octets */
#define REASON_MAX  256
#define NOTE_MAX    1024
#define ACTOR_MAX   128

static const struct field fields[] = {
    FIELD(1, struct admission_rule, name, "name", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = SLUG_MAX, .help = "Name of the rule: lower-case letters, digits and \"-\"."),
    FIELD(2, struct admission_rule, manufacturer, "manufacturer", FIELD_TEXT,
          .flags = FIELD_REQUIRED, .max = SLUG_MAX,
          .help = "Name of the manufacturer whose devices it speaks of."),
    FIELD(3, struct admission_rule, subject, "subject", FIELD_TEXT, .max = PATTERN_MAX,
          .help = "Only devices whose IDevID has a subject like this, as RFC 4514 writes it; \"*\" "
                  "stands for anything, \"?\" for one character."),
    FIELD(4, struct admission_rule, serial, "serial-number", FIELD_TEXT, .max = PATTERN_MAX,
          .help = "Only devices with a serial number like this; patterns as for subject."),
    FIELD(5, struct admission_rule, unverified, "unverified", FIELD_BOOL,
          .help = "Lets devices in although their voucher does not assert that the MASA verified "
                  "our ownership. Whoever has a device of the kind can then come in."),
    FIELD(6, struct admission_rule, reason, "reason", FIELD_TEXT, .max = REASON_MAX,
          .help = "Why unverified devices are let in; required then, and kept in the audit trail."),
    FIELD(7, struct admission_rule, note, "note", FIELD_TEXT, .max = NOTE_MAX,
          .help = "A remark for people."),
    FIELD(8, struct admission_rule, created, "created", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it was added."),
    FIELD(9, struct admission_rule, created_by, "created-by", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = ACTOR_MAX, .help = "Who added it."),
};
const struct record_type admission_rule_type =
    RECORD_TYPE("admission rule", 1, struct admission_rule, fields);

static struct bytes key_of(struct arena *arena, const void *record)
{
    const struct admission_rule *rule = record;
    (void)arena;
    return bytes_of_text(rule->name);
}

const struct table admission_rules = {
    .prefix = PREFIX_ADMISSION_RULE,
    .type = &admission_rule_type,
    .key_of = key_of,
};

bool admission_rule_check(struct task *t, const struct admission_rule *rule)
{
    TRY(record_check(t, &admission_rule_type, rule));
    TRY(slug_check(t, "name", rule->name));
    TRY(slug_check(t, "manufacturer", rule->manufacturer));
    ENSURE(t, !rule->unverified || (rule->reason != NULL && *rule->reason != '\0'), E_INVALID,
           "reason: is required for a rule that lets unverified devices in");
    return true;
}

/* Goes back to the last "*" only: so long a text takes no longer than its length times the
 * pattern's. */
bool pattern_matches(const char *pattern, const char *text)
{
    const char *star = NULL;
    const char *resume = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
        } else if (*pattern == *text || *pattern == '?') {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

bool admission_rule_matches(const struct admission_rule *rule,
                            const struct admission_candidate *candidate)
{
    return strcmp(rule->manufacturer, candidate->manufacturer) == 0 &&
           (rule->subject == NULL || pattern_matches(rule->subject, candidate->subject)) &&
           (rule->serial == NULL || pattern_matches(rule->serial, candidate->serial));
}

bool admission_rule_find(struct task *t, struct view *view,
                         const struct admission_candidate *candidate, struct admission_rule *ret,
                         bool *ret_found)
{
    struct table_scan scan = table_scan(t, view, &admission_rules, BYTES_ABSENT);
    bool any = false;
    for (;;) {
        struct admission_rule rule;
        bool found;
        TRY(table_scan_next(t, &scan, &rule, &found));
        if (!found)
            break;
        if (!admission_rule_matches(&rule, candidate) || (any && !rule.unverified))
            continue;
        *ret = rule;
        any = true;
        if (rule.unverified)
            break;
    }
    *ret_found = any;
    return true;
}
