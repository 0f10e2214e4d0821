/* `gatehousectl store check`: everything in the store, walked and verified. */
#ifndef GATEHOUSE_CORE_STORE_CHECK_H
#define GATEHOUSE_CORE_STORE_CHECK_H

#include "core/store/audit.h"
#include "core/store/table.h"

struct check_finding {
    const char *key; /* hexadecimal */
    const char *what;
};

struct check_report {
    uint64_t keys;
    uint64_t records;
    uint64_t index_entries;
    uint64_t blobs;
    struct audit_report audit;
    struct check_finding *findings; /* at most CHECK_FINDINGS_MAX */
    size_t finding_count;           /* all of them */
};
#define CHECK_FINDINGS_MAX 100

/*
 * Each key has a known prefix; each record decodes, passes its table's rules and stands under its
 * own key; each index entry leads to a record that has it, and each record's entries are there;
 * each blob belongs to a record; the audit chain holds and each timeline entry has its link.
 * `tables` ends with NULL.  Fails only when reading fails: damage is a finding.
 */
MUST_USE bool store_check(struct task *t, struct store *store, const struct table *const *tables,
                          struct check_report *ret);

#endif
