/*
 * Reading the audit trail and a subject's timeline.  Chain format: docs/store.md.
 *
 * A link is the CBOR array [1, chain (16), sequence, SHA-256 of the payload, SHA-256 of the link
 * before it].  A restored or cloned store starts a new chain, whose first link names the last one
 * of the old: [2, new chain (16), sequence, old chain (16), SHA-256 of the link before it].
 */
#ifndef GATEHOUSE_CORE_STORE_AUDIT_H
#define GATEHOUSE_CORE_STORE_AUDIT_H

#include "core/store/store.h"

struct audit_entry {
    uint64_t sequence;    /* from 1, without gaps */
    struct bytes payload; /* absent: forgotten */
};

/* Entries of a subject, latest first when `backwards`; *ret_found is false at the end. */
struct scan audit_timeline(struct task *t, struct view *view, struct bytes subject, bool backwards);
MUST_USE bool audit_timeline_next(struct task *t, struct scan *scan, struct audit_entry *ret,
                                  bool *ret_found);
MUST_USE bool audit_get(struct task *t, struct reader *r, uint64_t sequence,
                        struct audit_entry *ret);
/*
 * Forgets the payloads of a subject's entries before the one with that sequence number; the chain
 * stays whole.  Runs as updates of its own.
 */
MUST_USE bool audit_forget(struct task *t, struct store *store, struct bytes subject,
                           uint64_t sequence);

struct audit_report {
    uint64_t entries;
    uint64_t chains;
    uint64_t forgotten;
};
/* Walks every link and payload.  Fails with E_STORE_DAMAGED at the first that does not fit. */
MUST_USE bool audit_verify(struct task *t, struct view *view, struct audit_report *ret);

#endif
