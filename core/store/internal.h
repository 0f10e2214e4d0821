/* What the sources of the store share with one another and with nobody else. */
#ifndef GATEHOUSE_CORE_STORE_INTERNAL_H
#define GATEHOUSE_CORE_STORE_INTERNAL_H

#include "core/store/engine.h"
#include "core/store/prefixes.h"
#include "core/store/table.h"

struct reader {
    const struct engine *engine;
    struct engine_tx *tx;
};

/* An entry for the audit trail, linked when its update is committed. */
struct audit_draft {
    struct bytes subject;
    struct bytes payload;
    struct audit_draft *next;
};

struct tx {
    struct reader reader;
    struct audit_draft *drafts; /* in order */
    struct audit_draft **last_draft;
};

/* A key of up to three parts: what kind it is, and two strings of octets (may be absent). */
struct bytes key_join(struct arena *arena, uint8_t prefix, struct bytes first, struct bytes second);

/* Where an index keeps its entry for a record; absent when the record is not in the index. */
struct bytes key_of_entry(struct arena *arena, const struct table_index *index, const void *record,
                          struct bytes key);

#define CHAIN_ID_LEN 16

/* Where the audit chain ends. */
struct chain_head {
    uint8_t chain[CHAIN_ID_LEN];
    uint64_t sequence;            /* of the last link; 0: there is none */
    uint8_t previous[SHA256_LEN]; /* SHA-256 of the last link */
};

/* A link as it is stored: see audit.h. */
enum link_kind { LINK_ENTRY = 1, LINK_NEW_CHAIN = 2 };
struct link {
    uint64_t kind; /* enum link_kind */
    struct bytes chain;
    uint64_t sequence;
    struct bytes about;    /* entry: SHA-256 of the payload; new chain: id of the old one */
    struct bytes previous; /* SHA-256 of the link before; empty in the very first */
};
/* The strings are borrowed from `octets`.  Fails with E_STORE_DAMAGED. */
MUST_USE bool link_read(struct task *t, struct bytes octets, struct link *ret);

/*
 * Finds the end of the chain.  Where the store lies elsewhere than it remembers, it is a copy: a
 * new chain is begun, durably, and its first link names the last of the old.
 */
MUST_USE bool chain_open(struct task *t, const struct engine *engine, void *handle,
                         struct chain_head *ret);
/* Writes what the update has drafted, and moves the head on. */
MUST_USE bool chain_append(struct task *t, struct tx *tx, struct chain_head *head);

/* The committer's thread and its queue. */
struct committer;
MUST_USE bool committer_start(struct task *t, const struct engine *engine, void *handle,
                              const struct store_options *options, struct committer **ret);
/* Finishes what is queued.  Accepts NULL. */
void committer_stop(struct committer *committer);
MUST_USE bool committer_update(struct task *t, struct committer *committer, store_fn fn, void *arg);
/* Commits, updates and last beat. */
void committer_figures(struct committer *committer, struct store_figures *ret);

#endif
